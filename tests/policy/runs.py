"""Facts of whole runs, and what a policy makes of them, for the properties that hold of any layers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from hypothesis import strategies as st

from ci_guard import contexts
from ci_guard.controls.registry import CONTROLS
from ci_guard.decide import decide
from ci_guard.gate import conclude
from ci_guard.model.decision import Decision, Verdict
from ci_guard.model.fact import Known, Source
from ci_guard.model.facts import Facts
from ci_guard.model.glass import By, Grant, Means, Sighting
from ci_guard.model.judgement import Outcome
from ci_guard.model.recorded import Recorded
from ci_guard.model.roles import Membership
from ci_guard.model.settings import Mode, Policy
from ci_guard.model.waiver import KnownFailure
from ci_guard.policy.baseline import with_known, write_known
from ci_guard.records import replace
from tests.controls import language, strategies
from tests.controls.strategies import Raw
from tests.policy.given import METAS
from tests.policy.test_pardons import FINGERPRINT, TODAY, broken_by, judgements

DAYS: Final = [datetime(*day, 12, tzinfo=timezone.utc) for day in ((2028, 1, 31), (2028, 2, 29), (2028, 3, 31))]
"""Fridays and others, before, at and after the ends of the waivers."""

WAYS: Final = [
    {"event": "push", "branch": "main"},
    {"event": "push", "branch": "dev"},
    {"event": "queue", "branch": "main", "change": {"number": 7, "target": "main"}},
    {"event": "change", "change": {"number": 7, "target": "main"}},
    {"event": "tag", "branch": None, "tag": "v1"},
    {"event": "manual", "branch": "main"},
    {"event": "schedule", "branch": "main"},
]
"""Runs of which everything is known."""


def around(lossy: Callable[[Raw], Raw]) -> Raw:
    """Return what surrounds a run."""
    return st.fixed_dictionaries(
        {
            "environments": st.lists(lossy(st.sampled_from(["production", "staging"])), max_size=2),
            "visibility": lossy(st.sampled_from(["public", "private"])),
            "labels": lossy(st.lists(st.sampled_from(["big", "small"]), max_size=2)),
            "changed_paths": lossy(st.lists(st.sampled_from(["src/a.py", ".github/x.yml", "b"]), max_size=2)),
            "runner": lossy(st.fixed_dictionaries({"host": st.sampled_from(["hosted", "self-hosted"])})),
        }
    )


def raw(run: Raw, lossy: Callable[[Raw], Raw]) -> Raw:
    """Return facts as the language of the cases writes them; `lossy` takes some of them away."""
    person = st.builds(
        lambda login, number: {"login": login, "id": number, "type": "user"},
        st.sampled_from(["alice", "bob"]),
        st.integers(1, 2),
    )
    seat = st.fixed_dictionaries(
        {"part": st.sampled_from(["actor", "triggering-actor", "author"]), "who": lossy(person)},
        optional={"access": lossy(strategies.LEVELS)},
    )
    return st.fixed_dictionaries(
        {
            "run": run,
            "branches": lossy(st.lists(strategies.SELECTIONS, max_size=2)),
            "people": lossy(st.lists(seat, min_size=1, max_size=2)),
            "claims": lossy(st.just([])),
            "provenance": lossy(strategies.PROVENANCES),
            "scan": lossy(strategies.SCANS),
            "around": around(lossy),
        }
    )


RAW: Final = st.one_of(raw(strategies.RUNS, strategies.lossy), raw(st.sampled_from(WAYS), lambda known: known))
"""Facts of which some are unknown, and facts that are known, whose verdict one more line of a policy can turn."""


@st.composite
def facts(draw: st.DrawFn) -> tuple[Facts, datetime]:
    """Return facts with the clock of their run; sometimes somebody broke the glass."""
    now = draw(st.sampled_from(DAYS))
    known = language.facts(draw(RAW))
    known = replace(known, circumstances=replace(known.circumstances, now=Known(value=now, source=Source.ENV)))
    members = [
        Membership(circle="acme/ops", person=who, member=Known(value=who == 1, source=Source.API)) for who in (1, 2)
    ]
    known = replace(known, memberships=Known(value=tuple(members), source=Source.API))
    if draw(st.booleans()):
        second: Any = {"part": "actor", "who": {"login": "olivia", "id": 1, "type": "user"}, "access": "admin"}
        at = now - timedelta(hours=draw(st.sampled_from([1, 30])))
        sighting = Sighting(
            means=Means(by=By.LABEL, name="now"),
            grants=Known(value=(Grant(who=language.seat(second).who, at=at),), source=Source.API),
            memberships=Known(value=(), source=Source.API),
            since=Known(value=now - timedelta(hours=40), source=Source.API),
            asked=Known(value=None, source=Source.API),
            contributors=Known(value=(), source=Source.API),
        )
        known = replace(known, glass=(sighting,))
    return known, now


def judged(policy: Policy, run: tuple[Facts, datetime]) -> Decision:
    """Return what a policy makes of a run, with the contexts that apply."""
    known, now = run
    recorded = Recorded(version="0", time=now, advisory=False, policy=policy, facts=known)
    return conclude(recorded, CONTROLS, policy, contexts.settle(policy, known), policy.mode or Mode.ENFORCE)


def denies(policy: Policy, failing: tuple[str, str], today: date = TODAY) -> bool:
    """Tell whether a policy denies where this alone fails, with the glass broken and a baseline that knows all."""
    return (
        decide(
            judgements(policy, failing, Outcome.FAIL),
            knowing_all(policy),
            metas=METAS,
            mode=Mode.ENFORCE,
            today=today,
            broken=broken_by(policy),
        ).verdict
        is not Verdict.ALLOW
    )


def knowing_all(policy: Policy) -> Policy:
    if policy.baseline is None:
        return policy
    known = {
        KnownFailure(control=control, requirement=name, subject="main", fingerprint=FINGERPRINT, since=TODAY)
        for control, asked in policy.controls.items()
        for name in asked.require
    }
    return with_known(policy, write_known(known).encode(), "known.json", METAS)
