"""What one run is evidence for, item by item, in the frameworks that the requirements of its controls refer to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum

from ci_guard.model.decision import Result, Ruling
from ci_guard.model.judgement import Outcome
from ci_guard.model.meta import Meta
from ci_guard.model.reference import Framework, Relation
from ci_guard.records import dataclass


class Coverage(str, Enum):
    """How an item of a framework stands after a run."""

    FAILED = "failed"
    """A requirement that contributes to it failed, as the policy asks it."""
    WAIVED = "waived"
    """Such a failure, or an unknown, is covered by a waiver: accepted, and no evidence."""
    EVIDENCED = "evidenced"
    """A requirement that satisfies it passed wherever it applies."""
    PARTLY = "partly-evidenced"
    """What was asked of it passed, and none of that is the whole item."""
    NOT_APPLICABLE = "not-applicable"
    NOT_EVIDENCED = "not-evidenced"
    """It is unknown, or nobody asked."""

    @property
    def words(self) -> str:
        """The same for people."""
        return self.value.replace("-", " ")


@dataclass(frozen=True, kw_only=True)
class ItemCoverage:
    """One item after a run. Requirements are named `control/requirement`, in the order of their declaration."""

    framework: Framework
    item: str
    title: str
    coverage: Coverage
    satisfied_by: tuple[str, ...]
    """Whose pass would be evidence for the whole item, asked or not."""
    supported_by: tuple[str, ...]
    """Whose pass would be evidence for a part of it."""


def coverage(result: Result) -> list[ItemCoverage]:
    """
    Return every item that a requirement of the run's controls refers to.

    Shape: by framework and item, numbers in their natural order; nothing where a run ended before its controls.
    """
    return items(result.controls, _seen(result.decision.rulings))


def items(controls: Iterable[Meta], seen: Mapping[str, AbstractSet[Outcome | None]]) -> list[ItemCoverage]:
    """
    Return every item that a requirement of the controls refers to, as `coverage` does.

    `seen` has the outcomes of each `control/requirement`; None among them stands for one that is waived.
    """
    named: dict[tuple[Framework, str, str], dict[Relation, list[str]]] = {}
    for meta in controls:
        for requirement in meta.requirements:
            for each in requirement.references:
                by_relation = named.setdefault((each.framework, each.item, each.title), {one: [] for one in Relation})
                by_relation[each.relation].append(f"{meta.id}/{requirement.id}")
    return [
        ItemCoverage(
            framework=framework,
            item=item,
            title=title,
            coverage=_judge(
                [seen.get(name, set()) for name in by_relation[Relation.SATISFIES]],
                [seen.get(name, set()) for name in by_relation[Relation.SUPPORTS]],
            ),
            satisfied_by=tuple(by_relation[Relation.SATISFIES]),
            supported_by=tuple(by_relation[Relation.SUPPORTS]),
        )
        for (framework, item, title), by_relation in sorted(named.items(), key=lambda entry: _order(*entry[0]))
    ]


def _seen(rulings: Iterable[Ruling]) -> dict[str, set[Outcome | None]]:
    """Return the outcomes of each requirement; None stands for a waived one."""
    seen: dict[str, set[Outcome | None]] = {}
    for ruling in rulings:
        judgement = ruling.judgement
        outcomes = seen.setdefault(f"{judgement.control}/{judgement.requirement}", set())
        outcomes.add(None if ruling.waived is not None else judgement.outcome)
    return seen


def _judge(satisfying: list[AbstractSet[Outcome | None]], supporting: list[AbstractSet[Outcome | None]]) -> Coverage:
    """Return the coverage of an item from the outcomes of what contributes to it; the first that applies."""
    outcomes = set[Outcome | None]().union(*satisfying, *supporting)
    if Outcome.FAIL in outcomes:
        return Coverage.FAILED
    if None in outcomes:
        return Coverage.WAIVED
    if any(Outcome.PASS in each and each <= {Outcome.PASS, Outcome.NOT_APPLICABLE} for each in satisfying):
        return Coverage.EVIDENCED
    if outcomes & {Outcome.UNKNOWN, Outcome.ERROR}:
        return Coverage.NOT_EVIDENCED
    if Outcome.PASS in outcomes:
        return Coverage.PARTLY
    return Coverage.NOT_APPLICABLE if outcomes else Coverage.NOT_EVIDENCED


def _order(framework: Framework, item: str, _title: str) -> tuple[str, str, list[tuple[str, int]]]:
    """Return what sorts `1.1.9` before `1.1.10`."""
    parts = [(word, int(number or 0)) for word, number in re.findall(r"([^0-9]*)([0-9]*)", item)]
    return framework.id, framework.version, parts
