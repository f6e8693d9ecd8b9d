"""The matrix of frameworks: every item is there once, with what covers it or why nothing does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ci_guard.controls.frameworks import CATALOGS, Catalog
from ci_guard.controls.registry import CONTROLS
from ci_guard.model.meta import Meta
from tests.reporters.gfm import rendered

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "frameworks.md").read_text(encoding="utf-8")
SECTIONS = {text.split("\n", 1)[0]: text for text in PAGE.split("\n## ")[1:]}
REQUIREMENT = re.compile(r"\[([a-z-]+)/([a-z-]+)\]\(controls/([a-z-]+)\.md#([a-z-]+)\)")

by_catalog = pytest.mark.parametrize("catalog", CATALOGS, ids=lambda catalog: str(catalog.framework.id))


def rows(catalog: Catalog) -> list[list[str]]:
    """Return the cells of every row that is about an item."""
    section = SECTIONS[f"{catalog.framework.title} {catalog.framework.version}"]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@by_catalog
def test_every_item_stands_there_once_under_its_title(catalog: Catalog) -> None:
    told = sorted((cells[0].strip("`"), cells[1]) for cells in rows(catalog))
    assert told == sorted((item.id, item.title) for item in catalog.items.values())


@by_catalog
def test_every_item_says_what_covers_it_or_why_nothing_does(catalog: Catalog) -> None:
    for cells in rows(catalog):
        item = catalog.items[cells[0].strip("`")]
        if item.gap is not None:
            assert cells[-1] == item.gap.value
            continue
        named = [
            f"{control.META.id}/{requirement.id}"
            for control in CONTROLS
            for requirement in control.META.requirements
            if any((each.framework, each.item) == (catalog.framework, item.id) for each in requirement.references)
        ]
        links = REQUIREMENT.findall(cells[-3] + cells[-2])
        assert sorted(f"{control}/{requirement}" for control, requirement, *_ in links) == sorted(named)
        assert cells[-1] in ("GitHub, GitLab", "every checkout")


@by_catalog
def test_every_framework_is_attributed_and_counted(catalog: Catalog) -> None:
    title = f"{catalog.framework.title} {catalog.framework.version}"
    assert catalog.attribution in SECTIONS[title]
    assert catalog.licence in SECTIONS[title]
    (overview,) = [line for line in PAGE.splitlines() if line.startswith(f"| [{title}]")]
    total, *parts = [int(cell) for cell in re.findall(r"\| (\d+) ", overview)]
    assert total == len(catalog.items) == sum(parts)
    assert parts[-1] == sum(1 for item in catalog.items.values() if item.gap is not None)


def test_links_of_the_matrix_lead_to_headings() -> None:
    for control, requirement, page, heading in REQUIREMENT.findall(PAGE):
        assert (control, requirement) == (page, heading)
        assert f"\n## {heading}\n" in (DOCS / f"controls/{page}.md").read_text(encoding="utf-8")
    slugs = [re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in SECTIONS]
    assert re.findall(r"\]\(#([^)]*)\)", PAGE) == slugs


def test_the_page_is_sound_markdown_and_says_how_unknown_reads() -> None:
    page = rendered(PAGE)
    assert page.open == []
    assert page.tags.count("table") == 1 + 2 * len(CATALOGS)
    assert 'What is\nunknown reads "not evidenced"' in page.text


@pytest.mark.parametrize("meta", [control.META for control in CONTROLS], ids=lambda meta: str(meta.id))
def test_every_requirement_names_its_items_on_its_page(meta: Meta) -> None:
    sections = (DOCS / f"controls/{meta.id}.md").read_text(encoding="utf-8").split("\n## ")[1:]
    for requirement, section in zip(meta.requirements, sections, strict=True):
        rows = section.splitlines()
        for each in requirement.references:
            framework = f"{each.framework.title} {each.framework.version}"
            assert f"| {each.relation.value} | {framework}, {each.item}: {each.title} |" in rows
