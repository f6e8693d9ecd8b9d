"""References to frameworks: every catalog is whole, and no requirement claims more than it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ci_guard.controls.frameworks import CATALOGS, CIS, OSPS, OWASP, SLSA, Catalog
from ci_guard.controls.registry import CONTROLS
from ci_guard.model.reference import Relation

ROOT = Path(__file__).parent.parent.parent
REQUIREMENTS = {f"{one.META.id}/{each.id}": each for one in CONTROLS for each in one.META.requirements}

WHOLE = {
    ("branch-protection/no-force-push", "1.1.16"),
    ("branch-protection/no-deletion", "OSPS-AC-03.02"),
    ("branch-protection/no-deletion", "1.1.17"),
    ("branch-protection/pull-request", "OSPS-AC-03.01"),
    ("branch-protection/dismiss-stale-approvals", "1.1.4"),
    ("branch-protection/code-owner-review", "1.1.7"),
    ("branch-protection/restricted-dismissal", "1.1.5"),
    ("branch-protection/status-checks", "1.1.9"),
    ("branch-protection/up-to-date", "1.1.10"),
    ("branch-protection/include-admins", "1.1.14"),
    ("branch-protection/linear-history", "1.1.13"),
    ("branch-protection/signed-commits", "1.1.12"),
    ("branch-protection/resolved-conversations", "1.1.11"),
}
"""All that a single pass is whole evidence for. A claim more is a decision, not an accident."""

by_catalog = pytest.mark.parametrize("catalog", CATALOGS, ids=lambda catalog: str(catalog.framework.id))


@pytest.mark.parametrize(
    ("catalog", "sections"),
    [
        (SLSA, [4, 10]),  # the two tables of "Requirements"
        (OSPS, [6, 12, 8, 6, 5, 13, 4, 10]),  # assessment requirements of each family, without the retired one
        (CIS, [19, 7, 13, 3, 6, 6, 8, 8, 6, 8, 4, 3, 5, 4, 2, 7, 4]),  # recommendations of 1.1 to 5.2
        (OWASP, [10]),
    ],
    ids=lambda value: value.framework.id if isinstance(value, Catalog) else "",
)
def test_a_catalog_has_as_many_items_as_were_published(catalog: Catalog, sections: list[int]) -> None:
    assert list(Counter(item.section for item in catalog.items.values()).values()) == sections


def test_the_levels_of_the_baseline_have_as_many_items_as_its_checklist() -> None:
    first = Counter(min(re.findall(r"\d", item.level)) for item in OSPS.items.values())
    assert first == {"1": 24, "2": 19, "3": 21}


def test_the_levels_of_the_source_track_only_add() -> None:
    levels = ["L1", "L2", "L3", "L4"]
    for item in SLSA.items.values():
        assert item.level.split(", ") == levels[levels.index(item.level[:2]) :]


def test_numbers_have_no_holes() -> None:
    for items in (CIS.items, OWASP.items):
        numbers = [int(re.findall(r"\d+$", name)[0]) for name in items]
        assert all(one in (1, before + 1) for before, one in zip([0, *numbers[:-1]], numbers, strict=True))
    assert all(name.startswith(item.section.split()[0] + ".") for name, item in CIS.items.items())


@by_catalog
def test_an_item_is_named_in_one_line(catalog: Catalog) -> None:
    for item in catalog.items.values():
        assert len(item.title) <= 100, item.title
        assert item.title == " ".join(item.title.split()).rstrip(".")
        assert item.title.isascii()


@by_catalog
def test_a_catalog_says_whose_it_is(catalog: Catalog) -> None:
    assert catalog.attribution.endswith(".")
    assert catalog.licence.startswith("https://")
    assert catalog.framework.url.startswith("https://")
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", catalog.framework.id)


@by_catalog
def test_an_unknown_item_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match=f"{catalog.framework.version} has no item 'OSPS-AC-3.1'"):
        list(catalog.references(Relation.SUPPORTS, ("OSPS-AC-3.1",)))
    with pytest.raises(ValueError, match="has no item ''"):
        list(catalog.references(Relation.SATISFIES, ("",)))


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_requirement_names_each_item_once_and_at_least_one(name: str) -> None:
    named = [(each.framework.id, each.item) for each in REQUIREMENTS[name].references]
    assert named != []
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_references_are_items_of_their_catalog(name: str) -> None:
    catalogs = {catalog.framework: catalog for catalog in CATALOGS}
    for each in REQUIREMENTS[name].references:
        assert catalogs[each.framework].items[each.item].title == each.title


def test_a_pass_is_whole_evidence_for_these_items_only() -> None:
    claimed = {
        (name, each.item)
        for name, requirement in REQUIREMENTS.items()
        for each in requirement.references
        if each.relation is Relation.SATISFIES
    }
    assert claimed == WHOLE


@by_catalog
def test_an_item_has_a_reason_for_its_gap_exactly_where_nothing_contributes(catalog: Catalog) -> None:
    references = [each for requirement in REQUIREMENTS.values() for each in requirement.references]
    covered = {each.item for each in references if each.framework == catalog.framework}
    assert {item.id for item in catalog.items.values() if item.gap is None} == covered


def test_no_catalog_is_read_to_say_the_version() -> None:
    program = "import sys; from ci_guard.entrypoints.cli import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "ci_guard.entrypoints.cli" in done.stdout
    assert "frameworks" not in done.stdout
