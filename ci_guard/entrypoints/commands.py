"""The commands: one line each in the table, one module each beside this one, imported when it is asked for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NoReturn, Protocol, TextIO, cast

from ci_guard.errors import UsageError, unrevealing
from ci_guard.model.decision import Result
from ci_guard.model.run import Platform
from ci_guard.records import dataclass

EXIT_CODES: Final = (
    "Exit codes: 0 allowed, 1 denied, 2 usage or policy error, 3 undecided (denies), 4 a fault of ci-guard."
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a command finds when it is run."""

    environ: Mapping[str, str]
    stdout: TextIO
    progress: TextIO
    """Where it is told that long work goes on."""
    platform: Platform
    """Where a result is told, whatever else is wrong."""


@dataclass(frozen=True)
class Said:
    """What a command that gives no verdict has to say, on standard output, and its exit code."""

    text: str
    exit_code: int = 0
    rest: Iterable[str] = ()
    """What follows, where it is too long to be held: whole lines or not, each part as it is asked for."""
    document: bool = False
    """Whether a program reads it: it stands alone, and nothing in it is a command to anybody."""


class CommandModule(Protocol):
    """A module of this room that is a command: it has these three functions."""

    def add_options(self, parser: argparse.ArgumentParser, /) -> None:
        """Add what may be said after the command's name."""
        ...

    def options(self, arguments: argparse.Namespace, environ: Mapping[str, str], /) -> Any:
        """
        Return the checked options, in the command's own form.

        Raises: `UsageError` for anything that cannot be accepted.
        """
        ...

    def run(self, options: Any, call: Call, /) -> Result | Said:
        """
        Do it.

        Shape: a result, which the caller tells in every way that was asked for, or a text of a command that gives no
        verdict. Nothing is written here but progress: a stream that is gone is the caller's matter.
        Raises: `CiGuardError`.
        """
        ...


@dataclass(frozen=True)
class Command:
    """One command; its module has its name."""

    name: str
    summary: str
    judges: bool = False
    """Whether it gives a verdict: its reports are then written on every exit, errors included."""

    @property
    def module(self) -> CommandModule:
        """The module that does it."""
        return cast("CommandModule", import_module(f"ci_guard.entrypoints.{self.name}"))


COMMANDS: Final = (
    Command("check", "run the gate: all enabled controls, or those named", judges=True),
    Command("scan", "run the secret scanner alone", judges=True),
    Command("init", "look at the repository and show, or write, a starter policy and a workflow or pipeline"),
    Command("doctor", "say which facts the present token shows, and what the policy makes of the rest"),
    Command("facts", "collect the facts of this run and keep them, to be judged again"),
    Command("policy", "check, show, compare and test a policy, and try it on recorded runs"),
    Command("audit", "verify a log of runs, ask it, report on it"),
    Command("explain", "print the page of a control, a requirement or a rule of the scanner"),
)
"""Every command, in the order of `--help`."""


class Help(argparse.HelpFormatter):
    """Argparse's own, which loads compression libraries to learn the width, also where no help is printed."""

    def __init__(self, prog: str) -> None:
        """Fill the terminal, as argparse does (`shutil.get_terminal_size`)."""
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of exiting, so that reports are written for usage errors too."""

    def __init__(self, **options: Any) -> None:
        """See `argparse.ArgumentParser`; an abbreviation would mean something else once there are more options."""
        super().__init__(formatter_class=Help, allow_abbrev=False, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See `argparse.ArgumentParser`; what is strange is refused by the command, whose help knows its options."""
        found, strange = super().parse_known_args(args, namespace)
        if strange:
            from difflib import get_close_matches

            # Whoever says --token=… or --token … to a command that has no such option has said a secret: options alone
            # are told, where there are any.
            options = [word.partition("=")[0] for word in strange if word.startswith("-")]
            meant = [match for word in options for match in get_close_matches(word, self._option_string_actions, 1)]
            perhaps = f"Perhaps you meant {' and '.join(meant)}? " if meant else ""
            raise UsageError(
                unrevealing(f"{self.prog}: unrecognized arguments: {' '.join(options or strange)}"),
                hint=f"{perhaps}Try '{self.prog} --help'.",
            )
        return found, strange

    def error(self, message: str) -> NoReturn:
        """See `argparse.ArgumentParser.error`."""
        raise UsageError(unrevealing(f"{self.prog}: {message}"), hint=f"Try '{self.prog} --help'.")


def parse(argv: Sequence[str], environ: Mapping[str, str], version: str) -> tuple[Command, Any]:
    """
    Return the command that was asked for, and its checked options.

    Raises: `UsageError` for anything that cannot be accepted; `SystemExit` after `--help` and `--version`.
    """
    arguments = parser(argv, version).parse_args(list(argv))
    command = next(command for command in COMMANDS if command.name == arguments.command)
    return command, command.module.options(arguments, environ)


def parser(argv: Sequence[str], version: str) -> Parser:
    """Return the parser of a command line; the options of commands that it does not name are left out."""
    whole = Parser(
        prog="ci-guard",
        description="Decide inside a CI job whether the pipeline may proceed.",
        epilog=EXIT_CODES,
    )
    whole.add_argument("--version", action="version", version=f"ci-guard {version}")
    commands = whole.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=Parser, prog="ci-guard"
    )
    for command in COMMANDS:
        summary = command.summary[0].upper() + command.summary[1:] + "."
        part = commands.add_parser(command.name, help=command.summary, description=summary)
        if command.name in argv:
            command.module.add_options(part)
    return whole


def judges(argv: Sequence[str]) -> bool:
    """Tell whether a command line asks for a verdict; one that names no command is told like one that does."""
    return next((command.judges for command in COMMANDS if command.name in argv[:1]), True)
