"""
What the helper that reads packs asks about a content, of which it knows the parts that are new.

Two versions of a file share most of their bytes, and a pack says which. What a trigger or an encoded text makes of its
surroundings is the same in both as long as all that it looks at is. So each trigger has a reach, and only what has a
change within its reach is judged anew; all else is known from the version before. Nothing here decides what is
reported: what a look finds is read again as a whole.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterable
from functools import cache
from typing import Final

from ci_guard import beside
from ci_guard.rows import NamedTuple
from ci_guard.secrets import decode, generic, keyfiles, vendors
from ci_guard.secrets.content import ContentKind, classify, plain_name
from ci_guard.secrets.lexical import BACK
from ci_guard.secrets.matcher import encoding_of
from ci_guard.secrets.patterns import keeps_to_line, width_of
from ci_guard.secrets.reading import Reading
from ci_guard.secrets.rule import Rule
from ci_guard.secrets.spans import confirmed
from ci_guard.secrets.survey import Secret
from ci_guard.secrets.triggers import VENDOR, Trigger

SPECIAL: Final = 1
ARCHIVE: Final = 2
WHOLE: Final = 4
MARKED: Final = 8
"""
Of a content: it is more than it looks; it is an archive; it is searched as a whole, whatever is new of it; it may
have `keyfiles.MARK`.
"""

_MOST_VAIN: Final = 100_000
"""Texts that are remembered, at some hundred bytes each."""
_SLACK: Final = 16
"""Bytes that are looked at beside a match: whether a word goes on there, or an escape ends."""
_AROUND: Final = {"url-password": 262, "aws-access-key": 342, "jwk": 3002}
"""
Bytes beside a match that a check of `formats` looks at, and two: for the host behind a password, for the 40 of a secret
key near an access key, for the ends of the object that a member is in.
"""
_CLOSE: Final = frozenset(
    {
        "format",
        "near",
        "password",
        "argument",
        "basic-auth",
        "base58check",
        "base64-json",
        "crc32-base62",
        "crc32-tail",
        "discord-token",
        "jwt",
        "nkey",
    }
)
"""Checks that look at the match alone; those in neither look as far as their rule reaches, and a little beyond."""
_END_LINE: Final = 130
"""Bytes behind a key in which `checks` looks for its last line, at most 94, and some to spare."""


def widths(triggers: Iterable[Trigger]) -> bytes:
    """Return, as the helper takes them, how many bytes ahead of its end decide whether each trigger is met."""
    return b"".join(
        struct.pack("=I", width_of(trigger.expression.pattern) if trigger.rule.anchor else trigger.length)
        for trigger in triggers
    )


class Reach(NamedTuple):
    """How much of a content a rule looks at where a trigger is met, in bytes ahead of the trigger's end and behind."""

    back: int
    ahead: int
    line_back: bool
    """Whether the line feed ahead of the trigger bounds it, too."""
    line_ahead: bool
    """Whether the line feed behind the trigger bounds it, too."""
    but_value: bool = False
    """
    Whether the line feed ahead does so only where `value` is not among the last bytes (`lexical.AFTER_VALUE`), and
    more than blanks, quotes and a tag stands on the value's own line.
    """


def shape_of(rule: Rule) -> tuple[int, bool]:
    """Return how many bytes a match of a rule has at most, and whether it and what it is searched by keep to a line."""
    patterns = [rule.pattern, rule.anchor] if rule.anchor else [rule.pattern]
    return min(rule.reach, width_of(rule.pattern.encode("ascii"))), keeps_to_line(*patterns)


def shapes(rules: Iterable[Rule]) -> dict[str, tuple[int, bool]]:
    """Return the shapes of rules; those of ci-guard's own ship, because reading hundreds of patterns takes its time."""
    return {rule.id: shape_of(rule) for rule in rules}


@cache
def _shapes() -> dict[str, tuple[int, bool]]:
    """Return what `shapes` says of the rules that ship; `scripts/generate.py` makes the file."""
    return {
        name: (longest, one_line)
        for name, (longest, one_line) in json.loads(beside.read(__file__, "shapes.json")).items()
    }


def reach_of(trigger: Trigger) -> Reach:
    """Return the reach of a trigger."""
    rule = trigger.rule
    if trigger.by_name:
        if rule.check == VENDOR:
            # The vendor may be named on a line above.
            back = trigger.length + rule.before + vendors.FARTHEST + _SLACK
            return Reach(back, generic.LONGEST + _SLACK, False, True)
        back = generic.ADDRESS_BACK if rule.check == "generic-address" else BACK
        # A value ends with its line; its name may stand on a line before, but only with `value` on the
        # value's own, or with nothing there.
        by_pair = rule.check == "generic-assignment"
        return Reach(trigger.length + back + _SLACK, generic.LONGEST_TOKEN + _SLACK, True, True, by_pair)
    around = _AROUND.get(rule.check, 0) + _SLACK
    if rule.check not in _CLOSE and rule.check not in _AROUND:
        # Another match of the rule may begin as far ahead and have this one in it: where a change takes that away,
        # this one is found.
        back = trigger.length + rule.before + around + rule.reach
        return Reach(back, rule.reach + _END_LINE, False, False)
    shape = None if rule.own else _shapes().get(rule.id)
    longest, one_line = shape or shape_of(rule)
    one_line = one_line and rule.check not in _AROUND
    return Reach(trigger.length + rule.before + around, longest + around, one_line, one_line)


class Visitor:
    """Answers what the helper asks. Offsets are those in the bytes at hand; secrets are numbered downward from -1."""

    def __init__(self, reading: Reading, look: Callable[[bytes], list[tuple[int, int]]]) -> None:
        """Search as a reading does; `look` returns the triggers that are met in some bytes, and the offsets behind."""
        self._reading = reading
        self._matcher = reading.ready()
        self.look = look
        self._vain: set[bytes] = set()
        """SHA-256 of texts in which nothing encoded is secret; versions of a file have most of them in common."""
        self._numbers: dict[Secret, int] = {}
        self.known: list[Secret] = []
        """What the numbers of secrets stand for: the first is that of -1."""

    def reach(self, trigger: int) -> Reach:
        """Return the reach of a trigger, of which few are ever met."""
        return reach_of(self._matcher.triggers[trigger])

    def confirm(self, data: bytes, met: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
        """Return the secrets where these triggers are: start, end and number."""
        return [
            (
                span.start,
                span.end,
                self._add((span.rule.id, self._matcher.identity(data[span.start : span.end]))),
            )
            for span in confirmed(data, met, self._matcher.triggers)
        ]

    def decode(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return the secrets that are encoded: where the encoded text starts and ends, and their numbers."""
        digest = hashlib.sha256(data).digest()
        if digest in self._vain:
            return []
        found = [
            (part.start, part.end, self._add((match.rule.id, match.identity)))
            for part, match in decode.searched(self._matcher, decode.encoded(data, self._matcher.signs(data)))
        ]
        if not found and len(self._vain) < _MOST_VAIN:
            self._vain.add(digest)
        return found

    def head(self, head: bytes) -> int:
        """Return what the first bytes of a content tell: a sum of `SPECIAL`, `ARCHIVE`, `WHOLE`."""
        kind = classify(head)
        if kind is ContentKind.ARCHIVE:
            return SPECIAL | ARCHIVE
        return (WHOLE if encoding_of(head) else 0) | (0 if kind is ContentKind.PLAIN else SPECIAL)

    def whole(self, data: bytes) -> list[tuple[int, int, int]]:
        """Return the numbers of all secrets of a content, without places."""
        from ci_guard.secrets.search import search

        return [(0, 0, self._add((match.rule.id, match.identity))) for match in search(self._matcher, data)]

    def archive(self, data: bytes) -> bool:
        """Return whether there is anything to tell of an archive."""
        content = self._reading.look_into(data)
        return bool(content.matches or content.unpacked.found or content.unpacked.left)

    def suspect(self, name: bytes) -> bool:
        """Return whether a file of this name, in whatever folder, can be a key file."""
        return keyfiles.is_suspect_name(plain_name(name.decode("utf-8", "surrogateescape")))

    def secrets(self, spans: bytes) -> frozenset[Secret]:
        """
        Return the rules and identities of the secrets that the helper found in one content: all that a scan finds.

        It may be more. Of two in the same place a scan reports one; but here the one that counts may be known from the
        version before and gone by now, so that neither stands aside.
        """
        return frozenset(self.known[-1 - number] for _, _, number in struct.iter_unpack("=IIi", spans))

    def _add(self, known: Secret) -> int:
        number = self._numbers.get(known)
        if number is None:
            self.known.append(known)
            number = self._numbers[known] = -len(self.known)
        return number
