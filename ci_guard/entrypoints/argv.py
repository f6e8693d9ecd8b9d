"""What a command line and the actions' inputs say, without judging the rest: results are told whatever is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise


def values_of(option: str, argv: Sequence[str]) -> list[str]:
    """Return every value that a command line gives an option, in either spelling."""
    joined = [word.removeprefix(f"{option}=") for word in argv if word.startswith(f"{option}=")]
    return joined + [value for word, value in pairwise(argv) if word == option]


def input_of(name: str, argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the value of an action's input (`CI_GUARD_INPUT_…`), empty where none counts: without `--inputs`."""
    return environ.get(f"CI_GUARD_INPUT_{name}", "").strip() if "--inputs" in argv else ""
