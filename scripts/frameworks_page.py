"""The matrix of frameworks and requirements, for `generate.py`: what is covered by what, and what is not covered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ci_guard.controls.frameworks import CATALOGS, Catalog, Gap, Item
from ci_guard.entrypoints.options import PLATFORMS
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.reference import Reference, Relation

Contributors = Mapping[Relation, Sequence[tuple[Meta, Requirement]]]

TITLES: Final = {"github": "GitHub", "gitlab": "GitLab"}

INTRODUCTION: Final = """\
# Frameworks

Which items of which framework a requirement that passes is evidence for, and which items nothing here is evidence for.

- **Satisfied by**: a pass is evidence for the whole item, as far as a machine can check it: for this repository, for
  the branches that the policy lists, at the time of the run.
- **Supported by**: a pass is evidence for a part of the item. Several parts are not counted up to the whole.
- A run says what it is evidence for in its [report](report.md) under `references`, and in the step summary. **What is
  unknown reads "not evidenced"**, and so does what no policy asks. What is waived reads "waived", never "evidenced".
- No level, badge or certificate follows from it. SLSA's source levels are told by attestations of the source control
  system, which ci-guard does not issue.
- Titles are the frameworks' own words, shortened to a line. The frameworks themselves say what is meant.
"""

GAPS: Final = {
    Gap.ORGANISATIONAL: "people, processes or documents, which no setting shows",
    Gap.BUILD_SIDE: "builds, dependencies, artifacts or deployments; the gate judges source and who acts on it",
    Gap.PLATFORM: "what the forge does for every repository, or does not: there is nothing to set",
    Gap.NOT_YET: "the platform or the repository could show it, and no control asks yet",
}


def matrix(metas: Iterable[Meta]) -> str:
    """Return the page: an overview, then every framework with all of its items."""
    contributors = contributions(list(metas))
    overview = [
        "",
        "| framework | items | satisfied | supported only | not covered |",
        "| --- | --- | --- | --- | --- |",
        *(overview_row(catalog, contributors) for catalog in CATALOGS),
        "",
        "Why an item is not covered:",
        "",
        *(f"- **{gap.value}**: {GAPS[gap]}" for gap in Gap),
        "",
    ]
    parts = [line for catalog in CATALOGS for line in framework_lines(catalog, contributors)]
    return INTRODUCTION + "\n".join(overview + parts)


def contributions(metas: Sequence[Meta]) -> dict[tuple[str, str], Contributors]:
    """Return the requirements that contribute to each item, by framework and item."""
    found: dict[tuple[str, str], dict[Relation, list[tuple[Meta, Requirement]]]] = {}
    for meta in metas:
        for requirement in meta.requirements:
            for each in requirement.references:
                by_relation = found.setdefault(key(each), {relation: [] for relation in Relation})
                by_relation[each.relation].append((meta, requirement))
    return {**found}


def key(reference: Reference) -> tuple[str, str]:
    """Return what tells an item from those of other frameworks."""
    return reference.framework.id, reference.item


def overview_row(catalog: Catalog, contributors: Mapping[tuple[str, str], Contributors]) -> str:
    """Return the numbers of one framework."""
    found = [contributors.get((catalog.framework.id, item)) for item in catalog.items]
    satisfied = sum(1 for each in found if each and each[Relation.SATISFIES])
    supported = sum(1 for each in found if each and not each[Relation.SATISFIES])
    name = f"{catalog.framework.title} {catalog.framework.version}"
    anchor = "".join(sign for sign in name.lower().replace(" ", "-") if sign.isalnum() or sign in "-_")
    rest = len(found) - satisfied - supported
    return f"| [{name}](#{anchor}) | {len(found)} | {satisfied} | {supported} | {rest} |"


def framework_lines(catalog: Catalog, contributors: Mapping[tuple[str, str], Contributors]) -> list[str]:
    """Return one framework: whose it is, what is covered and what is not."""
    framework = catalog.framework
    levels = any(item.level for item in catalog.items.values())
    found = {item.id: contributors.get((framework.id, item.id)) for item in catalog.items.values()}
    heads = ["item", "what it is about", "part", *(["asked at"] if levels else [])]
    covered = [
        [*item_cells(item, levels=levels), names(each[Relation.SATISFIES]), names(each[Relation.SUPPORTS]), seen(each)]
        for item in catalog.items.values()
        if (each := found[item.id])
    ]
    missing = [
        [*item_cells(item, levels=levels), item.gap.value if item.gap else ""]
        for item in catalog.items.values()
        if not found[item.id]
    ]
    return [
        f"## {framework.title} {framework.version}",
        "",
        f"<{framework.url}>. {catalog.attribution} [Licence]({catalog.licence}).",
        "",
        *table([*heads, "satisfied by", "supported by", "read on"], covered),
        "",
        f"### Not covered of {framework.title}",
        "",
        *table([*heads, "why"], missing),
        "",
    ]


def item_cells(item: Item, *, levels: bool) -> list[str]:
    """Return the cells that name an item."""
    return [f"`{item.id}`", item.title, item.section, *([item.level] if levels else [])]


def names(requirements: Iterable[tuple[Meta, Requirement]]) -> str:
    """Return requirements, each leading to its page."""
    return ", ".join(f"[{meta.id}/{one.id}](controls/{meta.id}.md#{one.id})" for meta, one in requirements)


def seen(contributors: Contributors) -> str:
    """Return the platforms on which the facts are read; a checkout is the same everywhere."""
    local = {meta.local for requirements in contributors.values() for meta, _ in requirements}
    forges = ", ".join(TITLES[platform] for platform in PLATFORMS)
    return "; ".join([*([forges] if False in local else []), *(["every checkout"] if True in local else [])])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table's lines."""
    return [line(heads), line(["---"] * len(heads)), *(line(row) for row in rows)]


def line(cells: Sequence[str]) -> str:
    """Return a row."""
    return f"| {' | '.join(cells)} |"
