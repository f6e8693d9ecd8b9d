"""Plain scalars by the tables of YAML 1.2.2, 10.3.2, and the magic of YAML 1.1 that is gone."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.policy.scalar import CORE, joined, resolve, tagged
from tests.policy.given import CASES, unhurried


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_reads_a_null(text: str) -> None:
    assert resolve(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)],
)
def test_reads_a_boolean(text: str, value: bool) -> None:
    assert resolve(text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-19", -19),
        ("+12", 12),
        ("010", 10),
        ("-0", 0),
        ("0o7", 7),
        ("0o17", 15),
        ("0x3A", 58),
        ("0x1f", 31),
        ("9" * 100, int("9" * 100)),
    ],
)
def test_reads_a_whole_number(text: str, value: int) -> None:
    result = resolve(text)
    assert type(result) is int
    assert result == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.", 0.0),
        ("-0.0", 0.0),
        (".5", 0.5),
        ("+12e03", 12000.0),
        ("-2E+05", -200000.0),
        ("1.5", 1.5),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("+.Inf", math.inf),
    ],
)
def test_reads_a_float(text: str, value: float) -> None:
    result = resolve(text)
    assert type(result) is float
    assert result == value


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_reads_not_a_number(text: str) -> None:
    result = resolve(text)
    assert isinstance(result, float)
    assert math.isnan(result)


TEXTS = (CASES / "plain-texts.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("text", [*TEXTS, ".nan ", "1\n", " 1", "true "])
def test_leaves_everything_else_text(text: str) -> None:
    assert resolve(text) == text


@unhurried
@given(st.integers(min_value=-(10**90), max_value=10**90))
def test_reads_any_number_as_it_was_written(number: int) -> None:
    assert resolve(str(number)) == number


@unhurried
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_reads_any_float_as_it_was_written(number: float) -> None:
    assert resolve(repr(number)) == number


@pytest.mark.parametrize("text", ["9" * 101, "-" + "0" * 10_000, "0x" + "f" * 5000, "1." + "1" * 500])
def test_refuses_a_number_that_takes_long_to_convert(text: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        resolve(text)


@pytest.mark.parametrize(
    ("text", "tag", "value"),
    [
        ("1", "!", "1"),
        ("1", CORE + "str", "1"),
        ("", CORE + "str", ""),
        ("1", CORE + "int", 1),
        ("1", CORE + "float", 1.0),
        ("~", CORE + "null", None),
        ("true", CORE + "bool", True),
    ],
)
def test_follows_a_core_tag(text: str, tag: str, value: object) -> None:
    result = tagged(text, tag)
    assert (type(result), result) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "tag"), [("x", "int"), ("1.5", "int"), ("true", "int"), ("1", "bool"), ("0", "null"), ("x", "float")]
)
def test_refuses_a_text_that_does_not_fit_its_tag(text: str, tag: str) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        tagged(text, CORE + tag)


@unhurried
@given(st.text())
def test_joins_the_surrogates_of_json_escapes(text: str) -> None:
    halves = text.encode("utf-16-le", "surrogatepass")
    split = "".join(chr(int.from_bytes(halves[i : i + 2], "little")) for i in range(0, len(halves), 2))
    assert joined(split) == text


@pytest.mark.parametrize("codes", [[0xD83D], [0xDE00], [0xDE00, 0xD83D], [0x61, 0xD83D, 0x62]])
def test_refuses_half_a_character(codes: list[int]) -> None:
    with pytest.raises(ValueError, match="half a character"):
        joined("".join(map(chr, codes)))
