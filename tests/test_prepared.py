"""What ships of compiled regular expressions is what `re` would make of them, and is used for nothing else."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard import beside, late, prepared

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
spec = spec_from_file_location("prepared_regexes", SCRIPTS / "prepared_regexes.py")
assert spec is not None
assert spec.loader is not None
prepared_regexes: Any = module_from_spec(spec)
spec.loader.exec_module(prepared_regexes)

ENGINE: Any = import_module("_sre")
FEW: list[tuple[Any, int]] = [
    ("a(?P<word>[b-d]+)?", 0),
    (b"x{3,9}|[^y]", int(re.IGNORECASE)),
    ("\u0416|[\u0430-\u044f]", 0),
]
pytestmark = pytest.mark.skipif(not prepared.is_for(ENGINE), reason="the table is not for this Python")
TABLE = prepared.table_of({said: prepared_regexes.of(*said) for said in FEW}) if prepared.is_for(ENGINE) else bytes(100)


def test_every_pattern_that_a_scan_may_use_is_prepared_as_it_would_be_compiled() -> None:
    table = prepared.Table(beside.read(prepared.__file__, prepared.FILE), ENGINE)
    found = {said: table.pattern(*said) for said in prepared_regexes.patterns()}  # with those of other tests
    assert sum(pattern is not None for pattern in found.values()) == len(table) > 700
    assert [said for said, pattern in found.items() if pattern and pattern != re.compile(*said)] == []


def test_a_table_has_what_it_was_made_of_and_nothing_else() -> None:
    table = prepared.Table(TABLE, ENGINE)
    for text, flags in FEW:
        found = table.pattern(text, flags)
        assert found == re.compile(text, flags)
        assert found is not None
        assert found.groupindex == re.compile(text, flags).groupindex
    assert table.pattern("a(?P<word>[b-d]+)?", re.IGNORECASE) is None
    assert table.pattern(b"a(?P<word>[b-d]+)?", 0) is None
    assert table.pattern("another", 0) is None


def test_what_is_not_prepared_is_compiled() -> None:
    assert late.compiled("not prepared (by [a-z]+)", re.DOTALL) == re.compile("not prepared (by [a-z]+)", re.DOTALL)
    with pytest.raises(re.error):
        late.compiled("(")


@pytest.mark.parametrize("engine", [{"MAGIC": 1}, {"CODESIZE": 2}])
def test_a_table_is_not_used_with_another_engine(engine: dict[str, int]) -> None:
    other = SimpleNamespace(**{**vars(ENGINE), **engine})
    assert all(prepared.Table(TABLE, other).pattern(*said) is None for said in FEW)


@given(st.integers(0, len(TABLE) - 1), st.binary(min_size=1, max_size=20), st.booleans())
def test_a_table_that_was_changed_gives_the_same_pattern_or_none(at: int, put: bytes, cut: bool) -> None:
    changed = TABLE[:at] + put + (b"" if cut else TABLE[at + len(put) :])
    table = prepared.Table(changed, ENGINE)
    for said in FEW:
        assert table.pattern(*said) in (None, re.compile(*said))
