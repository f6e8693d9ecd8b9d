"""Control `branch-protection`: the platform's own rules on each listed branch and on tags, whatever is being built."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from ci_guard.controls import words
from ci_guard.controls.declared import branch_protection as declared
from ci_guard.controls.judging import LONGEST_REASON, Bench, asked, entries, listing, setting_of
from ci_guard.model import kinds, refs
from ci_guard.model.branch import BranchRules, BranchSelection, Enforced, StatusCheck, TagRule
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.judgement import Judgement, Outcome
from ci_guard.model.meta import Requirement
from ci_guard.model.run import Platform, Run
from ci_guard.model.settings import Settings
from ci_guard.records import replace

META = declared.META

TAGS: Final = "protected-tags"
"""The one requirement that is about tags and not about a branch."""

NOT_IN_A_RULESET: Final = frozenset({"include-admins", "no-bypass"})
"""What a ruleset shows to nobody but its editors, so that moving the rule there would not help."""

MIRROR: Final = "Ask for it in a ruleset, which every token can read"
"""The better advice on GitHub, because it needs no stronger token."""

ABSENT: Final = "there is no such branch"
REMOVE: Final = "Create the branch, or take it out of the policy's list."

T = TypeVar("T")


def needs(settings: Settings, run: Run) -> Needs:  # noqa: ARG001 - the rules are judged in every run
    """See `Control.needs`: the rules of the listed branches only where something is asked of a branch."""
    about_branches = any(requirement.id != TAGS for requirement in asked(META, settings))
    return Needs(branches=entries(settings) if about_branches else (), tags=settings.asks(TAGS))


def check(facts: Facts, settings: Settings) -> Iterator[Judgement]:
    """
    See `Control.check`: one judgement for each requirement and branch.

    A pass needs a known rule. What a readable source enforces stands, because sources only add to one another; what
    none of them enforces is a failure only where every source was readable.

    Source: GitHub, "About rulesets": all rules that apply to a branch are combined, and the strictest holds. GitLab,
    "Protection rules and permissions": the most permissive holds, which the evidence has applied already.
    """
    for requirement in asked(META, settings):
        if requirement.id == TAGS:
            yield judge_tags(facts, settings, requirement)
            continue
        seen: list[BranchRules] = []
        for entry in entries(settings):
            yield from judge_entry(entry, facts, settings, requirement, seen)


def judge_entry(
    entry: str, facts: Facts, settings: Settings, requirement: Requirement, seen: list[BranchRules]
) -> Iterator[Judgement]:
    """Yield the judgements on the branches that an entry stands for, leaving out those in `seen`."""
    rules = branches_of(entry, facts.branches)
    name = name_of(entry, facts.run)
    bench = Bench(
        meta=META,
        requirement=requirement,
        value=settings.require[requirement.id],
        subject=name.value if isinstance(name, Known) else entry,
        run=facts.run,
        page=facts.run.pages.branches,
    )
    if isinstance(rules, Unknown):
        yield bench.wonders([rules, *([name] if isinstance(name, Unknown) else [])])
    elif not rules.value and (refs.is_pattern(entry) or entry == refs.CURRENT):
        yield replace(bench, subject=entry).excuses(f"no branch is built or matches {entry}")
    elif not rules.value:
        yield bench.fails(ABSENT, [rules], remedy=REMOVE)
    else:
        for branch in rules.value:
            if branch not in seen:
                seen.append(branch)
                yield judge_branch(branch, settings, requirement, facts.run)


def name_of(entry: str, run: Run) -> Fact[str]:
    """Return the branch that an entry stands for, so that a waiver for the branch holds where its rules are unknown."""
    fact = {refs.DEFAULT: run.default_branch, refs.CURRENT: run.branch}.get(entry)
    return apply(fact, lambda name: name or entry) if fact else Known(value=entry, source=Source.NONE)


def branches_of(entry: str, facts: Fact[tuple[BranchSelection, ...]]) -> Fact[tuple[BranchRules, ...]]:
    """Return the branches that the evidence found for an entry of the policy."""
    if isinstance(facts, Unknown):
        return facts
    for selection in facts.value:
        if selection.entry == entry:
            return selection.branches
    return unavailable("no evidence was collected for this entry of the policy")


def judge_branch(branch: BranchRules, settings: Settings, requirement: Requirement, run: Run) -> Judgement:
    """Return the judgement on one branch; a rule for a name that no branch has protects nothing yet."""
    mirrors = run.platform is Platform.GITHUB and requirement.id not in NOT_IN_A_RULESET
    bench = Bench(
        meta=META,
        requirement=requirement,
        value=settings.require[requirement.id],
        subject=branch.name,
        run=run,
        setting=setting_of(branch.settings, requirement),
        mirror=MIRROR if mirrors else "",
    )
    if isinstance(branch.exists, Known) and not branch.exists.value:
        return replace(bench, page=run.pages.branches).fails(ABSENT, [branch.exists], remedy=REMOVE)
    if requirement.id in branch.foreign:
        return bench.excuses(branch.foreign[requirement.id])
    judgement = JUDGES.get(requirement.id, judge_flag)(branch, bench)
    if isinstance(branch.exists, Unknown):
        if judgement.outcome is Outcome.PASS:
            return bench.wonders([branch.exists], judgement.observed)
        if judgement.outcome is Outcome.UNKNOWN and branch.exists.cause is Cause.UNAVAILABLE:
            return replace(judgement, cause=Cause.UNAVAILABLE)
    return judgement


def judge_flag(branch: BranchRules, bench: Bench) -> Judgement:
    """Judge what is either enforced or not; what the platform does not offer is not enforced."""
    fact = branch.flags.get(bench.requirement.id)
    if fact is None:
        return bench.fails(
            "the platform does not offer it", remedy="Take the requirement out of the policy for this platform."
        )
    if isinstance(fact, Unknown):
        return bench.wonders([fact])
    if fact.value:
        return bench.passes("enforced", [fact])
    remedy = words.of(bench.run).protect.format(bench.named) if bench.requirement.id == "protected" else ""
    return bench.fails(branch.lacking.get(bench.requirement.id) or "not enforced", [fact], remedy=remedy)


def judge_approvals(branch: BranchRules, bench: Bench) -> Judgement:
    """Judge the number of approvals that a merge needs."""
    wanted = kinds.number(bench.value)
    none = branch.lacking.get(bench.requirement.id) or "none required"
    return judge_lower_bound(
        branch.approvals,
        bench,
        satisfied=lambda number: number >= wanted,
        show=lambda number: f"{number} required" if number else none,
    )


def judge_required_reviewers(branch: BranchRules, bench: Bench) -> Judgement:
    """Judge the teams that have to review."""
    wanted = kinds.names(bench.value)
    none = branch.lacking.get(bench.requirement.id) or f"no {words.of(bench.run).team} has to review"
    return judge_lower_bound(
        branch.required_reviewers,
        bench,
        satisfied=lambda teams: bool(teams) and wanted <= teams,
        show=lambda teams: required_text(teams, wanted, none),
    )


def judge_status_checks(branch: BranchRules, bench: Bench) -> Judgement:
    """Judge the required checks by name; protection with an empty list of checks requires none."""
    wanted = kinds.names(bench.value)
    none = branch.lacking.get(bench.requirement.id) or "no check is required"
    return judge_lower_bound(
        apply(branch.status_checks, contexts_of),
        bench,
        satisfied=lambda contexts: bool(contexts) and wanted <= contexts,
        show=lambda contexts: required_text(contexts, wanted, none),
    )


def judge_lower_bound(
    fact: Fact[Enforced[T]], bench: Bench, *, satisfied: Callable[[T], bool], show: Callable[[T], str]
) -> Judgement:
    """Judge what readable sources enforce: enough is enough, too little is a failure only where nothing is hidden."""
    if isinstance(fact, Unknown):
        return bench.wonders([fact])
    enforced = fact.value
    observed = show(enforced.value)
    if satisfied(enforced.value):
        return bench.passes(observed, [fact])
    if enforced.hidden is not None:
        return bench.wonders([enforced.hidden], f"as far as this token can read: {observed}")
    return bench.fails(observed, [fact])


def judge_check_source(branch: BranchRules, bench: Bench) -> Judgement:
    """Judge whether every required check is bound; one required both ways is bound, because both have to succeed."""
    fact = branch.status_checks
    if isinstance(fact, Unknown):
        return bench.wonders([fact])
    checks, hidden = fact.value.value, fact.value.hidden
    bound = {check.context for check in checks if check.app_id is not None}
    loose = {check.context for check in checks} - bound
    if loose:
        return bench.fails(f"anybody may report {listing(sorted(loose))}", [fact])
    observed = f"bound: {listing(sorted(bound))}" if bound else "no check is required"
    if hidden is not None:
        return bench.wonders([hidden], f"as far as this token can read: {observed}")
    return bench.passes(observed, [fact]) if bound else bench.fails(observed, [fact])


def judge_bypass(branch: BranchRules, bench: Bench) -> Judgement:
    """Judge who may pass by the rules: one known stranger is enough to fail, one unreadable list to leave it open."""
    allowed = kinds.names(bench.value)
    known = [fact for fact in branch.bypass if isinstance(fact, Known)]
    unknown = [fact for fact in branch.bypass if isinstance(fact, Unknown)]
    people = [somebody for fact in known for somebody in fact.value]
    strangers = [f"{somebody.name} may pass {somebody.source}" for somebody in people if somebody.name not in allowed]
    if strangers:
        return bench.fails(listing(strangers, LONGEST_REASON), known)
    if unknown:
        return bench.wonders(unknown)
    if not known:
        # Not a pass: where nothing binds anybody there is nothing to pass by.
        return bench.fails("no rule applies to the branch")
    return bench.passes(f"nobody but {listing(sorted(b.name for b in people))}" if people else "nobody", known)


JUDGES: Final[Mapping[str, Callable[[BranchRules, Bench], Judgement]]] = {
    "approvals": judge_approvals,
    "required-reviewers": judge_required_reviewers,
    "status-checks": judge_status_checks,
    "check-source": judge_check_source,
    "no-bypass": judge_bypass,
}
"""Every other requirement of a branch is a flag, which the evidence reports under its id."""


def judge_tags(facts: Facts, settings: Settings, requirement: Requirement) -> Judgement:
    """
    Return the judgement on tags: each asked pattern is held whole by one rule; for `true`, some tag is held by any.

    Sound, not complete: rules that cover a pattern only together do not count. See `refs.protects`.
    """
    wanted = settings.names(TAGS)
    setting = facts.tags.value.setting if isinstance(facts.tags, Known) else None
    bench = Bench(
        meta=META,
        requirement=requirement,
        value=settings.require[TAGS],
        subject="tags",
        run=facts.run,
        setting=setting,
    )
    if isinstance(facts.tags, Unknown):
        return bench.wonders([facts.tags])

    def satisfied(rules: tuple[TagRule, ...]) -> bool:
        if not wanted:
            return any(refs.protects_something(rule.include, rule.exclude) for rule in rules)
        return all(any(refs.protects(rule.include, rule.exclude, pattern) for rule in rules) for pattern in wanted)

    def show(rules: tuple[TagRule, ...]) -> str:
        return listing((rule_text(rule) for rule in rules), LONGEST_REASON) or "no rule protects a tag"

    return judge_lower_bound(facts.tags.value.rules, bench, satisfied=satisfied, show=show)


def contexts_of(enforced: Enforced[tuple[StatusCheck, ...]]) -> Enforced[frozenset[str]]:
    """Return the required checks by name."""
    return Enforced(value=frozenset(check.context for check in enforced.value), hidden=enforced.hidden)


def required_text(found: frozenset[str], wanted: frozenset[str], none: str) -> str:
    """Return what is required and what is missing, for people."""
    if not found:
        return none
    missing = wanted - found
    return f"required: {listing(sorted(found))}" + (f"; missing: {listing(sorted(missing))}" if missing else "")


def rule_text(rule: TagRule) -> str:
    """Return which tags a rule holds, for people."""
    spared = f" but not {listing(rule.exclude)}" if rule.exclude else ""
    return f"{rule.source} holds {listing(rule.include) or 'nothing'}{spared}"
