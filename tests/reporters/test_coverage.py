"""What a run is evidence for: nothing that is unknown, failed, waived or unasked is ever shown as evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.controls.cited import CIS
from ci_guard.controls.registry import CONTROLS
from ci_guard.model.decision import Result, Ruling, Waived, Weight
from ci_guard.model.judgement import Outcome
from ci_guard.model.meta import Meta
from ci_guard.model.reference import Relation
from ci_guard.reporters.coverage import Coverage, ItemCoverage, coverage
from tests.reporters import sample

METAS = tuple(control.META for control in CONTROLS)
WAIVER = Waived(reason="until the migration is done", until=date(2026, 12, 31))
WHOLE, ALSO_WHOLE, PART, ALSO_PART = "protected", "no-force-push", "approvals", "include-admins"
RELATIONS = {
    WHOLE: CIS.satisfies,
    ALSO_WHOLE: CIS.satisfies,
    PART: CIS.supports,
    ALSO_PART: CIS.supports,
}
CONTROL = replace(
    sample.BRANCHES,
    requirements=tuple(
        replace(one, references=tuple(RELATIONS[one.id]("1.1.10")))
        if one.id in RELATIONS
        else replace(one, references=())
        for one in sample.BRANCHES.requirements
    ),
)
"""A control with four requirements that contribute to one item, two of them with all of it."""


@dataclass(frozen=True)
class Said:
    """What was judged of one requirement for one subject."""

    requirement: str
    outcome: Outcome
    waived: bool = False

    def ruling(self, subject: str = "main") -> Ruling:
        """Return it as a result has it."""
        weight = Weight.WAIVED if self.waived else Weight.NONE
        waived = WAIVER if self.waived else None
        return sample.ruling(CONTROL.id, self.requirement, subject, outcome=self.outcome, weight=weight, waived=waived)


def run(rulings: list[Ruling], controls: tuple[Meta, ...]) -> Result:
    """Return a run of these controls."""
    base = sample.allowed()
    return replace(base, controls=controls, decision=replace(base.decision, rulings=tuple(rulings)))


def one(*said: Said) -> ItemCoverage:
    """Return the item after these judgements."""
    (item,) = coverage(run([each.ruling(f"b{number}") for number, each in enumerate(said)], (CONTROL,)))
    return item


PASS, FAIL, UNKNOWN, ERROR, NOT = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR, Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], Coverage.NOT_EVIDENCED),
        ([Said(WHOLE, PASS)], Coverage.EVIDENCED),
        ([Said(WHOLE, PASS), Said(WHOLE, NOT)], Coverage.EVIDENCED),
        ([Said(WHOLE, PASS), Said(WHOLE, UNKNOWN)], Coverage.NOT_EVIDENCED),
        ([Said(WHOLE, PASS), Said(WHOLE, FAIL)], Coverage.FAILED),
        ([Said(WHOLE, UNKNOWN)], Coverage.NOT_EVIDENCED),
        ([Said(WHOLE, ERROR)], Coverage.NOT_EVIDENCED),
        ([Said(WHOLE, FAIL)], Coverage.FAILED),
        ([Said(WHOLE, FAIL, waived=True)], Coverage.WAIVED),
        ([Said(WHOLE, UNKNOWN, waived=True)], Coverage.WAIVED),
        ([Said(WHOLE, NOT)], Coverage.NOT_APPLICABLE),
        ([Said(WHOLE, UNKNOWN), Said(ALSO_WHOLE, PASS)], Coverage.EVIDENCED),
        ([Said(WHOLE, FAIL), Said(ALSO_WHOLE, PASS)], Coverage.FAILED),
        ([Said(PART, PASS)], Coverage.PARTLY),
        ([Said(PART, PASS), Said(ALSO_PART, PASS)], Coverage.PARTLY),
        ([Said(PART, PASS), Said(ALSO_PART, UNKNOWN)], Coverage.NOT_EVIDENCED),
        ([Said(PART, PASS), Said(WHOLE, UNKNOWN)], Coverage.NOT_EVIDENCED),
        ([Said(PART, FAIL), Said(WHOLE, PASS)], Coverage.FAILED),
        ([Said(PART, FAIL, waived=True), Said(WHOLE, PASS)], Coverage.WAIVED),
        ([Said(PART, UNKNOWN), Said(WHOLE, PASS)], Coverage.EVIDENCED),
    ],
)
def test_an_item_stands_as_its_judgements_do(said: list[Said], expected: Coverage) -> None:
    assert one(*said).coverage is expected


SAID = st.builds(
    lambda requirement, outcome, waived: Said(requirement, outcome, waived and outcome in (FAIL, UNKNOWN)),
    st.sampled_from(list(RELATIONS)),
    st.sampled_from(Outcome),
    st.booleans(),
)


@given(st.lists(SAID, max_size=8))
def test_only_a_whole_pass_is_ever_evidence(said: list[Said]) -> None:
    found = one(*said).coverage
    if found is Coverage.EVIDENCED:
        whole = [[each for each in said if each.requirement == name] for name in (WHOLE, ALSO_WHOLE)]
        assert any(
            {each.outcome for each in group} - {NOT} == {PASS} and not any(each.waived for each in group)
            for group in whole
        )
        assert not any(each.outcome is FAIL or each.waived for each in said)
    if found is Coverage.PARTLY:
        assert {each.outcome for each in said} <= {PASS, NOT}
    if any(each.outcome is FAIL and not each.waived for each in said):
        assert found is Coverage.FAILED


@given(st.lists(SAID, max_size=6), SAID.filter(lambda each: each.outcome is not PASS))
def test_what_did_not_pass_never_makes_an_item_look_better(said: list[Said], more: Said) -> None:
    covered = {Coverage.EVIDENCED: 2, Coverage.PARTLY: 1}
    assert covered.get(one(*said, more).coverage, 0) <= covered.get(one(*said).coverage, 0)


@given(st.permutations([Said(WHOLE, PASS), Said(PART, UNKNOWN), Said(ALSO_PART, NOT), Said(ALSO_WHOLE, ERROR)]))
def test_the_order_of_judgements_does_not_matter(said: list[Said]) -> None:
    assert one(*said).coverage is Coverage.EVIDENCED


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.ERROR])
@pytest.mark.parametrize("weight", Weight)
def test_a_run_in_which_nothing_could_be_seen_evidences_nothing(outcome: Outcome, weight: Weight) -> None:
    """Whatever the policy made of the unknowns, tolerated ones included; with the controls as they are."""
    rulings = [
        replace(sample.ruling(meta.id, each.id, outcome=outcome), weight=weight)
        for meta in METAS
        for each in meta.requirements
    ]
    assert {item.coverage for item in coverage(run(rulings, METAS))} == {Coverage.NOT_EVIDENCED}


def test_a_run_in_which_all_passed_evidences_exactly_what_is_satisfied() -> None:
    rulings = [sample.ruling(meta.id, each.id) for meta in METAS for each in meta.requirements]
    for item in coverage(run(rulings, METAS)):
        assert item.coverage is (Coverage.EVIDENCED if item.satisfied_by else Coverage.PARTLY)


def test_every_reference_of_the_controls_that_ran_is_told_and_no_other() -> None:
    metas = METAS[1:3]
    told = {
        (item.framework, item.item, name, relation)
        for item in coverage(run([], metas))
        for relation, names in ((Relation.SATISFIES, item.satisfied_by), (Relation.SUPPORTS, item.supported_by))
        for name in names
    }
    assert told == {
        (each.framework, each.item, f"{meta.id}/{requirement.id}", each.relation)
        for meta in metas
        for requirement in meta.requirements
        for each in requirement.references
    }


def test_items_come_by_framework_in_their_natural_order() -> None:
    items = coverage(run([], METAS))
    frameworks = [item.framework.id for item in items]
    assert frameworks == sorted(frameworks)
    numbers = [item.item for item in items if item.framework.id == "cis-software-supply-chain"]
    assert numbers.index("1.1.9") < numbers.index("1.1.10") < numbers.index("2.3.4")
    families = [item.item[:7] for item in items if item.framework.id == "osps-baseline"]
    assert families == sorted(families)
