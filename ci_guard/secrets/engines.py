"""
Searches bytes for many expressions at once: with hyperscan, from a database that ships, or one made at once.

Where hyperscan cannot be loaded, or does not run on the processor, the engine in Python meets the same. Nothing else
chooses: no variable, option or file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ci_guard.errors import ScanFault
from ci_guard.rows import NamedTuple
from ci_guard.secrets import database

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence


class Expression(NamedTuple):
    """Something to search for."""

    pattern: bytes
    """In the syntax that `re` and hyperscan share; no repetition is without bound."""
    ignore_case: bool = False
    once: bool = False
    """Whether it is enough to know that a content has it."""


class Engine(Protocol):
    """What searches for expressions."""

    slow: bool
    """Whether it is the engine for where there is no other."""

    def scan(self, data: bytes, /) -> list[tuple[int, int]]:
        """
        Return what is met in some bytes: the number of an expression, and the offset behind a match of it.

        Shape: sorted by offsets, nothing twice. A match may begin anywhere: each offset at which one ends is told once,
        of an expression that is wanted once at least one of them.
        """
        ...


def loaded() -> Any | None:
    """Return the module of hyperscan, or None where there is none."""
    try:
        import hyperscan
    except ImportError:
        return None
    return hyperscan


def compiled(expressions: Sequence[Expression], hyperscan: Any | None) -> Engine:
    """
    Return an engine that is made at once.

    Raises: `ValueError` where it refuses an expression.
    """
    if hyperscan:
        try:
            return Hyperscan(database.compiled(expressions, hyperscan))
        except hyperscan.ArchitectureError:
            pass  # a processor without SSSE3
        except hyperscan.HyperscanError as error:
            raise ValueError(str(error)) from None
    from ci_guard.secrets.portable import Portable

    return Portable(expressions)


class Opening:
    """An engine on its way: at once where its database ships, else compiled beside its caller's work."""

    def __init__(self, expressions: Callable[[], Sequence[Expression]], sources: Sequence[bytes] = ()) -> None:
        """Start; `sources` are what the expressions are made from, where a database may ship for them."""
        self._engine: Engine | None = None
        self._fault: ScanFault | None = None
        self._compiler: threading.Thread | None = None
        hyperscan = loaded()
        shipped = database.shipped(sources, hyperscan) if hyperscan and sources else None
        if shipped is not None:
            self._engine = Hyperscan(shipped)
            return
        from threading import Thread

        self._compiler = Thread(target=self._compile, args=(expressions(), hyperscan))
        self._compiler.start()

    def _compile(self, expressions: Sequence[Expression], hyperscan: Any | None) -> None:
        try:
            self._engine = compiled(expressions, hyperscan)
        except ValueError as error:
            self._fault = ScanFault(f"the matching engine refuses the rules: {error}")

    def engine(self) -> Engine:
        """
        Return the engine when it is ready.

        Raises: `ScanFault` when it refuses the expressions.
        """
        if self._compiler is not None:
            self._compiler.join()
            self._compiler = None
        if self._engine is None:
            raise self._fault or ScanFault("the matching engine did not start")
        return self._engine


class Hyperscan:
    """Hyperscan, which looks at each byte once, whatever the expressions are."""

    slow = False

    def __init__(self, opened: Any) -> None:
        """Search with a database that has its scratch space."""
        self._database = opened

    def scan(self, data: bytes, /) -> list[tuple[int, int]]:
        """See `Engine.scan`."""
        found: list[tuple[int, int]] = []

        def note(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            found.append((number, end))

        self._database.scan(data, match_event_handler=note)
        return found
