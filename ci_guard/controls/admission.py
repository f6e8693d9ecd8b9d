"""Control `admission`: a row of each layer's table admits whoever started the run, here and for this environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ci_guard.controls.declared import admission as declared
from ci_guard.controls.holders import QUEUE_ITSELF, STARTERS, circles_of, is_queue, starters, ways
from ci_guard.controls.judging import RUN, Bench, benches, clip, listing
from ci_guard.model import project, refs
from ci_guard.model.admission import ANY, NO_ENVIRONMENT, Row, Table
from ci_guard.model.answer import Answer, all_of, any_of
from ci_guard.model.built import built, stands_for
from ci_guard.model.fact import Fact, Known, Unknown
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.judgement import Judgement
from ci_guard.model.roles import EVERYBODY
from ci_guard.model.run import Participant, Run
from ci_guard.model.settings import Settings
from ci_guard.records import dataclass, replace

META = declared.META

ADMITTED: Final = "admitted"


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What a row or a table says to somebody."""

    answer: Answer
    evidence: tuple[Known[Any], ...] = ()
    """What an answer of true rests on."""
    place: str = ""


def needs(settings: Settings, run: Run) -> Needs:
    """See `Control.needs`."""
    if not settings.asks(ADMITTED):
        return Needs()
    names = {row.role for table in settings.admission for row in table.rows}
    return Needs(
        people=frozenset(part.value for part in STARTERS),
        circles=circles_of(names, settings, run),
        circumstances=frozenset({"environments"}),
    )


def check(facts: Facts, settings: Settings) -> Iterator[Judgement]:
    """See `Control.check`: one judgement for each person who starts the run."""
    for bench in benches(META, settings, facts.run, page=project.page("docs/policy/roles.md", "admission")):
        for login, who in starters(facts):
            named = replace(bench, subject=login or RUN)
            if isinstance(who, Unknown):
                yield named.wonders([who])
            elif is_queue(facts.run, who.value):
                yield named.excuses(QUEUE_ITSELF)
            else:
                yield judge(who, facts, settings, named)


def judge(who: Known[Participant], facts: Facts, settings: Settings, bench: Bench) -> Judgement:
    """Return the judgement on somebody who starts the run: every table has to have a row for it."""
    tables = [(table, ask_table(table, who, facts, settings)) for table in settings.admission]
    closed = [table.place for table, said in tables if said.answer is False]
    here = situation(facts)
    if closed or not tables:
        where = f"no row of {listing(closed)} admits it" if closed else "there is no table"
        advice = "Let somebody start this who may, or add a row to the table if this should run."
        return bench.fails(f"{here}: {where}", [who], remedy=advice)
    doubts = [said.answer for _, said in tables if isinstance(said.answer, Unknown)]
    if doubts:
        return bench.wonders(doubts, here)
    evidence = [who, *(fact for _, said in tables for fact in said.evidence)]
    return bench.passes(f"{here}: admitted by {listing(said.place for _, said in tables)}", evidence)


def ask_table(table: Table, who: Known[Participant], facts: Facts, settings: Settings) -> Answered:
    """Return what a table says: the first row that admits it, else whether one might."""
    rows = [ask_row(row, who, facts, settings) for row in table.rows]
    admitting = next((said for said in rows if said.answer is True), None)
    return admitting or Answered(answer=any_of(said.answer for said in rows))


def ask_row(row: Row, who: Known[Participant], facts: Facts, settings: Settings) -> Answered:
    """Return whether a row admits somebody to start this run."""
    run = facts.run
    evidence: list[Known[Any]] = []

    def event() -> Answer:
        if row.any_event or isinstance(run.event, Unknown):
            return True if row.any_event else run.event if isinstance(run.event, Unknown) else False
        evidence.append(run.event)
        return run.event.value in row.events

    def ref() -> Answer:
        if row.refs == (ANY,):
            return True
        fact = built(run)
        evidence.extend([fact] if isinstance(fact, Known) else [])
        return stands_for(row.refs, fact, run)

    def environment() -> Answer:
        found = facts.circumstances.environments
        evidence.extend(fact for fact in found if isinstance(fact, Known))
        return reaches(row.environments, found)

    def role() -> Answer:
        if row.role == EVERYBODY:
            return True
        held = [way for _, way in ways([row.role], who, settings.roles, facts)]
        evidence.extend(way for way in held if isinstance(way, Known))
        return any_of(way if isinstance(way, Unknown) else bool(way.value) for way in held)

    answer = all_of(part() for part in (event, ref, environment, role))
    return Answered(answer=answer, evidence=tuple(evidence), place=row.place)


def reaches(patterns: Sequence[str], environments: Sequence[Fact[str]]) -> Answer:
    """Tell whether a row reaches every environment that is named for the run, or a run for which none is."""
    if tuple(patterns) == (ANY,):
        return True
    named = [pattern for pattern in patterns if pattern != NO_ENVIRONMENT]
    if not environments:
        return NO_ENVIRONMENT in patterns
    return all_of(
        fact if isinstance(fact, Unknown) else any(refs.fits(pattern, fact.value) for pattern in named)
        for fact in environments
    )


def situation(facts: Facts) -> str:
    """Return in words what somebody started: event, ref and environment."""
    event = facts.run.event.value.value if isinstance(facts.run.event, Known) else "an unknown event"
    ref = built(facts.run)
    on = clip(str(ref.value)) if isinstance(ref, Known) and ref.value else "no ref" if isinstance(ref, Known) else "?"
    named = [
        f"{clip(fact.value)} (by {fact.detail})" if isinstance(fact, Known) else "an unknown environment"
        for fact in facts.circumstances.environments
    ]
    return f"{event} on {on}, {'for ' + ', '.join(named) if named else 'for no environment'}"
