"""The controls: pure functions from facts and settings to judgements, one module each."""

from __future__ import annotations

from typing import Final

from ci_guard.controls import actor_permissions, admission, branch_protection, required_reviews, secret_free
from ci_guard.controls.interface import Control

CONTROLS: Final[tuple[Control, ...]] = (branch_protection, actor_permissions, admission, required_reviews, secret_free)
"""Every control, in report order."""
