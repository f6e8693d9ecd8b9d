"""A job's ID token, verified by the keys that its issuer publishes. Each platform binds it to its job itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from ci_guard.evidence.rest.shape import records
from ci_guard.records import dataclass

ALGORITHM: Final = "RS256"
"""The only one that GitHub and GitLab sign with. Whatever a token says of itself, it is verified as nothing else."""

LONGEST: Final = 16_384
"""Characters that a token may have; real ones have about 1,500."""
LEEWAY_SECONDS: Final = 30
"""By how much the clocks of server and runner may differ."""
DETAIL: Final = "the ID token"
OF_THIS_JOB: Final = "an ID token of this job"
"""What a token claims to be by being there."""

Keys: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The claims of a verified token of this very job."""

    claims: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        """Return a claim that is a text, None for any other."""
        value = self.claims.get(name)
        return value if isinstance(value, str) else None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A token that is none of this job's."""

    reason: str
    """A clause, such as `it has expired`; never a part of the token but a claim that is compared."""


def keys_of(body: Any) -> Keys:
    """Return the keys of a JSON Web Key Set (RFC 7517); raises `ShapeError`."""
    return records(body, "keys")


def issuer_of(token: str) -> str | None:
    """Return whom a token names as its issuer, which nothing vouches for yet; None where it names none."""
    if len(token) > LONGEST:
        return None
    import jwt

    try:
        named = jwt.decode(token, options={"verify_signature": False}).get("iss")
    except Exception:  # noqa: BLE001 - of a stranger's token, with errors of several libraries
        return None
    return named if isinstance(named, str) else None


def verified(
    token: str, keys: Keys, *, audience: str, issuer: str, required: Sequence[str]
) -> Mapping[str, Any] | Refused:
    """
    Return the claims of a token that one of these keys signed, for this audience, by this issuer, and now.

    `required` names the claims that every token of the platform has.

    Source: RFC 7519; RFC 8725 "JSON Web Token Best Current Practices".
    """
    if len(token) > LONGEST:
        return Refused(reason="it is longer than any that is issued")
    # Here, as cryptography is most of what would be loaded, and most jobs have no token.
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") != ALGORITHM:
            return Refused(reason=f"it is not signed with {ALGORITHM}")
        fitting = [key for key in keys if _signs(key, header.get("kid"))]
        if not fitting:
            return Refused(reason=f"it is signed by a key that {issuer} does not publish")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            jwt.PyJWK.from_dict(dict(fitting[0]), algorithm=ALGORITHM),
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "exp", "nbf", "iat", *required], "strict_aud": True},
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
        (jwt.MissingRequiredClaimError, "it lacks a claim that every such token has"),
        (jwt.InvalidSignatureError, "its signature is wrong"),
        (jwt.InvalidAlgorithmError, f"it is not signed with {ALGORITHM}"),
    ):
        if isinstance(error, kind):
            return reason
    return "it is no well-formed token"


def unlike(claims: Mapping[str, Any], *compared: tuple[str, str, object]) -> str:
    """
    Return what of a token's claims is not so, empty where all agree; numbers are texts in it.

    Shape: what it is about, the claim, what the server says. What an older server leaves out, of the token or of its
    own word (None), is not compared.
    """
    for what, claim, real in compared:
        if claim in claims and real is not None and claims[claim] != str(real):
            return f"it is of the {what} {str(claims[claim])[:80]}, and this is {real}"
    return ""
