"""Whether a script runs ci-guard, and what in it keeps the exit code from ending the script."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from ci_guard.evidence.shell_script import PIPES, Command, commands, plain
from ci_guard.rows import NamedTuple

NAME: Final = "ci-guard"
PROGRAMS: Final = frozenset({NAME, "bootstrap.py", "launch.sh"})
MODULE: Final = "ci_guard"
VERBS: Final = frozenset({"check", "scan"})
NO_RUN: Final = ("-h", "--help", "--version", "--facts")
"""Options with which it judges nothing, or another run than this."""

LONGEST: Final = 20_000
"""Signs of a script that are looked at; nobody reads on."""
MOST: Final = 20
"""Calls of ci-guard in one script: what goes before is looked at for each."""
TOO_LONG: Final = "a script too long to read"
DEEPEST: Final = 5
"""Scripts within scripts."""

STARTS: Final = re.compile(
    r"python(?:3(?:\.\d+)?)?|(?:ba|da|z)?sh|exec|env|command|sudo|time|timeout|nice|ionice|stdbuf"
    r"|uv|uvx|pipx|poetry|pdm|hatch|rye|mise|nix|docker|podman"
)
"""Programs that start the one that is named behind them, and end with its exit code."""
ARGUMENTS: Final = {
    **dict.fromkeys(("sh", "bash", "dash", "zsh"), frozenset(("-o", "-O", "+o", "+O", "--rcfile", "--init-file"))),
    "python": frozenset(("-W", "-X", "--check-hash-based-pycs")),
    "exec": frozenset(("-a",)),
    "command": frozenset(),
    "env": frozenset(("-u", "-C", "--unset", "--chdir")),
    "sudo": frozenset((*(f"-{sign}" for sign in "ughpCDRTrtU"), "--user", "--group", "--host", "--prompt", "--chdir")),
    "time": frozenset(("-f", "-o", "--format", "--output")),
    "timeout": frozenset(("-s", "-k", "--signal", "--kill-after")),
    "nice": frozenset(("-n", "--adjustment")),
    "ionice": frozenset(("-c", "-n", "--class", "--classdata")),
    "stdbuf": frozenset(("-i", "-o", "-e", "--input", "--output", "--error")),
}
"""Those that start the first word which is none of their options, and the options that have a word behind them."""
AS_IT_IS: Final = frozenset({"builtin", "command", "-p", "--"})
"""Words, options of these among them, behind which a command is what it would be without."""
LEAVES_LINE: Final = frozenset({"break", "continue", "shift", "suspend"})
"""Commands of bash that end the line they stand on, and not the script, where they are given too many words."""
CALCULATES: Final = "$(("
UNREADING: Final = frozenset({"noexec", "onecmd"})
"""Options of a shell with which it runs nothing more. Source: Bash Reference Manual, "The Set Builtin"."""
STOPS: Final = frozenset({"exit", "return", "logout"})
HIDING: Final = frozenset({"||", "|", "|&", "&", ";"})
"""What behind the command decides instead of it: another command's exit code, or none."""

_NAMED: Final = re.compile(r"ci[-_]guard|bootstrap\.py|launch\.sh")
_IMAGE: Final = re.compile(rf"(?:.*/)?{NAME}[:@].*")
_ASSIGNS: Final = re.compile(r"[A-Za-z_]\w*\+?=.*", re.DOTALL)
_DURATION: Final = re.compile(r"[0-9.]+[smhd]?|\$.*", re.DOTALL)
_SHELL: Final = re.compile(r"(?:ba|da|z)?sh")
_TEXT: Final = re.compile(r"-[a-zA-Z]*c")
"""The option of a shell or of Python behind which the program stands as a text."""
_LEAVES: Final = re.compile(r"\b(?:exit|exec|return)\b")
_NON_ZERO: Final = re.compile(r"0*[1-9][0-9]*")


class _Call(NamedTuple):
    """A command that runs ci-guard."""

    place: int
    """Among the commands."""
    heads: frozenset[str]
    """What is started on the way: a function of such a name would be started instead."""
    text: str | None
    """The script that a shell is given as a text, if that is how."""


@lru_cache(maxsize=4096)
def hidden(script: str, depth: int = 0) -> str | None:
    """
    Return what keeps the exit code of ci-guard's command from ending a script, empty where nothing does.

    None where the script runs no ci-guard. It is read as by a shell that ends at the first failure (`-e`), as both
    platforms start one. Only a plain command counts: whatever stands in a construct, or behind something that changes
    the shell, is hidden. What other files bring in (`source`, programs on `PATH`) is not followed.
    """
    if not _NAMED.search(script):
        return None
    if len(script) > LONGEST or depth > DEEPEST:
        return TOO_LONG
    found = commands(script)
    calls = [call for place in range(len(found)) if (call := _call(found, place, depth)) is not None]
    if not calls:
        return None
    return next((how for call in calls[:MOST] if (how := _hides(found, call, depth))), TOO_LONG if calls[MOST:] else "")


@lru_cache(maxsize=4096)
def leads(script: str) -> bool:
    """Tell whether ci-guard's is the first command of a script."""
    found = commands(script) if len(script) <= LONGEST else []
    return bool(found) and _call(found, 0, 0) is not None


def _call(found: Sequence[Command], place: int, depth: int) -> _Call | None:
    words = list(found[place].words)
    while words and _ASSIGNS.fullmatch(words[0]):
        words.pop(0)
    texts = [plain(word) for word in words]
    heads: set[str] = set()
    for at, text in enumerate(texts):
        name = text.rpartition("/")[2]
        named = name in PROGRAMS
        if named or (at and (_IMAGE.fullmatch(text) or (name == MODULE and texts[at - 1] == "-m"))):
            rest = texts[at + 1 :]
            runs = not VERBS.isdisjoint(rest) and not any(one.partition("=")[0] in NO_RUN for one in rest)
            return _Call(place, frozenset({*heads, name}), None) if runs else None
        starts = STARTS.fullmatch(name) is not None
        if not starts and (not heads or _is_started(texts[:at], text)):
            return None
        if heads and _TEXT.fullmatch(text):
            given = _unquoted(words[at + 1]) if any(map(_SHELL.fullmatch, heads)) and at + 1 < len(words) else ""
            return _Call(place, frozenset(heads), given) if hidden(given, depth + 1) is not None else None
        if starts:
            heads.add(name)
    return None


def _is_started(before: Sequence[str], text: str) -> bool:
    """Tell whether a word, which is neither ci-guard nor starts anything, is what the last starter before it starts."""
    at = next(place for place in reversed(range(len(before))) if STARTS.fullmatch(before[place].rpartition("/")[2]))
    name, behind = before[at].rpartition("/")[2], before[at + 1 :]
    arguments = ARGUMENTS.get("python" if name.startswith("python") else name)
    if arguments is None:
        return False
    others = [
        one
        for one, former in zip([*behind, text], ["", *behind], strict=True)
        if one[:1] not in ("-", "+") and former not in arguments and not _ASSIGNS.fullmatch(one)
    ]
    return bool(others[1:] if name == "timeout" and others and _DURATION.fullmatch(others[0]) else others)


def _unquoted(word: str) -> str:
    """Return the text that a word gives to a shell."""
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else plain(word)


def _hides(found: Sequence[Command], call: _Call, depth: int) -> str:
    command = found[call.place]
    if how := next(_before(found[: call.place], call.heads), ""):
        return how
    if command.negated or command.within:
        return "!" if command.negated else command.within
    first = last = call.place
    while found[first].before in PIPES:
        first -= 1
        if first < 0 or found[first].within:
            return "|"  # what a construct writes into it: where that began, nobody looks
    before = found[first].before
    if before == "||":
        return before
    while found[last].after == "&&" and last + 1 < len(found):
        last += 1
    if found[last].after in HIDING:
        return found[last].after
    # A failure within a list ends no script, only its own result does where it is the last one.
    if (last > call.place or before == "&&") and last + 1 < len(found):
        return "&&"
    if last + 1 < len(found) and _calculates(found[: last + 1], call.place):
        return CALCULATES
    if call.text is not None:
        inner = hidden(call.text, depth + 1)
        # A shell that is given a text goes on after a failure.
        return inner or ("-c" if len(commands(call.text)) > 1 else "")
    return ""


def _calculates(found: Sequence[Command], place: int) -> bool:
    """
    Tell whether bash calculates on the line of a command up to there.

    Where it cannot, as in a division by zero, it leaves that line, and the script goes on behind it.
    """
    line = itertools.takewhile(lambda command: command.after in (";", "&&", "||"), reversed(found[:place]))
    return any(CALCULATES in word for command in (*found[place:], *line) for word in command.words)


def _before(found: Sequence[Command], heads: frozenset[str]) -> Iterator[str]:
    """Yield what goes before and leaves the script, takes `-e` away, or puts something else in a program's place."""
    unset = ""
    for command in found:
        words = _run(command)
        name, *rest = [plain(word) for word in words] or [""]
        if command.within.removesuffix("()") in heads and command.within.endswith("()"):
            yield command.within
        if name in STOPS and not _fails(command, rest):
            yield name
        if name == "exec" and rest:
            yield name
        if name == "trap" and (_LEAVES.search(words[1] if rest else "") or (rest and rest[0].startswith("$"))):
            yield name
        if name in LEAVES_LINE and rest[1:]:
            yield name
        if name == "eval" or (name == "hash" and "-p" in rest):
            yield name
        if name == "alias" and any(one.partition("=")[0] in heads for one in rest):
            yield name
        if name in ("set", "shopt"):
            if how := _unread(name, rest):
                yield how
            unset = _errexit(name, rest, unset)
    if unset:
        yield unset


def _run(command: Command) -> Sequence[str]:
    """Return a command from the word on that is run: behind variables, what may come to nothing, and `command`."""
    words = command.words
    while words and (_ASSIGNS.fullmatch(words[0]) or words[0].lstrip('"')[:1] in ("$", "`") or words[0] in AS_IT_IS):
        words = words[1:]
    return words


def _fails(command: Command, rest: Sequence[str]) -> bool:
    """Tell whether leaving the script makes it fail: by a number, or by the failure that led here."""
    if rest[1:]:
        return False  # too many for it, so that it leaves its line and not the script
    if not rest or rest[0] == "$?":
        return command.before == "||"
    return _NON_ZERO.fullmatch(rest[0]) is not None


def _unread(name: str, options: Sequence[str]) -> str:
    """Return how a shell is told to run nothing that follows, or what nobody can tell; empty where it is not."""
    for at, option in enumerate(options):
        if option == "--":
            break
        named = options[at + 1] if at + 1 < len(options) and option.endswith("o") else ""
        if name == "set" and option[:1] == "-" and (not {"n", "t"}.isdisjoint(option) or named in UNREADING):
            return f"set {option} {named}".rstrip()
        if name == "shopt" and option in UNREADING:
            return "shopt"
        if option[:1] in ("$", "`"):
            return f"{name} {option}"
    return ""


def _errexit(name: str, options: Sequence[str], unset: str) -> str:
    """Return how `-e` was taken away once these options are set, empty where it is on."""
    for at, option in enumerate(options):
        argument = at > 0 and options[at - 1].endswith("o")
        if option == "--" or (name == "set" and option[:1] not in ("+", "-") and not argument):
            break
        named = (options[at + 1] if at + 1 < len(options) else "") == "errexit" and option[-1:] == "o"
        if name == "set" and (named or "e" in option) and option[:1] in ("+", "-"):
            unset = f"set {option}{' errexit' if named else ''}" if option[0] == "+" else ""
        elif name == "shopt" and "errexit" in options and option.startswith("-"):
            unset = "shopt" if "u" in option else "" if "s" in option else unset
    return unset
