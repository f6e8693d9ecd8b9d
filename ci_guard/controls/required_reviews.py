"""Control `required-reviews`: the very commit that is built was reviewed by people who may and had no part in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ci_guard.controls import tally, words
from ci_guard.controls.declared import required_reviews as declared
from ci_guard.controls.judging import Bench, asked, benches, clip, entries, listing
from ci_guard.controls.origins import Bringer, bringers, stand_ins
from ci_guard.controls.tally import Tally
from ci_guard.model import refs
from ci_guard.model.fact import Fact, Known, Unknown, unavailable, worst
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.judgement import Judgement
from ci_guard.model.kinds import Level
from ci_guard.model.review import Change, ChangeState, Origin, OwnedPath, Provenance
from ci_guard.model.run import Event, Run
from ci_guard.model.settings import DEFAULT_EVENTS, Settings
from ci_guard.records import replace

META = declared.META

REVIEWED_CHANGE: Final = "reviewed-change"
REVIEWED_HISTORY: Final = "reviewed-history"
APPROVALS: Final = "approvals"
OWNER_REVIEW: Final = "code-owner-review"

OPEN_CHANGES: Final = frozenset({Event.CHANGE, Event.TARGET_CHANGE})
"""Events about a change that is not merged yet: judged only where the policy's `on` names them."""

REFUSED: Final = "no reviewed {} brought the commit, and that is refused already"
ASK_FOR_REVIEW: Final = (
    "Ask somebody who may, and had no part in the {}, to approve its final head before it is merged."
)
TOO_LATE: Final = (
    "It is merged, so an approval given now does not count. Open a {} with what comes next, or with the revert, "
    "and have it approved before its merge."
)
ASK_AN_OWNER: Final = "Ask one of the owners for a review."

LONGEST_HISTORY: Final = 100
"""Commits of a push that are judged one by one; a longer push is unknown, whatever its commits are."""


def needs(settings: Settings, run: Run) -> Needs:
    """See `Control.needs`: nothing where the run is out of scope, and no more of a change than is asked."""
    if isinstance(excuse(settings, run), (str, Unknown)):
        return Needs()
    wanted = {requirement.id for requirement in asked(META, settings)}
    if not is_push(run):
        wanted -= {REVIEWED_HISTORY}
    return Needs(
        provenance=bool(wanted),
        history=REVIEWED_HISTORY in wanted,
        reviews=bool(wanted - {REVIEWED_CHANGE, REVIEWED_HISTORY}),
        owners=OWNER_REVIEW in wanted,
    )


def check(facts: Facts, settings: Settings) -> Iterator[Judgement]:
    """
    See `Control.check`: one judgement for each requirement and change that brought the commit.

    Only a merge into a listed branch that put this very commit there counts. A list of changes that merely contain the
    commit names open ones and backports too.

    Source: "List pull requests associated with a commit" (https://docs.github.com/rest/commits/commits).
    """
    out = excuse(settings, facts.run)
    for bench in benches(META, settings, facts.run, page=facts.run.pages.rules):
        if isinstance(out, str):
            yield bench.excuses(out)
        elif isinstance(out, Unknown):
            yield bench.wonders([out])
        elif bench.requirement.id == REVIEWED_HISTORY and not is_push(facts.run):
            yield bench.excuses("only a push brings a history")
        elif isinstance(facts.provenance, Unknown):
            yield bench.wonders([facts.provenance])
        elif isinstance(facts.provenance.value.commit, Unknown):
            yield bench.wonders([facts.provenance.value.commit])
        else:
            yield from judge_commit(
                facts.provenance.value, facts.provenance.value.commit.value, facts.run, settings, bench
            )


def excuse(settings: Settings, run: Run) -> str | Unknown | None:
    """Return why the run is out of the control's scope, or what is unknown about that; None where it is judged."""
    if isinstance(run.event, Unknown):
        return run.event
    event = run.event.value
    if event not in (DEFAULT_EVENTS if settings.on is None else settings.on):
        return f"reviews are judged after the merge; `on: [{event.value}]` in the policy judges them here too"
    if event in OPEN_CHANGES:
        return excuse_change(settings, run)
    if isinstance(run.tag, Known) and run.tag.value is not None:
        return None
    doubts = [fact for fact in (run.tag, run.branch) if isinstance(fact, Unknown)]
    if isinstance(run.branch, Known):
        # A commit that is built without any ref, such as a deployment's, is judged: else no ref would be the way round.
        where = (
            refs.listed(entries(settings), run.branch.value, run) if run.branch.value is not None else has_no_ref(run)
        )
        if where is True:
            return None
        doubts += [where] if isinstance(where, Unknown) else []
    return worst(doubts) if doubts else "neither a listed branch nor a tag is built"


def excuse_change(settings: Settings, run: Run) -> str | Unknown | None:
    """Return why an open change is out of scope, or what is unknown about that; None where its target is listed."""
    if isinstance(run.change, Unknown):
        return run.change
    if run.change.value is None:
        return unavailable(f"the event names no {words.of(run).change}")
    where = refs.listed(entries(settings), run.change.value.target, run)
    return where if isinstance(where, Unknown) else None if where else "the change's target is not listed"


def has_no_ref(run: Run) -> bool | Unknown:
    """Tell whether the run builds a commit that no ref was named for."""
    return run.ref if isinstance(run.ref, Unknown) else not run.ref.value


def is_push(run: Run) -> bool:
    """Tell whether the run is a push to a branch."""
    return isinstance(run.event, Known) and run.event.value is Event.PUSH


def judge_commit(
    provenance: Provenance, origin: Origin, run: Run, settings: Settings, bench: Bench
) -> Iterator[Judgement]:
    """
    Yield the judgements on a requirement for each change that brought the judged commit.

    Where `reviewed-change` fails, the rest is not applicable. Where nobody asks for it, the rest fails instead: what
    came through no change has no approval either.
    """
    found = (stand_ins if provenance.standing_in else bringers)(origin, run, entries(settings))
    if bench.requirement.id == REVIEWED_HISTORY:
        yield from judge_history(provenance.history, found, run, settings, replace(bench, subject=origin.sha))
        return
    for bringer in found:
        named = replace(bench, subject=bringer.subject)
        if bench.requirement.id == REVIEWED_CHANGE or bringer.doubts:
            yield judge_bringer(bringer, named)
        elif bringer.change is not None:
            change = bringer.change
            yield JUDGES[bench.requirement.id](change, settings, replace(named, page=change.url))
        elif settings.asks(REVIEWED_CHANGE):
            yield named.excuses(REFUSED.format(words.of(run).change))
        else:
            yield judge_bringer(bringer, named)


def judge_bringer(bringer: Bringer, bench: Bench) -> Judgement:
    """Return the judgement on how a commit came."""
    if bringer.doubts:
        return bench.wonders(bringer.doubts)
    if bringer.change is None:
        return bench.fails(bringer.flaw, bringer.evidence, remedy=words.of(bench.run).direct)
    did = "stands in for the commit" if bringer.change.state is ChangeState.OPEN else "brought the commit"
    return bench.passes(f"{bringer.change.reference} {did}, into {clip(bringer.change.target)}", bringer.evidence)


def judge_history(
    history: Fact[tuple[Origin, ...]], found: Sequence[Bringer], run: Run, settings: Settings, bench: Bench
) -> Iterator[Judgement]:
    """Yield one judgement for each commit of the push that came by no change, and one for the push where none did."""
    if any(bringer.flaw for bringer in found) and settings.asks(REVIEWED_CHANGE):
        yield bench.excuses(REFUSED.format(words.of(run).change))
        return
    doubts = [doubt for bringer in found for doubt in bringer.doubts]
    if isinstance(run.before, Unknown):
        doubts.append(run.before)
    elif run.before.value is None:
        doubts.append(unavailable("the push created the branch, so where it started is unknown"))
    if isinstance(history, Unknown):
        yield bench.wonders([history, *doubts])
        return
    commits = history.value
    if len(commits) > LONGEST_HISTORY:
        doubts.append(unavailable(f"the push brought more than {LONGEST_HISTORY} commits"))
    stray = False
    for origin in commits[:LONGEST_HISTORY]:
        ways = bringers(origin, run, entries(settings))
        if not any(way.change and not way.doubts for way in ways):
            stray = True
            way = replace(ways[0], doubts=tuple(doubt for way in ways for doubt in way.doubts))
            yield judge_bringer(way, replace(bench, subject=origin.sha))
    if doubts:
        yield bench.wonders(doubts)
    elif not stray:
        yield bench.passes(f"{len(commits)} of {len(commits)} commits came through a {words.of(run).change}", [history])


def judge_approvals(change: Change, settings: Settings, bench: Bench) -> Judgement:
    """Judge the number of approvals that survive; one that is undecided and could change the answer leaves it open."""
    if isinstance(change.reviews, Unknown):
        return bench.wonders([change.reviews])
    count = tally.count(change, change.reviews, settings)
    observed = tally.counted(count)
    if count.enough:
        return bench.passes(observed, count.evidence)
    if count.short:
        failed = bench.fails(observed, count.evidence, remedy=advice(change, bench.run))
        return replace(failed, alone=tally.is_alone(change, change.reviews.value))
    return bench.wonders([doubt for approval in count.undecided for doubt in approval.doubts.values()], observed)


def judge_test(change: Change, settings: Settings, bench: Bench) -> Judgement:
    """
    Judge one test of approvals: it fails where too few are left and it dropped one.

    Where nobody asks for a number, one approval is wanted, and having none at all fails every test that is asked.
    """
    if isinstance(change.reviews, Unknown):
        return bench.wonders([change.reviews])
    count = tally.count(change, change.reviews, settings)
    name = bench.requirement.id
    observed = tally.counted(count)
    dropped, doubts = count.dropped([name]), count.doubts([name])
    if count.enough:
        return bench.passes(observed, count.evidence)
    if not count.short and (dropped or doubts):
        # Whether a dropped approval is missed hangs on every undecided one, whatever leaves it undecided.
        return bench.wonders(count.doubts(), observed)
    if dropped:
        failed = bench.fails(tally.told(dropped), count.evidence, remedy=advice(change, bench.run))
        return replace(failed, alone=name == tally.INDEPENDENCE and tally.is_alone(change, change.reviews.value))
    if doubts:
        return bench.wonders(doubts, observed)
    asked_tests = [test for test in tally.TESTS if settings.asks(test)]
    if count.short and not settings.asks(APPROVALS) and not count.dropped(asked_tests):
        return bench.fails(observed, count.evidence, remedy=advice(change, bench.run))
    why = "no approval was dropped for this" if count.approvals else "nobody approved, so there was nothing to drop"
    return bench.passes(f"{why}; {observed}", count.evidence)


def judge_rejections(change: Change, settings: Settings, bench: Bench) -> Judgement:
    """Judge open requests for changes; those of people without the authority are only told."""
    if isinstance(change.reviews, Unknown):
        return bench.wonders([change.reviews])
    wanted = settings.level(tally.AUTHORITY) if settings.asks(tally.AUTHORITY) else Level.WRITE
    rejections = tally.rejections(change.reviews.value)
    known = [review.access for review in rejections if isinstance(review.access, Known)]
    answers = [tally.lack_of(wanted, review) for review in rejections]
    doubts = [answer for answer in answers if isinstance(answer, Unknown)]
    heard = [review.reviewer.login for review, answer in zip(rejections, answers, strict=True) if answer == ""]
    if heard:
        return bench.fails(
            f"open request for changes by {listing(heard)}", [change.reviews, *known], remedy=words.of(bench.run).answer
        )
    if doubts:
        return bench.wonders(doubts)
    weak = listing(review.reviewer.login for review in rejections)
    below = f"; {weak} asked for changes without holding {wanted.word}" if weak else ""
    return bench.passes(f"no open request for changes{below}", [change.reviews, *known])


def judge_owners(change: Change, settings: Settings, bench: Bench) -> Judgement:
    """Judge whether an owner of each owned path approved, by an approval that counts."""
    owned = change.owned_paths
    if isinstance(owned, Unknown):
        return bench.wonders([owned])
    paths = [path for path in owned.value if path.owners]
    if not paths:
        return bench.passes("no changed path has an owner", [owned])
    if isinstance(change.reviews, Unknown):
        return bench.wonders([change.reviews])
    count = tally.count(change, change.reviews, settings)
    answers = [(path, owner_approved(path, count)) for path in paths]
    lacking = [path for path, answer in answers if answer is False]
    doubts = [doubt for _, answer in answers if not isinstance(answer, bool) for doubt in answer]
    if lacking:
        few = any(path.wanted > 1 for path in lacking)
        seen = ("too few owners" if few else "no owner") + f" approved {listing(map(owned_text, lacking))}"
        return bench.fails(seen, [owned, *count.evidence], remedy=ASK_AN_OWNER)
    if doubts:
        return bench.wonders(doubts)
    members = [owner.members for path in paths for owner in path.owners if isinstance(owner.members, Known)]
    return bench.passes(f"an owner approved each of {len(paths)} owned paths", [owned, *members, *count.evidence])


def owner_approved(path: OwnedPath, count: Tally) -> bool | list[Unknown]:
    """Tell whether enough owners of the path approved; where that is undecided, what is unknown."""
    hidden = [owner.members for owner in path.owners if isinstance(owner.members, Unknown)]
    known = frozenset[int]().union(*(owner.members.value for owner in path.owners if isinstance(owner.members, Known)))
    sure = [approval for approval in count.sure if approval.person.id in known]
    if len(sure) >= path.wanted:
        return True
    # Where the members of an owner are hidden, everybody who approved may be one of them.
    maybe = [approval for approval in count.undecided if approval.person.id in known or hidden]
    others = [approval for approval in count.sure if hidden and approval.person.id not in known]
    if len(sure) + len(maybe) + len(others) < path.wanted:
        return False
    return [*hidden, *(doubt for approval in maybe for doubt in approval.doubts.values())]


def owned_text(path: OwnedPath) -> str:
    """Return a path with those who own it, and how many of them have to approve where that is more than one."""
    many = f"{path.wanted} of " if path.wanted > 1 else ""
    section = f", section {clip(path.section)}" if path.section else ""
    return f"{clip(path.path)} by {many}{listing(owner.name for owner in path.owners)}{section}"


def advice(change: Change, run: Run) -> str:
    """Return what to do where approvals are missing, which is another thing once the change is merged."""
    text = TOO_LATE if change.state is ChangeState.MERGED else ASK_FOR_REVIEW
    return text.format(words.of(run).change)


JUDGES: Final[Mapping[str, Callable[[Change, Settings, Bench], Judgement]]] = {
    APPROVALS: judge_approvals,
    tally.INDEPENDENCE: judge_test,
    tally.FRESHNESS: judge_test,
    tally.AUTHORITY: judge_test,
    "no-rejection": judge_rejections,
    OWNER_REVIEW: judge_owners,
}
"""What is judged of a change that brought the commit, by requirement id."""
