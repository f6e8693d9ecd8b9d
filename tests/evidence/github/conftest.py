"""Makes the scene of this folder's tests known to pytest, and the waits between attempts short."""

from __future__ import annotations

import pytest

from ci_guard.evidence.rest import exchange
from tests.evidence.github.scene import scene

__all__ = ["scene", "short_waits"]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a hundredth of the time before a call is tried again; how often it is tried stays."""
    monkeypatch.setattr(exchange, "BACKOFF_SECONDS", exchange.BACKOFF_SECONDS / 100)
