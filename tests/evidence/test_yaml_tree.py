"""YAML of strangers becomes texts with lines, or is refused in a clause; nothing else happens."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.evidence.yaml_tree import DEEPEST, LARGEST_BYTES, Tree, read_tree


def plain(tree: Tree) -> object:
    if isinstance(tree.value, tuple):
        return [plain(one) for one in tree.value]
    return {key: plain(one) for key, one in tree.entries.items()} if tree.entries else tree.value


def test_every_scalar_is_its_text_at_its_line() -> None:
    tree = read_tree(b"on: push\njobs:\n  a: {x: true}\n")
    assert plain(tree) == {"on": "push", "jobs": {"a": {"x": "true"}}}
    jobs = tree.get("jobs")
    assert jobs is not None
    assert jobs.lines == {"a": 3}


def test_aliases_and_merge_keys_are_followed_and_own_keys_win() -> None:
    tree = read_tree(b"x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x\n")
    assert plain(tree) == {"x": {"a": "1", "b": "2"}, "y": {"a": "1", "b": "3"}, "z": {"a": "1", "b": "2"}}


def test_a_tag_of_the_platform_is_kept() -> None:
    found = read_tree(b"rules: !reference [.a, rules]\n").get("rules")
    assert found is not None
    assert found.tag == "!reference"


def test_the_last_document_is_the_pipeline() -> None:
    assert plain(read_tree(b"spec: {}\n---\nscript: x\n")) == {"script": "x"}


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 10)) for n in range(8)
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BOMB, "more than"),
        (b"[" * (DEEPEST + 5), "nested"),
        (b"a: &a " + b"x" * 100_000 + b"\nb: [" + b"*a," * 40 + b"]", "more than"),
        (b"a: &a [*a]", "a part of"),
        (b"a: *b", "stands for nothing"),
        (b"? [x]\n: y", "key is not text"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: 'x", "not YAML"),
        (b"a: \x00", "not YAML"),
        (b'a: "\\UFFFFFFFF"', "not YAML"),
        (b"#" * (LARGEST_BYTES + 1), "bytes"),
    ],
)
def test_what_a_machine_could_choke_on_is_refused_in_a_clause(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_tree(content)


@given(st.one_of(st.binary(max_size=60), st.text("&*<>[]{}:-? \n!|'\"ab#%@\\", max_size=60).map(str.encode)))
def test_nothing_but_a_refusal_comes_of_any_bytes(content: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(read_tree(content), Tree)
