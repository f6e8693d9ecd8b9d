"""The Markdown report: a comment that a bot can find again, within what a comment may have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_guard.model.decision import Failure
from ci_guard.reporters import markdown, step_summary
from tests.reporters import sample
from tests.reporters.gfm import rendered
from tests.reporters.widest import WIDEST, widened


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_first_line_is_a_marker_that_nobody_sees(name: str) -> None:
    text = markdown.render(sample.SAMPLES[name]())
    assert text.startswith(markdown.MARKER)
    assert rendered(text).text.lstrip().startswith(("✅ ci-guard", "❌ ci-guard", "❓ ci-guard", "💥 ci-guard"))


def test_runs_of_other_controls_keep_comments_of_their_own() -> None:
    whole = sample.denied()
    part = replace(whole, controls=(sample.SECRETS,))
    first_lines = {markdown.render(each).split("\n")[0] for each in (whole, sample.allowed(), part)}
    assert first_lines == {
        "<!-- ci-guard:report branch-protection actor-permissions secret-free -->",
        "<!-- ci-guard:report secret-free -->",
    }


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_links_are_absolute_because_a_comment_stands_elsewhere(name: str) -> None:
    page = rendered(markdown.render(sample.SAMPLES[name]()))
    assert page.open == []
    assert all(link.startswith("https://") for link in page.links)


def test_it_says_what_the_summary_says_in_less_room() -> None:
    comment, summary = (rendered(module.render(sample.denied())).text for module in (markdown, step_summary))
    assert len(comment) < len(summary)
    told = comment[comment.index("What denies") : comment.index("Controls\n")]
    assert "".join(told.split()) in "".join(summary.split())


def test_a_thousand_findings_are_counted_and_the_worst_listed() -> None:
    text = markdown.render(sample.denied(1_000))
    assert "### Findings (1,000)" in text
    assert f"… and {1_000 - markdown.ROOM.rows} more in the JSON report." in text


@pytest.mark.parametrize("findings", [0, 3_000])
def test_the_limit_of_a_comment_is_never_reached(findings: int) -> None:
    whole = sample.denied(findings)
    result = replace(
        whole,
        version=WIDEST,
        decision=replace(whole.decision, rulings=widened(whole, 30), reason=WIDEST, notes=(WIDEST,) * 500),
        run=replace(whole.run, repository=WIDEST, run_url="https://x.example/" + "a" * 1_900),
        policy=replace(sample.POLICY, source=WIDEST),
        failure=Failure(message=f"{WIDEST}\n" * 500, hint=WIDEST, fault_of_ci_guard=False),
    )
    text = markdown.render(result)
    assert markdown.ROOM.size - 20_000 < len(text.encode()) < markdown.LIMIT
    assert rendered(text).open == []
