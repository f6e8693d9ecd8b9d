"""The rules on one branch, from what the list of branches tells and from what only a stronger token is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from ci_guard.evidence.gitlab.branch_settings import FOREIGN, PREMIUM, settings_of
from ci_guard.evidence.gitlab.merging import PIPELINE, ApprovalRule, ApprovalSettings, ProjectSettings, external_checks
from ci_guard.evidence.gitlab.records import Branch
from ci_guard.evidence.gitlab.rules import Combined, Rule, bypasses, matching
from ci_guard.evidence.rest.shape import checked
from ci_guard.model.branch import BranchRules, Bypass, Enforced, StatusCheck
from ci_guard.model.fact import Fact, Known, Unknown, apply, invisible
from ci_guard.model.run import Run
from ci_guard.records import dataclass

T = TypeVar("T")

PAID: Final = (
    "approvals",
    "dismiss-stale-approvals",
    "last-push-approval",
    "code-owner-review",
    "required-reviewers",
    "signed-commits",
)
"""Requirements for which a plan above Free is needed."""

FREE: Final = f"it takes {PREMIUM}, and the project has GitLab Free"
EDITABLE: Final = (
    "each merge request may change its own approval rules (`Prevent editing approval rules in merge requests` is off)"
)
JOB_USER: Final = "the user of this token may push directly"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Everything that was read, for all branches of the project."""

    rules: Fact[tuple[Rule, ...]]
    project: Fact[ProjectSettings]
    approval_settings: Fact[ApprovalSettings]
    approval_rules: Fact[tuple[ApprovalRule, ...]]
    unsigned_refused: Fact[bool]
    external_checks: Fact[tuple[Any, ...]]
    """Raw, because each is for some branches."""


@dataclass(frozen=True, kw_only=True)
class _Sight:
    """What was read of one branch."""

    name: str
    shown: Fact[Branch | None]
    combined: Fact[Combined]
    all: Sources

    @property
    def protected(self) -> Fact[bool]:
        """Whether any rule protects the branch: the server's own word, else that a rule is known."""
        if isinstance(self.shown, Known):
            return apply(self.shown, lambda branch: branch is not None and branch.protected)
        return (
            self.shown if isinstance(self.combined, Unknown) else apply(self.combined, lambda found: bool(found.rules))
        )

    @property
    def branch(self) -> Branch | None:
        """What the list of branches shows of it."""
        return self.shown.value if isinstance(self.shown, Known) else None


def rules_of(name: str, shown: Fact[Branch | None], sources: Sources, run: Run) -> BranchRules:
    """Return all that is known of one branch; `shown` is None where the list shows that there is none."""
    sight = _Sight(name=name, shown=shown, combined=_combined(name, shown, sources.rules), all=sources)
    return BranchRules(
        name=name,
        exists=apply(shown, lambda branch: branch is not None),
        flags=_flags(sight),
        approvals=_approvals(sight),
        required_reviewers=_required_reviewers(sight),
        status_checks=_status_checks(sight),
        bypass=_bypass(sight),
        settings=settings_of(run),
        lacking=_lacking(sight),
        foreign=FOREIGN,
    )


def _combined(name: str, shown: Fact[Branch | None], rules: Fact[tuple[Rule, ...]]) -> Fact[Combined]:
    """Return the rules that take in a branch; none where the server says that none does, unknown where it says more."""
    branch = shown.value if isinstance(shown, Known) else None
    if isinstance(shown, Known) and not (branch and branch.protected):
        return Known(value=Combined(rules=()), source=shown.source, detail=shown.detail)
    if isinstance(rules, Unknown):
        return rules
    found = matching(rules.value, name)
    missed = branch is not None and (
        not found.rules
        or (branch.developers_can_push and not found.developers_push)
        or (branch.developers_can_merge and not found.developers_merge)
    )
    if missed:
        return invisible(
            "a rule holds for the branch that the list of rules does not show",
            needs="a token of an Owner of the group in CI_GUARD_TOKEN",
            detail=rules.detail,
        )
    return Known(value=found, source=rules.source, detail=rules.detail)


def _flags(sight: _Sight) -> dict[str, Fact[bool]]:
    everything = sight.all
    by_rules: dict[str, Callable[[Combined], bool]] = {
        "no-force-push": lambda found: not found.force_push,
        "include-admins": lambda found: not found.names_administrators,
    }
    return {
        "protected": sight.protected,
        "no-deletion": sight.protected,
        "pull-request": _pull_request(sight),
        "restricted-push": _restricted(sight, merging=False),
        "restricted-merge": _restricted(sight, merging=True),
        "restricted-creation": _restricted(sight, merging=True),
        **{name: _by_rules(sight, holds) for name, holds in by_rules.items()},
        "code-owner-review": _paid(sight, _by_rules(sight, lambda found: found.code_owners), no=False),
        "dismiss-stale-approvals": _paid(
            sight, apply(everything.approval_settings, lambda found: found.resets_on_push), no=False
        ),
        "last-push-approval": _paid(
            sight, apply(everything.approval_settings, lambda found: found.bars_committers), no=False
        ),
        "signed-commits": _paid(sight, everything.unsigned_refused, no=False),
        "up-to-date": apply(everything.project, lambda found: found.up_to_date),
        "linear-history": apply(everything.project, lambda found: found.merge_method == "ff"),
        "resolved-conversations": apply(everything.project, lambda found: found.discussions_resolved),
    }


def _by_rules(sight: _Sight, holds: Callable[[Combined], bool]) -> Fact[bool]:
    """Return whether something holds by the rules; where no rule protects the branch nothing does."""
    return apply(sight.combined, lambda found: bool(found.rules) and holds(found))


def _pull_request(sight: _Sight) -> Fact[bool]:
    """Return whether no role may push directly; that somebody may, the list of branches shows as well."""
    if isinstance(sight.combined, Known) or sight.branch is None:
        return _by_rules(sight, lambda found: not found.any_role_pushes)
    if sight.branch.can_push or sight.branch.developers_can_push:
        return apply(sight.shown, lambda _: False)
    return sight.combined


def _restricted(sight: _Sight, *, merging: bool) -> Fact[bool]:
    """Return whether no role below Maintainer may push or, with `merging`, bring anything in at all."""
    branch = sight.branch
    if isinstance(sight.shown, Unknown) and isinstance(sight.combined, Unknown):
        return sight.shown
    if branch is None or not branch.protected:
        return _by_rules(sight, lambda found: not (found.developers_merge if merging else found.developers_push))
    allowed = branch.developers_can_push or (merging and branch.developers_can_merge)
    return apply(sight.shown, lambda _: not allowed)


def _paid(sight: _Sight, fact: Fact[T], *, no: T) -> Fact[T]:
    """
    Return what a plan above Free enforces; on Free nothing of it is, whatever settings are left from before.

    An answer says nothing as long as the plan is not known: those of some endpoints have defaults where it lacks them.
    """
    if isinstance(sight.all.project, Unknown):
        return sight.all.project if isinstance(fact, Known) else fact
    return fact if sight.all.project.value.plan.has_approval_rules else apply(sight.all.project, lambda _: no)


def _approvals(sight: _Sight) -> Fact[Enforced[int]]:
    rules = _binding_rules(sight)
    return apply(rules, lambda found: Enforced(value=max((rule.wanted for rule in found), default=0)))


def _required_reviewers(sight: _Sight) -> Fact[Enforced[frozenset[str]]]:
    rules = _binding_rules(sight)
    return apply(
        rules,
        lambda found: Enforced(value=frozenset[str]().union(*(rule.groups for rule in found if rule.wanted > 0))),
    )


def _binding_rules(sight: _Sight) -> Fact[tuple[ApprovalRule, ...]]:
    """Return the approval rules for the branch, none where merge requests may change them."""
    rules, settings = sight.all.approval_rules, sight.all.approval_settings
    if isinstance(rules, Known):
        applying = _applying(sight, rules)
        if isinstance(applying, Known) and isinstance(settings, Unknown) and applying.value:
            return _paid(sight, settings, no=())
        editable = isinstance(settings, Known) and not settings.value.rules_fixed
        rules = apply(applying, lambda found: () if editable else found)
    return _paid(sight, rules, no=())


def _applying(sight: _Sight, rules: Known[tuple[ApprovalRule, ...]]) -> Fact[tuple[ApprovalRule, ...]]:
    if isinstance(sight.protected, Unknown):
        return sight.protected
    protected = sight.protected.value
    return apply(rules, lambda found: tuple(one for one in found if one.applies(sight.name, protected=protected)))


def _status_checks(sight: _Sight) -> Fact[Enforced[tuple[StatusCheck, ...]]]:
    """Return that the pipeline must succeed, and the external checks where those are required."""
    project = sight.all.project
    if isinstance(project, Unknown):
        return project
    own = (StatusCheck(context=PIPELINE, app_id=0),) if project.value.needs_pipeline else ()
    if not project.value.external_checks_required:
        return apply(project, lambda _: Enforced(value=own))
    listed = checked(sight.all.external_checks, lambda items: external_checks(items, sight.name))
    if isinstance(listed, Unknown):
        return apply(project, lambda _: Enforced(value=own, hidden=listed))
    return apply(listed, lambda found: Enforced(value=(*own, *found)))


def _bypass(sight: _Sight) -> tuple[Fact[tuple[Bypass, ...]], ...]:
    if isinstance(sight.combined, Unknown):
        return (sight.combined,)
    source, detail = sight.combined.source, sight.combined.detail
    return tuple(Known(value=bypasses(rule), source=source, detail=detail) for rule in sight.combined.value.rules)


def _lacking(sight: _Sight) -> dict[str, str]:
    """Return why some things are not enforced, where that takes more than a word."""
    found: dict[str, str] = {}
    project, settings = sight.all.project, sight.all.approval_settings
    if isinstance(project, Known) and not project.value.plan.has_approval_rules:
        return dict.fromkeys(PAID, FREE)
    if isinstance(settings, Known) and not settings.value.rules_fixed and _has_rules(sight):
        found |= dict.fromkeys(("approvals", "required-reviewers"), EDITABLE)
    if isinstance(sight.combined, Unknown) and sight.branch is not None and sight.branch.can_push:
        found["pull-request"] = JOB_USER
    return found


def _has_rules(sight: _Sight) -> bool:
    rules = sight.all.approval_rules
    return isinstance(rules, Known) and any(rule.wanted > 0 for rule in rules.value)


def unread(reason: Unknown) -> Sources:
    """Return sources of which nothing was read."""
    return Sources(
        rules=reason,
        project=reason,
        approval_settings=reason,
        approval_rules=reason,
        unsigned_refused=reason,
        external_checks=reason,
    )
