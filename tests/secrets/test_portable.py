"""The engine in Python meets what hyperscan meets, finds the same, and is named where it ran."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_guard.entrypoints.cli import main
from ci_guard.secrets import linear
from ci_guard.secrets.engines import Engine, Expression, Opening
from ci_guard.secrets.matcher import OVERLAP, Match, Matcher
from ci_guard.secrets.portable import Portable, beginnings
from ci_guard.secrets.rule import Rule, load
from ci_guard.secrets.scan import ScanRequest, scan
from ci_guard.secrets.search import search, search_pieces
from ci_guard.secrets.signs import SIGNS
from ci_guard.secrets.triggers import expressions_of, triggers_of
from tests.drawing import examples
from tests.secrets import made_up
from tests.secrets.repositories import Repo
from tests.secrets.without import hyperscan_missing

EXPRESSIONS = expressions_of(triggers_of(load()))


@cache
def engines() -> tuple[Engine, Engine]:
    return Opening(lambda: EXPRESSIONS).engine(), Portable(EXPRESSIONS)


@cache
def matchers() -> tuple[Matcher, Matcher]:
    with hyperscan_missing():
        slow = Matcher(load())
    quick = Matcher(load())
    assert (quick.slow, slow.slow) == (False, True)
    return quick, slow


def met(engine: Engine, data: bytes) -> tuple[set[int], list[tuple[int, int]]]:
    """Return which signs there are, of which any place will do, and all else with its place."""
    found = engine.scan(data)
    assert [end for _, end in found] == sorted(end for _, end in found)
    return {number for number, _ in found if number < len(SIGNS)}, sorted(set(found) - {*_signs(found)})


def _signs(found: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    return (one for one in found if one[0] < len(SIGNS))


def told(matches: list[Match]) -> list[tuple[Any, ...]]:
    """Return all that is told of secrets; the identity is another in each process and matcher."""
    return [tuple(match._replace(identity=b"", excerpt=match.excerpt.secret)) for match in matches]  # type: ignore[arg-type]


@cache
def secrets() -> list[bytes]:
    return [made_up.text_for(rule, seed).encode() for rule in made_up.rules().values() for seed in range(2)]


WORDS = sorted({word for one in EXPRESSIONS[len(SIGNS) :] for word in list(beginnings(one))[:3]})
ASSIGNED = st.builds(
    b"%b%b%b%b%b".__mod__,
    st.tuples(
        st.sampled_from(
            [b"password", b"api_key", b"SECRET", b"db.Token", b"--user", b"setenv DB_PASS", b"-p", b"salt"]
        ),
        st.sampled_from([b"=", b": ", b" := ", b" ", b'": "', b"', value='", b" => ", b"(", b"\n  value: "]),
        st.sampled_from([b"", b'"', b"'", b'b"', b'\\"']),
        st.sampled_from([b"hunter2", b"Zk3vQ9x!", b"changeme", b"a:b", b"me:Zk3vQ9xL", b"x" * 40, b"<secret>"]),
        st.sampled_from([b"", b'"', b"'", b";", b"\\n"]),
    ),
)
FRAGMENTS = st.one_of(
    st.deferred(lambda: st.sampled_from(secrets())),
    st.sampled_from(WORDS),
    ASSIGNED,
    st.sampled_from(
        [b"\n", b" ", b"\t", b"\r\n", b"\0", b"-", b"_", b"=", b'"', b"://", b"x" * 300, b"\xff\xfe", b"0" * 24]
    ),
    st.sampled_from(
        [b"cGFzc3dvcmQ9" + b"WmszdlE5eCFhYmNk", b"%70%61ss", b"\\x70\\u0061", b"https://me:" + b"Zk3vQ9xL" + b"@host/"]
    ),
    st.binary(max_size=8),
)


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Make a text of what rules look for, of what comes near it, and of anything else."""
    parts = draw(st.lists(FRAGMENTS, max_size=8))
    change = draw(st.sampled_from(["none", "cut", "case", "byte", "twice"]))
    if parts and change != "none":
        number = draw(st.integers(0, len(parts) - 1))
        part = parts[number]
        at = draw(st.integers(0, max(0, len(part) - 1)))
        made: dict[str, Callable[[], bytes]] = {
            "cut": lambda: part[:at],
            "case": part.swapcase,
            "byte": lambda: part[:at] + bytes((draw(st.integers(0, 255)),)) + part[at + 1 :],
            "twice": lambda: part[:at] + part,
        }
        parts[number] = made[change]()
    data = b"".join(parts)
    encoding = draw(st.sampled_from(["", "", "utf-16", "utf-16-le", "utf-16-be"]))
    return data.decode("latin-1").encode(encoding) if encoding else data


@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.too_slow])
@given(contents())
def test_both_engines_meet_the_same(data: bytes) -> None:
    quick, slow = engines()
    assert met(slow, data) == met(quick, data)


@settings(max_examples=examples(200), suppress_health_check=[HealthCheck.too_slow])
@given(contents())
def test_both_engines_find_the_same(data: bytes) -> None:
    quick, slow = matchers()
    assert told(search(slow, data)) == told(search(quick, data))


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow])
@given(contents(), st.integers(-600, 600), st.integers(1, 3 * OVERLAP), st.sampled_from([b"\n", b"x", b" ="]))
def test_both_engines_find_the_same_across_the_bounds_of_pieces(
    data: bytes, shift: int, size: int, filling: bytes
) -> None:
    whole = (
        filling * (2 * OVERLAP // len(filling)) + filling * ((600 + shift) // len(filling)) + data + filling * OVERLAP
    )
    pieces = [whole[start : start + size] for start in range(0, len(whole), max(size, 500))]
    quick, slow = matchers()
    assert told(search_pieces(slow, iter(pieces))) == told(search_pieces(quick, iter(pieces)))


@pytest.mark.parametrize("rule", made_up.rules().values(), ids=lambda rule: rule.id)
def test_both_engines_find_the_secret_of_every_rule(rule: Rule) -> None:
    data = b"\n".join(made_up.text_for(rule, seed, longest=seed == 0).encode() for seed in range(3))
    quick, slow = engines()
    assert met(slow, data) == met(quick, data)
    found = [told(search(matcher, data)) for matcher in matchers()]
    assert found[0] == found[1] != []


@pytest.mark.slow
def test_both_engines_meet_the_same_in_all_of_this_repository_and_of_this_python() -> None:
    quick, slow = engines()
    for folder in (Path(__file__).parents[2], Path(random.__file__).parent):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.stat().st_size < 1 << 21 and ".git" not in file.parts:
                data = file.read_bytes()
                assert met(slow, data) == met(quick, data), file


PATTERNS = (
    *(
        "abc",
        "a.c",
        "^abc",
        "abc$",
        r"\bkey\b",
        r"\Bkey",
        "(?i)KeY",
        "[^a-c]b",
        "a+b*c",
        "(?:ab|c)+d",
        "a{2,3}",
        "x?yz",
    ),
    *(r"\d{3}-\w+", r"\s\S", "(?s)a.c", "(?m)^b", "(?m)a$", "a(?:b|)c", r"[\w.-]+@[\w-]+", "(?i)[^k]ey", "é", r"\x00"),
    *("(a|aa)+$", "(.*)*x", "(?:a?){30}a{30}"),
)
TEXTS = st.one_of(
    st.text("abckeyxKEYz.\n @-1é\0", max_size=12).map(str.encode),
    st.sampled_from([b"a" * 60, b"a" * 60 + b"!", b"abc\n", b"b\nb", b"a\na\n", b"key keys"]),
)


@settings(max_examples=examples(400))
@given(st.sampled_from(PATTERNS), TEXTS)
def test_patterns_of_suppressions_mean_the_same_to_both_engines(pattern: str, text: bytes) -> None:
    quick, slow = of_both(pattern)
    assert slow == quick if isinstance(slow, str) or isinstance(quick, str) else slow(text) == quick(text)


@cache
def of_both(pattern: str) -> tuple[linear.Test | str, linear.Test | str]:
    def made() -> linear.Test | str:
        try:
            return linear.compiled([pattern])
        except ValueError:
            return "refused"

    with hyperscan_missing():
        slow = made()
    return made(), slow


@pytest.mark.parametrize("pattern", ["", "a*", "^$", "(?=a)b", r"(a)\1", "a(", "(?<!a)b", "a{0,9000}a{0,9000}b"])
def test_patterns_that_are_refused_are_so_without_hyperscan_too(pattern: str) -> None:
    with hyperscan_missing(), pytest.raises(ValueError, match="it "):
        linear.compiled([pattern])


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (rb"A(?:KI|SI)A[0-9A-Z]{8}", {b"akia", b"asia"}),
        (rb"c[ks]_[0-9a-f]{8}", {b"ck_", b"cs_"}),
        (rb"--?(?:[a-z]{1,9}-)?key", {b"-"}),
        (rb"(?:pass|pwd)(?:word)?[a-z]{0,9}=", {b"pass", b"pwd"}),
        (rb"[0-9a-f]{24}:", set()),
        (rb"(?:ab)?c?", set()),
    ],
)
def test_a_match_begins_with_one_of_few_words(pattern: bytes, words: set[bytes]) -> None:
    assert beginnings(Expression(pattern)) == words


def test_each_end_of_a_match_is_told_and_places_may_overlap() -> None:
    engine = Portable([Expression(b"ab{1,3}"), Expression(b"aba"), Expression(b"BB", ignore_case=True)])
    assert engine.scan(b"ababbb") == [(0, 2), (1, 3), (0, 4), (0, 5), (2, 5), (0, 6), (2, 6)]
    assert Portable([]).scan(b"abc") == []


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.create(tmp_path / "repository")
    rules = list(made_up.rules().values())
    for number in range(0, len(rules), 40):
        repo.commit({f"file{number}.txt": "\n".join(made_up.text_for(rule) for rule in rules[number : number + 40])})
    return repo


def test_a_scan_finds_the_same_without_hyperscan_and_says_so(repo: Repo) -> None:
    request = ScanRequest(root=repo.path, tree=True, work_tree=True, history=True)
    quick = scan(request)
    with hyperscan_missing():
        slow = scan(request)
    assert slow.findings == quick.findings
    assert len(slow.findings) > 200
    assert [gap.code for gap in slow.gaps] == ["slow-engine"]
    assert quick.gaps == ()
    assert slow.complete


def test_the_reports_and_the_terminal_name_the_engine_in_python(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = made_up.text_for(made_up.rules()["github-pat"])
    Repo.create(tmp_path / "repository").commit({"README": f"{token}\n"})
    monkeypatch.chdir(tmp_path / "repository")
    monkeypatch.setitem(sys.modules, "hyperscan", None)
    forms = ("json", "sarif", "junit", "markdown", "gitlab-secret-detection")
    assert main(["scan", *(f"--report={form}={tmp_path / form}" for form in forms)]) == 1
    assert [form for form in forms if "its engine in Python" not in (tmp_path / form).read_text()] == []
    shown = capsys.readouterr()
    assert " ".join((shown.out + shown.err).split()).count("its engine in Python") == 1
