"""What holds for every control, whatever is known and whatever is asked."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as tune
from hypothesis import strategies as st

from ci_guard.controls.registry import CONTROLS
from ci_guard.model.fact import Cause, Source
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Outcome
from tests.controls import language
from tests.controls.strategies import facts as facts_of
from tests.controls.strategies import settings
from tests.drawing import examples
from tests.facts_walker import gains, tolerable, weakened

EVERY = pytest.mark.parametrize("name", [control.META.id for control in CONTROLS])
SECTIONS = {
    **{name: name for name in ("branches", "tags", "people", "claims", "provenance", "scan")},
    "memberships": "circles",
    "circumstances": "circumstances",
    "guard": "guard",
}
"""The sections of facts, and what of `Needs` wants them."""
THOROUGH = tune(
    max_examples=examples(50),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[phase for phase in Phase if phase is not Phase.explain],
)


@EVERY
@THOROUGH
@given(data=st.data())
def test_every_asked_requirement_is_judged_in_order_and_nothing_raises(name: str, data: st.DataObject) -> None:
    control = language.control(name)
    asked = language.settings(name, data.draw(settings(name)))
    judgements = list(control.check(language.facts(data.draw(facts_of(name))), asked))
    order = [requirement.id for requirement in control.META.requirements]
    assert {one.requirement for one in judgements} == set(asked.require)
    assert [order.index(one.requirement) for one in judgements] == sorted(
        order.index(one.requirement) for one in judgements
    )
    for one in judgements:
        assert one.control == name
        assert one.message.endswith(".")
        assert all((one.observed, one.expected))
        assert (one.remedy != "") is (one.outcome in (Outcome.FAIL, Outcome.UNKNOWN))
        assert one.remedy_url.startswith("https://") is (one.remedy != ""), "each denial names a page"
        if one.outcome is Outcome.PASS:
            assert one.source is not Source.NONE, "a pass rests on something known"


@EVERY
@THOROUGH
@given(data=st.data())
def test_taking_a_fact_away_never_opens_anything(name: str, data: st.DataObject) -> None:
    control = language.control(name)
    asked = language.settings(name, data.draw(settings(name)))
    facts = language.facts(data.draw(facts_of(name)))
    before = list(control.check(facts, asked))
    for cause in Cause:
        for place, weaker in weakened(facts, cause):
            after = list(control.check(weaker, asked))
            assert gains(before, after) == [], place
            if cause is Cause.UNAVAILABLE:
                assert tolerable(before, after) == [], place


@EVERY
@THOROUGH
@given(data=st.data())
def test_what_is_not_needed_changes_nothing(name: str, data: st.DataObject) -> None:
    """A fact that `needs` leaves out is never looked at, so that nothing is fetched for it."""
    control = language.control(name)
    asked = language.settings(name, data.draw(settings(name)))
    facts = language.facts(data.draw(facts_of(name)))
    needs = control.needs(asked, facts.run)
    fewer = Facts(
        run=facts.run,
        **{section: getattr(facts, section) for section, need in SECTIONS.items() if getattr(needs, need)},
    )
    assert list(control.check(fewer, asked)) == list(control.check(facts, asked))


@EVERY
@THOROUGH
@given(data=st.data())
def test_nothing_passes_where_nothing_is_known(name: str, data: st.DataObject) -> None:
    control = language.control(name)
    asked = language.settings(name, data.draw(settings(name)))
    run = language.facts(data.draw(facts_of(name))).run
    judgements = list(control.check(Facts(run=run), asked))
    # Where a policy was read is no fact of the run; it comes with the policy.
    assert all(one.outcome is not Outcome.PASS for one in judgements if one.requirement != "policy-source")
