"""What tells a secret from what only looks like one: checksums, the inside of keys, the marks of made-up examples."""

from __future__ import annotations

import binascii
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ci_guard import late
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.rows import NamedTuple

if TYPE_CHECKING:
    from ci_guard.secrets.rule import Rule

KEPT: Final = "the format fits"
"""Detail of a finding that rests on its pattern and on the look of randomness."""
CHECKSUM_FITS: Final = "format and checksum fit"

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_LENGTH: Final = 6
_TOKEN_LENGTH: Final = 36

# Words of five letters and more: a shorter one turns up by chance in one random token of some thousands.
_INVENTED: Final = late.pattern(
    rb"example|sample|placeholder|redacted|dummy|change[_-]?me|replace|insert|notreal|not-a-real|foobar|qwerty|xxxxx|fake[_-]"
    rb"|your[_-]?(?:api|app|access|auth|client|key|own|secret|token)",
    re.IGNORECASE,
)
_LONGEST_RUN: Final = late.pattern(rb"(.)\1{6}", re.DOTALL)

# A key's text may stand in source code, JSON or YAML: quotes, commas, comment signs, plus signs alone and written-out
# line feeds separate its lines.
_KEY_TEXT: Final = late.pattern(rb"(?:\\[nrt]?|[\s\"'`,;>|#*()&-]|\+(?=[\s\"'`])|//(?=\s))*([0-9A-Za-z+/]+={0,3})")
_KEY_HEADERS: Final = late.pattern(rb"(?:(?:\\[nr]?|[\s\"'`+,>|#*])*[A-Z][A-Za-z-]{2,16}: [^\r\n\\]{0,200})*")
_KEY_END: Final = late.pattern(rb"[^-]{0,40}-----END [A-Z0-9 ]{0,40}-----")
_SHORTEST_LINE: Final = 16
_SHORTEST_KEY: Final = 60
"""Base64 characters of the smallest private key there is: 48 bytes of Ed25519 in PKCS #8 make 64."""
_OPENSSH: Final = b"openssh-key-v1\0"


class Verdict(NamedTuple):
    """What a check makes of a match that is a secret: where exactly it stands, and how bad and how sure it is."""

    start: int
    end: int
    severity: Severity
    confidence: Confidence
    detail: str = KEPT
    """What the finding rests on, one clause; never text of the file."""


Check = Callable[["Rule", bytes, "re.Match[bytes]", int, int], Verdict | None]
"""
`check(rule, data, match, start, end)` judges what `rule.pattern` matched in `data`: its secret is `data[start:end]`.

It returns None for what is no secret. It may move start and end, never beyond `match.start() + rule.reach`, and looks
at some hundred bytes around the match at most, so that a content costs time in proportion to its length. Documented
values are sorted out behind it.
"""

CHECKS: Final[dict[str, Check]] = {}
"""All checks by the name that a rule has in its field `check`; a rule that names none has `format`."""


def check(*names: str) -> Callable[[Check], Check]:
    """Enter a function into `CHECKS`; its module has to be imported before a rule that names it is used."""

    def enter(function: Check) -> Check:
        CHECKS.update(dict.fromkeys(names, function))
        return function

    return enter


def entropy(text: bytes) -> float:
    """Return the Shannon entropy of the bytes of a text, in bits a byte."""
    counts = Counter(text).values()
    return math.log2(len(text)) - sum(count * math.log2(count) for count in counts) / len(text) if text else 0.0


def is_invented(text: bytes) -> bool:
    """Return whether a text looks made up: a telling word, one sign in a row, a repeated part, an alphabet."""
    if _INVENTED.search(text) or _LONGEST_RUN.search(text):
        return True
    probe = text[:200].lower()
    if any(probe[period:] == probe[:-period] for period in range(1, len(probe) // 2 + 1)):
        return True
    # Neighbours in random hex are equal or adjacent in one pair of six, in base 62 more rarely.
    steps = sum(abs(left - right) <= 1 for left, right in pairwise(probe))
    return len(probe) > 1 and 2 * steps >= len(probe) - 1


@check("format")
def looks_random(rule: Rule, data: bytes, _match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a secret for real that is as random as its rule says and shows no mark of an example."""
    secret = data[start:end]
    body = secret[len(rule.public_prefix(secret)) :]
    if entropy(body) < rule.entropy or is_invented(body):
        return None
    from ci_guard.secrets import looks  # its words are loaded where something is met at all

    text = body.decode("latin-1")
    if looks.is_worded(text):
        return None
    if looks.is_in_order(text):
        return Verdict(
            start, end, Severity.LOW, Confidence.LOW, "the format fits, its signs are in order as in a made-up one"
        )
    return Verdict(start, end, rule.severity, rule.confidence)


@check("crc32-base62")
def has_checksum(rule: Rule, data: bytes, match: re.Match[bytes], start: int, end: int) -> Verdict | None:
    """Hold a token for real whose checksum fits; one whose checksum does not is less severe and less sure."""
    genuine = crc32_base62(data[start:end])
    if genuine:
        return Verdict(start, end, rule.severity, Confidence.HIGH, CHECKSUM_FITS)
    verdict = looks_random(rule, data, match, start, end)
    return unlike_its_checksum(verdict) if verdict and genuine is False else verdict


def unlike_its_checksum(verdict: Verdict) -> Verdict:
    """Return a verdict on a token whose checksum was computed and differs: mistyped, cut, or made up."""
    severity = max(verdict.severity, Severity.MEDIUM, key=lambda severity: severity.rank)
    return verdict._replace(
        severity=severity, confidence=Confidence.LOW, detail="the format fits, its checksum does not"
    )


@check("private-key", "encrypted-private-key", "pgp-private-key")
def is_key(rule: Rule, data: bytes, match: re.Match[bytes], start: int, _end: int) -> Verdict | None:
    """Hold an armoured key for real that has its inside, if it is behind a passphrase just where the rule says so."""
    key = key_text(data, match.group(), match.end(), min(len(data), start + rule.reach))
    if key is None or key.encrypted != (rule.check == "encrypted-private-key"):
        return None
    return Verdict(start, key.end, rule.severity, rule.confidence, "the key itself follows its header")


def crc32_base62(token: bytes) -> bool | None:
    """
    Return whether the last six characters are the CRC-32 of the thirty before, in base 62; None for another length.

    Source: "Behind GitHub's new authentication token formats" (github.blog, 2021-04-05); npm's tokens are alike.
    """
    text = token.rpartition(b"_")[2].decode("ascii")
    if len(text) != _TOKEN_LENGTH:
        return None
    number = zlib.crc32(text[:-_CHECKSUM_LENGTH].encode())
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return text.endswith(digits)


class KeyText(NamedTuple):
    """The inside of an armoured private key."""

    end: int
    """Offset behind the key's last character, or behind its END line where there is one."""
    encrypted: bool


def key_text(data: bytes, header: bytes, start: int, stop: int) -> KeyText | None:
    """
    Return the private key whose armour's `header` ends at `start`, or None for a mere header or an elided example.

    Source: RFC 7468 (PEM), RFC 1421 4.6 (Proc-Type), PROTOCOL.key of OpenSSH, RFC 9580 6.2 (OpenPGP).
    """
    headers = _KEY_HEADERS.match(data, start, stop)
    position = headers.end() if headers else start
    lines: list[bytes] = []
    while line := _KEY_TEXT.match(data, position, stop):
        text = line.group(1)
        # A short line is the last one; anything else that is short is prose or code.
        if len(text) < _SHORTEST_LINE and not (lines and len(text) <= len(lines[-1])):
            break
        lines.append(text)
        position = line.end()
        if len(text) < _SHORTEST_LINE:
            break
    body = b"".join(lines)
    if len(body) < _SHORTEST_KEY or entropy(body) < 4.0 or _INVENTED.search(body, 0, 64):
        return None
    encrypted = b"ENCRYPTED" in header or b"ENCRYPTED" in data[start:position][:200]
    if b"OPENSSH" in header:
        raw = _decoded(body)
        if not raw.startswith(_OPENSSH):
            return None
        encrypted = not raw[len(_OPENSSH) :].startswith(b"\0\0\0\4none")
    elif b"PGP" in header:
        if body[:1] not in (b"l", b"x"):  # a secret-key packet, in the old and in the new form
            return None
    elif not encrypted and not body.startswith(b"M"):  # a DER sequence
        return None
    footer = _KEY_END.match(data, position, min(stop, position + 120))
    return KeyText(footer.end() if footer else position, encrypted)


def _decoded(body: bytes) -> bytes:
    """Return the first bytes of a base64 text, enough for the header of a key."""
    try:
        return binascii.a2b_base64(body[:64])
    except binascii.Error:
        return b""
