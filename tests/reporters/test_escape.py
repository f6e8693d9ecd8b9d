"""Escaping: what goes in comes out as text, and only as text."""

from __future__ import annotations

import html
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.reporters import escape
from tests.reporters import runner
from tests.reporters.gfm import rendered
from tests.reporters.hostile import ADDRESSES, CORPUS

ANYTHING = st.text(st.characters(codec=None), max_size=80) | st.sampled_from(
    [text for text in CORPUS.values() if len(text) < 1_000]
)
"""Any text, lone surrogates included."""

FRAGMENTS = st.lists(
    st.sampled_from(["##", "#", "[", "]", "::", ":", "error", "add-mask", " ", "\n", "\t", "\x1b[1m", "x", "\u3000"]),
    max_size=12,
).map("".join)
"""Texts that are nearly commands."""


def in_markdown(text: str) -> str:
    """Return what a reader sees of escaped text: entities resolved and the breaks taken out."""
    return html.unescape(text).replace("\u200b", "")


ENCODED = st.lists(
    st.sampled_from(["%", "0", "A", "D", "25", "3A", "2C", ":", ",", "=", "::", "\n", "\r", "é", " ", "\udcff"]),
    max_size=12,
).map("".join)
"""Texts that look as if they were escaped already."""


@settings(deadline=None)
@given(ENCODED | ANYTHING)
def test_message_of_a_command_survives_the_runner(message: str) -> None:
    command = runner.parse(f"::error title=x::{escape.command_data(message)}")
    assert command == runner.Command("error", message, {"title": "x"})


@settings(deadline=None)
@given((ENCODED | ANYTHING).filter(lambda text: text and text == text.strip()))
def test_property_of_a_command_survives_the_runner(value: str) -> None:
    command = runner.parse(f"::error file={escape.command_property(value)},title={escape.command_property(value)}::x")
    assert command == runner.Command("error", "x", {"file": value, "title": value})


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_survives_the_runner(name: str) -> None:
    value = CORPUS[name].strip()
    line = f"::notice title={escape.command_property(value)}::{escape.command_data(CORPUS[name])}"
    command = runner.parse(line)
    assert not set(line) & {"\r", "\n"}
    assert command == runner.Command("notice", CORPUS[name], {"title": value} if value else {})


@settings(deadline=None)
@given(ANYTHING, st.integers(20, 200))
def test_visible_text_is_one_printable_line_of_bounded_length(text: str, limit: int) -> None:
    shown = escape.visible(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert shown.encode("utf-8").decode("utf-8") == shown


EMPTY = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters that show nothing."""


@settings(deadline=None)
@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters=EMPTY), max_size=50))
def test_visible_text_is_left_as_it_is_where_nothing_is_hidden(text: str) -> None:
    assert escape.visible(text, 100) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\u202e", r"\u202e"),
        ("\udcff", r"\udcff"),
        ("\u2028", r"\u2028"),
        ("\x9b", r"\x9b"),
        ("\U000e0041", r"\U000e0041"),
        ("\u00a0", r"\xa0"),
        ("production\u3164", r"production\u3164"),
        ("pro\u115fduction\uffa0", r"pro\u115fduction\uffa0"),
        ("alice\U000e0101", r"alice\U000e0101"),
        ("main\ufe0f", r"main\ufe0f"),
        ("\ufe0fmain\n", r"\ufe0fmain\n"),
        ("\u2764\ufe0f\ufe0e", "\u2764\ufe0f" + r"\ufe0e"),
        ("\u2800", r"\u2800"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
    ],
)
def test_hidden_characters_are_named(text: str, shown: str) -> None:
    assert escape.visible(text) == shown


def test_text_that_is_too_long_says_that_it_was_cut() -> None:
    assert escape.visible("A" * 1_000_000, 20) == "A" * 13 + "… (cut)"
    assert len(escape.markdown("@" * 1_000_000)) <= 14 * escape.SENTENCE


@settings(deadline=None)
@given(FRAGMENTS | ANYTHING, FRAGMENTS | ANYTHING)
def test_line_of_a_log_is_never_a_command(first: str, second: str) -> None:
    line = escape.log_line(f"  {escape.plain(first)}{escape.plain(second)}")
    assert runner.commands_in(line) == []
    assert runner.commands_in(escape.log_line(escape.plain(first))) == []
    assert "##[" not in line


@settings(deadline=None)
@given(FRAGMENTS)
def test_guard_of_a_line_holds_for_raw_text_too(text: str) -> None:
    line = text.replace("\n", "")
    assert runner.parse(escape.log_line(line)) is None


@settings(deadline=None)
@given(ANYTHING | FRAGMENTS)
def test_guarded_json_says_the_same_and_holds_no_command(text: str) -> None:
    document = escape.json_text(json.dumps({"text": text, "##[error]": [text]}))
    assert json.loads(document) == {"text": text, "##[error]": [text]}
    assert runner.commands_in(document) == []


@settings(deadline=None)
@given(ANYTHING | FRAGMENTS)
def test_escaped_text_is_only_text_in_a_paragraph_of_markdown(text: str) -> None:
    page = rendered(escape.markdown(text))
    assert set(page.tags) <= {"p"}
    assert page.text.replace("\u200b", "").strip(" \n") == in_markdown(escape.markdown(text)).strip(" ")
    assert in_markdown(escape.markdown(text)) == escape.visible(text)


@settings(deadline=None)
@given(ANYTHING | FRAGMENTS)
def test_escaped_text_is_only_text_in_a_table_and_a_list(text: str) -> None:
    cell = escape.markdown(text)
    page = rendered(f"| head | more |\n| --- | --- |\n| {cell} | {escape.code(text)} |\n\n- {cell}\n")
    expected = rendered(f"| head | more |\n| --- | --- |\n| x | {escape.code(text) and '<code>x</code>'} |\n\n- x\n")
    assert page.tags == expected.tags


@pytest.mark.parametrize("text", ["3 requirements", "2026-11-25T18:01:11.265Z", "src/a.py, 12:34:5", "10,000 commits"])
def test_numbers_and_times_stay_readable_in_the_source(text: str) -> None:
    assert escape.markdown(text) == text


@pytest.mark.parametrize("text", ["1. one", "12) two", "1.", "1", "+ a", "9999999999. many", "7:100:", "1:1234:2"])
def test_what_opens_a_list_or_an_emoji_beside_a_number_does_not(text: str) -> None:
    escaped = escape.markdown(text)
    assert escaped != text
    assert set(rendered(f"{escaped}\n\n{escaped} text\n").tags) == {"p"}


@pytest.mark.parametrize("name", ["smile", "+1", "-1", "100", "1234", "8ball", "1st_place_medal", "t-rex"])
def test_what_is_called_as_an_emoji_is_none(name: str) -> None:
    assert escape.markdown(f"a:{name}:b").startswith("a&#58;&#8203;")


@settings(deadline=None)
@given(ANYTHING)
def test_escaped_text_mentions_nobody_and_no_issue(text: str) -> None:
    seen = html.unescape(escape.code(text))
    assert not re.search(r"@[a-z0-9]|#\d|https?://|\bwww\.|\bgh-\d", seen, re.IGNORECASE)


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_is_only_text_in_markdown(name: str) -> None:
    page = rendered(f"{escape.markdown(CORPUS[name])}\n\n{escape.code(CORPUS[name], escape.SENTENCE)}\n")
    assert set(page.tags) <= {"p", "code"}
    seen = [line for line in page.text.replace("\u200b", "").split("\n") if line]
    assert [line.strip() for line in seen] == [escape.visible(CORPUS[name]).strip()] * 2 * bool(CORPUS[name])


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_no_plain_address_is_not_linked(address: str) -> None:
    assert escape.url(address) == ""
    assert "href" not in str(rendered(escape.markdown_link("Open", address)))


@settings(deadline=None)
@given(ANYTHING)
def test_address_is_ascii_without_anything_that_ends_it(rest: str) -> None:
    address = escape.url(f"https://github.com/{rest}")
    assert re.fullmatch(r"https://github\.com/[A-Za-z0-9/?#=&;,%~:@+._-]*", address)
    page = rendered(escape.markdown_link("Open", f"https://github.com/{rest}"))
    assert page.tags == ["p", "a"]
    assert page.text.strip() == "Open"


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("https://github.com/acme/app/settings/rules/42", "https://github.com/acme/app/settings/rules/42"),
        ("https://ghe.acme.example:8443/a%2Fb?x=1&y=2#z", "https://ghe.acme.example:8443/a%2Fb?x=1&y=2#z"),
        ("http://[::1]:8080/a b(c)", "http://[::1]:8080/a%20b%28c%29"),
        ("https://gitlab.com/100%", "https://gitlab.com/100%25"),
        ("https://gitlab.com/gr\u00fcn", "https://gitlab.com/gr%C3%BCn"),
    ],
)
def test_address_keeps_its_meaning(address: str, written: str) -> None:
    assert escape.url(address) == written


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["verdict", "report", "failed"]), ANYTHING, min_size=1))
def test_outputs_survive_the_runner(outputs: dict[str, str]) -> None:
    text = "".join(
        escape.output_value(name, value, f"end-{index}-5d1f") for index, (name, value) in enumerate(outputs.items())
    )
    expected = {name: value.encode("utf-8", "backslashreplace").decode() for name, value in outputs.items()}
    assert runner.read_outputs(text) == expected


def test_output_that_holds_its_own_delimiter_is_refused() -> None:
    with pytest.raises(ValueError, match="delimiter"):
        escape.output_value("report", "a b end-1", "end-1")


@settings(deadline=None)
@given(FRAGMENTS | ANYTHING)
def test_nothing_between_stop_and_token_is_obeyed_even_unescaped(text: str) -> None:
    log = escape.unheard(text, "5d1f" * 8) + "::notice::heard\n"
    assert runner.obeyed_in(log) == [runner.Command("notice", "heard")]


def test_text_that_holds_the_token_is_refused() -> None:
    with pytest.raises(ValueError, match="token"):
        escape.unheard("x\n::5d1f::\n::error::x", "5d1f")


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_text_is_not_obeyed_between_stop_and_token(name: str) -> None:
    assert runner.obeyed_in(escape.unheard(CORPUS[name], "5d1f" * 8)) == []
