"""
Keys and tokens that have no prefix: a value is a vendor's by the name that stands ahead of it.

`vendors.json` has a row for each: the words by which the vendor is named, and what its values look like where its
documentation says so. One rule, `vendor-context`, finds the places where a value follows a word for a credential; what
stands ahead of them is looked up here, so that hundreds of vendors cost a search no more than one does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from ci_guard import beside, late
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.rows import NamedTuple
from ci_guard.secrets import generic, looks, vendor_names
from ci_guard.secrets.checks import Verdict, entropy, is_invented
from ci_guard.secrets.rule import VENDORS, Rule
from ci_guard.secrets.triggers import VENDOR

_OPAQUE: Final = "[0-9A-Za-z_-]{16,80}"
"""What the value of a vendor looks like whose documentation does not say."""
_BACK: Final = 90
"""Bytes ahead of a value in which its vendor is named."""
_LONG: Final = 32
"""Characters from which on a value of a form that a vendor documents is no name of something."""
_CREDENTIAL: Final = late.pattern(
    r"key|token|secret|pass(?:w(?:or)?d|code)?|pwd|auth(?:orization)?|api|cred(?:ential)?s?|bearer|licen[sc]e|login|dsn|access"
    r"|(?<![a-z])(?:pat|sid|appid)(?![a-z])"
)
_BETWEEN: Final = late.pattern(r"[^/]{0,48}|[^/]{0,24}\w://[\w.-]{0,20}")
"""What may stand between a word for a credential and the value: no path."""
_OTHER: Final = late.pattern(
    r"sha-?(?:1|2|5)|commit|digest|checksum|integrity|(?<!nice)hash|md5|\brev\b|revision|etag|publi(?:c|sh)|site_?key|fingerprint|thumbprint|uuid|guid"
    r"|signature|version|\bh1:|key_?id|cache|csrf|nonce|cursor|next|(?<![a-z])page|continuation"
)
"""Words for values that only look like a key."""
_DIRECT: Final = late.pattern(r"[^0-9a-z/=:>]{0,4}[=:>][^0-9a-z/]{0,6}|>[^<>/\n]{1,48}")
"""What stands between the name of a value and the value whose vendor is named on a line above."""
_ABOVE: Final = 160
_LINES_ABOVE: Final = 4
"""Bytes and lines in which it is."""
FARTHEST: Final = _BACK + _ABOVE
"""Bytes ahead of a value that decide what it is."""
_THREE: Final = late.pattern(r"[0-9A-Za-z]{3}")
_TAG: Final = late.pattern(r"<[A-Za-z]+>")
_DIGIT: Final = late.pattern(rb"[0-9]")
_LETTER: Final = late.pattern(rb"[A-Za-z]")
_HEX: Final = late.pattern(rb"[0-9A-Fa-f-]+")


def _whole(form: str) -> re.Pattern[bytes]:
    return late.compiled(*_said(form))


def _said(form: str) -> tuple[bytes, int]:
    return rb"(?:%s)={0,2}(?![0-9A-Za-z_+/-])" % form.encode("ascii"), int(re.IGNORECASE)


_ANY: Final = late.pattern(*_said("[0-9A-Za-z_.+/-]{14,128}"))
_GOES_ON: Final = late.pattern(rb"[!$^~*]{1,3}[0-9A-Za-z]|[?](?![A-Za-z_]{1,20}=)[0-9A-Za-z]")
"""How a literal goes on that is of no form which a vendor's values have. A query may follow one in an address."""
_STARTS: Final = late.pattern(rb"(?<![0-9A-Za-z_+/.-])(?=[A-Za-z_+/.-]{0,15}[0-9][0-9A-Za-z_+/.-]{8})")
"""Where a value begins, as the rule `vendor-context` is searched for."""
_LONGEST_START: Final = 24
"""Bytes from there that are looked at."""
_DETAIL: Final = "the name of the vendor stands ahead of it"
_DETAIL_ABOVE: Final = "the name of the vendor stands on a line above it"


class Vendor(NamedTuple):
    """A row of the table."""

    rule: Rule
    secret: re.Pattern[bytes]
    """What a value of the vendor looks like."""


def rules() -> tuple[Rule, ...]:
    """Return a rule for each row of the table; none of them is searched for by itself."""
    return tuple(_rule(row) for row in rows())


def rows() -> list[dict[str, Any]]:
    """
    Return the rows of the table.

    `words` are written with `_` where a separator may stand, and with `+` behind one that is a word of its own.
    """
    table: list[dict[str, Any]] = json.loads(beside.read(__file__, VENDORS))
    return table


def _rule(row: dict[str, Any]) -> Rule:
    vendor = row["vendor"]
    return Rule(
        id=row["id"],
        title=row.get("title") or f"Key or token of {vendor}",
        vendor=vendor,
        severity=Severity(row.get("severity", Severity.MEDIUM)),
        confidence=Confidence.MEDIUM,
        keywords=(),
        pattern=row.get("form", _OPAQUE),
        check=VENDOR,
        entropy=row.get("entropy", Rule.entropy),
        revoke=row.get("revoke") or ("" if row.get("remedy") else f"in the account at {vendor}"),
        remedy=row.get("remedy", ""),
        documentation=row["documentation"],
    )


def words() -> str:
    """Return all words in order, each behind what it is without its separators and before the number of its row."""
    lines = (
        f"{word.rstrip('+').replace('_', '')} {word} {number}\n"
        for number, row in enumerate(rows())
        for word in row["words"]
    )
    return "".join(sorted(lines))


def load() -> None:
    """Read what judges, which the first look-up would: it is worth it before processes are made that each would."""
    vendor_names.lines()
    looks.model()


def patterns() -> list[tuple[bytes, int]]:
    """Return what the values of vendors look like: patterns and flags, as `re.compile` takes them."""
    return [_said(form) for form in dict.fromkeys(row.get("form", _OPAQUE) for row in rows())]


@cache
def _table() -> list[str]:
    """Return the rows of the table as they are written, a line each: few are ever read."""
    return beside.read(__file__, VENDORS).decode().splitlines()[1:-1]


@cache
def _vendor(row: int) -> Vendor:
    """Return what a row says, of which few are ever asked for."""
    rule = _rule(json.loads(_table()[row].rstrip(",")))
    return Vendor(rule, _whole(rule.pattern))


def find(data: bytes, low: int, high: int) -> tuple[Rule, Verdict] | None:
    """
    Return the rule of the vendor whose value begins at an offset of `low` to `high`, and what is made of it; or None.

    It is that of the first value of any vendor.
    """
    for place in _STARTS.finditer(data, low, high + _LONGEST_START):
        found = _find(data, place.start()) if place.start() <= high else None
        if found:
            return found
    return None


def _find(data: bytes, start: int) -> tuple[Rule, Verdict] | None:
    if data[start - 1 : start] == b"@":  # `uses: owner/create-app-token@…`, a commit
        return None
    written = _ahead(data, start)
    ahead = written.lower()
    told = max(_CREDENTIAL.finditer(ahead), key=re.Match.end, default=None)
    if told is None or not _BETWEEN.fullmatch(ahead, told.end()) or _OTHER.search(ahead, max(0, told.start() - 12)):
        return None
    named = list(_named(written))
    if not named:
        if not _DIRECT.fullmatch(ahead, told.end()):
            return None
        return _of_one(_named(_above(data, start), apart=True), data, start, _DETAIL_ABOVE)
    found = _of_one(named, data, start, _DETAIL)
    if found:
        return found
    # Vendors change the form of their keys, and have some of which their documentation says nothing.
    match = _ANY.match(data, start)
    if match is None or _GOES_ON.match(data, match.end()):
        return None
    if not _is_drawn(match.group()) or _is_path(match.group()):
        return None
    detail = f"{_DETAIL}, and its form is new"
    return named[0].rule, Verdict(start, match.end(), Severity.MEDIUM, Confidence.LOW, detail)


def _of_one(vendors: Iterable[Vendor], data: bytes, start: int, detail: str) -> tuple[Rule, Verdict] | None:
    """Return the first of some vendors whose value begins at an offset, and what is made of it."""
    for rule, secret in vendors:
        match = secret.match(data, start)
        if match and not _GOES_ON.match(data, match.end()) and _is_drawn(match.group(), rule):
            return rule, Verdict(start, match.end(), rule.severity, rule.confidence, detail)
    return None


def _above(data: bytes, start: int) -> str:
    """Return the lines above a value's own, up to an empty one: headings, or what a log said."""
    end = data.rfind(b"\n", max(0, start - _BACK), start)
    lines = data[max(0, end - _ABOVE) : max(0, end)].decode("latin-1").split("\n")[-_LINES_ABOVE:]
    empty = max((number for number, line in enumerate(lines) if not line.strip()), default=-1)
    return "\n".join(lines[empty + 1 :])


def _ahead(data: bytes, start: int) -> str:
    """Return what stands ahead of a value: its line, or the one before if the value has its own."""
    text = data[max(0, start - _BACK) : start].decode("latin-1")
    feed = text.rfind("\n")
    if feed >= 0 and _THREE.search(_TAG.sub("", text[feed:])):
        return text[feed + 1 :]
    return text[text.rfind("\n", 0, max(feed, 0)) + 1 :]


def _named(ahead: str, *, apart: bool = False) -> Iterator[Vendor]:
    """
    Yield the vendors that are named in a text, the one nearest to its end first, and of two the longer name.

    With `apart` each name begins where a word does.
    """
    found: list[tuple[int, Vendor]] = []
    for end, numbers in vendor_names.named(ahead, apart=apart):
        # A vendor whose values are known goes ahead of one of which anything is taken.
        known = sorted(map(_vendor, numbers), key=lambda one: one.rule.pattern == _OPAQUE)
        found += [(end, vendor) for vendor in known]
    yield from (vendor for _, vendor in sorted(found, key=lambda pair: -pair[0]))


def _is_path(value: bytes) -> bool:
    """Return whether a value is a path that begins with a word."""
    first, slash, _ = value.partition(b"/")
    return bool(slash) and len(first) > 3 and looks.is_wording(first.decode("latin-1"))


def _is_drawn(secret: bytes, rule: Rule | None = None) -> bool:
    """
    Return whether a value looks drawn at random.

    Where it is short, or not of the form that a vendor's rule asks for, the model of assignments has to see it so.
    """
    if entropy(secret) < (rule or Rule).entropy or is_invented(secret):
        return False
    if not _DIGIT.search(secret) or not _LETTER.search(secret):
        return False
    value = secret.decode("latin-1")
    if _HEX.fullmatch(secret) or (rule and rule.pattern != _OPAQUE and len(secret) >= _LONG):
        return not looks.is_worded(value)
    if looks.is_code(value) or looks.is_plain(value) or looks.is_wording(value):
        return False
    chance = generic.likelihood(generic.Candidate(0, len(value), value, "", "key", "=", True))
    return chance >= generic.REPORTED and not looks.is_worded(value)
