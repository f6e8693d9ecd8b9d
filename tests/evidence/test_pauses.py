"""How long a server may make a run wait."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ci_guard.evidence.rest import pauses


def test_pauses_that_overlap_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(pauses, "time", SimpleNamespace(monotonic=lambda: now, sleep=lambda _: None))
    budget = pauses.Pauses(2.5)
    assert [budget.wait(1), budget.wait(1), budget.wait(0.5)] == [True] * 3
    now = 100.5
    assert budget.wait(1), "half of it is over when the first ones are"
    now = 200.0
    assert not budget.wait(1.5), "1.5 are spent"
    assert budget.wait(1)
    assert not budget.wait(1.25)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1", 1.0),
        (" 10 ", 10.0),
        ("0", 0.0),
        ("-1", None),
        ("1.5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_counts_in_seconds_and_anything_else_is_too_long(value: str, seconds: float | None) -> None:
    assert pauses.retry_after({"retry-after": value}) == (float("inf") if seconds is None else seconds)
    assert pauses.retry_after({}) is None
