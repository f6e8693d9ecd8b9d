"""
The databases of hyperscan that ship, so that nothing is compiled when a scan starts.

`scripts/generate.py` makes them. One is used where its digest, the version of hyperscan, the platform and the digest of
what the expressions are made from are those that are pinned beside it; anywhere else the same expressions are compiled.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from ci_guard import beside, hashing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ci_guard.secrets.engines import Expression

FOLDER: Final = os.path.join(os.path.dirname(__file__), "database")
PINS: Final = "pins.txt"
"""A line for each database: its name, and what it was made of and is. It is no JSON, which takes a while to load."""
PLATFORMS: Final = ("linux-x86_64",)
"""Platforms that a database ships for."""


def platform() -> str:
    """Return the name of this platform."""
    return f"{sys.platform}-{os.uname().machine}"


def names_of(platform: str) -> tuple[str, str]:
    """Return what a platform's databases are called: with the signs of encoded text, and without."""
    return platform, f"{platform}-triggers"


def file_of(name: str) -> str:
    """Return the name of a database's file in the folder."""
    return f"{name}.hyperscan"


def shipped(sources: Sequence[bytes], hyperscan: Any, folder: str | os.PathLike[str] = FOLDER) -> Any | None:
    """Return the database that was made of these rules and signs, ready to search, or None where none ships."""
    try:
        pins = pins_in(folder)
        for name in names_of(platform()):
            if pins[name][:-1] == made_of(sources, hyperscan):
                content = beside.content(folder, file_of(name))
                if digest_of(content) != pins[name][-1]:
                    return None
                return _with_scratch(hyperscan.loadb(content, hyperscan.HS_MODE_BLOCK), hyperscan)
    except (OSError, ValueError, KeyError, hyperscan.HyperscanError):
        pass  # it is only there to save time
    return None


def compiled(expressions: Sequence[Expression], hyperscan: Any) -> Any:
    """
    Return a database of expressions, ready to search.

    Raises: `hyperscan.HyperscanError` where it refuses one.
    """
    made = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    made.compile(
        expressions=[expression.pattern for expression in expressions],
        ids=list(range(len(expressions))),
        flags=[
            (hyperscan.HS_FLAG_CASELESS if expression.ignore_case else 0)
            | (hyperscan.HS_FLAG_SINGLEMATCH if expression.once else 0)
            for expression in expressions
        ],
    )
    return _with_scratch(made, hyperscan)


def pins_in(folder: str | os.PathLike[str]) -> dict[str, tuple[str, ...]]:
    """Return what is pinned of each database by its name: what it is made of, and at last its own digest."""
    lines = map(str.split, beside.content(folder, PINS).decode().splitlines())
    return {name: tuple(pins) for name, *pins in lines}


def made_of(sources: Sequence[bytes], hyperscan: Any) -> tuple[str, ...]:
    """Return what is pinned of what a database is made of."""
    return (hyperscan.__version__, digest_of(b"\0".join(sources)))


def digest_of(content: bytes) -> str:
    """Return the BLAKE2b of a content, in hex: Python's own code for it is as quick as OpenSSL, which takes loading."""
    return hashing.digest("blake2b", 0, content).hexdigest()


def _with_scratch(made: Any, hyperscan: Any) -> Any:
    made.scratch = hyperscan.Scratch(made)
    return made
