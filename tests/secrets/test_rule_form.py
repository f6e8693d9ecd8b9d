"""What holds the built-in rules to their form refuses what could hang or flood a scan."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.secrets import rule
from ci_guard.secrets.matcher import Matcher
from tests.drawing import examples
from tests.secrets import pattern_shape, rule_form

ACME = {"id": "acme-key", "keywords": ["acme_"], "pattern": "acme_[0-9a-z]{32}"}


def refusal(raw: object) -> str:
    with pytest.raises((TypeError, ValueError)) as caught:
        rule_form.parse(raw)
    return str(caught.value)


def test_a_short_rule_is_whole_and_finds_its_secret() -> None:
    one = rule_form.parse(ACME)
    assert (one.title, one.severity, one.confidence) == ("acme-key", Severity.HIGH, Confidence.HIGH)
    assert Matcher([one]).scan(b"key = " + b"acme_" + b"k3v9x1p7q8w2e6r4" * 2) == []  # a repeated part
    (match,) = Matcher([one]).scan(b"key = " + b"acme_" + b"k3v9x1p7q8w2e6r4t5y0u2i8o1l6s7d3")
    assert match.rule is one


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pattern": "acme_.*"}, "in pattern, a repetition has no upper bound"),
        ({"pattern": "acme_[a-z]+"}, "no upper bound"),
        ({"pattern": "acme_(?:[a-z]{1,9}-){1,9}x"}, "a repetition stands inside a repetition"),
        ({"pattern": "acme_[a-z]{0,400}[a-z]{0,400}x"}, "makes 160,801 ways to try"),
        ({"pattern": "acme_([a-z]{9})\\1"}, "refers back to a group"),
        ({"pattern": "acme_("}, "no regular expression"),
        ({"pattern": "acmé_[a-z]{9}"}, "a character beyond ASCII"),
        ({"pattern": "acme_(?P<secret>[a-z]{1,9})"}, "the secret may be of 1 bytes"),
        ({"pattern": "[0-9a-z]{9}_acme", "keywords": ["_acme"]}, "say in the field before"),
        ({"pattern": "acme_[a-z]{600}"}, "more than reach, which is 512"),
        ({"pattern": 7}, "pattern is a int"),
        ({"keywords": []}, "it has no keywords"),
        ({"keywords": ["a"]}, "shorter than 3 characters"),
        ({"keywords": ["acmé"]}, "not of ASCII"),
        ({"keywords": "acme_"}, "keywords is not a list"),
        ({"anchor": "acme_[a-z]{1,2}"}, "in anchor, its matches have from 6 to 7 bytes"),
        ({"check": "vibes"}, "there is no check 'vibes'"),
        ({"severity": "dire"}, "it is one of critical, high, medium, low"),
        ({"confidence": "sure"}, "it is one of high, medium, low"),
        ({"entropy": 9}, "from 0 to 8"),
        ({"reach": 1 << 20}, "reach is not a number from 0 to"),
        ({"boundary": "no"}, "not true or false"),
        ({"documentation": "http://acme.invalid"}, "no https address"),
        ({"documented": ["acme_1"]}, "no SHA-256"),
        ({"surprise": 1}, "it has no field 'surprise'"),
        ({"id": "Acme Key"}, "an id is of lower-case words"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], said: str) -> None:
    assert said in refusal({**ACME, **change})


def test_what_is_no_mapping_or_lacks_a_field_is_refused() -> None:
    assert "it is a list, not a mapping" in refusal([])
    assert "it is nothing" in refusal(None)
    assert "'pattern' is missing" in refusal({"id": "acme", "keywords": ["acme"]})


def test_a_message_does_not_repeat_what_may_be_a_secret() -> None:
    assert "k3v9x1p7" not in refusal({**ACME, "documented": ["acme_k3v9x1p7q8w2e6r4"]})


@settings(deadline=None, max_examples=examples(200))
@given(
    raw=st.dictionaries(
        st.sampled_from(["id", "pattern", "keywords", "anchor", "reach", "severity", "check", "entropy", "x"]),
        st.none() | st.text(max_size=12) | st.integers() | st.lists(st.text(max_size=5), max_size=3) | st.floats(),
    )
)
def test_any_mapping_is_a_rule_or_a_clear_error(raw: dict[str, object]) -> None:
    with suppress(TypeError, ValueError):
        assert rule_form.parse(raw).pattern == raw["pattern"]


PIECES = ("a", "[a-z]", ".", r"\d", "(?:a|ab)", "(?:ab)?", "[a-z]{0,9}", "a{2,40}", "-", "(?=a)")


@settings(deadline=None, max_examples=examples(150))
@given(parts=st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
def test_a_pattern_that_is_accepted_ends_within_its_bounds_on_any_text(parts: list[str]) -> None:
    pattern = "".join(parts)
    try:
        shape = pattern_shape.shape_of(pattern)
    except ValueError:
        return
    one = rule.Rule(id="a", title="a", severity=Severity.LOW, keywords=("a",), pattern=pattern)
    for text in (b"a" * 512, b"ab" * 256, b"a" * 511 + b"!"):
        match = one.regex.match(text)
        assert match is None or shape.shortest <= match.end() <= shape.longest
