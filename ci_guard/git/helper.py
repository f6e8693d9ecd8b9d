"""The optional helper `ci_guard_native`, which reads packs and searches contents faster than git and Python."""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import Any, Final

API: Final = 4
"""What the helper has to be like: `native/module.c` has the same number."""


def helper() -> Any:
    """Return the helper, or None where there is none, or one of another release."""
    with suppress(ImportError):  # no wheel for this machine, or none was wanted
        found = importlib.import_module("ci_guard_native")
        return found if getattr(found, "API", None) == API else None
    return None


native: Any = helper()
