"""Every text of a record is reached, and nothing else is touched."""

from __future__ import annotations

from typing import Any

import hypothesis
from hypothesis import given

from ci_guard.model import codec
from ci_guard.model.fact import Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.judgement import Location
from ci_guard.model.rewriting import rewritten, texts
from ci_guard.model.run import Event, Platform, unknown_run
from tests.replay.strategies import values

FEW = hypothesis.settings(max_examples=8, deadline=None)


def strings(data: Any) -> set[str]:
    """Return every text of plain data, keys left out."""
    if isinstance(data, dict):
        return {text for value in data.values() for text in strings(value)}
    if isinstance(data, list):
        return {text for value in data for text in strings(value)}
    return {data} if isinstance(data, str) else set()


@FEW
@given(facts=values(Facts))
def test_a_text_that_is_recorded_is_one_that_is_rewritten(facts: Facts) -> None:
    """Otherwise a secret could stay where nobody looked."""
    marked = rewritten(facts, lambda text: f"<{text}>")
    assert set(texts(marked)) == {f"<{text}>" for text in texts(facts)}
    kept = {text for text in strings(codec.encode(marked, Facts)) if not (text.startswith("<") and text.endswith(">"))}
    words = strings(codec.encode(rewritten(facts, lambda _: ""), Facts))
    assert kept <= words, "what is left are words of enums and times"


@FEW
@given(facts=values(Facts))
def test_what_does_not_change_is_the_same(facts: Facts) -> None:
    assert rewritten(facts, lambda text: text) is facts


def test_a_word_of_an_enum_is_no_text() -> None:
    run = unknown_run(Platform.GITHUB, "github")
    changed = rewritten((run, Event.PUSH, Location(path="github", line=1)), str.upper)
    assert changed[0].platform is Platform.GITHUB
    assert isinstance(changed[0].event, Unknown)
    assert changed[0].event.reason == "GITHUB"
    assert changed[1:] == (Event.PUSH, Location(path="GITHUB", line=1))
