"""The rooms of the architecture: imports point inward, and this test keeps it so."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "ci_guard"

ROOMS = {
    "__init__": set(),
    "__main__": {"entrypoints"},
    "model": set(),
    "git": {"errors"},
    "errors": set(),
    "beside": set(),
    "hashing": set(),
    "late": {"prepared"},
    "object_ids": set(),
    "prepared": set(),
    "records": set(),
    "rows": set(),
    "whole": set(),
    "policy": {"model", "errors"},
    "evidence": {"model", "git", "errors"},
    "secrets": {"model", "git", "errors", "policy"},
    "controls": {"model"},
    "reporters": {"model"},
    "audit": {"model", "errors", "evidence", "git", "reporters"},
    "collect": {"model", "git", "errors", "evidence", "secrets", "controls"},
    "contexts": {"model"},
    "choosing": {"model", "errors", "controls"},
    "decide": {"model", "waiving"},
    "waiving": {"model"},
    "glass": {"model"},
    "aftermath": {"model"},
    "starter": {"model"},
    "gate": {"model", "evidence", "choosing", "controls", "collect", "contexts", "decide", "glass", "aftermath"},
    "replay": {"model", "errors", "policy", "controls", "decide", "gate"},
    "entrypoints": {
        "replay",
        "model",
        "git",
        "errors",
        "policy",
        "evidence",
        "secrets",
        "controls",
        "collect",
        "contexts",
        "decide",
        "waiving",
        "gate",
        "reporters",
        "audit",
        "starter",
        "__init__",
    },
}
"""What each room may import besides itself, and besides `MADE_OF`."""

MADE_OF = {"beside", "hashing", "late", "object_ids", "records", "rows", "whole"}
"""What all are made of."""

YAML = {"policy.characters", "policy.document", "policy.place", "policy.reading", "policy.scalar", "policy.wording"}
"""What the scanner shares with policies: reading YAML with its places, and how its errors speak."""

STANDARD_ONLY = {
    "model",
    "errors",
    "git",
    "decide",
    "waiving",
    "collect",
    "contexts",
    "gate",
    "controls",
    "reporters",
    "starter",
}
"""Rooms that use no third-party package at all."""

NO_WORLD = {"model", "controls", "contexts", "decide", "waiving", "glass", "aftermath", "reporters", "starter"}
"""Rooms that never touch the network, the clock or the environment."""

WORLDLY = {"os", "socket", "ssl", "subprocess", "urllib", "http", "requests", "github", "random", "secrets", "time"}
EXCEPTIONS = {
    ("reporters/action_outputs.py", "secrets"),  # the random delimiter of a multi-line output
    ("reporters/terminal.py", "time"),  # the progress line's clock
}


@cache
def imports(path: Path) -> tuple[str, ...]:
    return tuple(imports_of(ast.parse(path.read_text(encoding="utf-8")), path))


def imports_of(tree: ast.Module, path: Path) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; say ci_guard.… so that this test can read it"
            assert node.module is not None
            yield node.module
            if node.module == "ci_guard":
                yield from (f"ci_guard.{name.name}" for name in node.names)


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_room_may(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    room = relative.parts[0].removesuffix(".py")
    for module in imports(path):
        top = module.split(".")[0]
        if top == "ci_guard":
            wanted = room_of(module)
            if wanted.startswith("__version__"):
                continue
            assert wanted in {room} | MADE_OF | ROOMS[room] or module == "ci_guard", f"{relative} imports {module}"
        elif room in STANDARD_ONLY:
            assert top in sys.stdlib_module_names, f"{relative} imports {module}; {room} uses the standard library only"
        if room in NO_WORLD and top in WORLDLY:
            assert (relative.as_posix(), top) in EXCEPTIONS, (
                f"{relative} imports {module}; {room} never touches the world"
            )


def test_the_scanner_knows_of_policies_only_how_their_text_is_read() -> None:
    used = {module for path in (PACKAGE / "secrets").rglob("*.py") for module in imports(path)}
    assert {name.removeprefix("ci_guard.") for name in used if name.startswith("ci_guard.policy")} <= YAML


def test_every_module_stands_in_a_known_room() -> None:
    assert {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES} == set(ROOMS)


def test_the_page_on_the_architecture_has_every_room() -> None:
    page = (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8")
    rooms = {path.name + ("/" if path.is_dir() else "") for path in PACKAGE.iterdir() if not path.name.startswith("_")}
    code = {room for room in rooms if room.endswith((".py", "/"))}
    assert {room for room in code if f"`{room}`" not in page and f"`ci_guard/{room}`" not in page} == set()


def test_every_module_opens_with_its_purpose() -> None:
    silent = [str(path) for path in MODULES if not path.read_text(encoding="utf-8").startswith('"""')]
    assert silent == []
