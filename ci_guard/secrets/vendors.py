"""
Keys and tokens that have no prefix: a value is a vendor's by the name that stands ahead of it.

`vendors.json` has a row for each: the words by which the vendor is named, and what its values look like where its
documentation says so. One rule, `vendor-context`, finds the places where a value follows a word for a credential; what
stands ahead of them is looked up here, so that hundreds of vendors cost a search no more than one does.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import accumulate
from typing import Any, Final

from ci_guard import beside, late
from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.rows import NamedTuple
from ci_guard.secrets import generic, looks
from ci_guard.secrets.checks import Verdict, entropy, is_invented
from ci_guard.secrets.rule import VENDORS, Rule
from ci_guard.secrets.triggers import VENDOR

_OPAQUE: Final = "[0-9A-Za-z_-]{16,80}"
"""What the value of a vendor looks like whose documentation does not say."""
_BACK: Final = 90
"""Bytes ahead of a value in which its vendor is named."""
_LONG: Final = 32
"""Characters from which on a value of a form that a vendor documents is no name of something."""
_KEY: Final = 3
"""Characters of the shortest word."""
_SEPARATORS: Final = "_-. "
"""Of which one may stand between two parts of a word."""
_WITHOUT: Final = str.maketrans("", "", _SEPARATORS)

_ROLE: Final = late.pattern(
    r"[_. -]?(?:api|app|access|auth|client|secret|private|account|project|personal|service|rest|live|oauth|consumer"
    r"|admin|bot|user|prod|test|master|key|token|pat|signing|server|licen[sc]e|pass|webhook)"
)
"""How a name goes on whose first part is a word of its own, such as `float` or `front`."""
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
_THREE: Final = late.pattern(r"[0-9a-z]{3}")
_TAG: Final = late.pattern(r"<[a-z]+>")
_DIGIT: Final = late.pattern(rb"[0-9]")
_LETTER: Final = late.pattern(rb"[A-Za-z]")
_HEX: Final = late.pattern(rb"[0-9A-Fa-f-]+")


def _whole(form: str) -> re.Pattern[bytes]:
    return late.compiled(*_said(form))


def _said(form: str) -> tuple[bytes, int]:
    return rb"(?:%s)={0,2}(?![0-9A-Za-z_+/-])" % form.encode("ascii"), int(re.IGNORECASE)


_ANY: Final = late.pattern(*_said("[0-9A-Za-z_.+/-]{14,100}"))
_STARTS: Final = late.pattern(rb"(?<![0-9A-Za-z_+/.-])(?=[A-Za-z_+/.-]{0,15}[0-9][0-9A-Za-z_+/.-]{8})")
"""Where a value begins, as the rule `vendor-context` is searched for."""
_LONGEST_START: Final = 24
"""Bytes from there that are looked at."""
_DETAIL: Final = "the name of the vendor stands ahead of it"


_WORDS: Final = "vendor_words.txt"
"""What `words` returns; `scripts/generate.py` makes it, as reading the whole table takes a while."""


class Vendor(NamedTuple):
    """A row of the table."""

    rule: Rule
    secret: re.Pattern[bytes]
    """What a value of the vendor looks like."""


class Word(NamedTuple):
    """A word by which a vendor is named."""

    letters: str
    """Without what may stand between its parts."""
    text: str
    """As the table has it."""
    row: int


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


@cache
def _words() -> list[str]:
    return beside.read(__file__, _WORDS).decode().splitlines()


@lru_cache(maxsize=4096)
def _beginning(letters: str) -> list[Word]:
    """Return the words that begin with some letters, in the order of their rows."""
    lines, found = _words(), []
    first = bisect_left(lines, letters)
    while first < len(lines) and lines[first].startswith(letters):
        word, written, row = lines[first].split(" ")
        found.append(Word(word, written, int(row)))
        first += 1
    return sorted(found, key=lambda word: word.row)


def load() -> None:
    """Read what judges, which the first look-up would: it is worth it before processes are made that each would."""
    _words()
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
    ahead = _ahead(data, start)
    told = max(_CREDENTIAL.finditer(ahead), key=re.Match.end, default=None)
    if told is None or not _BETWEEN.fullmatch(ahead, told.end()) or _OTHER.search(ahead, max(0, told.start() - 12)):
        return None
    named = list(_named(ahead))
    for vendor in named:
        match = vendor.secret.match(data, start)
        if match and _is_drawn(match.group(), vendor.rule):
            rule = vendor.rule
            return rule, Verdict(start, match.end(), rule.severity, rule.confidence, _DETAIL)
    # Vendors change the form of their keys, and have some of which their documentation says nothing.
    match = _ANY.match(data, start) if named else None
    if match and _is_drawn(match.group()):
        return named[0].rule, Verdict(
            start, match.end(), Severity.MEDIUM, Confidence.LOW, f"{_DETAIL}, and its form is new"
        )
    return None


def _ahead(data: bytes, start: int) -> str:
    """Return what stands ahead of a value in small letters: its line, or the one before if the value has its own."""
    text = data[max(0, start - _BACK) : start].decode("latin-1").lower()
    feed = text.rfind("\n")
    if feed >= 0 and _THREE.search(_TAG.sub("", text[feed:])):
        return text[feed + 1 :]
    return text[text.rfind("\n", 0, max(feed, 0)) + 1 :]


def _named(ahead: str) -> Iterator[Vendor]:
    """Yield the vendors that are named in a text, the one nearest to its end first, and of two the longer name."""
    places = [place for place, sign in enumerate(ahead) if sign not in _SEPARATORS]
    letters = ahead.translate(_WITHOUT)
    found: list[tuple[int, Vendor]] = []
    for first in range(len(letters) - _KEY + 1):
        candidates = _beginning(letters[first : first + _KEY])
        if not candidates:
            continue
        here: dict[int, dict[int, bool]] = {}
        """By where the name ends: the rows that have it, and whether it is a common word there."""
        for word in candidates:
            if letters.startswith(word.letters, first) and _is_written(word, places, first):
                rows = here.setdefault(places[first + len(word.letters) - 1] + 1, {})
                rows[word.row] = word.text.endswith("+") or rows.get(word.row, False)
        place = places[first]
        for end, rows in here.items():
            apart = (place == 0 or not ahead[place - 1].isalpha()) and _ROLE.match(ahead, end)
            named = [_vendor(row) for row, common in rows.items() if apart or not common]
            # A vendor whose values are known goes ahead of one of which anything is taken.
            found += [(end, vendor) for vendor in sorted(named, key=lambda one: one.rule.pattern == _OPAQUE)]
    yield from (vendor for _, vendor in sorted(found, key=lambda pair: -pair[0]))


def _is_written(word: Word, places: Sequence[int], first: int) -> bool:
    """Return whether separators stand only between the parts of a word, one at most between two."""
    last = first + len(word.letters) - 1
    if places[last] - places[first] == last - first:
        return True
    gaps = Counter(accumulate(map(len, word.text.split("_"))))
    return all(places[at + 1] - places[at] <= 1 + gaps[at - first + 1] for at in range(first, last))


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
