"""Ids of git's objects."""

from __future__ import annotations

from typing import Final

from ci_guard import late

OBJECT_ID: Final = late.pattern("[0-9a-f]{40}|[0-9a-f]{64}")
"""One in full, in hex (gitformat-object): by SHA-1 or by SHA-256."""
