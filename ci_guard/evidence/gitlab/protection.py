"""Which branches the entries of a policy stand for, the rules on each, and the rules about tags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from ci_guard.evidence.gitlab import merging, records, rules
from ci_guard.evidence.gitlab.branch_rules import Sources, rules_of, unread
from ci_guard.evidence.gitlab.branch_settings import TAGS, address
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.merging import Plan
from ci_guard.evidence.gitlab.records import Branch
from ci_guard.evidence.interface import Enough
from ci_guard.evidence.rest.shape import boolean, checked, text
from ci_guard.evidence.rest.together import two
from ci_guard.model import refs
from ci_guard.model.branch import BranchRules, BranchSelection, Enforced, Setting, TagRule, TagRules
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, invisible, unavailable
from ci_guard.model.run import Run
from ci_guard.records import dataclass, replace

T = TypeVar("T")

REPORTER: Final = f"{STRONGER}, with the role Reporter"
MAINTAINER: Final = f"{STRONGER}, with the role Maintainer"
"""What older servers want for the rules, and every server for push rules."""

MAXIMUM_MATCHES: Final = 100
"""Branches that one pattern may stand for."""


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A branch by its name, and what the list of branches shows of it."""

    name: str
    branch: Fact[Branch | None]


UNREAD: Final = unavailable("what was read before it was enough")
NONE_ASKED: Final = Known(value=(), source=Source.NONE)


def get_branches(
    client: Client, run: Run, entries: Sequence[str], enough: Enough | None = None
) -> Fact[tuple[BranchSelection, ...]]:
    """
    Return one selection for each entry of a policy's `branches`, in the given order.

    The list of branches comes first, which every token may read; where that is `enough` nothing else is asked.
    """
    found = client.gather(*(partial(_find, client, run, entry) for entry in entries))
    selections = _select(entries, found, unread(UNREAD), run)
    if enough is None or not client.stronger or not enough(selections):
        selections = _select(entries, found, _read(client), run)
    return Known(value=selections, source=Source.API, detail="GET repository/branches")


def _select(
    entries: Sequence[str], found: Sequence[Fact[tuple[_Shown, ...]]], sources: Sources, run: Run
) -> tuple[BranchSelection, ...]:
    def rules_on(shown: tuple[_Shown, ...]) -> tuple[BranchRules, ...]:
        return tuple(rules_of(one.name, one.branch, sources, run) for one in shown)

    return tuple(
        BranchSelection(entry=entry, branches=apply(fact, rules_on)) for entry, fact in zip(entries, found, strict=True)
    )


def _find(client: Client, run: Run, entry: str) -> Fact[tuple[_Shown, ...]]:
    """Return the branches that an entry stands for; a literal name stands for itself, existing or not."""
    if entry == refs.DEFAULT:
        return apply(run.default_branch, lambda name: (_look_up(client, name),))
    if entry == refs.CURRENT:
        return apply(run.branch, lambda name: () if name is None else (_look_up(client, name),))
    if not refs.is_pattern(entry):
        return Known(value=(_look_up(client, entry),), source=Source.API)
    prefix = entry.partition("*")[0]
    listed = records.get_branches(client, search=f"^{prefix.partition('$')[0]}")
    if isinstance(listed, Unknown):
        return listed
    source, detail = listed.source, listed.detail
    found = tuple(
        _Shown(name=branch.name, branch=Known(value=branch, source=source, detail=detail))
        for branch in listed.value
        if refs.fits(entry, branch.name)
    )
    if len(found) > MAXIMUM_MATCHES:
        said = f"{entry} stands for {len(found)} branches, more than the {MAXIMUM_MATCHES} that are judged at once"
        return unavailable(said, detail=detail)
    return Known(value=found, source=source, detail=detail)


def _look_up(client: Client, name: str) -> _Shown:
    return _Shown(name=name, branch=records.get_branch(client, name))


def _read(client: Client) -> Sources:
    """Return everything that is not in the list of branches; without a stronger token most of it is unknown."""

    def every(path: str, parse: Callable[[tuple[Any, ...]], T], needs: str = REPORTER) -> Callable[[], Fact[Any]]:
        return lambda: checked(client.get_all(path, sight=Sight.BY_STRONGER, needs=needs), parse)

    def one(path: str, parse: Callable[[Any], T], needs: str = REPORTER) -> Callable[[], Fact[Any]]:
        return lambda: checked(client.get(path, sight=Sight.BY_STRONGER, needs=needs), parse)

    protected, project = two(
        client,
        every("protected_branches", lambda items: tuple(rules.parse(item) for item in items)),
        lambda: _project(client),
    )
    if not client.stronger:
        # Nothing of the rest is ever shown without one, of no project.
        return replace(
            unread(invisible("a job's token does not show this", needs=REPORTER)), rules=protected, project=project
        )
    settings, approvals = two(
        client, one("approvals", merging.parse_approval_settings), every("approval_rules", merging.parse_approval_rules)
    )
    plan = project.value.plan if isinstance(project, Known) else None
    pushes: Fact[bool] = apply(project, lambda _: False)
    if plan is not Plan.FREE:
        # Where there are no push rules the whole answer is null.
        answer = client.get("push_rule", sight=Sight.BY_STRONGER, needs=MAINTAINER, shape=object)
        pushes = checked(answer, merging.parse_push_rule)
    checks: Fact[tuple[Any, ...]] = NONE_ASKED
    if plan is Plan.ULTIMATE:
        checks = client.get_all("external_status_checks", sight=Sight.BY_STRONGER, needs=MAINTAINER)
    return Sources(
        rules=protected,
        project=project,
        approval_settings=settings,
        approval_rules=approvals,
        unsigned_refused=pushes,
        external_checks=checks,
    )


def _project(client: Client) -> Fact[merging.ProjectSettings]:
    answer = client.get("", sight=Sight.BY_STRONGER, needs=REPORTER)
    if isinstance(answer, Known) and "merge_method" not in answer.value:
        # Who may not see the code is told the project's name and little more.
        return invisible("the project's settings are not shown to this token", needs=REPORTER, detail=answer.detail)
    return checked(answer, merging.parse_project)


def get_tags(client: Client, run: Run) -> Fact[TagRules]:
    """
    Return the rules about tags; without a stronger token those tags of today that some rule protects.

    A protected tag cannot be moved, and not be deleted by git. Source: "Protected tags"; Tags API, `protected`.
    """
    listed = client.get_all("protected_tags", sight=Sight.BY_STRONGER, needs=REPORTER)
    found = checked(listed, lambda items: Enforced(value=tuple(_tag_rule(text(item, "name")) for item in items)))
    if isinstance(found, Unknown):
        found = _protected_today(client, found)
    setting = Setting(name="Protected tags", url=address(run, TAGS))
    return Known(value=TagRules(rules=found, setting=setting), source=Source.API)


def _tag_rule(name: str) -> TagRule:
    return TagRule(include=(rules.everywhere(name),), exclude=(), source=f"the protected tag {name}")


def _protected_today(client: Client, hidden: Unknown) -> Fact[Enforced[tuple[TagRule, ...]]]:
    def read(items: tuple[Any, ...]) -> Enforced[tuple[TagRule, ...]]:
        names = [text(item, "name") for item in items if boolean(item, "protected")]
        found = tuple(TagRule(include=(name,), exclude=(), source="a rule that is not shown") for name in names)
        return Enforced(value=found, hidden=hidden)

    return checked(client.get_all("repository/tags"), read)
