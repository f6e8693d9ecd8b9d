"""Reads the many files in which there is nothing, in processes beside each other; what is left is read one by one."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final

from ci_guard.rows import NamedTuple
from ci_guard.secrets.files import Folder
from ci_guard.secrets.places import Listed, text
from ci_guard.secrets.reading import Reading
from ci_guard.secrets.workers import helpers_for, spread

_FEW: Final = 200
"""Files that are not worth a process."""
_MOST_PARTS: Final = 255
"""A part's number is one byte."""
_PART: Final = 32
"""Files of the smallest part."""
_TOLD: Final = 5000
"""Files that are told of together."""


class _Seen(NamedTuple):
    """A file in which there is nothing."""

    number: int
    oid: str
    size: int
    known: bool
    """Whether the index has this very id."""


class Sweep:
    """
    A look at files of a folder, which goes on beside the caller's other work.

    A file in which there is something is left to the caller, and so is one that is not what the index holds, that
    cannot be read, or that changes meanwhile.
    """

    def __init__(self, root: str, files: Sequence[Listed], reading: Reading) -> None:
        """Start, where there are enough files, and processors to share them."""
        self._root = root
        self._files = files
        self._reading = reading
        self._size = max(_PART, -(-len(files) // _MOST_PARTS))
        self._said: Generator[tuple[int, Any], None, None] | None = None
        helpers = helpers_for(len(files), _FEW)
        if helpers:
            self._start(helpers)

    def _start(self, helpers: int) -> None:
        self._reading.ready()
        self._parts, parts = os.pipe()
        # Whoever is free takes the next part: what one process reads of a pipe, no other does.
        os.write(parts, bytes(range(-(-len(self._files) // self._size))))
        os.close(parts)
        self._said = spread(range(helpers), self._help, busy=True)
        next(self._said)

    def _help(self, _: int) -> Iterator[Any]:
        """Tell at the end what was seen, as there is nobody to listen before: numbers, sizes, ids that no index has."""
        yield None
        numbers, sizes = array("I"), array("Q")
        others: dict[int, str] = {}
        for number, oid, size, known in self._looked():
            numbers.append(number)
            sizes.append(size)
            if not known:
                others[number] = oid
        for first in range(0, len(numbers), _TOLD):
            told = numbers[first : first + _TOLD].tolist()
            yield (
                told,
                sizes[first : first + _TOLD].tolist(),
                [others.get(number) for number in told] if others else [None] * len(told),
            )

    def _looked(self, begun: Callable[[int], None] = lambda _: None) -> Iterator[_Seen]:
        """Yield the files in which there is nothing, while there are parts to take."""
        with closing(Folder(self._root)) as folder:
            while part := os.read(self._parts, 1):
                first = part[0] * self._size
                begun(first)
                yield from self._nothing_in(folder, first, self._files[first : first + self._size])

    def _nothing_in(self, folder: Folder, first: int, files: Iterable[Listed]) -> Iterator[_Seen]:
        nothing = self._reading.nothing
        for number, (path, expected, _) in enumerate(files, first):
            try:
                data = folder.read(path)
            except OSError:
                continue
            oid = nothing(data, text(path), expected) if data is not None else None
            if data is not None and oid:
                yield _Seen(number, oid, len(data), expected is not None)

    def done(self, begun: Callable[[int], None]) -> bytearray:
        """
        Help, wait for the end, and return of each file, by number, whether there is nothing in it.

        They count as read. `begun` is told now and then how many were begun.
        Raises: `ScanFault` when a process ended early.
        """
        nothing = bytearray(len(self._files))
        if self._said is None:
            return nothing
        own = ((seen.number, seen.oid, seen.size) for seen in self._looked(begun))
        self._reading.keep_nothing(self._noted(own, nothing))
        for _, told in self._said:
            numbers, sizes, others = told or ((), (), ())
            seen = zip(numbers, map(self._oid, numbers, others), sizes, strict=True)
            self._reading.keep_nothing(self._noted(seen, nothing))
        return nothing

    def _oid(self, number: int, other: str | None) -> str:
        return other or str(self._files[number].oid)

    @staticmethod
    def _noted(seen: Iterable[tuple[int, str, int]], nothing: bytearray) -> Iterator[tuple[str, int]]:
        for number, oid, size in seen:
            nothing[number] = True
            yield oid, size

    def close(self) -> None:
        """End all processes."""
        if self._said:
            self._said.close()
            os.close(self._parts)
            self._said = None
