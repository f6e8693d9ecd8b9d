"""What a content is searched for: the signs of encoded text, and the keywords and anchors of rules."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from ci_guard.rows import NamedTuple
from ci_guard.secrets.engines import Expression
from ci_guard.secrets.rule import Shelf
from ci_guard.secrets.signs import SIGNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ci_guard.secrets.rule import Rule

VENDOR: Final = "vendor"
"""The check of the rule that finds values beside a vendor's name, and of the rules that it finds them for."""
BY_NAME: Final = frozenset(("generic-assignment", "generic-address", VENDOR))
"""Checks of the rules for which a value is a secret by its name."""


class Trigger(NamedTuple):
    """Something of a fixed length that a rule is tried at."""

    rule: Rule
    expression: Expression
    length: int
    """Of an anchor of varying length, how many bytes of its end count."""
    by_name: bool


def triggers_of(rules: Iterable[Rule]) -> list[Trigger]:
    """Return all triggers of rules, in their order."""
    return [trigger for rule in rules for trigger in _triggers(rule)]


def _triggers(rule: Rule) -> Iterator[Trigger]:
    by_name = rule.check in BY_NAME
    if rule.anchor:
        expression = Expression(rule.anchor.encode("ascii"), rule.ignore_case)
        yield Trigger(rule, expression, rule.anchor_length, by_name)
    else:
        for word in rule.keywords:
            expression = Expression(re.escape(word.encode("ascii")), rule.ignore_case)
            yield Trigger(rule, expression, len(word), by_name)


class Searched:
    """All that one database is searched with, made when it is asked for."""

    def __init__(self, rules: Iterable[Rule], signs: Sequence[bytes] = SIGNS) -> None:
        """Search for the triggers of rules and for the signs of encoded text."""
        self._rules = rules
        self._signs = signs

    @cached_property
    def triggers(self) -> list[Trigger]:
        """What stands behind the numbers that follow those of the signs."""
        return triggers_of(self._rules)

    def __len__(self) -> int:
        """Return how many triggers there are."""
        return self._starts[-1]

    def trigger(self, number: int) -> Trigger:
        """Return a trigger by number, without making the others, of which a scan meets few."""
        if not isinstance(self._rules, Shelf):
            return self.triggers[number]
        rule = bisect_right(self._starts, number) - 1
        return list(_triggers(self._rules[rule]))[number - self._starts[rule]]

    @cached_property
    def _starts(self) -> list[int]:
        """The number of each rule's first trigger, and how many there are in all."""
        if isinstance(self._rules, Shelf):
            return list(accumulate(self._rules.triggers(), initial=0))
        return [0, len(self.triggers)]

    def expressions(self) -> list[Expression]:
        """Return what the engine is to search for."""
        return expressions_of(self.triggers, self._signs)

    @property
    def sources(self) -> tuple[bytes, ...]:
        """What all of it is made of, where these are rules as files hold them: much quicker to compare."""
        return (*self._rules.texts, *self._signs) if isinstance(self._rules, Shelf) else ()


class ByNumber(dict[int, Trigger]):
    """Triggers by number, of several databases one behind the other; each is made when it is first met."""

    def __init__(self, searched: Sequence[Searched]) -> None:
        """Know what there is."""
        super().__init__()
        self._searched = searched

    def __missing__(self, number: int) -> Trigger:
        """Make one."""
        first = 0
        for searched in self._searched:
            if number < first + len(searched):
                self[number] = made = searched.trigger(number - first)
                return made
            first += len(searched)
        raise KeyError(number)


def expressions_of(triggers: Iterable[Trigger], signs: Iterable[bytes] = SIGNS) -> list[Expression]:
    """Return all that is searched for: the signs of encoded text first, then each trigger."""
    return [*(Expression(sign, once=True) for sign in signs), *(trigger.expression for trigger in triggers)]
