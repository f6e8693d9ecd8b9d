"""Canonical JSON (RFC 8785): the same record is the same bytes for everybody who hashes it."""

from __future__ import annotations

from typing import Any


def canonical(value: Any) -> bytes:
    r"""
    Return a value as canonical JSON in UTF-8, on one line.

    Text that Unicode cannot hold (a path's bytes that are no UTF-8, kept as surrogates) is written as `\\udcff`, in
    ASCII: RFC 8785 has no form for it.
    Raises: `ValueError` for what JSON cannot say, such as an integer beyond 2^53.
    """
    import rfc8785

    try:
        return bytes(rfc8785.dumps(speakable(value)))
    except rfc8785.CanonicalizationError as error:
        raise ValueError(str(error)) from None


def speakable(value: Any) -> Any:
    """Return the value with every text such that UTF-8 can hold it."""
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode("utf-8")
        case dict():
            return {speakable(key): speakable(each) for key, each in value.items()}
        case list() | tuple():
            return [speakable(each) for each in value]
        case _:
            return value
