"""A policy file as it was read."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ci_guard import hashing
from ci_guard.model.origin import LayerKind, LayerOrigin
from ci_guard.policy.document import Node, read_document, read_documents
from ci_guard.policy.place import BUILTIN
from ci_guard.records import dataclass

PROFILE_FOLDER: Final = Path(__file__).parent / "profiles"


@dataclass(frozen=True, kw_only=True)
class PolicyText:
    """One policy file as it was read."""

    content: bytes
    place: str
    """For messages: `.ci-guard.yml at 1a2b3c4d (main)`."""
    kind: LayerKind = LayerKind.FILE
    reference: str = ""
    floor: bool = False
    signer: str = ""

    @property
    def origin(self) -> LayerOrigin:
        """How this text is held fast."""
        return LayerOrigin(
            place=self.place,
            kind=self.kind,
            reference=self.reference,
            sha256=hashing.sha256(self.content),
            floor=self.floor,
            signer=self.signer,
        )

    @property
    def roots(self) -> tuple[Node, ...]:
        """
        The policies in it, the one nearest the organisation first.

        Only a file that the caller names may hold several, as `policy show` writes them: a second one below a
        repository's policy would be read over.
        """
        if self.kind is LayerKind.FILE:
            return read_documents(self.content, self.place)
        return (read_document(self.content, self.place),)


def profile_text(name: str) -> PolicyText:
    """Return a built-in profile's text."""
    return PolicyText(
        content=(PROFILE_FOLDER / f"{name}.yml").read_bytes(), place=BUILTIN + name, kind=LayerKind.BUILTIN
    )
