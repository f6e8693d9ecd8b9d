"""The event file: what the runner wrote about the event, and an earlier step of the same job may have rewritten."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from typing import Any, Final

from ci_guard.evidence.rest.shape import encodable
from ci_guard.model.fact import Fact, Known, Source, unavailable

DETAIL: Final = "GITHUB_EVENT_PATH"

SIZE_LIMIT_BYTES: Final = 32 * 1024 * 1024
"""GitHub caps a webhook's payload at 25 MB. Source: "Webhook events and payloads", payload cap."""

Payload = Mapping[str, Any]


def read(path: str) -> Fact[Payload]:
    """Return the event file's object; unknown for anything but a regular file of sensible size that holds one."""
    if not path:
        return unavailable("GITHUB_EVENT_PATH is not set", detail=DETAIL)
    try:
        content = _read_regular_file(path)
        value = json.loads(content)
    except OSError as error:
        return unavailable(f"the event file cannot be read: {error.strerror or error}", detail=DETAIL)
    except (ValueError, RecursionError):
        # Also a path with a NUL byte, text that is not UTF-8, and brackets nested without end.
        return unavailable("the event file holds no valid JSON", detail=DETAIL)
    if not isinstance(value, dict):
        return unavailable("the event file holds something else than an object", detail=DETAIL)
    return Known(value=value, source=Source.EVENT, detail=DETAIL)


def _read_regular_file(path: str) -> bytes:
    """
    Return the content of a regular file that is no link.

    Raises: `OSError` for anything else; a device or a pipe is refused without being read.
    """
    # Windows has neither flag, nor the links and pipes that they are about.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise OSError("it is no regular file")
        content = stream.read(SIZE_LIMIT_BYTES + 1)
    if len(content) > SIZE_LIMIT_BYTES:
        raise OSError(f"it is larger than {SIZE_LIMIT_BYTES} bytes")
    return content


def dig(value: object, *keys: str) -> object:
    """Return what lies below these keys, None where the way there is not as expected."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def text(value: object, *keys: str) -> str:
    """Return the text below these keys; empty where there is none."""
    found = dig(value, *keys)
    return encodable(found) if isinstance(found, str) else ""


def number(value: object, *keys: str) -> int | None:
    """Return the whole number below these keys; None where there is none."""
    found = dig(value, *keys)
    return found if isinstance(found, int) and not isinstance(found, bool) else None
