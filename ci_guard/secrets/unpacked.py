"""What came out of an archive; apart from what unpacks it, which a scan without archives need not load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ci_guard.rows import NamedTuple

if TYPE_CHECKING:
    from ci_guard.secrets.keyfiles import KeyFile
    from ci_guard.secrets.matcher import Match

LARGEST: Final = 128 << 20
"""Bytes of an archive that are held, together with those of the zip archives in it."""


class Found(NamedTuple):
    """A member that has something."""

    path: str
    """To be put behind the path of the archive: `!/b`, `!/b.zip!/c`; empty for what is merely compressed."""
    matches: tuple[Match, ...]
    key_file: KeyFile | None


class Left(NamedTuple):
    """Something that was not read through."""

    path: str
    """To be put behind the path of the archive, like that of `Found`."""
    reason: str
    """One clause without a full stop."""


class Unpacked(NamedTuple):
    """What came out of an archive."""

    found: tuple[Found, ...] = ()
    left: tuple[Left, ...] = ()

    @classmethod
    def of_too_large(cls) -> Unpacked:
        """Return what is to be said of an archive of more than `LARGEST` bytes."""
        return cls(left=(Left("", f"an archive of more than {LARGEST >> 20} MiB"),))
