"""Break-glass: who may break it, for how long, and that whatever is unknown is no break-glass."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ci_guard import glass
from ci_guard.decide import decide
from ci_guard.entrypoints.outcome import unknown_run
from ci_guard.model.decision import Decision, Verdict
from ci_guard.model.fact import Fact, Known, Source, Unknown, invisible, unavailable
from ci_guard.model.facts import Facts
from ci_guard.model.glass import BreakGlass, By, Labelled
from ci_guard.model.judgement import Judgement, Outcome, Severity
from ci_guard.model.kinds import Level
from ci_guard.model.roles import Role
from ci_guard.model.run import Access, AccountType, Part, Participant, Person, Platform, Seat
from ci_guard.model.settings import Mode, Policy, Settings
from ci_guard.records import replace
from tests.test_decide import ERROR, FAIL, FORGE, PASS, SILENT

NOW = datetime(2028, 2, 29, 23, 30, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
GLASS = BreakGlass(
    by=By.LABEL, label="now", role="on-call", hours=4, place="p:3", covers=frozenset({"forge/a", "forge/b"})
)


def participant(
    login: str, number: int, *, level: Level = Level.ADMIN, kind: AccountType = AccountType.USER
) -> Known[Participant]:
    access = Known(value=Access(level=level, role=level.word), source=Source.API)
    person = Person(login=login, id=number, type=kind)
    return Known(value=Participant(person=person, access=access), source=Source.API)


def seats(*, actor: int = 1, triggering: int = 1, author: int = 2) -> Known[tuple[Seat, ...]]:
    people = {Part.ACTOR: actor, Part.TRIGGERING_ACTOR: triggering, Part.AUTHOR: author}
    return Known(
        value=tuple(Seat(part=part, who=participant(f"u{number}", number)) for part, number in people.items()),
        source=Source.API,
    )


LABEL = Labelled(
    who=participant("carol", 7),
    at=NOW - HOUR,
    memberships=Known(value=(), source=Source.API),
    pushed=Known(value=NOW - 2 * HOUR, source=Source.API),
)
RUN = unknown_run(Platform.GITHUB, "a test")


def facts_of(label: Fact[Labelled | None], people: Fact[tuple[Seat, ...]] | None = None) -> Facts:
    return Facts(run=RUN, people=people or seats(), labelled=label)


def policy_of(found: BreakGlass | None = GLASS) -> Policy:
    role = Role(name="on-call", levels=frozenset({Level.ADMIN}))
    return Policy(
        source="p",
        sha256="",
        layers=("p",),
        mode=None,
        controls={"forge": Settings(require={"a": True, "b": True})},
        roles={"on-call": role},
        break_glass=found,
    )


def look(label: Labelled = LABEL, *, now: datetime = NOW, people: Fact[tuple[Seat, ...]] | None = None) -> glass.Look:
    return glass.look(policy_of(), facts_of(Known(value=label, source=Source.API), people), now)


def test_a_second_person_of_the_role_breaks_it() -> None:
    broken = look().broken
    assert broken
    assert (broken.who, broken.how) == ("carol (id 7)", "on-call by the level admin")
    assert (broken.at, broken.until) == (NOW - HOUR, datetime(2028, 3, 1, 2, 30, tzinfo=timezone.utc))


@pytest.mark.parametrize(
    ("after", "breaks"),
    [
        (timedelta(0), True),
        (4 * HOUR - timedelta(seconds=1), True),
        (4 * HOUR, False),
        (-timedelta(seconds=1), False),
        (timedelta(days=366), False),
    ],
)
def test_it_lasts_so_many_hours_and_not_a_moment_longer(after: timedelta, breaks: bool) -> None:
    found = look(now=LABEL.at + after)
    assert bool(found.broken) is breaks
    assert bool(found.note) is not breaks


DOUBT = unavailable("a server was down")
HIDDEN = invisible("not shown", needs="members: read")


@pytest.mark.parametrize(
    ("label", "people", "why"),
    [
        (replace(LABEL, who=DOUBT), None, "who put it there is unknown (a server was down)"),
        (replace(LABEL, who=participant("r", 8, level=Level.WRITE)), None, "r does not hold the role on-call"),
        (replace(LABEL, who=participant("b", 8, kind=AccountType.BOT)), None, "b is no person"),
        (replace(LABEL, pushed=DOUBT), None, "when the head was pushed is unknown"),
        (replace(LABEL, pushed=Known(value=LABEL.at, source=Source.API)), None, "the change was pushed to since"),
        (LABEL, DOUBT, "who started the run is unknown"),
        (LABEL, Known(value=(), source=Source.API), "nobody is named as actor"),
        (LABEL, seats(actor=7), "carol is the actor, and it takes a second person"),
        (LABEL, seats(triggering=7), "carol is the triggering-actor"),
        (LABEL, seats(author=7), "carol is the author"),
    ],
)
def test_what_is_unknown_or_is_no_second_person_breaks_nothing(
    label: Labelled, people: Fact[tuple[Seat, ...]] | None, why: str
) -> None:
    found = look(label, people=people)
    assert found.broken is None
    assert found.note.startswith("Break-glass (p:3): the label now is on the change and does nothing, because ")
    assert why in found.note


def test_a_seat_that_is_unknown_may_be_the_same_person() -> None:
    everyone = seats()
    hidden = Known(value=(*everyone.value, Seat(part=Part.AUTHOR, who=HIDDEN)), source=Source.API)
    assert "the author is unknown (not shown)" in look(people=hidden).note


def test_an_access_that_is_unknown_holds_no_role() -> None:
    who = participant("carol", 7)
    hidden = replace(who, value=replace(who.value, access=HIDDEN))
    assert "whether carol holds the role on-call is unknown (not shown)" in look(replace(LABEL, who=hidden)).note


def test_a_label_that_cannot_be_read_is_told_with_the_permission() -> None:
    found = glass.look(policy_of(), facts_of(HIDDEN), NOW)
    assert found.note == "Break-glass (p:3) is unknown and does nothing: not shown; needed: members: read."


def test_without_the_label_or_the_declaration_there_is_nothing_to_say() -> None:
    absent: Fact[Labelled | None] = Known(value=None, source=Source.API)
    assert glass.look(policy_of(), facts_of(absent), NOW) == glass.NOTHING
    assert glass.look(policy_of(None), facts_of(Known(value=LABEL, source=Source.API)), NOW) == glass.NOTHING


def decided(*judgements: Judgement, covers: frozenset[str] = GLASS.covers) -> Decision:
    broken = look().broken
    assert broken
    return decide(
        judgements,
        policy_of(),
        metas=(FORGE,),
        mode=Mode.ENFORCE,
        today=NOW.date(),
        broken=replace(broken, covers=covers),
    )


@pytest.mark.parametrize(
    ("judgements", "verdict", "used"),
    [
        ((FAIL,), Verdict.ALLOW, True),
        ((SILENT,), Verdict.ALLOW, True),
        ((PASS,), Verdict.ALLOW, False),
        ((FAIL, ERROR), Verdict.ERROR, True),
        ((), Verdict.ERROR, False),
    ],
)
def test_it_allows_what_denies_and_is_marked_where_it_did(
    judgements: tuple[Judgement, ...], verdict: Verdict, used: bool
) -> None:
    decision = decided(*judgements)
    assert decision.verdict is verdict
    assert bool(decision.break_glass) is used


def test_it_never_covers_what_another_layer_asks() -> None:
    other = Judgement(
        control="forge", requirement="b", subject="main", outcome=Outcome.FAIL, severity=Severity.HIGH, message="m"
    )
    decision = decided(FAIL, other, covers=frozenset({"forge/a"}))
    assert decision.verdict is Verdict.DENY
    assert [bool(ruling.waived) for ruling in decision.rulings] == [True, False]


def test_a_judgement_that_it_covers_says_by_whom() -> None:
    (ruling,) = decided(FAIL).rulings
    assert ruling.judgement.outcome is Outcome.FAIL
    assert ruling.waived
    assert ruling.waived.reason == (
        "break-glass by carol (id 7) (on-call by the level admin) at 2028-02-29 22:30 UTC, until 02:30 UTC"
    )
    assert not isinstance(LABEL.who, Unknown)
