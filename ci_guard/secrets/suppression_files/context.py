"""What the formats need to know of the repository, and the steps that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ci_guard.errors import unrevealing
from ci_guard.records import dataclass

LONGEST_REASON: Final = 200
"""Characters of a reason that is kept."""


def _no_line(_commit: str, _path: str, _line: int) -> bytes | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known beside the file."""

    known: Callable[[], frozenset[str]]
    """Returns the ids of the scanner's rules and kinds of key files, for which its rules are parsed."""
    line_at: Callable[[str, str, int], bytes | None] = _no_line
    """Returns a line, 1-based, of a file as a commit had it, or None where this clone does not show it."""

    @property
    def known_rules(self) -> frozenset[str]:
        """What `known` returns."""
        return self.known()


def json_of(content: bytes) -> Any:
    """
    Return the value of a JSON text.

    Raises: `ValueError` with a clause, for everything that is none or says something twice.
    """
    import json

    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_refused)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: it is no JSON") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except RecursionError:
        raise ValueError("its lists and maps are nested too deeply") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one map")
    return found


def _refused(_word: str) -> Any:
    raise ValueError("it holds a number that JSON does not have")


def shown(text: str, longest: int = 80) -> str:
    """Return a stranger's text, harmless and unrevealing, in quotes and cut."""
    text = unrevealing(text)
    safe = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:longest])
    return f"'{safe}{'…' if len(text) > longest else ''}'"
