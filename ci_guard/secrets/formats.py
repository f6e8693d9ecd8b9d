"""Checks of formats that have an inside: checksums, encoded JSON, user and password, keys that belong together."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from datetime import datetime, timezone
from typing import Any, Final

from ci_guard import hashing, late
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.secrets.checks import CHECKS, CHECKSUM_FITS, Verdict, check, entropy, is_invented, looks_random
from ci_guard.secrets.rule import Rule

__all__ = ("CHECKS",)

_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def in_base(number: int, digits: str, width: int) -> str:
    """Return a number in the base that has these digits, filled up with zeros."""
    text = ""
    while number:
        number, digit = divmod(number, len(digits))
        text = digits[digit] + text
    return text.rjust(width, digits[0])


@check("crc32-tail")
def ends_with_crc32(rule: Rule, data: bytes, match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """
    Hold a token for sure whose end is the CRC-32 of what precedes it, as a number in base 36 or 62.

    Source: GitLab's design document "Routable tokens" (seven digits of base 36 behind all the rest); Synapse's access
    tokens (six digits of base 62 behind the last underscore). A checksum that is not there says nothing: older tokens
    of the same prefixes have none.
    """
    token = data[start:end]
    before, _, tail = token.rpartition(b"_")
    routable = zlib.crc32(token[:-7])
    if (
        token.endswith(in_base(routable, _BASE36, 7).encode())
        or tail == in_base(zlib.crc32(before), _BASE62, 6).encode()
    ):
        return Verdict(start, end, rule.severity, Confidence.HIGH, CHECKSUM_FITS)
    return looks_random(rule, data, match, start, end)


@check("base58check")
def has_base58_checksum(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a key for real whose last four bytes are its double SHA-256 (Bitcoin's Base58Check; BIP 32)."""
    number = 0
    for sign in data[start:end].decode("ascii"):
        number = number * 58 + _BASE58.index(sign)
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    digest = hashing.digest("sha256", 0, hashing.digest("sha256", 0, raw[:-4]).digest()).digest()
    if digest[:4] != raw[-4:]:
        return None
    return Verdict(start, end, rule.severity, Confidence.HIGH, CHECKSUM_FITS)


@check("nkey")
def is_nkey(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a NATS seed for real that ends with the CRC-16 of the rest, in base 32 (github.com/nats-io/nkeys)."""
    raw = base64.b32decode(data[start:end] + b"=" * (-(end - start) % 8))
    if binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") != raw[-2:]:
        return None
    return Verdict(start, end, rule.severity, Confidence.HIGH, CHECKSUM_FITS)


def decoded(text: bytes) -> bytes:
    """Return what base64 of either alphabet stands for, with or without padding; nothing for other text."""
    plain = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return b""


def _object(text: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a base64 text holds."""
    try:
        value = json.loads(decoded(text))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


@check("base64-json")
def holds_json(rule: Rule, data: bytes, match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a token for real whose part from `eyJ` on is a JSON object; one that is cut or altered is not as sure."""
    verdict = looks_random(rule, data, match, start, end)
    part = re.search(rb"eyJ[0-9A-Za-z+/-]{8,}={0,2}", data[start:end])
    if verdict is None or part is None:
        return None
    if _object(part.group()) is None:
        return verdict._replace(confidence=Confidence.LOW)
    return verdict._replace(detail="the format fits, and what is encoded in it is as it should be")


@check("discord-token")
def names_a_bot(rule: Rule, data: bytes, match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a token for real whose first part is a user's id, of 17 to 20 digits (Discord's API reference)."""
    user = decoded(data[start:end].partition(b".")[0])
    if not user.isdigit() or not 17 <= len(user) <= 20:
        return None
    verdict = looks_random(rule, data, match, start, end)
    return verdict and verdict._replace(detail="the format fits, and it begins with the id of a user")


_JWT_KEYS: Final = (b"secret", b"your-256-bit-secret", b"a-string-secret-at-least-256-bits-long")
"""What jwt.io and RFCs' tutorials sign their examples with."""
_JWT_HASHES: Final = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


@check("jwt")
def is_jwt(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """
    Hold a JSON Web Token (RFC 7519) for real that decodes; say whether it is signed and when it ends.

    No finding are those of tutorials, signed with a documented key or with the claims of the example of jwt.io, and
    what is meant to be public, the `anon` key of Supabase.
    """
    token = data[start:end]
    head, _, rest = token.partition(b".")
    body, _, signature = rest.partition(b".")
    header, claims = _object(head), _object(body)
    if header is None or claims is None or not isinstance(header.get("alg"), str):
        return None
    if claims.get("sub") == "1234567890" or claims.get("role") == "anon":
        return None
    hashed = _JWT_HASHES.get(header["alg"])
    if hashed and decoded(signature) in _signatures(head + b"." + body, hashed):
        return None
    if header["alg"].lower() == "none" or not signature:
        return Verdict(start, end, Severity.LOW, Confidence.MEDIUM, "it decodes, and is not signed (alg: none)")
    ends = _day(claims.get("exp"))
    detail = f"it decodes, and ends {ends}" if ends else "it decodes, and names no end"
    if claims.get("role") == "service_role" and claims.get("iss") == "supabase":
        return Verdict(start, end, Severity.CRITICAL, Confidence.HIGH, f"{detail}; a service role of Supabase")
    if end - start < 90 or is_invented(signature) or entropy(signature) < 4:
        return None
    return Verdict(start, end, rule.severity, rule.confidence, detail)


def _signatures(text: bytes, hashed: str) -> list[bytes]:
    """Return how a text is signed with keys that everybody knows."""
    import hmac  # with OpenSSL

    return [hmac.digest(key, text, hashed) for key in _JWT_KEYS]


def _day(seconds: object) -> str:
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < 1 << 34:
        return ""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")


_VARIABLE: Final = late.pattern(rb"[$%{}<>\[\]()*`]|\A@[a-z0-9_.-]+@\Z|\A[.:x]+\Z|\A\d{1,8}\Z|\.\.\.", re.IGNORECASE)
_NEARBY: Final = late.pattern(
    rb"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|host|hostname|server|db|database|postgres|mysql|redis|mongo|rabbitmq|"
    rb"(?:[\w-]{1,63}\.){0,5}(?:example(?:\.(?:com|org|net))?|test|invalid|local|localhost|docker\.internal))\Z",
    re.IGNORECASE,
)


_PUBLIC_PASSWORDS: Final = late.pattern(
    rb"(?:my|the|your|some|db|test|super|root|user|app)?[_-]?(?:user(?:name)?|pass(?:w(?:or)?d|phrase)?|pwd|secret|token|key|root|"
    rb"admin|guest|test(?:ing|er)?|postgres(?:ql)?|mysql|maria(?:db)?|mongo(?:db)?|redis|rabbit(?:mq)?|amqp|default|local(?:host)?|"
    rb"foo|bar|baz|demo|dev(?:elopment)?|none|null|hidden|creds?|credentials?|p|s3cr3t|p4ssw0rd|p@ssw0rd|hunter2|abc|here|value)"
    rb"[_-]?(?:pass(?:word)?|pw|secret|user|here|value|\d{1,6})?",
    re.IGNORECASE,
)
"""Words of manuals."""


def judged_password(password: bytes, host: bytes = b"") -> Confidence | None:
    """
    Return how sure it is that a password is a real one: None for a variable or a word that stands for a password.

    Hosts that only the reader's own machine resolves (localhost; RFC 2606 and 6761 names) make it less sure.
    """
    if _VARIABLE.search(password) or is_invented(password) or _PUBLIC_PASSWORDS.fullmatch(password):
        return None
    simple = len(password) < 8 or password.isalpha() or entropy(password) < 2.5
    if _NEARBY.match(host):
        return None if simple else Confidence.LOW
    return Confidence.LOW if simple else Confidence.HIGH


_ENDS_URL: Final = late.pattern(rb"@([0-9A-Za-z_.\[\]:-]{1,253}?)(?=[:/?,\s\"'`<>\\)]|\Z)")


@check("url-password")
def is_login_url(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a URL's password for real that is none of a manual (RFC 3986 3.2.1; the drivers' connection strings)."""
    host = _ENDS_URL.match(data, end, end + 260)
    confidence = judged_password(data[start:end], host.group(1) if host else b"")
    if host is None or confidence is None:
        return None
    sure = min(confidence, rule.confidence, key=lambda one: -one.rank)
    severity = Severity.MEDIUM if sure is Confidence.LOW else rule.severity
    return Verdict(start, end, severity, sure, "a user, a password and a host")


@check("basic-auth")
def is_basic(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold base64 for credentials (RFC 7617) that stands for a user, a colon and a password of no manual."""
    user, colon, password = decoded(data[start:end]).partition(b":")
    if (
        not colon
        or not user
        or not password
        or not (user + password).isascii()
        or not (user + password).decode().isprintable()
    ):
        return None
    if is_invented(user):
        return None
    confidence = judged_password(password)
    if confidence is None:
        return None
    severity = Severity.MEDIUM if confidence is Confidence.LOW else rule.severity
    return Verdict(start, end, severity, confidence, "it decodes to a user and a password")


@check("password")
def is_password(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a password for real that is no variable and none of a manual."""
    confidence = judged_password(data[start:end])
    if confidence is None:
        return None
    sure = min(confidence, rule.confidence, key=lambda one: -one.rank)
    return Verdict(start, end, rule.severity, sure)


@check("argument")
def is_argument(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold an argument for a password that is no variable and none of a manual, and that looks like one."""
    if judged_password(data[start:end]) is None:
        return None
    from ci_guard.secrets.generic import judge_argument  # it takes its time to load, and few contents need it

    verdict = judge_argument(data, start, end)
    return verdict and verdict._replace(severity=max(verdict.severity, rule.severity, key=lambda one: one.rank))


_AWS_SECRET: Final = late.pattern(rb"(?<![0-9A-Za-z/+=])[0-9A-Za-z/+]{40}(?![0-9A-Za-z/+=])")
_AWS_NEAR: Final = 300
"""Bytes between an access key id and the secret key that goes with it."""


@check("aws-access-key")
def has_its_secret(rule: Rule, data: bytes, match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """
    Hold an access key id for a finding of its own, and for a worse one where the secret key stands near.

    Source: AWS's "IAM identifiers" for the prefixes; a secret access key is forty characters of base64.
    """
    verdict = looks_random(rule, data, match, start, end)
    if verdict is None:
        return None
    for other in _AWS_SECRET.finditer(data, max(0, start - _AWS_NEAR), end + _AWS_NEAR):
        text = other.group()
        if entropy(text) >= 4.2 and not is_invented(text) and re.search(rb"[a-z]", text) and re.search(rb"[A-Z]", text):
            return verdict._replace(
                severity=Severity.CRITICAL, detail="the format fits, and a secret key stands near it"
            )
    return verdict._replace(detail="the format fits; no secret key stands near it")


_JWK_TYPE: Final = late.pattern(rb"\"kty\"\s{0,8}:\s{0,8}\"(?:RSA|EC|OKP)\"")
_JWK_REACH: Final = 3000
"""Bytes from a member to the ends of its object; of a key of RSA with 4,096 bits all members have some 3,200 signs."""


@check("jwk")
def is_jwk(rule: Rule, data: bytes, match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold the member `d` for a private key (RFC 7518 6.2.2, 6.3.2) that has a key type in the same object."""
    opened = data.rfind(b"{", max(0, start - _JWK_REACH), start)
    closed = data.find(b"}", end, end + _JWK_REACH)
    if opened < 0 or closed < 0 or not _JWK_TYPE.search(data, opened, closed):
        return None
    verdict = looks_random(rule, data, match, start, end)
    return verdict and verdict._replace(detail="the private part of a key whose type is given")


_XML_EXPONENT: Final = late.pattern(rb"<D>\s{0,40}([0-9A-Za-z+/=\s]{80,1600})</D>")


@check("xml-key")
def has_private_exponent(rule: Rule, data: bytes, match: re.Match[bytes], start: int, _end: int) -> Verdict | None:
    """Hold an RSA key in XML for a private one that has the element `D` (.NET's RSA.ToXmlString)."""
    stop = start + rule.reach
    closed = data.find(b"</RSAKeyValue>", match.end(), stop)
    exponent = _XML_EXPONENT.search(data, match.end(), closed if closed >= 0 else stop)
    if exponent is None or entropy(exponent.group(1)) < rule.entropy or is_invented(exponent.group(1)):
        return None
    return Verdict(*exponent.span(1), rule.severity, rule.confidence, "it has the private exponent")


_HEX_LINES: Final = late.pattern(rb"(?:[\s\\nr\"',+#]{0,40}[0-9a-f]{32}){8,16}")


@check("hex-key")
def has_hex_lines(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold OpenVPN's static key for real that has its lines of hex behind its header."""
    lines = _HEX_LINES.match(data, end, start + rule.reach)
    if lines is None or entropy(lines.group()) < 3 or is_invented(lines.group()):
        return None
    return Verdict(start, lines.end(), rule.severity, rule.confidence, "the key itself follows its header")


@check("near")
def stands_alone(rule: Rule, data: bytes, match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a value behind a vendor's name for real that is random and has letters and digits."""
    text = data[start:end]
    if not re.search(rb"[0-9]", text) or not re.search(rb"[A-Za-z]", text):
        return None
    return looks_random(rule, data, match, start, end)
