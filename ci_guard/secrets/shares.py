"""Reads many objects in processes beside each other: helpers look at their shares, and leave what has anything."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from ci_guard.git import ObjectStream, Repository
from ci_guard.secrets.reading import Reading
from ci_guard.secrets.workers import helpers_for, spread

_FEW: Final = 500
"""Objects that are not worth a process: each has to load what judges, and a git of its own."""
_TOLD: Final = 5000
"""Objects that are told of together."""


def read(
    repository: Repository, wanted: Mapping[str, Sequence[str]], reading: Reading
) -> Generator[ObjectStream, None, None]:
    """
    Yield the objects that are wanted, by their ids, for the paths that they stand at; each once, in no certain order.

    Objects in which helpers saw nothing count as read, and are not yielded. Raises: as `Repository.objects`, and
    `ScanFault` when a helper ends early.
    """
    oids = list(wanted)
    processes = helpers_for(len(oids), _FEW) + 1
    if processes > 1:  # git builds one version of a file from another, so all versions go to one process
        oids.sort(key=lambda oid: wanted[oid][0])
    own, *others = (
        oids[len(oids) * part // processes : len(oids) * (part + 1) // processes] for part in range(processes)
    )
    if not others:
        yield from repository.objects(own)
        return
    reading.ready()
    left = [set(share) for share in others]
    with closing(spread(others, lambda share: _look(repository, wanted, reading, share), busy=True)) as said:
        next(said)
        yield from repository.objects(own)
        for helper, (numbers, sizes) in said:
            seen = [others[helper][number] for number in numbers]
            left[helper].difference_update(seen)
            reading.keep_nothing(zip(seen, sizes, strict=True))
    yield from repository.objects(oid for share in left for oid in share)


def _look(
    repository: Repository, wanted: Mapping[str, Sequence[str]], reading: Reading, share: Sequence[str]
) -> Iterator[Any]:
    """
    Tell that a share is begun, and at the end, as there is nobody to listen before, in which objects there is nothing.

    Shape: numbers of them, and the size of each, None for a message. Where an object is not what its id says, nothing
    is told of any.
    """
    yield (), ()
    numbers: list[int] = []
    sizes: list[int | None] = []
    with closing(repository.objects(share)) as streams:
        for number, stream in enumerate(streams):
            if stream.kind and reading.nothing_in(stream, wanted[stream.oid]):
                numbers.append(number)
                sizes.append(None if stream.kind in ("commit", "tag") else stream.size)
    for first in range(0, len(numbers), _TOLD):
        yield numbers[first : first + _TOLD], sizes[first : first + _TOLD]
