"""The step summary: complete where it can be, bounded where it must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ci_guard.model import project
from ci_guard.model.decision import Verdict
from ci_guard.model.scan import SecretScan, Skipped
from ci_guard.reporters import step_summary
from tests.reporters import sample
from tests.reporters.gfm import rendered
from tests.reporters.widest import WIDEST, widened

MEBIBYTE = 1_048_576


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_markup_nests_and_links_lead_where_they_should(name: str) -> None:
    page = rendered(step_summary.render(sample.SAMPLES[name]()))
    assert page.open == []
    links = [link for link in page.links if not link.startswith(project.page("docs/controls/"))]
    assert set(links) <= {sample.SETTINGS, "https://github.com/settings/tokens", "https://github.com/acme/app/pull/12"}


def test_verdict_comes_first_in_plain_words() -> None:
    page = rendered(step_summary.render(sample.denied()))
    assert page.tags[:2] == ["h2", "p"]
    assert page.text.startswith("❌ ci-guard: Denied\n4 requirements are not met.")


def test_sections_stand_in_the_order_of_their_weight() -> None:
    text = step_summary.render(sample.denied())
    heads = [line.lstrip("# ") for line in text.splitlines() if line.startswith("### ")]
    assert heads == [
        "What denies, and what to change",
        "Unknown and tolerated by the policy",
        "Waived",
        "Branch protection <code>branch-protection</code>",
        "Actor permissions <code>actor-permissions</code>",
        "Secret-free repository <code>secret-free</code>",
        "Findings (3)",
        "Record",
    ]


def test_every_control_has_a_table_and_so_have_the_findings() -> None:
    page = rendered(step_summary.render(sample.denied()))
    # controls, findings, what was not judged, frameworks, what was skipped, what is suppressed
    assert page.tags.count("table") == 3 + 1 + 1 + 1 + 1 + 1
    assert page.tags.count("details") == 4


def test_every_outcome_is_told_by_a_word() -> None:
    text = rendered(step_summary.render(sample.denied())).text
    for word in ("refused", "error", "unknown", "tolerated unknown", "waived (fail)", "passed", "not applicable"):
        assert word in text


def test_the_record_names_policy_scan_evidence_and_notes() -> None:
    text = rendered(step_summary.render(sample.denied())).text
    for part in ("5d" * 32, "builtin:baseline", "11 requests, 0.8 s", "8.4 MB", "ends on 2026-11-30", "3128", "1.2.3"):
        assert part in text.replace("\u200b", "")


def test_frameworks_are_folded_and_unknown_reads_not_evidenced() -> None:
    text = step_summary.render(sample.denied())
    block = text[text.index("<details><summary>Frameworks (") : text.index("### Record")]
    (admins,) = [line for line in block.splitlines() if "/include-admins</code>" in line]
    assert "| not evidenced |" in admins
    assert "Frameworks" not in step_summary.render(sample.policy_error())


def test_many_findings_are_counted_and_the_first_listed() -> None:
    text = step_summary.render(sample.denied(700))
    assert "### Findings (700)" in text
    assert text.count("src/config&#95;") == step_summary.ROOM.rows + step_summary.ROOM.places
    assert "… and 500 more in the JSON report." in text


@pytest.mark.parametrize("findings", [0, 3_000])
def test_a_mebibyte_is_never_reached(findings: int) -> None:
    whole = sample.denied(findings)
    result = replace(
        whole,
        decision=replace(whole.decision, rulings=widened(whole, 100), reason=WIDEST, notes=(WIDEST,) * 500),
        not_judged={f"{number}{WIDEST}": WIDEST for number in range(500)},
        scan=SecretScan(skipped=tuple(Skipped(path=f"{number}{WIDEST}", reason=WIDEST) for number in range(5_000))),
        transport=(WIDEST,) * 9,
    )
    text = step_summary.render(result)
    assert step_summary.ROOM.size - 50_000 < len(text.encode()) < MEBIBYTE
    page = rendered(text)
    assert page.open == []
    assert page.text.startswith("❌ ci-guard: Denied")
    assert "Evidence: 11 requests" in page.text
    assert "Skipped by the scan (5,000)" in page.text


def test_a_control_with_too_many_rows_shows_the_worst() -> None:
    passed = [sample.ruling(subject=f"b{number:04}") for number in range(500)]
    text = step_summary.render(sample.result(Verdict.DENY, 1, [*passed, sample.DENIED], "1 requirement is not met."))
    table = text[text.index("### Branch protection") :]
    assert "❌ refused" in table
    assert "… and 301 more in the JSON report." in table


def test_rows_of_few_rulings_keep_the_order_of_the_policy() -> None:
    text = step_summary.render(sample.denied())
    table = text[text.index("### Branch protection") :]
    order = [
        "protected</code>",
        "no-force-push</code>",
        "approvals</code>",
        "include-admins</code>",
        "signed-commits</code>",
    ]
    assert sorted(order, key=table.index) == order


def test_a_run_without_policy_and_scan_says_so() -> None:
    text = rendered(step_summary.render(sample.policy_error())).text
    assert "Policy: none was read" in text
    assert "Scan" not in text
