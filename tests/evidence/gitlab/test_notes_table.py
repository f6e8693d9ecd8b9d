"""What GitLab's notes come to: every row of `notes/*.yml` is a case, with GitLab's page as its source."""

from __future__ import annotations

import string
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.evidence.gitlab import notes
from ci_guard.evidence.gitlab.notes import Deed, Verdict
from ci_guard.model.review import ReviewState

FOLDER = Path(__file__).parent / "notes"
ROWS = [row for path in sorted(FOLDER.glob("*.yml")) for row in yaml.safe_load(path.read_text(encoding="utf-8"))]
START = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
HEAD = "a" * 40


def account(who: str | None) -> dict[str, Any] | None:
    """`bob=robert` is bob's account under the name robert."""
    if who is None:
        return None
    first, _, now = who.partition("=")
    return {"id": zlib.crc32(first.encode()), "username": now or first, "name": (now or first).title()}


def note(number: int, hour: float, who: str | None, body: str, options: dict[str, bool] | None = None) -> Any:
    at = (START + timedelta(hours=hour)).isoformat()
    made = {"id": number, "body": body, "author": account(who), "created_at": at, "system": True, "internal": False}
    return {**made, **(options or {})}


def events(row: dict[str, Any]) -> tuple[notes.Event, ...]:
    return notes.read([note(number, *one) for number, one in enumerate(row["notes"], 1)])


def last(said: tuple[Verdict, ...]) -> dict[str, Verdict]:
    """Return each account's last verdict, by the latest name."""
    by_id = {one.reviewer.id: one for one in said}
    return {one.reviewer.login: one for one in by_id.values()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["claim"])
def test_a_row_holds(row: dict[str, Any]) -> None:
    found = events(row)
    said = last(notes.verdicts(found))
    assert {login: one.state.value for login, one in said.items()} == row["expect"]
    stale = [login for login, one in said.items() if notes.pushed_since(found, one.at)]
    assert stale == row.get("stale", [])
    fresh = [login for login, one in said.items() if login not in stale and notes.shows_head(found, HEAD, one.at)]
    assert fresh == row.get("fresh", [])
    if "elsewhere" in row:
        assert [login for login, one in said.items() if notes.retargeted_since(found, one.at)] == row["elsewhere"]
    if "pushers" in row:
        assert [event.by.login for event in notes.pushes(found) if event.by] == row["pushers"]


def test_the_table_is_whole() -> None:
    """Thirty rows and more, no claim twice, each with its source."""
    assert len(ROWS) >= 30
    assert len({row["claim"] for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert row["source"].startswith("https://docs.gitlab.com/"), row["claim"]
        assert set(row) <= {"claim", "source", "notes", "expect", "stale", "fresh", "elsewhere", "pushers"}


@pytest.mark.parametrize("deed", Deed)
def test_every_deed_has_a_row(deed: Deed) -> None:
    assert any(event.deed is deed for row in ROWS for event in events(row))


BODIES = st.sampled_from(
    ["approved this merge request", "unapproved this merge request", "requested changes", "added 1 commit"]
)
SAID = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["bob", "carol"]), BODIES), max_size=8)


@given(SAID, st.integers(0, 9), st.text())
def test_no_comment_changes_what_the_notes_come_to(said: list[tuple[int, str, str]], hour: int, body: str) -> None:
    written = [note(number, *one) for number, one in enumerate(said, 1)]
    comment = note(99, hour, "mallory", body.replace("\0", ""), {"system": False})
    assert notes.read([*written, comment]) == notes.read(written)


@given(SAID)
def test_an_approval_stands_only_after_a_note_of_it(said: list[tuple[int, str, str]]) -> None:
    written = [note(number, *one) for number, one in enumerate(said, 1)]
    for login, verdict in last(notes.verdicts(notes.read(written))).items():
        if verdict.state is ReviewState.APPROVED:
            assert (verdict.at - START).seconds // 3600 in {
                hour for hour, who, body in said if who == login and body.startswith("approved")
            }


@given(st.text(alphabet=string.printable))
def test_no_body_is_too_strange(body: str) -> None:
    notes.read([note(1, 1, "bob", body)])
