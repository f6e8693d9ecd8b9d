"""How git is started: by an absolute path, blind to the environment, deaf to the repository's own configuration."""

from __future__ import annotations

import os
from typing import Final

from ci_guard.errors import GitUnavailable, unrevealing

_NULL: Final = os.devnull

ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": _NULL,
    "GIT_CONFIG_GLOBAL": _NULL,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_LITERAL_PATHSPECS": "1",
    # Replacement objects and grafts show other commits than the ones that were named.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": _NULL,
    # A partial clone would fetch what it lacks with whatever transport its configuration names.
    # The older way to forbid that, for a git that does not know the first variable, is to allow no protocol at all.
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
}

# An earlier step can have planted anything in the repository's own configuration; what `-c` says wins over it.
OVERRIDES: Final = {
    "safe.directory": "*",  # a container job's checkout belongs to another user; nothing of it is executed here
    "core.hooksPath": _NULL,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.commitGraph": "false",  # a planted graph file lies about parents
    "core.useReplaceRefs": "false",
    "core.excludesFile": _NULL,
    "core.attributesFile": _NULL,
    "core.ignoreCase": "false",
    "core.pager": "cat",
    "core.askPass": "",
    "core.sshCommand": "false",
    "credential.helper": "",
    "diff.external": "",
    "log.showSignature": "false",
    "protocol.allow": "never",
    "submodule.recurse": "false",
}


def locate(folder: str | os.PathLike[str]) -> tuple[str, str | None] | None:
    """
    Return the git folder and the work tree that hold an absolute folder, or None.

    Paths are texts here and in all that a scan loads: `pathlib` takes 3 ms to load, with what Python 3.10 and 3.11 have
    in it.

    A bare repository counts only at `folder` itself and outside every work tree: else a folder that a change adds could
    pose as one.
    """
    folder = place = os.fspath(folder)
    above = None
    while place != above:
        git_dir = os.path.join(place, ".git")
        if os.path.lexists(git_dir):
            return git_dir, place
        place, above = os.path.dirname(place), place
    has_head = os.path.isfile(os.path.join(folder, "HEAD"))
    if has_head and all(os.path.isdir(os.path.join(folder, name)) for name in ("objects", "refs")):
        return folder, None
    return None


def find_git(workspace: str | os.PathLike[str]) -> str:
    """Return the absolute path of the first git on PATH that is not in the workspace; see `find_program`."""
    if (found := find_program("git", workspace)) is None:
        raise GitUnavailable("git was not found on PATH", hint="install git in this job's image")
    return found


def find_program(name: str, workspace: str | os.PathLike[str]) -> str | None:
    """
    Return the path of the first such program on PATH that is not in the workspace, where anybody could put one.

    Of a folder within a work tree all of that is the workspace: a change brings files anywhere in it.
    """
    inside = os.path.realpath(workspace)
    located = locate(inside)
    if located and located[1]:
        inside = located[1]
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = os.path.join(folder, f"{name}.exe" if os.name == "nt" else name)
        if (
            os.path.isabs(folder)
            and os.path.isfile(candidate)
            and os.access(candidate, os.X_OK)
            and not any(
                os.path.commonpath((place, inside)) == inside for place in (candidate, os.path.realpath(candidate))
            )
        ):
            return candidate
    return None


def name_of(arguments: tuple[str | bytes, ...]) -> str:
    """Return the subcommand."""
    return os.fsdecode(arguments[0])


def failure(arguments: tuple[str | bytes, ...], complaints: bytes, code: int) -> GitUnavailable:
    """Return the error with git's own words: the fatal line, without the warnings before and the advice after it."""
    lines = complaints.decode("utf-8", "replace").splitlines()
    said = [line for kind in ("fatal: ", "error: ", "") for line in lines if line.startswith(kind)]
    fatal = said[0] if said else ""
    if "Could not read from remote repository" in fatal:  # what ssh said before tells why
        fatal = ([line for line in lines[: lines.index(fatal)] if line.strip()] or [fatal])[-1]
    why = unrevealing(fatal.removeprefix("fatal: ").removeprefix("error: "))[:300] or f"exit {code}"
    return GitUnavailable(f"git {name_of(arguments)} failed: {why}", hint="check the clone with git fsck")
