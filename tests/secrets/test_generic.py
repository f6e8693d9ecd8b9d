"""What is a secret by its name: the cases say which lines are, and no input breaks the reading of one."""

from __future__ import annotations

import base64
import random
import re
import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.model.judgement import Severity
from ci_guard.secrets import generic, looks
from ci_guard.secrets.lexical import assignment, topic
from ci_guard.secrets.matcher import Matcher
from ci_guard.secrets.rule import load
from tests.drawing import examples
from tests.secrets.made_up import github_token

CASES = Path(__file__).parents[1] / "cases/secrets-generic"
MARKER = re.compile(r"@(RANDOM|HEX|BASIC|UUID)([0-9]*)@")
BASE62 = string.ascii_letters + string.digits


def drawn(signs: str, length: int, chance: random.Random) -> str:
    return "".join(chance.choice(signs) for _ in range(length))


def filled(text: str, seed: int = 1) -> str:
    """Return a text with a value made up for every marker; none is written down, so this repository holds none."""
    chance = random.Random(seed)
    makers: dict[str, Callable[[str], str]] = {
        "RANDOM": lambda length: drawn(BASE62, int(length), chance),
        "HEX": lambda length: drawn("0123456789abcdef", int(length), chance),
        "UUID": lambda _: "-".join(drawn("0123456789abcdef", length, chance) for length in (8, 4, 4, 4, 12)),
        "BASIC": lambda _: base64.b64encode(f"bob:{drawn(BASE62, 14, chance)}".encode()).decode(),
    }
    return MARKER.sub(lambda marker: makers[marker[1]](marker[2]), text)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(load())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", sorted(CASES.glob("found/*.txt")), ids=lambda case: case.stem)
def test_finds_every_line_that_assigns_a_secret(matcher: Matcher, case: Path, seed: int) -> None:
    text = case.read_text("utf-8")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if MARKER.search(line)]
    matches = matcher.scan(filled(text, seed).encode())
    assert sorted({match.line for match in matches}) == lines, (
        "by its name, or by a rule of the statement that it is in"
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", sorted(CASES.glob("ignored/*.txt")), ids=lambda case: case.stem)
def test_ignores_what_is_named_or_looks_otherwise(matcher: Matcher, case: Path, seed: int) -> None:
    matches = matcher.scan(filled(case.read_text("utf-8"), seed).encode())
    assert [(match.line, match.rule.id) for match in matches] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("password", "password"),
        ("dbPassword2", "password"),
        ("X-Api-Key", "key"),
        ("userpassword", "password"),
        ("signingKey", "key"),
        ("key", "plain-key"),
        ("API_TOKENS", "token"),
        ("bypass", None),
        ("tokenizer", None),
        ("passwordField", None),
        ("nextToken", None),
        ("publicSshKey", None),
        ("s3_key", None),
        ("key2", "plain-key"),
        ("", None),
        ("_-.", None),
    ],
)
def test_the_last_words_of_a_name_decide(name: str, expected: str | None) -> None:
    assert topic(name) == expected


def test_a_secret_of_a_known_format_keeps_its_own_rule(matcher: Matcher) -> None:
    matches = matcher.scan(f'password = "{github_token()}"\n'.encode())
    assert [match.rule.id for match in matches] == ["github-pat"]


def test_says_how_likely_and_nothing_of_the_value(matcher: Matcher) -> None:
    value = drawn(BASE62, 24, random.Random(5))
    (match,) = matcher.scan(f'password = "{value}"\n'.encode())
    assert match.severity is Severity.HIGH
    assert match.preview == "…"
    assert re.fullmatch(r"the name and the look of the value make it [0-9]+% likely", match.detail)
    assert (match.line, match.column) == (1, 13)


def test_a_likelihood_is_needed_for_a_finding() -> None:
    assert generic.REPORTED < generic.LIKELY
    doubtful = generic.Candidate(0, 8, "solarize", "key", "plain-key", "=", quoted=False)
    certain = generic.Candidate(0, 16, drawn(BASE62, 16, random.Random(2)), "password", "password", "=", quoted=True)
    assert generic.likelihood(doubtful) < generic.REPORTED < generic.LIKELY < generic.likelihood(certain)


@pytest.mark.parametrize("length", [380, 420, 1500, 1990])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('"refresh_token": "{}",', True),
        ("REFRESH_TOKEN={}", True),
        ('"token": "{}==\\n"', True),
        ('"private_blob": "{}"', False),
        ('"next_token": "{}"', False),
    ],
)
def test_tokens_are_as_long_as_some_vendors_make_them(matcher: Matcher, text: str, found: bool, length: int) -> None:
    value = drawn(BASE62 + "-_", length, random.Random(length))
    assert bool(matcher.scan(text.format(value).encode())) == found


def test_what_is_longer_than_other_values_are_is_data_unless_its_name_is_that_of_a_token(matcher: Matcher) -> None:
    value = drawn(BASE62, 600, random.Random(3))
    assert matcher.scan(f'secret_key = "{value}"'.encode()) == []
    assert matcher.scan(f'token = "{value * 8}"'.encode()) == []


SIGNS = st.text(alphabet="pasword=:'\"`\\{}()[]<>,;@/$% \n\té0Z", max_size=300)


def test_no_value_that_is_drawn_at_random_is_worded_or_in_order() -> None:
    chance = random.Random(6)
    alphabets = (
        "0123456789abcdef",
        BASE62,
        string.ascii_lowercase + string.digits,
        BASE62 + "-_",
        string.ascii_letters,
    )
    for signs in alphabets:
        for length in (16, 24, 40):
            values = [drawn(signs, length, chance) for _ in range(40)]
            assert not any(looks.is_worded(value) or looks.is_in_order(value) for value in values)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("%s:%s", True),
        ("user-%d", True),
        ("%(name)s-1", True),
        ("%llu.bin", True),
        ("x%sK3-Q9e7Lw2", False),
        ("K3%dQ9%x7", False),
        ("/run/secrets/db", True),
        ("/" + "aB3" * 14 + "=", False),
        ("/" + "aB3/" * 14 + ".d", True),
        ("~/keys", True),
        ("~bob/keys", True),
        ("~K3-Q9e7Lw2", False),
    ],
)
def test_formats_and_paths_are_code_and_what_only_has_their_signs_is_not(value: str, code: bool) -> None:
    assert looks.is_code(value) == code


@pytest.mark.parametrize(
    ("value", "worded", "in_order"),
    [
        ("some_test_name_of_this_module", True, False),
        ("myTokenValueForTheService1234", True, False),
        ("a1b2c3d4e5f6g7h8i9j0k1l2m3n4", False, True),
        ("1a2b3c4d5e6f7081", False, True),
        ("a1b2c3d4", False, False),
        ("key", False, False),
        ("", False, False),
    ],
)
def test_words_and_order_tell_a_value_that_nobody_drew(value: str, worded: bool, in_order: bool) -> None:
    assert (looks.is_worded(value), looks.is_in_order(value)) == (worded, in_order)


@settings(deadline=None, max_examples=examples(300))
@given(ahead=SIGNS, behind=st.binary(max_size=500))
def test_no_text_breaks_the_reading_of_an_assignment(ahead: str, behind: bytes) -> None:
    data = ahead.encode() + b"password = '" + behind
    for place in range(max(0, len(data) - 520), len(data), 7):
        for finder in generic.FINDERS:
            verdict = generic.judge(finder, data, place)
            assert verdict is None or 0 <= verdict.start < verdict.end <= len(data)
    assignment(ahead)


@settings(deadline=None, max_examples=examples(100))
@given(value=st.text(min_size=1, max_size=400))
def test_the_numbers_of_any_value_are_finite_and_the_same_again(value: str) -> None:
    numbers = looks.features(value)
    assert all(-10 < number < 10 for number in numbers.values())
    assert numbers == looks.features(value)


@settings(deadline=None, max_examples=examples(100))
@given(ahead=st.binary(max_size=400), behind=st.binary(max_size=700))
def test_only_a_window_of_bounded_size_is_read_round_a_place(ahead: bytes, behind: bytes) -> None:
    data, place = ahead + b" password = '" + behind, len(ahead) + 13
    window = data[max(0, place - 200) : place + generic.LONGEST]
    moved = min(place, 200)
    for finder in generic.FINDERS:
        whole, part = generic.judge(finder, data, place), generic.judge(finder, window, moved)
        assert (whole and whole.end - whole.start) == (part and part.end - part.start)


@pytest.mark.parametrize("part", ["password=", 'key: "', "a://b:", "token\t", "\\\"'pass'=>", "(((secret", "://x:y@"])
def test_no_place_is_judged_twice(matcher: Matcher, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    judged: list[tuple[str, int]] = []

    def noted(finder: str, _data: bytes, start: int) -> None:
        judged.append((finder, start))

    monkeypatch.setattr(generic, "judge", noted)
    matcher.scan((part * 4_000).encode())
    assert len(judged) == len(set(judged))
