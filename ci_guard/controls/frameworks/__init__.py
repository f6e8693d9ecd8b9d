"""The catalogs of the frameworks that requirements refer to: every item by id. They are data, in `*.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

from ci_guard.model.reference import Framework, Reference, Relation
from ci_guard.records import dataclass

_FOLDER: Final = Path(__file__).parent


class Gap(str, Enum):
    """Why no requirement contributes to an item."""

    ORGANISATIONAL = "organisational"
    """It is about people, processes or documents, which no setting shows."""
    BUILD_SIDE = "build-side"
    """It is about builds, dependencies, artifacts or deployments; the gate judges source and who acts on it."""
    PLATFORM = "platform"
    """The forge does it for every repository, or does not: there is nothing to set."""
    NOT_YET = "not yet"
    """The platform or the repository could show it, and no control asks."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One item of a framework."""

    id: str
    title: str
    """The framework's own words, shortened to a line."""
    section: str
    level: str
    """The levels that ask for it, in the framework's words; empty where it knows none."""
    gap: Gap | None
    """Set where, and only where, no requirement contributes."""


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """One version of a framework with all of its items, in its own order."""

    framework: Framework
    attribution: str
    """Who published it, under which licence, and what was changed."""
    licence: str
    """The address of the licence."""
    items: Mapping[str, Item]

    def references(self, relation: Relation, ids: Iterable[str]) -> Iterator[Reference]:
        """
        Yield a reference to each item.

        Raises: `ValueError` for an id that the catalog does not have.
        """
        for each in ids:
            item = self.items.get(each)
            if item is None:
                raise ValueError(f"{self.framework.id} {self.framework.version} has no item {each!r}")
            yield Reference(framework=self.framework, item=item.id, title=item.title, relation=relation)


def load(name: str) -> Catalog:
    """Return the catalog of that file name."""
    raw: dict[str, Any] = json.loads((_FOLDER / f"{name}.json").read_text("utf-8"))
    items = [
        Item(
            id=item["id"],
            title=item["title"],
            section=section["title"],
            level=item.get("level", ""),
            gap=Gap(item["not_covered"]) if "not_covered" in item else None,
        )
        for section in raw["sections"]
        for item in section["items"]
    ]
    return Catalog(
        framework=Framework(id=raw["id"], title=raw["title"], version=raw["version"], url=raw["url"]),
        attribution=raw["attribution"],
        licence=raw["licence"],
        items={item.id: item for item in items},
    )


SLSA: Final = load("slsa-source")
OSPS: Final = load("osps-baseline")
CIS: Final = load("cis-software-supply-chain")
OWASP: Final = load("owasp-cicd-sec")

CATALOGS: Final = (SLSA, OSPS, CIS, OWASP)
"""In the order in which they are shown."""
