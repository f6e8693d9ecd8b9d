"""GitHub's runner and issuer of ID tokens: what a job with `id-token: write` asks, and the keys that sign."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.hub.router import Answer, Call
from tests.fakes.lab import issuer

BELOW = "/_services/"
ASK = f"{BELOW}pipelines/run/idtoken"
ISSUER = f"{BELOW}token"
KEYS = "/.well-known/jwks"
LIFETIME_SECONDS = 300
KEY = "hub"


class TokenDesk:
    """Gives tokens to the jobs that were granted the permission."""

    def __init__(self, origin: str) -> None:
        self.issuer = f"{origin}{ISSUER}"
        self.keys: tuple[str, ...] = (KEY,)
        self.mint: Callable[[dict[str, Any]], str] = minted
        """Makes the token of these claims; a test that forges one puts its own way here."""
        self._ask = f"{origin}{ASK}?api-version=2.0"
        self._jobs: dict[str, dict[str, Any]] = {}

    def grant(self, environ: Mapping[str, str], environment: str | None = None, **changes: Any) -> dict[str, str]:
        """
        Return the variables of a job that may ask, of this environment.

        `changes` replaces claims of its tokens, None takes one away.
        """
        bearer = f"runner-{len(self._jobs):016d}"
        named = {} if environment is None else {"environment": environment}
        self._jobs[bearer] = {**claims(environ), **named, **changes}
        return {"ACTIONS_ID_TOKEN_REQUEST_URL": self._ask, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer}

    def answer(self, call: Call) -> Answer:
        """Answer a call below `/_services/`."""
        if call.path == ASK:
            said = self._jobs.get(call.headers.get("authorization", "").removeprefix("Bearer "))
            if said is None:
                return Answer(status=401, body={"message": "not a job"})
            now = int(time.time())
            times = {"iat": now, "nbf": now - 300, "exp": now + LIFETIME_SECONDS}
            content = {"iss": self.issuer, "aud": call.query["audience"], "jti": f"jti-{now}", **times, **said}
            return Answer(body={"count": 1000, "value": self.mint({k: v for k, v in content.items() if v is not None})})
        if call.path.startswith(ISSUER) and call.path.endswith(KEYS):
            return Answer(body={"keys": [key for name in self.keys for key in issuer.jwks(name)["keys"]]})
        return Answer(status=404, body={"message": "Not Found"})


def claims(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what the token of a job says of it. Source: "OpenID Connect reference"."""
    repository, ref = environ["GITHUB_REPOSITORY"], environ["GITHUB_REF"]
    return {
        "sub": f"repo:{repository}:ref:{ref}",
        "repository": repository,
        "repository_id": environ["GITHUB_REPOSITORY_ID"],
        "repository_owner": environ["GITHUB_REPOSITORY_OWNER"],
        "repository_owner_id": environ["GITHUB_REPOSITORY_OWNER_ID"],
        "run_id": environ["GITHUB_RUN_ID"],
        "run_number": environ["GITHUB_RUN_NUMBER"],
        "run_attempt": environ["GITHUB_RUN_ATTEMPT"],
        "actor": environ["GITHUB_ACTOR"],
        "actor_id": environ["GITHUB_ACTOR_ID"],
        "event_name": environ["GITHUB_EVENT_NAME"],
        "ref": ref,
        "ref_type": environ["GITHUB_REF_TYPE"],
        "ref_protected": environ["GITHUB_REF_PROTECTED"],
        "sha": environ["GITHUB_SHA"],
        "workflow_ref": environ["GITHUB_WORKFLOW_REF"],
        "workflow_sha": environ["GITHUB_WORKFLOW_SHA"],
        "job_workflow_ref": environ["GITHUB_WORKFLOW_REF"],
        "job_workflow_sha": environ["GITHUB_WORKFLOW_SHA"],
        "runner_environment": "github-hosted",
    }


def minted(content: dict[str, Any], *, signer: Any = None, kid: str | None = KEY) -> str:
    """Return the token of these claims; `signer` is another key than the issuer's."""
    return issuer.mint(content, signer=issuer.key(KEY) if signer is None else signer, kid=kid)
