"""The job's ID token on GitHub: asked for where something needs it, verified, and bound to the run of the server."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from ci_guard.evidence import id_token
from ci_guard.evidence.github import records
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.job import Job
from ci_guard.evidence.github.token_request import PERMISSION, TokenRequest, get_token
from ci_guard.evidence.id_token import DETAIL, Identity, Keys, Refused
from ci_guard.evidence.rest.anybody import ask
from ci_guard.evidence.rest.shape import ShapeError
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible, unavailable
from ci_guard.model.run import Run

AUDIENCE: Final = "ci-guard"
"""In front of a random part, so that no token that was given to somebody else can stand for the one asked for."""

REQUIRED: Final = ("repository_id", "run_id", "run_attempt")
"""Claims that every ID token of GitHub has. Source: "OpenID Connect reference"."""

NUMBERS: Final = (*REQUIRED, "check_run_id")
"""Claims that are numbers, as texts or not."""

LARGEST_KEYS: Final = 1 << 18
"""Characters of a key set; GitHub's has about 10,000."""

_PUBLIC: Final = re.compile(r"api\.(github\.com|[a-z0-9-]+\.ghe\.com)")

Outcome: TypeAlias = Known[Identity] | Unknown | Refused

NOT_PERMITTED: Final = invisible("the job may not ask for an ID token", needs=PERMISSION, detail=DETAIL)


class IdentityDesk:
    """Asks for the job's ID token when somebody needs it, once for all who do. For any number of threads."""

    def __init__(self, request: TokenRequest | None, *, api_url: str, transport: Transport) -> None:
        """Prepare; nothing is sent yet. `request` is None where the job may not ask."""
        self.requests = 0
        """Number of HTTP requests so far."""
        self._request = request
        self._issuer = issuer_of(api_url)
        self._transport = transport
        self._lock = threading.Lock()
        self._outcome: Outcome | None = None

    def get(self, client: Client, job: Job, run: Run) -> Outcome:
        """
        Return the identity that the token proves.

        (1) It is signed by a key of the server's own issuer, with RS256 and nothing else; (2) audience and times are
        right, and the audience was never said before; (3) repository, run, attempt and job are those that the server
        and the runner name, and so are commit and ref where the server records them. Without (3) the token of another
        job would do, whose request an earlier step can have put into the variables of a job that may ask for none.
        """
        if self._request is None:
            return NOT_PERMITTED
        with self._lock:
            if self._outcome is None:
                self._outcome = self._get(self._request, client, job, run)
            return self._outcome

    def _get(self, request: TokenRequest, client: Client, job: Job, run: Run) -> Outcome:
        try:
            import jwt  # noqa: F401 - before anything is asked: the bootstrap's lock for such jobs has it
        except ImportError:
            return unavailable("the package PyJWT, which verifies it, is not installed here", detail=DETAIL)
        repository, server_run = records.get_repository(client), records.get_run(client, job.run_id)
        if isinstance(repository, Unknown):
            return _unbindable(repository)
        if isinstance(server_run, Unknown):
            return _unbindable(server_run)
        audience = f"{AUDIENCE}:{os.urandom(16).hex()}"
        given = get_token(request, audience, self._transport)
        self.requests += given.sent
        if given.failure:
            return unavailable(f"the runner gave no ID token: {given.failure}", detail=DETAIL)
        issuer = self._named_issuer(given.token)
        if isinstance(issuer, Refused):
            return issuer
        keys = self._keys(issuer)
        if isinstance(keys, Unknown):
            return keys
        claims = id_token.verified(given.token, keys.value, audience=audience, issuer=issuer, required=REQUIRED)
        if isinstance(claims, Refused):
            return Refused(reason=claims.reason.replace(audience, AUDIENCE))
        if wrong := _unbound(claims, repository.value, server_run.value, job, run):
            return Refused(reason=wrong)
        return Known(value=Identity(claims=claims), source=Source.SIGNED, detail=DETAIL)

    def _named_issuer(self, token: str) -> str | Refused:
        """
        Return the issuer that a token names, if it is the server's: the common one, or an enterprise's own.

        Source: "OpenID Connect reference", "Customizing the issuer value for an enterprise".
        """
        named = id_token.issuer_of(token) or ""
        if re.fullmatch(rf"{re.escape(self._issuer)}(/[A-Za-z0-9_-]{{1,100}})?", named):
            return named
        return Refused(reason=f"it was not issued by {self._issuer}")

    def _keys(self, issuer: str) -> Fact[Keys]:
        """Return the keys that an issuer publishes. Source: its `.well-known/openid-configuration`, `jwks_uri`."""
        url = f"{issuer}/.well-known/jwks"
        reply, sent = ask(urlsplit(url), self._transport)
        self.requests += sent
        reason = reply.failure or ("" if reply.status == 200 else f"the server answered {reply.status}")
        if not reason and len(reply.body) > LARGEST_KEYS:
            reason = f"there are more than {LARGEST_KEYS} characters of them"
        if not reason:
            try:
                return Known(value=id_token.keys_of(json.loads(reply.body)), source=Source.API, detail=f"GET {url}")
            except (ValueError, RecursionError, ShapeError):
                reason = "the answer is no set of keys"
        return unavailable(f"the keys of {issuer} could not be read: {reason}", detail=f"GET {url}")


def issuer_of(api_url: str) -> str:
    """
    Return who issues ID tokens to jobs of a server: github.com, one of ghe.com, or an Enterprise Server.

    Source: "OpenID Connect reference"; for GitHub Enterprise Server `https://HOST/_services/token`.
    """
    parts = urlsplit(api_url)
    public = _PUBLIC.fullmatch(parts.netloc)
    if public is None:
        return f"{parts.scheme}://{parts.netloc}/_services/token"
    return f"https://token.actions.{'githubusercontent.com' if public[1] == 'github.com' else public[1]}"


def refused(outcome: Refused) -> Unknown:
    """Return what a refused token leaves of the facts that it would have told."""
    return unavailable(f"the ID token was refused: {outcome.reason}", detail=DETAIL)


def _unbindable(doubt: Unknown) -> Unknown:
    reason = f"nothing binds the token while the run is not known: {doubt.reason}"
    return unavailable(reason, needs=doubt.needs, detail=DETAIL)


def _unbound(
    claims: Mapping[str, Any], repository: records.Repository, found: records.WorkflowRun, job: Job, run: Run
) -> str:
    """Return what of a token's claims is not of this job, empty where all is."""
    numbers = {name: str(claims[name]) for name in NUMBERS if name in claims}
    return id_token.unlike(
        {**claims, **numbers},
        ("repository", "repository_id", repository.id),
        ("run", "run_id", found.id),
        ("attempt", "run_attempt", found.attempt),
        ("job", "check_run_id", job.check_run_id or None),
        ("commit", "sha", _of_server(run.sha)),
        ("ref", "ref", _of_server(run.ref)),
    )


def _of_server(fact: Fact[str]) -> str | None:
    """Return what the server says, None where it does not: it records neither of a pull request's trial merge."""
    return fact.value if isinstance(fact, Known) and fact.source is Source.API else None
