"""How long a server may make a run wait."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait; None where it does not, infinity for anything but a number."""
    value = headers.get("retry-after")
    if value is None:
        return None
    return float(value) if re.fullmatch(r"[0-9]{1,6}", value.strip()) else float("inf")


class Pauses:
    """The time that a run may spend obeying `Retry-After`, all threads together; pauses that overlap count once."""

    def __init__(self, budget_seconds: float) -> None:
        """Begin with the whole budget."""
        self._left = budget_seconds
        self._end = 0.0
        self._lock = threading.Lock()

    def wait(self, seconds: float) -> bool:
        """Sleep so long and return true, or return false at once where the budget does not allow it."""
        with self._lock:
            now = time.monotonic()
            extra = max(0.0, now + seconds - max(now, self._end))
            if extra > self._left:
                return False
            self._left -= extra
            self._end = max(self._end, now + seconds)
        time.sleep(seconds)
        return True
