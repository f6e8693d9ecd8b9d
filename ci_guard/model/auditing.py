"""What a policy says of the record of a run."""

from __future__ import annotations

from enum import Enum


class OnFailure(str, Enum):
    """What a record that could not be kept does to a run that may proceed."""

    DENY = "deny"
    WARN = "warn"
