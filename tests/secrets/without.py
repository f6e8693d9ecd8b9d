"""The scanner as it is where hyperscan has no wheel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def hyperscan_missing() -> Iterator[None]:
    """Let the import of hyperscan fail, as it does where it is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "hyperscan", None)
        yield
