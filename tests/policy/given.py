"""What the tests of this folder share: the controls' metadata, and short ways to load a policy and to be refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

from ci_guard.controls.registry import CONTROLS
from ci_guard.errors import PolicyError
from ci_guard.model.settings import Policy
from ci_guard.policy.document import Node
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText

METAS: Final = tuple(control.META for control in CONTROLS)
CASES: Final = Path(__file__).parent / "cases"

unhurried: Final = settings(deadline=None)
"""For property tests: a busy machine is no reason to fail."""


def policy_of(*texts: str | bytes | Mapping[str, Any]) -> Policy:
    """Load the layers `layer-0`, `layer-1` …, the one nearest the organisation first; a map is written as JSON."""
    return load([PolicyText(content=content(text), place=f"layer-{rank}") for rank, text in enumerate(texts)], METAS)


def content(text: str | bytes | Mapping[str, Any]) -> bytes:
    if isinstance(text, bytes):
        return text
    return (text if isinstance(text, str) else json.dumps(text)).encode()


def refused(*texts: str | bytes | Mapping[str, Any]) -> PolicyError:
    """Return the error with which the layers are refused."""
    with pytest.raises(PolicyError) as caught:
        policy_of(*texts)
    assert caught.value.exit_code == 2
    assert caught.value.__cause__ is None
    return caught.value


def plain(node: Node) -> Any:
    """Return a node as plain data."""
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.value]
    if isinstance(node.value, Mapping):
        return {key: plain(value) for key, value in node.value.items()}
    return node.value


def said_in_comment(text: str, word: str) -> str:
    """Return what a case file says behind `# word:`."""
    return text.split(f"# {word}:", 1)[1].split("\n", 1)[0].strip()
