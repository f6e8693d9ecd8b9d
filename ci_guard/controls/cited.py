"""What requirements refer to of frameworks, looked up when it is read: a run that tells none of it loads no catalog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ci_guard.model.reference import Reference, Relation


class References:
    """References of one requirement."""

    def __init__(self, *named: tuple[str, Relation, tuple[str, ...]]) -> None:
        """Name a catalog of `frameworks`, how far a pass goes, and ids of items, as often as it takes."""
        self._named = named

    def __add__(self, others: References) -> References:
        """Return these and others."""
        return References(*self._named, *others._named)

    def __iter__(self) -> Iterator[Reference]:
        """
        Yield them.

        Raises: `ValueError` for an id that the catalog does not have.
        """
        from ci_guard.controls import frameworks

        for name, relation, ids in self._named:
            catalog: frameworks.Catalog = getattr(frameworks, name)
            yield from catalog.references(relation, ids)


class Cited:
    """A catalog that is not loaded yet."""

    def __init__(self, name: str) -> None:
        """Take what `frameworks` calls it."""
        self._name = name

    def satisfies(self, *ids: str) -> References:
        """Return references to items that a pass is whole evidence for."""
        return References((self._name, Relation.SATISFIES, ids))

    def supports(self, *ids: str) -> References:
        """Return references to items that a pass is evidence for a part of."""
        return References((self._name, Relation.SUPPORTS, ids))


SLSA: Final = Cited("SLSA")
OSPS: Final = Cited("OSPS")
CIS: Final = Cited("CIS")
OWASP: Final = Cited("OWASP")
