"""Regular expressions are compiled when they are first used, and each of them is one."""

from __future__ import annotations

import importlib
import pkgutil
import re

import pytest

import ci_guard
from ci_guard import late

LATE = type(late.pattern("x"))
MODULES = sorted(module.name for module in pkgutil.walk_packages(ci_guard.__path__, "ci_guard."))


def test_every_late_pattern_of_the_package_compiles() -> None:
    found = 0
    for name in MODULES:
        if name.endswith("__main__"):
            continue
        for each in vars(importlib.import_module(name)).values():
            if isinstance(each, LATE):
                assert isinstance(re.compile(each.pattern, each.flags), re.Pattern), name
                found += 1
    assert found > 40


def test_it_does_what_a_pattern_does() -> None:
    text = late.pattern("(?P<word>[a-z]+)-", re.IGNORECASE)
    assert [found["word"] for found in text.finditer("Ab-cd-")] == ["Ab", "cd"]
    assert text.sub("", "ab-cd") == "cd"
    assert text.groups == 1
    assert late.pattern(rb"\d").search(b"a1") is not None


def test_what_is_no_pattern_is_refused_by_its_first_use() -> None:
    bad = late.pattern("(")
    with pytest.raises(re.error):
        bad.search("x")
