"""Every control; who needs but one of them imports that one, and loads no other."""

from __future__ import annotations

from typing import Final

from ci_guard.controls import (
    actor_permissions,
    admission,
    branch_protection,
    guard_integrity,
    required_reviews,
    secret_free,
)
from ci_guard.controls.interface import Control

CONTROLS: Final[tuple[Control, ...]] = (
    branch_protection,
    actor_permissions,
    admission,
    required_reviews,
    secret_free,
    guard_integrity,
)
"""Every control, in report order."""
METAS: Final = tuple(control.META for control in CONTROLS)
"""What each of them says of itself."""
