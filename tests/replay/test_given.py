"""What a case says of a run replaces what was recorded, and what follows from it follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_guard.model.circumstances import Circumstances
from ci_guard.model.fact import Known, Source
from ci_guard.model.facts import Facts
from ci_guard.policy.document import read_document
from ci_guard.replay.given import changed, nothing_known

STAGING = Known(value="staging", source=Source.ENV, detail="--environment")
SIGNED = Known(value="staging", source=Source.SIGNED, detail="the ID token")


def environments(text: str, base: Facts) -> list[tuple[object, Source]]:
    """Return the environments that the run is judged for, each with who vouches for it."""
    found = changed(read_document(text.encode(), "case.yml"), base).circumstances.environments
    assert all(isinstance(fact, Known) for fact in found)
    return [(fact.value, fact.source) for fact in found if isinstance(fact, Known)]


def recorded(environment: str | None, *named: Known[str]) -> Facts:
    base = nothing_known()
    run = replace(base.run, environment=environment)
    return replace(base, run=run, circumstances=Circumstances(environments=named))


@pytest.mark.parametrize(
    ("base", "text", "expected"),
    [
        (nothing_known(), "run: {environment: production}", [("production", Source.ENV)]),
        (nothing_known(), "run: {environment: null}", []),
        (recorded(None), "run: {environment: production}", [("production", Source.ENV)]),
        (recorded(None), "run: {platform_event: push}", []),
        (recorded("staging", STAGING), "run: {environment: production}", [("production", Source.ENV)]),
        (recorded("staging", STAGING), "run: {environment: null}", []),
        (recorded("staging", STAGING), "run: {platform_event: push}", [("staging", Source.ENV)]),
        (
            recorded("staging", STAGING, SIGNED),
            "run: {environment: production}",
            [("production", Source.ENV), ("staging", Source.SIGNED)],
        ),
        (recorded("staging", STAGING), "{run: {environment: production}, circumstances: {environments: []}}", []),
        (
            recorded("staging", STAGING),
            "{run: {environment: production}, circumstances: {visibility: public}}",
            [("production", Source.ENV)],
        ),
    ],
)
def test_the_environment_of_a_cases_run_is_one_that_the_run_is_judged_for(
    base: Facts, text: str, expected: list[tuple[object, Source]]
) -> None:
    """Otherwise a case that forbids a deployment to production judges a run without one."""
    assert environments(text, base) == expected
