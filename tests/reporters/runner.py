"""How GitHub's runner reads a job's output and a step's output file: ActionCommand.cs and FileCommandManager.cs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

REGISTERED: Final = frozenset(
    {
        *(
            "add-mask",
            "add-matcher",
            "add-path",
            "debug",
            "echo",
            "endgroup",
            "error",
            "group",
            "internal-set-repo-path",
        ),
        *("notice", "remove-matcher", "save-state", "section", "set-env", "set-output", "stop-commands", "warning"),
    }
)
"""The commands that a runner knows, or knew."""


@dataclass(frozen=True)
class Command:
    """A command as the runner understands it."""

    name: str
    data: str
    properties: dict[str, str] = field(default_factory=dict)


def parse(line: str) -> Command | None:
    """Return the command in a line, looking for `::` before `##[` as `TryProcessCommand` does; None for plain text."""
    return parse_v2(line) or parse_legacy(line)


def parse_v2(line: str) -> Command | None:
    """See `TryParseV2`; .NET's TrimStart takes every Unicode white space away."""
    line = line.lstrip()
    if not line.startswith("::"):
        return None
    info, separator, data = line[2:].partition("::")
    name, _, properties = info.partition(" ")
    if not separator or name not in REGISTERED:
        return None
    return Command(name, unescape(data, _DATA), split(properties.strip(), ",", _PROPERTY))


def parse_legacy(line: str) -> Command | None:
    """See `TryParse`, which looks for the prefix anywhere."""
    _, prefix, rest = line.partition("##[")
    info, bracket, data = rest.partition("]")
    name, _, properties = info.partition(" ")
    if not prefix or not bracket or name not in REGISTERED:
        return None
    return Command(name, unescape(data, _LEGACY), split(properties, ";", _LEGACY))


_DATA: Final = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY: Final = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_LEGACY: Final = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))


def unescape(text: str, mappings: tuple[tuple[str, str], ...]) -> str:
    """Return the text with every mapping replaced, one after the other as the runner does it."""
    for written, meant in mappings:
        text = text.replace(written, meant)
    return text


def split(text: str, separator: str, mappings: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the properties of a command."""
    pairs = [pair.split("=", 1) for pair in text.split(separator) if pair]
    return {pair[0]: unescape(pair[1], mappings) for pair in pairs if len(pair) == 2 and pair[1]}


def lines_of(output: str) -> list[str]:
    """Return the lines of a process's output as .NET's StreamReader splits them, and as a stricter reader would."""
    for end in ("\r\n", *"\r\x0b\x0c\x85\u2028\u2029"):  # a report may be of megabytes
        output = output.replace(end, "\n")
    return output.split("\n")


def commands_in(output: str) -> list[Command]:
    """Return every command that a runner finds in an output."""
    return [command for line in lines_of(output) for command in [parse(line)] if command]


def obeyed_in(output: str) -> list[Command]:
    """
    Return the commands that the runner obeys, as `TryProcessCommand` of ActionCommandManager.cs does it.

    Between `::stop-commands::token` and `::token::` it listens to the token alone.
    """
    obeyed: list[Command] = []
    token = ""
    for line in lines_of(output):
        if token:
            if line.lstrip().casefold().startswith(f"::{token}::".casefold()):
                token = ""
            continue
        command = parse(line)
        if command and command.name == "stop-commands":
            token = command.data
        elif command:
            obeyed.append(command)
    return obeyed


def read_outputs(text: str) -> dict[str, str]:
    """Return the outputs of a step from the text of its output file: `name=value` and `name<<delimiter`."""
    outputs: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            outputs[line[:equals]] = line[equals + 1 :]
        elif heredoc >= 0:
            delimiter, value = line[heredoc + 2 :], []
            for following in lines:
                if following == delimiter:
                    break
                value.append(following)
            else:
                raise ValueError("no matching delimiter")
            outputs[line[:heredoc]] = "\n".join(value)
        elif line:
            raise ValueError(f"invalid format {line!r}")
    return outputs
