"""
Judges a value by the name that it is given to: `password = "…"`, `--token …`, `https://user:…@host`.

A candidate is a literal whose name is one of a secret. What it looks like and where it stands are numbers, and a
logistic regression with the weights of `generic.json` says how likely it is a secret. `scripts/train_generic.py` makes
the file.
"""

from __future__ import annotations

import binascii
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from ci_guard import late
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.rows import NamedTuple
from ci_guard.secrets import looks, vendor_names
from ci_guard.secrets.checks import Verdict, is_invented
from ci_guard.secrets.lexical import BACK, assignment

LONGEST: Final = 400
"""Bytes of the longest value; what is longer is data, or a token."""
LONGEST_TOKEN: Final = 2000
"""Bytes of the longest token: those that renew access to Microsoft's platform have more than 1,000."""
_SHORTEST: Final = 4
"""Characters of the shortest value."""
ADDRESS_BACK: Final = 180
"""Bytes ahead of an address's `@` that are searched for a user and a password."""
REPORTED: Final = 0.6
"""Likelihood from which a candidate is a finding: chosen on the tuning data for precision, since a finding blocks."""
LIKELY: Final = 0.85
"""Likelihood from which a finding is one of high severity."""

_UUID_TOPICS: Final = frozenset(("key", "password", "secret", "token"))
"""What a name has to say of its value for a UUID to be a secret."""
_UUID_LENGTH: Final = 36

# Bytes are read as Latin-1, whose white space is more than that of ASCII.
_SPACE: Final = rb"\s\x1c-\x1f\x85\xa0"
_BARE: Final = late.pattern(
    rb"""(?:(?:[Bb]asic|[Bb]earer|[Tt]oken) )?[^%b"'`,;(){}\[\]<>\\|&]{3,400}(?=[%b,;}\])"'`\\&<]|\Z)"""
    % (_SPACE, _SPACE)
)
_QUOTED: Final = {
    quote: late.pattern(rb"(?:[^%b\\\r\n]|\\(?!%b)[^\r\n]){3,400}(?=\\?%b)" % (quote, quote, quote))
    for quote in (b'"', b"'", b"`")
}
_LONG: Final = late.pattern(rb"""[0-9A-Za-z_.~+/=-]{390,2000}(?=["'`,;\s]|\\|\Z)""")
_SCHEME: Final = late.pattern(r"(?P<scheme>basic|bearer|token|oauth|apikey)\s{1,2}(?=\S)", re.IGNORECASE)
_BASE64: Final = late.pattern(r"[0-9A-Za-z+/_-]{6,300}={0,2}")
_BLANK: Final = late.pattern(r"\s")
_USER_INFO: Final = late.pattern(r"""://[^\s/:@"'`<>,;(){}|\\]{0,64}:(?P<secret>[^\s/@"'`<>,;(){}|\\]{3,100})\Z""")


class Candidate(NamedTuple):
    """A literal that may be a secret."""

    start: int
    end: int
    """Offsets in the bytes at hand."""
    value: str
    """What is judged: for Basic authorization the password behind the base64."""
    name: str
    topic: str
    join: str
    quoted: bool


def in_assignment(data: bytes, start: int) -> Candidate | None:
    """Return the candidate whose value begins at an offset."""
    quoted = _QUOTED.get(data[start - 1 : start])
    stop = start + LONGEST
    literal = (quoted or _BARE).match(data, start, stop)
    long = None if literal else _LONG.match(data, start)
    literal = literal or long
    if literal is None or (not long and _says_nothing(literal.group())):
        return None
    end = literal.end()
    if quoted is None and data[end : min(end + 1, stop)] == b"(":
        return None
    value = literal.group().decode("latin-1")
    found = assignment(data[max(0, start - BACK) : start].decode("latin-1"))
    if found is None or (long and found.topic != "token"):
        return None
    return _checked(
        _unwrapped(Candidate(start, end, value, found.name, found.topic, found.join, bool(quoted)), found.wrap)
    )


@lru_cache(maxsize=8192)
def _says_nothing(literal: bytes) -> bool:
    """Return whether a literal is none, or nothing but words: most are, and the same ones again and again."""
    value = literal.decode("latin-1")
    return value.endswith(("..", ":")) or looks.is_wording(value)


def in_address(data: bytes, at: int) -> Candidate | None:
    """Return the candidate that ends before the `@` at an offset: the password of a URL's user."""
    begin = max(0, at - ADDRESS_BACK)
    match = _USER_INFO.search(data[begin:at].decode("latin-1"))
    if match is None:
        return None
    start, end = match.span("secret")
    return _checked(Candidate(begin + start, begin + end, match["secret"], "", "url", "url", True))


def judge(finder: str, data: bytes, start: int) -> Verdict | None:
    """Return the secret that a finder sees at an offset, or None where there is none that is likely enough."""
    candidate = FINDERS[finder](data, start)
    return _verdict(candidate) if candidate else None


def judge_argument(data: bytes, start: int, end: int) -> Verdict | None:
    """Return the password that a command's option has between two offsets, unless it is not likely enough."""
    candidate = _checked(Candidate(start, end, data[start:end].decode("latin-1"), "", "password", "--", False))
    if candidate is None or looks.is_wording(candidate.value):
        return None
    return _verdict(candidate)


def _verdict(candidate: Candidate) -> Verdict | None:
    chance = likelihood(candidate)
    if chance < REPORTED and candidate.topic == "plain-key":
        told = _as_key(chance)
        chance = told if told >= REPORTED and _is_of_a_vendor(candidate.name) else chance
    if chance < REPORTED or looks.is_worded(candidate.value):
        return None
    likely = chance >= LIKELY
    return Verdict(
        candidate.start,
        candidate.end,
        Severity.HIGH if likely else Severity.MEDIUM,
        Confidence.MEDIUM if likely else Confidence.LOW,
        f"the name and the look of the value make it {chance:.0%} likely",
    )


def _as_key(chance: float) -> float:
    """Return how likely a candidate is a secret whose name says that it is a key of something."""
    weights = looks.model()["weights"]
    total = math.log(chance / (1 - chance)) + weights["topic-key"] - weights["topic-plain-key"]
    return 1 / (1 + math.exp(-total))


def _is_of_a_vendor(name: str) -> bool:
    """Return whether a name says whose key it is, as `codemagic_key` does: then it is no place in a table."""
    return any(vendor_names.named(name))


def likelihood(candidate: Candidate) -> float:
    """Return how likely a candidate is a secret, from 0 to 1."""
    return _likelihood(candidate._replace(start=0, end=0, name=""))


@lru_cache(maxsize=4096)
def _likelihood(candidate: Candidate) -> float:
    """Return the same, wherever it stands: histories have most values many times."""
    weights = looks.model()["weights"]
    total = sum(weights.get(name, 0.0) * number for name, number in features(candidate).items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def features(candidate: Candidate) -> dict[str, float]:
    """Return the numbers of a candidate: what its value looks like, and where it stands."""
    value = candidate.value
    numbers = looks.features(value)
    numbers["bias"] = 1.0
    numbers["topic-" + candidate.topic] = 1.0
    numbers["bare"] = float(not candidate.quoted)
    numbers["compared"] = float(candidate.join in ("==", "===", "!=", "!=="))
    numbers["called"] = float(candidate.join in (",", "("))
    return numbers


def _unwrapped(candidate: Candidate, wrap: str) -> Candidate | None:
    """Return a candidate without its scheme (RFC 9110 11.4), or the password of a user and password."""
    value = candidate.value
    scheme = _SCHEME.match(value)
    if scheme:
        start, value = candidate.start + scheme.end(), value[scheme.end() :]
        basic = scheme["scheme"].lower() == "basic"
        shown = _basic(value) if basic else value
        topic = "basic" if basic else "bearer"
        return candidate._replace(start=start, value=shown, topic=topic) if shown else None
    if "b64" in wrap and ":" in value:
        user = value.index(":") + 1
        return candidate._replace(start=candidate.start + user, value=value[user:], topic="basic")
    return candidate


def _checked(candidate: Candidate | None) -> Candidate | None:
    """Return a candidate unless its value cannot be a secret."""
    if candidate is None:
        return None
    value = candidate.value
    if len(value) < _SHORTEST or _BLANK.search(value) or not value.isprintable():
        return None
    if value.lower() == candidate.name.lower() or _is_id(candidate) or looks.is_hash(value):
        return None
    if (value.isdigit() and len(value) < 6) or looks.is_plain(value) or looks.is_code(value):
        return None
    if looks.is_placeholder(value) or looks.is_foreign(value):
        return None
    return candidate


def _is_id(candidate: Candidate) -> bool:
    """Return whether a value is a UUID that names something; keys and tokens of many vendors are UUIDs, too."""
    if not looks.is_uuid(candidate.value):
        return False
    name = candidate.name.lower()
    told = candidate.topic in _UUID_TOPICS and not name.endswith("seed")
    return not (told and len(candidate.value) == _UUID_LENGTH) or is_invented(candidate.value.encode("latin-1"))


def _basic(value: str) -> str | None:
    """Return the password of Basic credentials (RFC 7617), or None for what are none."""
    match = _BASE64.match(value)
    if match is None:
        return None
    try:
        text = binascii.a2b_base64(match.group() + "==").decode("utf-8")
    except ValueError:
        return None
    password = text.partition(":")[2]
    return password or None


FINDERS: Final[dict[str, Callable[[bytes, int], Candidate | None]]] = {
    "generic-assignment": in_assignment,
    "generic-address": in_address,
}
"""What finds the candidate at an offset where a rule's anchor was met."""
