"""The event file is read only where it is a plain file of sensible size that holds an object."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ci_guard.evidence.github import payload
from ci_guard.evidence.github.payload import SIZE_LIMIT_BYTES
from ci_guard.model.fact import Cause, Known, Source
from tests.evidence.github.scene import known, unknown


def write(folder: Path, content: bytes) -> str:
    file = folder / "event.json"
    file.write_bytes(content)
    return str(file)


def test_reads_an_object_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    for content in (b'{"a": 1}', b'\xef\xbb\xbf{"a": 1}'):
        fact = payload.read(write(tmp_path, content))
        assert known(fact) == {"a": 1}
        assert fact == Known(value={"a": 1}, source=Source.EVENT, detail="GITHUB_EVENT_PATH")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b'"text"', b"{", b'{"a": ' * 200_000, b"[" * 200_000, b'{"a": \xff}', b"\x00"],
    ids=["empty", "list", "null", "text", "cut", "deep objects", "deep lists", "not utf-8", "zero"],
)
def test_anything_but_an_object_is_unknown(tmp_path: Path, content: bytes) -> None:
    fact = unknown(payload.read(write(tmp_path, content)))
    assert fact.cause is Cause.UNAVAILABLE
    assert fact.reason


@pytest.mark.parametrize("path", ["", "nowhere/event.json", "a\0b"])
def test_a_missing_file_is_unknown(path: str) -> None:
    assert unknown(payload.read(path)).detail == "GITHUB_EVENT_PATH"


def test_a_link_a_folder_and_a_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(write(tmp_path, b"{}"))
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR | os.O_NONBLOCK)
    os.write(writer, b"{}")
    for name in ("link", "pipe", "."):
        unknown(payload.read(str(tmp_path / name)))
    os.close(writer)
    unknown(payload.read(os.devnull))


def test_a_file_larger_than_any_event_is_not_parsed(tmp_path: Path) -> None:
    path = write(tmp_path, b"{}")
    os.truncate(path, SIZE_LIMIT_BYTES + 1)
    assert "larger" in unknown(payload.read(path)).reason


@pytest.mark.parametrize(
    ("value", "keys", "text", "number"),
    [
        ({"a": {"b": "x"}}, ("a", "b"), "x", None),
        ({"a": {"b": 7}}, ("a", "b"), "", 7),
        ({"a": {"b": True}}, ("a", "b"), "", None),
        ({"a": ["b"]}, ("a", "b"), "", None),
        ({"a": None}, ("a", "b"), "", None),
        ("a", ("a",), "", None),
        ({"a": "x\ud800y"}, ("a",), "x?y", None),
    ],
)
def test_digging_in_a_strangers_object_never_fails(
    value: object, keys: tuple[str, ...], text: str, number: int | None
) -> None:
    assert payload.text(value, *keys) == text
    assert payload.number(value, *keys) == number
