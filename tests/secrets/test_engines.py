"""The database that ships is the one that the rules would make, and is used only where it is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hyperscan
import pytest

from ci_guard.secrets import database, rule
from ci_guard.secrets.engines import Expression
from ci_guard.secrets.rule import load
from ci_guard.secrets.signs import SIGNS
from ci_guard.secrets.triggers import Searched

SOURCES = Searched(load()).sources
SHIPS = database.platform() in database.PLATFORMS


def shipped(folder: Path, sources: Sequence[bytes] = SOURCES, engine: Any = hyperscan) -> Any | None:
    return database.shipped(sources, engine, folder)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(database.FOLDER, tmp_path / "database"))


@pytest.mark.skipif(not SHIPS, reason="no database ships for this platform")
def test_the_database_that_ships_is_used_for_the_rules_that_ship(copy: Path) -> None:
    assert shipped(copy) is not None


def test_a_database_is_not_used_for_other_rules_or_signs(copy: Path, tmp_path: Path) -> None:
    assert shipped(copy, SOURCES[:-1]) is None
    assert shipped(copy, [*SOURCES[:-1], b"another"]) is None
    rules = Path(shutil.copytree(Path(rule.__file__).parent / "rules", tmp_path / "rules"))
    assert Searched(load(rules)).sources == SOURCES
    (rules / "zz.json").write_text("[]")
    assert shipped(copy, Searched(load(rules)).sources) is None
    assert Searched(tuple(load())).sources == ()


def test_a_database_is_not_used_with_another_version_of_the_engine(copy: Path) -> None:
    class Other:
        __version__ = "0.0"
        HyperscanError = hyperscan.HyperscanError

    assert shipped(copy, engine=Other) is None


def test_a_database_is_not_used_on_another_platform(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "platform", lambda: "plan9-mips")
    assert shipped(copy) is None


@pytest.mark.parametrize("spoil", ["changed", "cut", "gone", "pins gone", "pins empty", "pins no text"])
def test_a_database_that_was_changed_is_not_used(copy: Path, spoil: str) -> None:
    file, pins = copy / database.file_of(database.platform()), copy / database.PINS
    content = file.read_bytes() if SHIPS else b"x"
    match spoil:
        case "changed":
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "cut":
            file.write_bytes(content[:-1])
        case "gone":
            file.unlink(missing_ok=True)
        case "pins gone":
            pins.unlink()
        case "pins empty":
            pins.write_text("\n")
        case _:
            pins.write_bytes(b"\xff")
    assert shipped(copy) is None


def test_what_the_engine_itself_refuses_is_not_used(copy: Path) -> None:
    file, pins = copy / database.file_of(database.platform()), copy / database.PINS
    file.write_bytes(b"no database")
    made = (*database.made_of(SOURCES, hyperscan), database.digest_of(b"no database"))
    pins.write_text(" ".join((database.platform(), *made)))
    assert shipped(copy) is None


def test_an_expression_that_is_wanted_once_is_told_of_any_content_that_has_it() -> None:
    from ci_guard.secrets.engines import Opening

    engine = Opening(lambda: [Expression(sign, once=True) for sign in SIGNS]).engine()
    assert {number for number, _ in engine.scan(b"a%20b %41 \\x41 \\u0041 " + b"SGVsbG8gd29ybGQhISEhISEh")} == {0, 1, 2}
    assert engine.scan(b"100% \\x1 \\u12 plain words") == []
