"""What ci-guard can tell of itself and of what it was started with."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from ci_guard import __version__
from ci_guard.model.fact import Fact, Known, Source, unavailable
from ci_guard.model.guard import Program

STEERING: Final = re.compile(
    r"LD_[A-Z_]+|DYLD_[A-Z_]+|GCONV_PATH|BASH_ENV|ENV|PYTHON[A-Z]+"
    r"|(?i:https?_proxy|all_proxy)|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|GIT_(?:CONFIG[A-Z_0-9]*|SSL_[A-Z_]+|PROXY_[A-Z_]+|EXEC_PATH|SSH|SSH_COMMAND)"
)
"""By which code is brought into programs, connections are led elsewhere, or other authorities are trusted."""

SYSTEM: Final = frozenset(
    {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/opt/homebrew/bin"}
    | {"/opt/homebrew/sbin"}
)
"""Where programs are that belong to the machine, and git among them."""

WORK: Final = ("GITHUB_WORKSPACE", "RUNNER_TEMP", "RUNNER_WORKSPACE", "CI_PROJECT_DIR", "CI_BUILDS_DIR")
"""What names a folder that a job works in."""

OF_IMAGES: Final = frozenset(
    {".local/bin", ".cargo/bin", ".config/composer/vendor/bin", ".dotnet/tools", ".ghcup/bin", ".yarn/bin", "bin"}
    | {"hostedtoolcache", ".dotnet"}
)
"""
Folders of the home that the images of hosted runners put before the system's.

Source: github.com/actions/runner-images, `configure-environment.sh`, `install-rust.sh` and others that add to PATH.
"""

_COMMIT: Final = re.compile("[0-9a-f]{40}")


def get_program(action_ref: str = "") -> Fact[Program]:
    """
    Return version and commit of this program: of its checkout, else what the runner says that the action was named by.

    It is its own word: a program that was replaced says what it likes.
    """
    from ci_guard.evidence.survey import own_commit, own_files_differ  # no run but one that is asked this loads it

    found = own_commit()
    if found is not None:
        commit: Fact[str] = Known(value=found[0], source=Source.GIT, detail="git HEAD of ci-guard")
    elif _COMMIT.fullmatch(action_ref):
        commit = Known(value=action_ref, source=Source.ENV, detail="GITHUB_ACTION_REF")
    else:
        commit = unavailable("which commit ci-guard is of is not known, as it is no checkout")
    program = Program(
        version=__version__,
        commit=commit,
        released=found is None or found[1],
        altered=found is not None and own_files_differ(found[0]),
    )
    return Known(value=program, source=Source.DERIVED, detail="ci-guard --version")


def get_variables(environ: Mapping[str, str]) -> Fact[frozenset[str]]:
    """Return the names of what is set and not empty; `PATH` where it leads elsewhere before the system's folders."""
    names = {name for name, value in environ.items() if value and STEERING.fullmatch(name)}
    if any(map(partial(_is_planted, environ), _before_the_system(environ.get("PATH", "")))):
        names.add("PATH")
    return Known(value=frozenset(names), source=Source.ENV, detail="the environment of ci-guard")


def _before_the_system(path: str) -> Iterator[str]:
    """Yield the folders that are searched before any of the system's."""
    for folder in path.split(os.pathsep) if path else ():
        if folder.rstrip("/") in SYSTEM:
            return
        yield folder


def _is_planted(environ: Mapping[str, str], folder: str) -> bool:
    """Tell whether a folder is one that a step of the job fills, and none that the image of a runner has there."""
    if not folder.startswith("/"):
        return True  # whatever folder somebody is in
    place = posixpath.normpath(folder)
    home = posixpath.normpath(environ.get("HOME") or "/nonexistent")
    cache = environ.get("RUNNER_TOOL_CACHE", "")
    if (cache and _is_below(place, cache)) or any(place == f"{home}/{name}" for name in OF_IMAGES):
        return False
    places = (home, *(environ[name] for name in WORK if environ.get(name)))
    return any(_is_below(place, each) for each in places if each.startswith("/"))


def _is_below(place: str, folder: str) -> bool:
    return f"{place}/".startswith(f"{posixpath.normpath(folder).rstrip('/')}/")
