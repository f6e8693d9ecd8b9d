"""Other people's patterns, matched in time that grows with the text alone, whatever the pattern is."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from ci_guard.errors import ScanFault
from ci_guard.secrets import engines

LONGEST: Final = 2_000
"""Characters of a pattern: ten times a long one, and compiled within a second."""

_CHANCE: Final = random.Random(4)  # noqa: S311 - texts to try patterns on, the same in every run
_SIGNS: Final = string.ascii_letters + string.digits + "+/=_-."
_FOLDERS: Final = ("src", "lib", "app", "tests", "docs", "cmd", "internal", "web")
_ENDINGS: Final = (".py", ".go", ".js", ".ts", ".java", ".rb", ".yml", ".json", ".md", ".env", ".txt", "")

SECRETS: Final = tuple("".join(_CHANCE.choices(_SIGNS, k=_CHANCE.randint(12, 64))).encode() for _ in range(64))
"""Texts that could be any secret. What allows most of them allows everything."""
PATHS: Final = tuple(
    "/".join(
        [
            *_CHANCE.choices(_FOLDERS, k=_CHANCE.randint(0, 3)),
            "".join(_CHANCE.choices(string.ascii_lowercase, k=8)) + _CHANCE.choice(_ENDINGS),
        ]
    ).encode()
    for _ in range(64)
)
"""Paths that could be anywhere."""

_EMPTY: Final = "it matches a text of no length, and so everything"

Test = Callable[[bytes], bool]


def compiled(patterns: Sequence[str], *, samples: Iterable[bytes] = ()) -> Test:
    r"""
    Return a test that tells whether any of the patterns is met anywhere in a text.

    Source: the syntax is that of hyperscan, which has all of RE2's but for `(?U)` and `\C`: Perl's without
    back-references and look-around. Without hyperscan it is what Python's `re` shares with that.
    Raises: `ValueError`, with a clause, for a pattern that is refused: not understood, met by nothing at all, or by
    most of `samples`.
    """
    texts = [_plain(pattern) for pattern in patterns]
    hyperscan = engines.loaded()
    test = (_quickly(texts, hyperscan) if hyperscan else None) or _slowly(texts)
    if too_wide(test, samples):
        raise ValueError("it matches almost everything")
    return test


def too_wide(test: Test, samples: Iterable[bytes]) -> bool:
    """Return whether a test holds for more than half of some texts made by chance."""
    answers = [test(sample) for sample in samples]
    return 2 * sum(answers) > len(answers)


def _quickly(patterns: Sequence[bytes], hyperscan: Any) -> Test | None:
    """Return a test that hyperscan makes, or None where it does not run on the processor."""
    engine = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        engine.compile(
            expressions=patterns,
            ids=list(range(len(patterns))),
            flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(patterns),
        )
        engine.scratch = hyperscan.Scratch(engine)
    except hyperscan.ArchitectureError:
        return None
    except hyperscan.HyperscanError as error:
        raise ValueError(_reason(str(error))) from None
    return lambda text: _met(engine, text)


def _slowly(patterns: Sequence[bytes]) -> Test:
    from ci_guard.secrets.automaton import Automaton

    automata = [Automaton(pattern) for pattern in patterns]
    if any(automaton.shortest == 0 for automaton in automata):
        raise ValueError(_EMPTY)
    return lambda text: any(automaton.is_in(text) for automaton in automata)


def _met(engine: Any, text: bytes) -> bool:
    found = False

    def note(_number: int, _start: int, _end: int, _flags: int, _context: object) -> bool:
        nonlocal found
        found = True
        return True  # one is enough

    try:
        engine.scan(text, match_event_handler=note)
    except Exception:  # noqa: BLE001 - the engine reports that it was stopped as an error
        if not found:
            raise ScanFault("the matching engine stopped within a text") from None
    return found


def _plain(pattern: str) -> bytes:
    if len(pattern) > LONGEST:
        raise ValueError(f"it has {len(pattern)} characters, more than the {LONGEST} that are read")
    return pattern.encode("utf-8", "replace")


def _reason(said: str) -> str:
    if "empty" in said:
        return _EMPTY
    return f"it is not understood: {said.rstrip('.')[:120]}"
