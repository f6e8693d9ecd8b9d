"""Break-glass: who may break it, for how long, and that whatever is unknown is no break-glass."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TypeVar

import pytest

from ci_guard import glass
from ci_guard.decide import decide
from ci_guard.model.decision import Decision, Verdict
from ci_guard.model.fact import Fact, Known, Source, invisible, unavailable
from ci_guard.model.facts import Facts
from ci_guard.model.glass import Asked, BreakGlass, By, Grant, Means, Sighting
from ci_guard.model.judgement import Judgement, Outcome, Severity
from ci_guard.model.kinds import Level
from ci_guard.model.roles import Role
from ci_guard.model.run import Access, AccountType, Part, Participant, Person, Platform, Seat, unknown_run
from ci_guard.model.settings import Mode, Policy, Settings
from ci_guard.records import replace
from tests.evidence.github.scene import known
from tests.test_decide import ERROR, FAIL, FORGE, PASS, SILENT

T = TypeVar("T")

NOW = datetime(2028, 2, 29, 23, 30, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
GLASS = BreakGlass(
    means=Means(by=By.LABEL, name="now"),
    role="on-call",
    hours=4,
    place="p:3",
    covers=frozenset({"forge/a", "forge/b"}),
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


def started_by(actor: AccountType, again: AccountType) -> Known[tuple[Seat, ...]]:
    """Return a run that one account caused, and another one started again; a bot is the author of the change."""
    kinds = {Part.ACTOR: (1, actor), Part.TRIGGERING_ACTOR: (2, again), Part.AUTHOR: (1, AccountType.BOT)}
    made = ((part, participant(f"u{number}", number, kind=kind)) for part, (number, kind) in kinds.items())
    return fact(tuple(Seat(part=part, who=who) for part, who in made))


def fact(value: T) -> Known[T]:
    return Known(value=value, source=Source.API)


GRANT = Grant(who=participant("carol", 7), at=NOW - HOUR)
LABEL = Sighting(
    means=GLASS.means,
    grants=fact((GRANT,)),
    memberships=fact(()),
    since=fact(NOW - 2 * HOUR),
    asked=fact(None),
    contributors=fact((Person(login="u2", id=2, type=AccountType.USER),)),
)
RUN = unknown_run(Platform.GITHUB, "a test")


def facts_of(sighting: Sighting, people: Fact[tuple[Seat, ...]] | None = None) -> Facts:
    return Facts(run=RUN, people=people or seats(), glass=(sighting,))


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


def look(
    sighting: Sighting = LABEL,
    *,
    now: datetime = NOW,
    people: Fact[tuple[Seat, ...]] | None = None,
    policy: Policy | None = None,
) -> glass.Look:
    return glass.look(policy or policy_of(), facts_of(sighting, people), now)


def by(*grants: Grant) -> Sighting:
    return replace(LABEL, grants=fact(grants))


def test_a_second_person_of_the_role_breaks_it() -> None:
    broken = look().broken
    assert broken
    assert (broken.who, broken.how) == ("carol (id 7)", "on-call by the level admin")
    assert (broken.at, broken.until) == (NOW - HOUR, datetime(2028, 3, 1, 2, 30, tzinfo=timezone.utc))


def test_a_bot_is_no_first_person_but_whoever_starts_its_run_again_is() -> None:
    """What a workflow's token or somebody's app starts, its second person may have started alone."""
    assert look(people=started_by(AccountType.BOT, AccountType.USER)).broken
    assert look(people=started_by(AccountType.USER, AccountType.USER)).broken
    assert not look(people=started_by(AccountType.BOT, AccountType.OTHER)).broken


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
    found = look(now=GRANT.at + after)
    assert bool(found.broken) is breaks
    assert bool(found.note) is not breaks


DOUBT = unavailable("a server was down")
HIDDEN = invisible("not shown", needs="members: read")
PUSHED = Person(login="carol-renamed", id=7, type=AccountType.USER)


@pytest.mark.parametrize(
    ("label", "people", "why"),
    [
        (by(replace(GRANT, who=DOUBT)), None, "who put it there is unknown (a server was down)"),
        (by(replace(GRANT, who=participant("r", 8, level=Level.WRITE))), None, "r does not hold the role on-call"),
        (by(replace(GRANT, who=participant("b", 8, kind=AccountType.BOT))), None, "b is no person"),
        (replace(LABEL, since=DOUBT), None, "when the head was pushed is unknown"),
        (replace(LABEL, since=fact(GRANT.at)), None, "the change was pushed to since"),
        (LABEL, DOUBT, "who started the run is unknown"),
        (LABEL, fact(()), "nobody is named as actor"),
        (LABEL, seats(actor=7), "carol is the actor, and it takes a second person"),
        (LABEL, seats(triggering=7), "carol is the triggering-actor"),
        (LABEL, seats(author=7), "carol is the author"),
        (LABEL, started_by(AccountType.BOT, AccountType.BOT), "of u1 and u2 none is a person, so that carol"),
        (
            replace(LABEL, contributors=fact((PUSHED, Person(login="u2", id=2, type=AccountType.USER)))),
            None,
            "carol contributed to the change, and it takes a second person",
        ),
        (
            replace(LABEL, contributors=HIDDEN),
            None,
            "who contributed to the change is unknown (not shown; needed: members: read)",
        ),
        (
            Sighting(means=GLASS.means, grants=LABEL.grants, memberships=fact(()), since=LABEL.since, asked=fact(None)),
            None,
            "who contributed to the change is unknown (nobody asked)",
        ),
    ],
)
def test_what_is_unknown_or_is_no_second_person_breaks_nothing(
    label: Sighting, people: Fact[tuple[Seat, ...]] | None, why: str
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
    assert "whether carol holds the role on-call is unknown (not shown)" in look(by(replace(GRANT, who=hidden))).note


def test_a_label_that_cannot_be_read_is_told_with_the_permission() -> None:
    found = look(replace(LABEL, grants=HIDDEN))
    assert found.note == "Break-glass (p:3) is unknown and does nothing: not shown; needed: members: read."


def test_without_the_label_or_the_declaration_there_is_nothing_to_say() -> None:
    assert look(by()) == glass.NOTHING
    assert look(policy=policy_of(None)) == glass.NOTHING


def test_what_is_known_of_another_path_breaks_nothing() -> None:
    other = replace(LABEL, means=replace(GLASS.means, name="later"))
    found = look(other)
    assert (found.broken, "is unknown and does nothing" in found.note) == (None, True)


APPROVAL = replace(
    GLASS,
    means=Means(by=By.DISPATCH, name="emergency", input="why", workflow=".github/workflows/emergency.yml"),
)
APPROVED = Sighting(
    means=APPROVAL.means,
    grants=fact((replace(GRANT, reason="the shop is down"),)),
    memberships=fact(()),
    since=fact(None),
    asked=Known(value="orders fail", source=Source.EVENT),
)
NOBODY_WROTE_IT = tuple(seat for seat in seats().value if seat.part is not Part.AUTHOR)


def dispatched(sighting: Sighting = APPROVED, people: Fact[tuple[Seat, ...]] | None = None) -> glass.Look:
    return look(sighting, people=people or fact(NOBODY_WROTE_IT), policy=policy_of(APPROVAL))


def test_an_approval_with_a_reason_breaks_it_and_both_reasons_are_kept() -> None:
    broken = dispatched().broken
    assert broken
    assert (broken.by, broken.reason) == (By.DISPATCH, "the shop is down")
    assert broken.asked == Asked(text="orders fail", source=Source.EVENT)
    assert str(broken).endswith("until 02:30 UTC: the shop is down; asked for with: orders fail (by event)")


def test_of_several_approvals_one_that_may_is_enough() -> None:
    stranger = replace(GRANT, who=participant("r", 8, level=Level.WRITE), reason="me too")
    assert dispatched(replace(APPROVED, grants=fact((stranger, *known(APPROVED.grants))))).broken


@pytest.mark.parametrize(
    ("sighting", "people", "why"),
    [
        (replace(APPROVED, grants=fact((GRANT,))), None, "carol gave no reason with the approval"),
        (replace(APPROVED, asked=fact(None)), None, "whoever started the run gave nothing for why"),
        (replace(APPROVED, asked=HIDDEN), None, "unknown (not shown; needed: members: read)"),
        (
            replace(APPROVED, grants=fact((*known(APPROVED.grants), replace(GRANT, approved=False)))),
            None,
            "carol rejected it",
        ),
        (
            replace(APPROVED, elsewhere=".github/workflows/ci.yml"),
            None,
            "it is a run of .github/workflows/ci.yml, not of .github/workflows/emergency.yml",
        ),
        (APPROVED, seats(actor=7), "carol is the actor, and it takes a second person"),
        (APPROVED, seats(triggering=7), "carol is the triggering-actor"),
        (APPROVED, fact(NOBODY_WROTE_IT[:1]), "nobody is named as triggering-actor"),
    ],
)
def test_an_approval_without_reasons_or_by_whoever_asked_breaks_nothing(
    sighting: Sighting, people: Fact[tuple[Seat, ...]] | None, why: str
) -> None:
    found = dispatched(sighting, people)
    assert found.broken is None
    assert "this run was answered for emergency, which does nothing, because " in found.note
    assert why in found.note


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
