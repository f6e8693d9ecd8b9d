"""python-gitlab's requests by themselves: its client would load a class for each of GitLab's objects first."""

from __future__ import annotations

import requests
from gitlab import Gitlab
from gitlab._backends import DefaultBackend, JobTokenAuth, PrivateTokenAuth

__all__ = ["Requester"]


class Requester(Gitlab):
    """
    What of python-gitlab's client sends requests, over a session of ours.

    The 100 modules of objects would take a fifth of what starts up before the first request, and none is used.
    """

    def __init__(self, *, api_url: str, token: str, of_job: bool, session: requests.Session) -> None:
        """`api_url` ends with `/api/v4`; `of_job` says which of its headers GitLab reads the token from."""
        self._url = api_url
        self._base_url = api_url.removesuffix("/api/v4")
        self._backend = DefaultBackend(session=session)
        self._auth = JobTokenAuth(token) if of_job else PrivateTokenAuth(token)
        self.headers = {}
        self.ssl_verify = True
        self.timeout = None
        self.retry_transient_errors = False
