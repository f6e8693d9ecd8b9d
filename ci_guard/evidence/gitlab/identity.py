"""The job's ID token: verified by the instance's own keys, and bound to the job that the server says this is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, TypeVar

from ci_guard.evidence import id_token
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import Job
from ci_guard.evidence.id_token import DETAIL, Keys, Refused
from ci_guard.evidence.rest.shape import checked
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.records import dataclass

T = TypeVar("T")

KEYS: Final = "/oauth/discovery/keys"
"""Where an instance publishes its keys. Source: "OpenID Connect (OIDC) Authentication Using ID Tokens"."""

REQUIRED: Final = ("job_id", "pipeline_id")
"""Claims that every ID token of GitLab has."""


@dataclass(frozen=True, kw_only=True)
class Identity(id_token.Identity):
    """See `id_token.Identity`."""

    own: bool
    """
    Whether `project_id` is the project that the job runs in. In a merge request from a fork it is the fork, and so is
    what the token says of the user's access level: everybody owns their fork.
    """


Outcome: TypeAlias = Known[Identity] | Unknown | Refused | None
"""What came of the token; None where there is none to verify."""


def get_keys(client: Client) -> Fact[Keys]:
    """Return the keys that the instance publishes."""
    return checked(client.get_of_server(KEYS), id_token.keys_of)


def verify(client: Client, token: str, audience: str | None, job: Fact[Job]) -> Outcome:
    """
    Return the identity that a token proves.

    (1) It is signed by a key that the instance publishes, with RS256 and nothing else; (2) issuer, audience and times
    are right; (3) job, pipeline, commit and project are those of the job that the server names to the job's own token.
    Without (3) a token of another job would do, which whoever starts pipelines can put into the variable.
    """
    if not token or not audience:
        return None
    if isinstance(job, Unknown):
        return unavailable(f"nothing binds the token while the job is not known: {job.reason}", detail=DETAIL)
    keys = get_keys(client)
    if isinstance(keys, Unknown):
        return unavailable(f"the keys of {client.server_url} could not be read: {keys.reason}", detail=KEYS)
    issuer = client.server_url
    claims = id_token.verified(token, keys.value, audience=audience, issuer=issuer, required=REQUIRED)
    if isinstance(claims, Refused):
        return claims
    if wrong := _unbound(claims, job.value):
        return Refused(reason=wrong)
    project = job.value.pipeline.project_id
    own = claims.get("project_id") == str(project)
    return Known(value=Identity(claims=claims, own=own), source=Source.SIGNED, detail=DETAIL)


def signed(fact: Fact[T], outcome: Outcome, name: str, said: str) -> Fact[T]:
    """Return a fact as signed where the verified token says the same as the server."""
    if isinstance(fact, Unknown) or not isinstance(outcome, Known) or outcome.value.text(name) != said:
        return fact
    return Known(value=fact.value, source=Source.SIGNED, detail=DETAIL)


def _unbound(claims: Mapping[str, Any], job: Job) -> str:
    """
    Return what of a token's claims is not of this job, empty where all is.

    Job numbers are the instance's, so that the job alone would do.
    """
    return id_token.unlike(
        claims,
        ("job", "job_id", job.id),
        ("pipeline", "pipeline_id", job.pipeline.id),
        ("project", "job_project_id", job.pipeline.project_id),
        ("commit", "sha", job.pipeline.sha),
        ("user", "user_id", job.user.person.id if job.user else None),
    )
