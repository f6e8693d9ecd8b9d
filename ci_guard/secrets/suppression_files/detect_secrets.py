"""`.secrets.baseline` of detect-secrets: SHA-1 of secrets by file, compared in memory and never shown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final

from ci_guard.model.scan import SecretFinding, SuppressionKind
from ci_guard.secrets.excerpt import Excerpt
from ci_guard.secrets.suppression_files.context import Context, json_of
from ci_guard.secrets.suppressions import Book, Covers, Suppression

_SHA1: Final = re.compile("[0-9a-f]{40}")
_CUTS: Final = (re.compile(rb"[^\s\"'`=:,;()<>@{}\[\]]+"), re.compile(rb"[^\s\"'`]+"), re.compile(rb"[^\"'`\r\n]+"))
"""How another scanner may have cut a secret out of its line."""
_KEY_TYPE: Final = "Private Key"


def read(content: bytes, file: str, book: Book, context: Context) -> None:  # noqa: ARG001 - as all formats are called
    """
    Add the entries of the file to a book.

    An entry that an audit called a real secret covers nothing and is told; what was not audited covers, as it does for
    detect-secrets. Of a private key only its first line was hashed, which names no key, so that covers nothing either.

    Source: detect-secrets' README and docs/audit.md (`results`, `hashed_secret`, `is_secret`).
    """
    try:
        root = json_of(content)
        results = root["results"]
        entries = [(str(path), *_fields(raw)) for path, found in results.items() for raw in found]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error) if isinstance(error, ValueError) else "it has not the form of such a baseline"
        book.remarks.append(f"{file} is not read: {why}.")
        return
    hashes: dict[str, set[str]] = {}
    real = keys = 0
    for path, hashed, is_real, is_key in entries:
        real += is_real
        keys += is_key and not is_real
        if not is_real and not is_key:
            hashes.setdefault(path, set()).add(hashed)
    for path, known in hashes.items():
        book.suppressions.append(
            Suppression(
                kind=SuppressionKind.DETECT_SECRETS_BASELINE,
                place=file,
                path=path.replace("\\", "/").removeprefix("./"),
                covers=_covers(frozenset(known)),
                reason="in the baseline of detect-secrets",
            )
        )
    if real:
        book.remarks.append(
            f"{file} has {real} that an audit called real secrets (`is_secret`); these are not covered."
        )
    if keys:
        book.remarks.append(f"{file} has {keys} private keys of which it names no more than the kind; not covered.")


def _fields(raw: Any) -> tuple[str, bool, bool]:
    hashed = raw["hashed_secret"]
    if not isinstance(hashed, str) or not _SHA1.fullmatch(hashed):
        raise ValueError("a hashed_secret is no SHA-1")
    return hashed, raw.get("is_secret") is True, raw.get("type") == _KEY_TYPE


def _covers(known: frozenset[str]) -> Covers:
    def covers(_finding: SecretFinding, excerpt: Excerpt | None) -> bool:
        return excerpt is not None and any(_sha1(text) in known for text in _candidates(excerpt))

    return covers


def _candidates(excerpt: Excerpt) -> Iterator[bytes]:
    """
    Yield what detect-secrets may have taken for the secret: it, or a part of its line that holds all of it.

    A part of the secret would be too little: the name of a user says nothing of the password behind it.
    """
    yield excerpt.secret
    stop = excerpt.start + len(excerpt.secret)
    for cut in _CUTS:
        for found in cut.finditer(excerpt.line):
            if found.start() <= excerpt.start and stop <= found.end():
                yield found[0]


def _sha1(text: bytes) -> str:
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()
