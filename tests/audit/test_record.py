"""A record of its own for every run, told apart by what it says."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.audit.record import record_of
from tests.audit import logs


@pytest.mark.parametrize("other", [{"environment": "production"}, {"actor": "mallory"}])
def test_runs_of_one_moment_that_say_something_else_have_ids_of_their_own(other: dict[str, Any]) -> None:
    """Jobs of a matrix run at once, in one run and with one verdict; whoever takes each id once would lose a record."""
    one, two = logs.result(1), logs.result(1, **other)
    assert one.time == two.time
    assert record_of(one)["id"] == record_of(one)["id"] != record_of(two)["id"]
