"""The rules on one branch: rulesets of every level and the classic protection, combined as GitHub combines them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from ci_guard.evidence.github.branch_settings import settings_of
from ci_guard.evidence.github.client import Client, segment
from ci_guard.evidence.github.protection import (
    Classic,
    Reading,
    Rules,
    RulesetHead,
    read_bypass,
    read_classic,
    read_rules,
    read_summary_checks,
)
from ci_guard.evidence.rest.shape import boolean, checked, integer, text
from ci_guard.evidence.rest.together import two
from ci_guard.model.branch import BranchRules, Bypass, Enforced, StatusCheck
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, invisible, unavailable, worst
from ci_guard.model.run import Run
from ci_guard.records import dataclass

T = TypeVar("T")

FLAGS: Final = (
    "no-force-push",
    "no-deletion",
    "pull-request",
    "dismiss-stale-approvals",
    "last-push-approval",
    "code-owner-review",
    "restricted-dismissal",
    "up-to-date",
    "linear-history",
    "signed-commits",
    "resolved-conversations",
    "restricted-push",
    "restricted-merge",
    "restricted-creation",
)
"""Requirements that any one source of rules can fulfil by itself."""

NO_BRANCH: Final = frozenset({"Branch not found"})
NO_CLASSIC: Final = frozenset({"Branch not protected"})
UNREAD: Final = unavailable("what was read before it was enough")

EDITORS: Final = {"Repository": "administration: write", "Organization": "organization-administration: write"}
"""What shows the bypass list of a ruleset. Source: REST "Rules", "Get a repository ruleset", `bypass_actors`."""


@dataclass(frozen=True, kw_only=True)
class _Sources:
    """Everything that was read about one branch."""

    name: str
    protected: Fact[bool]
    rules: Fact[Rules]
    classic: Fact[Classic | None]
    """None where there is none."""
    shown_checks: tuple[StatusCheck, ...]
    """Required checks in the branch's summary: proof where they stand, whatever else is hidden."""
    details: tuple[Fact[Any], ...]
    """One for each ruleset of `rules`."""
    teams: Fact[Mapping[int, frozenset[str]]]
    """Every spelling of a team's name, by id."""

    @property
    def readings(self) -> list[Reading]:
        """What could be read, rulesets first."""
        found = [self.rules.value.reading] if isinstance(self.rules, Known) else []
        if isinstance(self.classic, Known) and self.classic.value is not None:
            found.append(self.classic.value.reading)
        return found

    @property
    def rulesets(self) -> tuple[RulesetHead, ...]:
        """The rulesets that are known to apply."""
        return self.rules.value.rulesets if isinstance(self.rules, Known) else ()

    @property
    def has_classic(self) -> bool:
        """Whether classic protection is known to apply."""
        return isinstance(self.classic, Known) and self.classic.value is not None

    def doubts(self, requirement: str) -> list[Unknown]:
        """Return why more may be enforced than was read."""
        hidden = [source for source in (self.rules, self.classic) if isinstance(source, Unknown)]
        silent = [reading.detail for reading in self.readings if requirement in reading.silent]
        return hidden + [unavailable("the answer does not say it", detail=detail) for detail in silent]

    @property
    def detail(self) -> str:
        """Name everything that was read."""
        facts = (self.protected, self.rules, self.classic)
        return " and ".join(dict.fromkeys(fact.detail for fact in facts if isinstance(fact, Known)))


def rules_shown(client: Client, name: str, run: Run) -> BranchRules:
    """
    Return the rules on one branch as far as every token may read them: those of rulesets, in one request.

    All else is unknown, save that the branch exists: that is asked where the server has not said it.
    """
    stands = _stands(run, name)
    summary, listed = two(
        client,
        lambda: UNREAD if stands else _get_summary(client, name),
        lambda: client.get_all(f"rules/branches/{segment(name)}"),
    )
    rules = checked(listed, lambda items: read_rules(items, listed.detail))
    there = checked(summary, lambda body: body is not None and text(body, "name") == name)
    sources = _Sources(
        name=name,
        protected=UNREAD,
        rules=rules,
        classic=UNREAD,
        shown_checks=(),
        details=tuple(UNREAD for _ in rules.value.rulesets) if isinstance(rules, Known) else (),
        teams=UNREAD,
    )
    return _branch_rules(sources, exists=apply(run.default_branch, lambda _: True) if stands else there, run=run)


def _stands(run: Run, name: str) -> bool:
    """
    Tell whether the server has said that the branch exists: the default one, of which or into which this run is.

    Source: "Changing the default branch": it cannot be deleted as long as it is that.
    """
    default, branch, change = run.default_branch, run.branch, run.change
    if not (isinstance(default, Known) and default.source is Source.API and default.value == name):
        return False
    if isinstance(branch, Known) and branch.value is not None:
        return branch.source is Source.API and branch.value == name
    aim = change.value if isinstance(change, Known) else None
    # A target has a commit here only where the server has the pull request aimed at it.
    return aim is not None and aim.target == name and aim.target_commit is not None


def rules_of(client: Client, name: str, run: Run) -> BranchRules:
    """
    Return all rules on one branch, whether it exists or not.

    Source: "About rulesets", "About rule layering": all rules that apply hold together, the strictest of each kind.
    """
    (summary, classic), (listed, teams, details) = two(
        client, lambda: _get_classic(client, name, run), lambda: _get_rulesets(client, name)
    )
    # A renamed branch is answered as the new one. The one that the policy names is gone, and anybody may make it anew.
    now = checked(summary, lambda body: None if body is None else text(body, "name"))
    if isinstance(now, Known) and now.value != name:
        return _nothing(name, f"{now.detail} (renamed to {now.value})" if now.value else now.detail, run)
    exists = apply(now, lambda _: True)
    protected = checked(summary, lambda body: boolean(body, "protected"))
    rules = checked(listed, lambda items: read_rules(items, listed.detail))
    unprotected = isinstance(protected, Known) and not protected.value
    if unprotected and isinstance(rules, Unknown):
        # `protected` is true as soon as a rule of either kind applies: false proves that there is none.
        rules = Known(value=Rules(reading=Reading(detail=protected.detail)), source=Source.API, detail=protected.detail)
    shown = checked(summary, read_summary_checks)
    sources = _Sources(
        name=name,
        protected=protected,
        rules=rules,
        classic=checked(
            classic, lambda body: None if body is None else read_classic(body, classic.detail, branch=name)
        ),
        shown_checks=shown.value if isinstance(shown, Known) else (),
        details=details,
        teams=checked(teams, lambda found: _spellings(found, client.repository.partition("/")[0])),
    )
    return _branch_rules(sources, exists=exists, run=run)


def _get_summary(client: Client, name: str) -> Fact[Any]:
    return client.get(f"branches/{segment(name)}", absent=NO_BRANCH)


def _get_classic(client: Client, name: str, run: Run) -> tuple[Fact[Any], Fact[Any]]:
    """Return the branch's summary and its classic protection: a branch without any protection is not asked for one."""

    def classic() -> Fact[Any]:
        # A job's own token may not see it, so that a stronger one is asked first where there is one.
        return client.get(f"branches/{segment(name)}/protection", absent=NO_CLASSIC, stronger_first=True)

    if _stands(run, name):
        # What could be read without it was not enough, so that it will be wanted: both in one round.
        two(client, lambda: _get_summary(client, name), classic)
    summary = _get_summary(client, name)
    # Nor is one that is gone, or has another name now.
    bound = checked(
        summary, lambda body: body is not None and text(body, "name") == name and boolean(body, "protected")
    )
    if isinstance(bound, Known) and not bound.value:
        return summary, Known(value=None, source=Source.API, detail=bound.detail)
    return summary, classic()


def _get_rulesets(client: Client, name: str) -> tuple[Fact[Any], Fact[Any], tuple[Fact[Any], ...]]:
    """Return the rules of rulesets, the owner's teams where rules name any, and the rulesets themselves."""
    listed = client.get_all(f"rules/branches/{segment(name)}")
    rules = checked(listed, lambda items: read_rules(items, listed.detail))
    if isinstance(rules, Unknown):
        return listed, Known(value=(), source=Source.API), ()
    owner = client.repository.partition("/")[0]
    # A job's own token sees neither whole.
    teams, details = two(
        client,
        # Rules name teams by number, policies mostly by name.
        lambda: (
            client.get_all(f"/orgs/{owner}/teams", stronger_first=True)
            if rules.value.reading.teams
            else Known(value=(), source=Source.API, detail=listed.detail)
        ),
        lambda: client.gather(*(partial(_ask_ruleset, client, head) for head in rules.value.rulesets)),
    )
    return listed, teams, details


def _branch_rules(sources: _Sources, *, exists: Fact[bool], run: Run) -> BranchRules:
    return BranchRules(
        name=sources.name,
        exists=exists,
        flags=_flags(sources),
        approvals=_enforced(sources, "approvals", lambda readings: max((r.approvals for r in readings), default=0)),
        required_reviewers=_required_reviewers(sources),
        status_checks=_status_checks(sources),
        bypass=_bypass(sources),
        settings=settings_of(run, sources.rulesets, classic=sources.has_classic),
    )


def _ask_ruleset(client: Client, head: RulesetHead) -> Fact[Any]:
    """Return a ruleset with its bypass list, unknown without: an absent list is one that is not shown."""

    def shows_bypass(body: Any) -> bool:
        return isinstance(body.get("bypass_actors"), list)

    fact = client.get(
        f"rulesets/{head.id}",
        params={"includes_parents": "true"},
        complete=shows_bypass,
        stronger_first=True,
    )
    if isinstance(fact, Known) and not shows_bypass(fact.value):
        return invisible(
            f"the bypass list of ruleset {head.id} is shown only to those who may edit it",
            needs=EDITORS.get(head.level, f"write access to rulesets of the {head.level.lower()}"),
            detail=fact.detail,
        )
    return fact


def _spellings(teams: Sequence[Any], owner: str) -> Mapping[int, frozenset[str]]:
    """Return the ways in which a policy may write each team."""
    slugs = {integer(team, "id"): text(team, "slug") for team in teams}
    return {number: frozenset({slug, f"{owner}/{slug}"}) for number, slug in slugs.items()}


def _flags(sources: _Sources) -> dict[str, Fact[bool]]:
    return {
        "protected": _protected(sources),
        **{requirement: _flag(sources, requirement) for requirement in FLAGS},
        "include-admins": _include_admins(sources),
    }


def _flag(sources: _Sources, requirement: str) -> Fact[bool]:
    """One source that enforces it is enough; none does only where all were read."""
    for reading in sources.readings:
        if requirement in reading.holds:
            return Known(value=True, source=Source.API, detail=reading.detail)
    doubts = sources.doubts(requirement)
    return worst(doubts) if doubts else Known(value=False, source=Source.API, detail=sources.detail)


def _protected(sources: _Sources) -> Fact[bool]:
    """Any rule at all protects; the server's own word is asked first."""
    if isinstance(sources.protected, Known) and sources.protected.value:
        return sources.protected
    if sources.rulesets:
        return Known(value=True, source=Source.API, detail=sources.rules.detail)
    if sources.has_classic:
        return Known(value=True, source=Source.API, detail=sources.classic.detail)
    return sources.protected


def _enforced(sources: _Sources, requirement: str, combine: Callable[[list[Reading]], T]) -> Fact[Enforced[T]]:
    """Combine what was read, with the reason why there may be more."""
    doubts = sources.doubts(requirement)
    if not sources.readings and doubts:
        return worst(doubts)
    value = Enforced(value=combine(sources.readings), hidden=worst(doubts) if doubts else None)
    return Known(value=value, source=Source.API, detail=sources.detail)


def _status_checks(sources: _Sources) -> Fact[Enforced[tuple[StatusCheck, ...]]]:
    """Combine the required checks; one that is required twice is listed twice, bound to an app or not."""
    fact = _enforced(
        sources, "status-checks", lambda readings: tuple(check for reading in readings for check in reading.checks)
    )
    if not sources.shown_checks or isinstance(sources.classic, Known):
        return fact
    if isinstance(fact, Unknown):
        value = Enforced(value=sources.shown_checks, hidden=fact)
        return Known(value=value, source=Source.API, detail=sources.detail)
    checks = tuple(dict.fromkeys(fact.value.value + sources.shown_checks))
    return Known(value=Enforced(value=checks, hidden=fact.value.hidden), source=Source.API, detail=sources.detail)


def _required_reviewers(sources: _Sources) -> Fact[Enforced[frozenset[str]]]:
    """Return the teams by number, and by name where names are shown. Classic protection has no such setting."""
    if isinstance(sources.rules, Unknown):
        return sources.rules
    numbers = sources.rules.value.reading.teams
    names = sources.teams.value if isinstance(sources.teams, Known) else {}
    spelled = {str(number) for number in numbers} | {name for number in numbers for name in names.get(number, ())}
    hidden = sources.teams if isinstance(sources.teams, Unknown) else None
    return Known(
        value=Enforced(value=frozenset(spelled), hidden=hidden), source=Source.API, detail=sources.rules.detail
    )


def _bypass(sources: _Sources) -> tuple[Fact[tuple[Bypass, ...]], ...]:
    """Return one list for each source of rules that applies; unknown for each that could not be read."""
    found: list[Fact[tuple[Bypass, ...]]] = [sources.rules] if isinstance(sources.rules, Unknown) else []
    found += [checked(detail, read_bypass) for detail in sources.details]
    if isinstance(sources.classic, Unknown):
        found.append(sources.classic)
    elif sources.classic.value is not None:
        silent = unavailable("the answer does not say whether administrators are bound", detail=sources.classic.detail)
        lists = apply(sources.classic, lambda classic: classic.bypass if classic else ())
        found.append(silent if sources.classic.value.silent_on_admins else lists)
    return tuple(found)


def _include_admins(sources: _Sources) -> Fact[bool]:
    """Administrators are bound where every source of rules binds them; where no rule applies nobody is bound."""
    lists = _bypass(sources)
    for fact in lists:
        if isinstance(fact, Known) and any(somebody.administrator for somebody in fact.value):
            return Known(value=False, source=Source.API, detail=fact.detail)
    doubts = [fact for fact in lists if isinstance(fact, Unknown)]
    if doubts:
        return worst(doubts)
    return Known(value=bool(lists), source=Source.API, detail=sources.detail)


def _nothing(name: str, detail: str, run: Run) -> BranchRules:
    """Return the rules on a branch that is not there: none."""
    none: Fact[Classic | None] = Known(value=None, source=Source.API, detail=detail)
    empty = Known(value=Rules(reading=Reading(detail=detail)), source=Source.API, detail=detail)
    no = Known(value=False, source=Source.API, detail=detail)
    sources = _Sources(
        name=name,
        protected=no,
        rules=empty,
        classic=none,
        shown_checks=(),
        details=(),
        teams=Known(value={}, source=Source.API),
    )
    return _branch_rules(sources, exists=no, run=run)
