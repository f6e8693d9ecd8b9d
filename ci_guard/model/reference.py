"""What a requirement contributes to frameworks of others: standards, baselines and benchmarks, item by item."""

from __future__ import annotations

from enum import Enum

from ci_guard.records import dataclass


class Relation(str, Enum):
    """How far a requirement that passes goes towards an item of a framework."""

    SATISFIES = "satisfies"
    """A pass is evidence for the whole item, as far as it is about what the requirement judges."""
    SUPPORTS = "supports"
    """A pass is evidence for a part of the item."""


@dataclass(frozen=True, kw_only=True)
class Framework:
    """One version of a framework."""

    id: str
    """Kebab-case, without the version: `slsa-source`."""
    title: str
    version: str
    url: str
    """The page of this version."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One item of a framework to which a requirement contributes."""

    framework: Framework
    item: str
    """The framework's own id, such as `OSPS-AC-03.01`."""
    title: str
    """The framework's own words, shortened to a line."""
    relation: Relation
