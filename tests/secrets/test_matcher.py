"""Where a match stands, in whatever encoding and however large the content is, and what is kept of it."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.errors import ScanFault
from ci_guard.model.judgement import Severity
from ci_guard.secrets.matcher import OVERLAP, PIECE, Match, Matcher
from ci_guard.secrets.rule import Rule, load
from ci_guard.secrets.triggers import ByNumber, Searched, triggers_of
from tests.drawing import examples
from tests.secrets.made_up import github_token, private_key, rules, text_for, windows_of


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(rules().values())


def places(matches: list[Match]) -> list[tuple[str, int, int]]:
    return [(match.rule.id, match.line, match.column) for match in matches]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_finds_a_token_in_any_encoding_and_counts_characters(matcher: Matcher, encoding: str) -> None:
    text = f"first line\nchaîne = '{github_token()}'\n"
    assert places(matcher.scan(text.encode(encoding))) == [("github-pat", 2, 11)]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_finds_a_token_on_the_first_line_of_a_wide_encoding(matcher: Matcher, encoding: str) -> None:
    text = f"key: {github_token()}\n" + "plain text " * 20
    assert places(matcher.scan(text.encode(encoding))) == [("github-pat", 1, 6)]


def test_a_byte_order_mark_does_not_hide_plain_text(matcher: Matcher) -> None:
    for mark in (b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0"):
        assert [match.rule.id for match in matcher.scan(mark + github_token().encode())] == ["github-pat"]


def test_finds_a_token_in_a_program_or_an_image(matcher: Matcher) -> None:
    noise = random.Random(1).randbytes(4000).replace(b"\n", b" ")
    data = b"\x89PNG\r\n\x1a\n" + noise + b"\0" + github_token().encode() + b"\0" + noise
    assert [match.rule.id for match in matcher.scan(data)] == ["github-pat"]


def test_finds_two_tokens_on_a_line_and_one_token_twice(matcher: Matcher) -> None:
    one, two = github_token(1), github_token(2)
    first, second, third = matcher.scan(f"{one} {two} {one}".encode())
    assert first.identity == third.identity != second.identity
    assert [match.column for match in (first, second, third)] == [1, 42, 83]


def test_of_two_rules_that_meet_the_longer_secret_counts() -> None:
    def rule(name: str, pattern: str) -> Rule:
        return Rule(
            id=name,
            title=name,
            severity=Severity.HIGH,
            keywords=("tok_",),
            pattern=pattern,
            documentation="https://x.invalid",
        )

    matcher = Matcher([rule("short", "tok_[0-9a-z]{8}"), rule("long", "tok_[0-9a-z]{8}(?:-[0-9a-z]{8})?")])
    assert [match.rule.id for match in matcher.scan(b"tok_" + b"k3v9x1p7" + b"-" + b"q8w2e6r4")] == ["long"]


def test_the_context_is_the_line_without_its_secrets(matcher: Matcher) -> None:
    def context(line: str) -> bytes:
        return matcher.scan(f"before\n{line}\nbehind".encode())[0].context

    one, two, three = github_token(1), github_token(2), github_token(3)
    assert context(f"a = '{one}'") == context(f"a = '{two}'") == context(f"a = '{one}'\r")
    assert context(f"a = '{one}'") != context(f"b = '{one}'")
    assert context(f"{one} {two}") == context(f"{one} {three}") == context(f"{three} {two}")


def test_the_context_of_a_long_line_ends_near_the_secret(matcher: Matcher) -> None:
    (one,) = matcher.scan(("x" * 1000 + " " + github_token(1) + " " + "y" * 1000).encode())
    (two,) = matcher.scan(("x" * 5000 + " " + github_token(2) + " " + "y" * 400).encode())
    assert one.context == two.context


def pieces_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("size", [1000, OVERLAP, OVERLAP * 2 + 1, 100_000, PIECE])
def test_pieces_of_any_size_give_what_the_whole_gives(matcher: Matcher, size: int, encoding: str) -> None:
    chance = random.Random(7)
    parts = []
    for number in range(24):
        parts.append("é" * chance.randrange(30_000) + ("\n" if number % 3 else " "))
        parts.append(private_key(seed=number) if number % 5 == 0 else f"'{github_token(number)}'")
    data = "".join(parts).encode(encoding)
    whole = matcher.scan(data)
    assert len(whole) == 24
    assert matcher.scan_pieces(pieces_of(data, size)) == whole


@settings(deadline=None, max_examples=examples(60))
@given(offset=st.integers(min_value=-6000, max_value=100))
def test_a_secret_across_the_seam_of_two_pieces_is_found_once(offset: int) -> None:
    matcher = shared()
    size = 3 * OVERLAP
    lead = "a\n" * ((size - OVERLAP + offset) // 2)
    data = f"{lead}{github_token()}\n{private_key(lines=80)}\n{'b' * size}".encode()
    line = lead.count("\n") + 1
    found = matcher.scan_pieces(pieces_of(data, size))
    assert places(found) == [("github-pat", line, 1), ("private-key", line + 1, 1)]
    assert found == matcher.scan(data)


_shared: list[Matcher] = []


def shared() -> Matcher:
    """Return one matcher for all examples of a property."""
    if not _shared:
        _shared.append(Matcher(rules().values()))
    return _shared[0]


@settings(deadline=None, max_examples=examples(300))
@given(data=st.binary(max_size=3000))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    shared().scan(data)


@settings(deadline=None, max_examples=examples(150))
@given(
    rule=st.sampled_from(sorted(rules())),
    seed=st.integers(min_value=0, max_value=50),
    before=st.text(max_size=30),
    behind=st.text(max_size=30),
)
def test_a_match_keeps_nothing_of_the_secret(rule: str, seed: int, before: str, behind: str) -> None:
    text = text_for(rules()[rule], seed)
    windows = windows_of(rules()[rule], text)
    assert windows
    for match in shared().scan(f"{before}\n{text}\n{behind}".encode("utf-8", "replace")):
        shown = repr(match._replace(rule=rules()["github-pat"]))
        assert not [window for window in windows if window in shown]


def test_an_engine_that_refuses_the_rules_is_a_fault_and_no_clean_scan() -> None:
    broken = Rule(
        id="broken",
        title="",
        severity=Severity.LOW,
        keywords=("a",),
        pattern="a",
        anchor="(",
        documentation="https://x.invalid",
    )
    with pytest.raises(ScanFault, match="refuses the rules"):
        Matcher([broken]).scan(b"a")


def test_an_empty_content_has_no_match(matcher: Matcher) -> None:
    assert matcher.scan(b"") == []
    assert matcher.scan_pieces(iter(())) == []


def test_triggers_that_are_made_one_by_one_are_those_that_are_made_together() -> None:
    shelf, own = load(), tuple(load())[:20]
    together = [*triggers_of(shelf), *triggers_of(own)]
    one_by_one = ByNumber([Searched(load()), Searched(own)])
    assert [one_by_one[number] for number in reversed(range(len(together)))] == together[::-1]
    with pytest.raises(KeyError):
        one_by_one[len(together)]
