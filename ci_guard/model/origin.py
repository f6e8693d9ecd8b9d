"""Where a layer of a policy was read, and what makes sure that it is the one that was meant."""

from __future__ import annotations

from enum import Enum

from ci_guard.records import dataclass


class LayerKind(str, Enum):
    """Where a layer was read."""

    BUILTIN = "builtin"
    """A profile that comes with ci-guard."""
    REPOSITORY = "repository"
    """The judged repository, at a commit that the run cannot have edited."""
    FILE = "file"
    """A file that the caller named as trusted, by `--policy`."""
    REMOTE = "remote"
    """An organisation's policy, by reference: fetched, or a copy whose digest is the reference's."""


@dataclass(frozen=True, kw_only=True)
class LayerOrigin:
    """One layer of a policy and how it is held fast."""

    place: str
    """As messages name it, and as `Policy.layers` lists it."""
    kind: LayerKind
    reference: str = ""
    """The immutable reference that named it; empty for the other kinds."""
    sha256: str = ""
    """Of its text, in hex."""
    floor: bool = False
    """True where the caller put it below everything, so that the repository cannot drop it."""
    signer: str = ""
    """Whose signature was verified; empty where none was asked for."""
