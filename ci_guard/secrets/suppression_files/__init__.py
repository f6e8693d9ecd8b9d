"""The files in which suppressions and rules are written: one module a format, read here from one tree."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from ci_guard.errors import PolicyError
from ci_guard.secrets.suppression_files.context import Context
from ci_guard.secrets.suppressions import Book
from ci_guard.secrets.tree_files import NoPlainFile, TreeFiles

OWN: Final = ".ci-guard-secrets.yml"
OWN_BASELINE: Final = ".ci-guard-secrets-baseline.json"
GITLEAKS_CONFIG: Final = ".gitleaks.toml"
GITLEAKS_IGNORE: Final = ".gitleaksignore"
DETECT_SECRETS_BASELINE: Final = ".secrets.baseline"

MODULES: Final = {
    OWN: "own",
    OWN_BASELINE: "baseline",
    GITLEAKS_CONFIG: "gitleaks",
    GITLEAKS_IGNORE: "gitleaksignore",
    DETECT_SECRETS_BASELINE: "detect_secrets",
}
"""The module of each file, all of which lie in the root of a repository; imported where there is such a file."""
OURS: Final = frozenset({OWN, OWN_BASELINE})
"""What cannot be read of these ends the run; of other tools' files it is told, and what is left out covers nothing."""

Reader = Callable[[bytes, str, Book, Context], None]


def read_book(files: TreeFiles, context: Context) -> Book:
    """
    Return what all of these files say in one tree.

    Raises: `PolicyError` where one of ci-guard's own cannot be accepted; nothing is then judged without it.
    """
    book = Book()
    for name, module in MODULES.items():
        where = name + files.at
        try:
            content = files.read(name)
        except NoPlainFile as error:
            if name in OURS:
                hint = "Commit it as a plain file, or remove it."
                raise PolicyError(f"{where} was refused: {error}.", hint=hint) from None
            book.remarks.append(f"{where} is not read: {error}.")
            continue
        if content is not None:
            read: Reader = import_module(f"{__name__}.{module}").read
            read(content, where, book, context)
    return book
