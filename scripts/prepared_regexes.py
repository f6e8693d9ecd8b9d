"""Prepares the regular expressions of the package, so that no scan has to compile them."""

from __future__ import annotations

import importlib
import pkgutil
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import ci_guard
from ci_guard import late, prepared
from ci_guard.secrets import vendors
from ci_guard.secrets.rule import load


def files() -> dict[str, str | bytes]:
    """Return the table by its path from the root; nothing on a Python that it is not for."""
    if not prepared.is_for(importlib.import_module("_sre")):
        return {}
    return {f"ci_guard/{prepared.FILE}": prepared.table_of({said: of(*said) for said in patterns()})}


def patterns() -> dict[tuple[str | bytes, int], None]:
    """Return texts and flags of the package's late patterns, and of those that its rules have, each once."""
    for module in pkgutil.walk_packages(ci_guard.__path__, "ci_guard."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return dict.fromkeys([*late.SAID, *(rule.said for rule in load()), *vendors.patterns()])


def of(text: str | bytes, flags: int) -> prepared.Prepared:
    """Return what Python's compiler hands to its engine."""
    found: list[Any] = []
    compiler = importlib.import_module("re._compiler")
    engine = vars(compiler)["_sre"]
    told = SimpleNamespace(**{**vars(engine), "compile": lambda *handed: found.append(handed)})
    with patch.object(compiler, "_sre", told):
        compiler.compile(text, flags)
    _, all_flags, code, groups, names, _ = found[0]
    return prepared.Prepared(all_flags, groups, dict(names), list(code))
