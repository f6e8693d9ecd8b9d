"""A stream of bytes that come in pieces of any size."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Pieces(io.RawIOBase):
    """Reads forward only, and never holds more than one piece besides what was asked for."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Stand before the first piece."""
        super().__init__()
        self._pieces = pieces
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """See `io.RawIOBase`."""
        target = memoryview(buffer).cast("B")
        part = self.some(len(target))
        target[: len(part)] = part
        return len(part)

    def some(self, size: int) -> memoryview:
        """Return the next bytes, from 1 to `size` of them; none only at the end."""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return self._piece
            self._piece = memoryview(piece)
        part, self._piece = self._piece[:size], self._piece[size:]
        return part

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, or fewer where the stream ends."""
        if size <= len(self._piece):
            return bytes(self.some(size))
        parts = []
        while size and (part := self.some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
