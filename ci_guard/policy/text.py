"""A policy file as it was read."""

from __future__ import annotations

import hashlib

from ci_guard.model.origin import LayerKind, LayerOrigin
from ci_guard.records import dataclass


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
            sha256=hashlib.sha256(self.content).hexdigest(),
            floor=self.floor,
            signer=self.signer,
        )
