"""Where something stands in a policy file, and what is said there."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from ci_guard.records import dataclass

BUILTIN: Final = "builtin:"
"""How the names of the profiles that come with ci-guard begin."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A character of a policy file. Lines and columns are 1-based; columns count characters."""

    file: str
    """As messages name it: a path, a path with its commit, or `builtin:baseline`."""
    line: int
    column: int
    extended_at: Place | None = None
    """In a profile: where it was chosen, which is the line to change."""

    def __str__(self) -> str:
        """Return `FILE:LINE:COLUMN`, or for a profile the place that chose it, and its name."""
        return f"{self.extended_at}: {self.file}" if self.extended_at else f"{self.file}:{self.line}:{self.column}"

    @property
    def brief(self) -> str:
        """`FILE:LINE`, or the name alone for a profile, whose lines nobody has open."""
        return self.file if self.file.startswith(BUILTIN) else f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Stated(Generic[T]):
    """A value and who states it."""

    value: T
    places: tuple[Place, ...]
    """More than one where layers made the value together; never empty."""
    rank: int
    """The layer that first spoke of it: 0 is the one nearest the organisation."""

    @property
    def place(self) -> Place:
        """The first of its places."""
        return self.places[0]

    @property
    def said_by(self) -> str:
        """Who states it, for messages."""
        return " and ".join(place.brief for place in self.places)
