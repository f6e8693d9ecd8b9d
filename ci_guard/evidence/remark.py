"""What people write to say why: one line of it, for reports and records."""

from __future__ import annotations

from typing import Final

from ci_guard.errors import unrevealing
from ci_guard.evidence.rest.shape import encodable

LONGEST: Final = 300
"""Characters that are kept: a reason, and no place to keep a document."""


def remark(text: str) -> str:
    """
    Return the text on one line, cut, without control characters and whatever may be a secret.

    It stays a stranger's text, which every reporter escapes for itself.
    """
    words = " ".join(unrevealing(encodable(text)).split())
    shown = "".join(sign for sign in words if sign.isprintable())
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"
