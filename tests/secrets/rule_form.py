"""What a rule of `ci_guard/secrets/rules` must be: none that could hang, flood or silence a scan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.secrets.formats import CHECKS
from ci_guard.secrets.rule import Rule
from tests.secrets import pattern_shape
from tests.secrets.pattern_shape import Shape

SHORTEST_KEYWORD: Final = 3
"""Bytes; a shorter word stands on every other line, and each would be tried."""
SHORTEST_SECRET: Final = 6
"""Bytes; the look of randomness says nothing of less."""
FARTHEST: Final = 1 << 14
"""Bytes that a match may extend over; half of what one piece of a content leaves to the next."""
LONGEST_TEXT: Final = 4000

_ID: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_TEXTS: Final = ("id", "title", "vendor", "pattern", "anchor", "check", "documentation", "revoke", "remedy")
_NUMBERS: Final = ("before", "reach", "anchor_length")
_FLAGS: Final = ("ignore_case", "boundary")
_KNOWN: Final = frozenset((*_TEXTS, *_NUMBERS, *_FLAGS, "severity", "confidence", "keywords", "entropy", "documented"))


def parse(raw: object) -> Rule:
    """
    Return the rule that a row of the rules' files is.

    Raises: `TypeError` or `ValueError`, with a clause, for a field that is unknown, missing or of a wrong type, and for
    a pattern that could run for long or meets nearly everything.
    """
    if not isinstance(raw, Mapping):
        raise TypeError(f"it is {_kind(raw)}, not a mapping of fields")
    unknown = sorted(str(key)[:40] for key in raw if key not in _KNOWN)
    if unknown:
        raise ValueError(f"it has no field {unknown[0]!r}; there are {', '.join(sorted(_KNOWN))}")
    fields: dict[str, Any] = {
        **{key: _text(raw, key) for key in _TEXTS if key in raw},
        **{key: _number(raw, key) for key in _NUMBERS if key in raw},
        **{key: _flag(raw, key) for key in _FLAGS if key in raw},
        "severity": _choice(raw, "severity", Severity, Severity.HIGH),
        "confidence": _choice(raw, "confidence", Confidence, Confidence.HIGH),
        "keywords": tuple(_list(raw, "keywords")),
        "documented": frozenset(_list(raw, "documented")),
    }
    if "entropy" in raw:
        fields["entropy"] = _entropy(raw["entropy"])
    for key in ("id", "pattern"):
        if key not in fields:
            raise ValueError(f"the field {key!r} is missing")
    fields.setdefault("title", fields["id"])
    if not fields.get("revoke") and not fields.get("remedy"):
        fields["remedy"] = "Revoke it and issue a new one."
    if fields.get("anchor"):
        length = _named("anchor", pattern_shape.fixed_length, fields["anchor"])
        if fields.setdefault("anchor_length", length) != length:
            raise ValueError(f"anchor_length is {fields['anchor_length']}; what the anchor matches has {length} bytes")
    one = Rule(**fields)
    _check(one)
    return one


def _check(one: Rule) -> None:
    """Raise for what fits its type and still is no rule to run."""
    if not _ID.fullmatch(one.id):
        raise ValueError(f"its id is {one.id[:60]!r}; an id is of lower-case words joined by hyphens")
    if one.check not in CHECKS:
        raise ValueError(f"there is no check {one.check[:40]!r}; there are {', '.join(sorted(CHECKS))}")
    if one.documentation and not one.documentation.startswith("https://"):
        raise ValueError("documentation is no https address")
    bad = [digest for digest in one.documented if not re.fullmatch("[0-9a-f]{64}", digest)]
    if bad:
        raise ValueError("documented holds something that is no SHA-256 in hex; a secret itself does not belong there")
    _check_trigger(one)
    shape = _named("pattern", lambda pattern: pattern_shape.shape_of(pattern, ignore_case=one.ignore_case), one.pattern)
    _check_shape(one, shape)


def _check_trigger(one: Rule) -> None:
    if not one.keywords and not one.anchor:
        raise ValueError("it has no keywords: name literals of which every match has one")
    for word in one.keywords:
        if not word.isascii() or "\n" in word:
            raise ValueError(f"the keyword {word[:40]!r} is not of ASCII characters on one line")
        if not one.anchor and len(word) < SHORTEST_KEYWORD:
            raise ValueError(
                f"the keyword {word!r} is shorter than {SHORTEST_KEYWORD} characters and would meet too much"
            )
    if one.anchor and one.anchor_length < SHORTEST_KEYWORD:
        raise ValueError(f"the anchor is shorter than {SHORTEST_KEYWORD} bytes and would meet too much")


def _check_shape(one: Rule, shape: Shape) -> None:
    if one.check == "format" and shape.secret_shortest < SHORTEST_SECRET:
        raise ValueError(f"the secret may be of {shape.secret_shortest} bytes; at least {SHORTEST_SECRET} are needed")
    if shape.longest > one.reach:
        raise ValueError(f"a match may be of {shape.longest} bytes, more than reach, which is {one.reach}")
    if one.reach > FARTHEST or one.before > one.reach:
        raise ValueError(f"reach is at most {FARTHEST} bytes, and before at most reach")
    starts = {word[0] for word in one.keywords if not one.anchor}
    missed = sorted(sign for sign in starts if ord(sign) not in shape.first)
    if missed and not one.before:
        raise ValueError(
            f"no match begins with the keyword's {missed[0]!r}; "
            "say in the field before how many bytes of a match precede the keyword"
        )
    if one.regex.fullmatch(b"the quick brown fox jumps over the lazy dog"[: shape.longest]) and one.entropy < 1:
        raise ValueError("its pattern matches ordinary text, and entropy lets everything through")


def _named(field: str, function: Any, value: str) -> Any:
    try:
        return function(value)
    except ValueError as error:
        raise ValueError(f"in {field}, {error}") from None


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw[key]
    if not isinstance(value, str) or not value or len(value) > LONGEST_TEXT:
        raise ValueError(f"{key} is {_kind(value)}, not a text of 1 to {LONGEST_TEXT} characters")
    return value


def _number(raw: Mapping[str, Any], key: str) -> int:
    value = raw[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= FARTHEST:
        raise ValueError(f"{key} is not a number from 0 to {FARTHEST}")
    return value


def _flag(raw: Mapping[str, Any], key: str) -> bool:
    value = raw[key]
    if not isinstance(value, bool):
        raise TypeError(f"{key} is {_kind(value)}, not true or false")
    return value


def _list(raw: Mapping[str, Any], key: str) -> list[str]:
    value = raw.get(key, [])
    if (
        not isinstance(value, list)
        or len(value) > 100
        or not all(isinstance(one, str) and 0 < len(one) <= 200 for one in value)
    ):
        raise ValueError(f"{key} is not a list of at most 100 texts of 1 to 200 characters")
    return value


def _entropy(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 8:
        raise ValueError("entropy is not a number of bits from 0 to 8")
    return float(value)


def _choice(raw: Mapping[str, Any], key: str, kind: type[Enum], default: Enum) -> Enum:
    value = raw.get(key, default.value)
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{key} is {value!r:.40}; it is one of {', '.join(str(one.value) for one in kind)}") from None
