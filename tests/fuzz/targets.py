"""What is fuzzed: each target takes any bytes and raises nothing but what its callers expect."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Final

from ci_guard.controls.registry import CONTROLS
from ci_guard.errors import GitUnavailable, PolicyError
from ci_guard.git.objects import parse_commit, parse_tree
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText
from ci_guard.secrets import rule
from ci_guard.secrets.keyfiles import KEY_FILES, judge
from ci_guard.secrets.matcher import Matcher
from ci_guard.secrets.reading import Reading
from ci_guard.secrets.suppression_files import MODULES
from ci_guard.secrets.suppression_files.context import Context
from ci_guard.secrets.suppressions import Book

Target = Callable[[bytes], None]

METAS: Final = tuple(control.META for control in CONTROLS)
SHA1, SHA256 = "0" * 40, "0" * 64


@cache
def matcher() -> Matcher:
    """Return the scanner's rules, compiled once."""
    found = Matcher(rule.load())
    found.ready()
    return found


def content(data: bytes) -> None:
    """Read a content: text, archive or key."""
    Reading(matcher(), "sha1").stream(io.BytesIO(data))


def pieces(data: bytes) -> None:
    """Read a content that comes in pieces, of the size that its first byte says."""
    size = (data[:1] or b"\1")[0] or 1
    reading = Reading(matcher(), "sha256")
    reading.search(data[start : start + size] for start in range(1, len(data), size))


def key_file(data: bytes) -> None:
    """Judge a content at every path that key files have."""
    judge(KEY_FILES, data)


def policy(data: bytes) -> None:
    """Load a policy."""
    with suppress(PolicyError):
        load([PolicyText(content=data, place="policy.yml")], METAS)


def tree(data: bytes) -> None:
    """Parse a tree of git's, in both formats."""
    for oid in (SHA1, SHA256):
        with suppress(GitUnavailable):
            parse_tree(oid, data)


def commit(data: bytes) -> None:
    """Parse a commit of git's."""
    with suppress(GitUnavailable):
        parse_commit(SHA1, data)


@cache
def context() -> Context:
    return Context(known=lambda: frozenset(one.id for one in rule.known()))


def suppression_file(name: str) -> Target:
    """Return a target that reads a file of suppressions."""
    read = import_module(f"ci_guard.secrets.suppression_files.{MODULES[name]}").read

    def target(data: bytes) -> None:
        book = Book()
        with suppress(PolicyError):
            read(data, name, book, context())
        assert all(remark.isprintable() for remark in book.remarks)

    return target


TARGETS: Final[dict[str, Target]] = {
    "content": content,
    "pieces": pieces,
    "key-file": key_file,
    "policy": policy,
    "tree": tree,
    "commit": commit,
    **{module.replace("_", "-"): suppression_file(name) for name, module in MODULES.items()},
}
