"""What ci-guard can tell of itself and of what it was started with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ci_guard import __version__
from ci_guard.evidence.survey import own_commit
from ci_guard.model.fact import Fact, Known, Source, unavailable
from ci_guard.model.guard import Program

STEERING: Final = re.compile(
    r"LD_[A-Z_]+|DYLD_[A-Z_]+|GCONV_PATH|BASH_ENV|ENV|PYTHON[A-Z]+"
    r"|(?i:https?_proxy|all_proxy)|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|GIT_(?:CONFIG[A-Z_0-9]*|SSL_[A-Z_]+|PROXY_[A-Z_]+|EXEC_PATH|SSH|SSH_COMMAND)"
)
"""By which code is brought into programs, connections are led elsewhere, or other authorities are trusted."""

_COMMIT: Final = re.compile("[0-9a-f]{40}")


def get_program(action_ref: str = "") -> Fact[Program]:
    """
    Return version and commit of this program: of its checkout, else what the runner says that the action was named by.

    It is its own word: a program that was replaced says what it likes.
    """
    found = own_commit()
    if found is not None:
        commit: Fact[str] = Known(value=found[0], source=Source.GIT, detail="git HEAD of ci-guard")
    elif _COMMIT.fullmatch(action_ref):
        commit = Known(value=action_ref, source=Source.ENV, detail="GITHUB_ACTION_REF")
    else:
        commit = unavailable("which commit ci-guard is of is not known, as it is no checkout")
    program = Program(version=__version__, commit=commit, released=found is None or found[1])
    return Known(value=program, source=Source.DERIVED, detail="ci-guard --version")


def get_variables(environ: Mapping[str, str]) -> Fact[frozenset[str]]:
    """Return the names of what is set and not empty."""
    names = frozenset(name for name, value in environ.items() if value and STEERING.fullmatch(name))
    return Known(value=names, source=Source.ENV, detail="the environment of ci-guard")
