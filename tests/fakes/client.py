"""A plain HTTP client for the tests of the fakes: no proxy, no redirects, no retries."""

from __future__ import annotations

from typing import Any

import requests

from tests.fakes.github import FakeGitHub, Token

TIMEOUT_SECONDS = 10


def get(
    fake: FakeGitHub, path: str, token: Token | None = None, *, accept: str = "*/*", **query: Any
) -> requests.Response:
    """Send one GET to the API."""
    headers = {"Accept": accept}
    if token is not None:
        headers["Authorization"] = f"Bearer {token.value}"
    return requests.get(fake.url + path, params=query, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)
