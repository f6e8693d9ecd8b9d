"""The outputs of the actions."""

from __future__ import annotations

import pytest

from ci_guard.reporters import action_outputs
from tests.reporters import runner, sample


@pytest.mark.parametrize(
    ("name", "verdict", "failed", "unknown"),
    [
        ("denied", "deny", "4", "2"),
        ("allowed", "allow", "0", "0"),
        ("undecided", "undecided", "0", "1"),
        ("broken", "error", "0", "0"),
        ("reported", "deny", "1", "1"),
        ("advisory", "allow", "0", "1"),
        ("policy-error", "error", "0", "0"),
    ],
)
def test_counts_leave_out_what_is_waived(name: str, verdict: str, failed: str, unknown: str) -> None:
    text = action_outputs.render(sample.SAMPLES[name](), report="/tmp/report.json")
    assert runner.read_outputs(text) == {
        "verdict": verdict,
        "report": "/tmp/report.json",
        "failed": failed,
        "unknown": unknown,
    }


def test_an_odd_path_stands_between_random_delimiters() -> None:
    path = "/tmp/a b\nverdict=allow\nEOF\n/r.json"
    first = action_outputs.render(sample.denied(), report=path)
    second = action_outputs.render(sample.denied(), report=path)
    assert first != second
    assert runner.read_outputs(first) == runner.read_outputs(second)
    assert runner.read_outputs(first)["report"] == path
    assert runner.read_outputs(first)["verdict"] == "deny"
