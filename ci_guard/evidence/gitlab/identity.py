"""The job's ID token: verified by the instance's own keys, and bound to the job that the server says this is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.records import Job
from ci_guard.evidence.rest.shape import checked, records
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable

T = TypeVar("T")

KEYS: Final = "/oauth/discovery/keys"
"""Where an instance publishes its keys. Source: "OpenID Connect (OIDC) Authentication Using ID Tokens"."""

ALGORITHM: Final = "RS256"
"""The only one that GitLab signs with. Whatever the token says of itself, it is verified as nothing else."""

LONGEST: Final = 16_384
"""Characters that a token may have; GitLab's have about 1,500."""
LEEWAY_SECONDS: Final = 30
"""By how much the clocks of server and runner may differ."""
DETAIL: Final = "the ID token"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The claims of a verified token of this very job."""

    claims: Mapping[str, Any]
    own: bool
    """
    Whether `project_id` is the project that the job runs in. In a merge request from a fork it is the fork, and so is
    what the token says of the user's access level: everybody owns their fork.
    """

    def text(self, name: str) -> str | None:
        """Return a claim that is a text, None for any other."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A token that is none of this job's."""

    reason: str
    """A clause, such as `it has expired`."""


Keys: TypeAlias = Sequence[Mapping[str, Any]]
Outcome: TypeAlias = Known[Identity] | Unknown | Refused | None
"""What came of the token; None where there is none to verify."""


def get_keys(client: Client) -> Fact[Keys]:
    """Return the keys that the instance publishes."""
    return checked(client.get_of_server(KEYS), lambda body: records(body, "keys"))


def verify(client: Client, token: str, audience: str | None, job: Fact[Job]) -> Outcome:
    """
    Return the identity that a token proves.

    (1) It is signed by a key that the instance publishes, with RS256 and nothing else; (2) issuer, audience and times
    are right; (3) job, pipeline, commit and project are those of the job that the server names to the job's own token.
    Without (3) a token of another job would do, which whoever starts pipelines can put into the variable.

    Source: RFC 7519; RFC 8725 "JSON Web Token Best Current Practices".
    """
    if not token or not audience:
        return None
    if isinstance(job, Unknown):
        return unavailable(f"nothing binds the token while the job is not known: {job.reason}", detail=DETAIL)
    keys = get_keys(client)
    if isinstance(keys, Unknown):
        return unavailable(f"the keys of {client.server_url} could not be read: {keys.reason}", detail=KEYS)
    claims = _verified(token, keys.value, audience=audience, issuer=client.server_url)
    if isinstance(claims, Refused):
        return claims
    for wrong in _unbound(claims, job.value):
        return Refused(reason=wrong)
    project = job.value.pipeline.project_id
    own = claims.get("project_id") == str(project)
    return Known(value=Identity(claims=claims, own=own), source=Source.SIGNED, detail=DETAIL)


def signed(fact: Fact[T], outcome: Outcome, name: str, said: str) -> Fact[T]:
    """Return a fact as signed where the verified token says the same as the server."""
    if isinstance(fact, Unknown) or not isinstance(outcome, Known) or outcome.value.text(name) != said:
        return fact
    return Known(value=fact.value, source=Source.SIGNED, detail=DETAIL)


def _verified(token: str, keys: Keys, *, audience: str, issuer: str) -> Mapping[str, Any] | Refused:
    """Return the claims of a token that one of these keys signed, for this audience, by this issuer, and now."""
    if len(token) > LONGEST:
        return Refused(reason="it is longer than any that GitLab issues")
    # Here, as cryptography is most of what would be loaded, and most jobs have no token.
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM:
            return Refused(reason=f"it is not signed with {ALGORITHM}")
        fitting = [key for key in keys if _signs(key, header.get("kid"))]
        if not fitting:
            return Refused(reason=f"it is signed by a key that {issuer} does not publish")
        required = ["iss", "aud", "exp", "nbf", "iat", "job_id", "pipeline_id"]
        claims: Mapping[str, Any] = jwt.decode(
            token,
            jwt.PyJWK.from_dict(dict(fitting[0]), algorithm=ALGORITHM),
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": required, "strict_aud": True},
        )
    except jwt.PyJWTError as error:
        return Refused(reason=_reason(error, audience=audience, issuer=issuer))
    except Exception:  # noqa: BLE001 - of a stranger's token and its keys, with errors of three libraries
        return Refused(reason="it, or the key that it names, is malformed")
    return claims


def _signs(key: Mapping[str, Any], kid: object) -> bool:
    """Tell whether a published key is the one that a token names, and one for RSA signatures."""
    return (
        isinstance(kid, str)
        and key.get("kid") == kid
        and key.get("kty") == "RSA"
        and key.get("use", "sig") == "sig"
        and key.get("alg", ALGORITHM) == ALGORITHM
    )


def _reason(error: Exception, *, audience: str, issuer: str) -> str:
    """Return why PyJWT refused a token, in our own words: its texts could hold the token's."""
    import jwt

    for kind, reason in (
        (jwt.ExpiredSignatureError, "it has expired"),
        (jwt.ImmatureSignatureError, "it is not valid yet"),
        (jwt.InvalidIssuedAtError, "its time of issue is none"),
        (jwt.InvalidAudienceError, f"it is not for the audience {audience}"),
        (jwt.InvalidIssuerError, f"it was not issued by {issuer}"),
        (jwt.MissingRequiredClaimError, "it lacks a claim that GitLab's have"),
        (jwt.InvalidSignatureError, "its signature is wrong"),
        (jwt.InvalidAlgorithmError, f"it is not signed with {ALGORITHM}"),
    ):
        if isinstance(error, kind):
            return reason
    return "it is no well-formed token"


def _unbound(claims: Mapping[str, Any], job: Job) -> Iterator[str]:
    """
    Yield what of a token's claims is not of this job; numbers are texts in it.

    Job numbers are the instance's, so that the job alone would do; what an older server leaves out, of token or job, is
    not compared.
    """
    project = job.pipeline.project_id
    for what, claim, real in (
        ("job", "job_id", job.id),
        ("pipeline", "pipeline_id", job.pipeline.id),
        ("project", "job_project_id", project),
        ("commit", "sha", job.pipeline.sha),
        ("user", "user_id", job.user.person.id if job.user else None),
    ):
        if claim in claims and real is not None and claims[claim] != str(real):
            yield f"it is of the {what} {str(claims[claim])[:80]}, and this is {real}"
