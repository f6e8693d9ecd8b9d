"""From the bytes of a policy file to text in which nothing is hidden."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.policy.place import Place
from ci_guard.policy.wording import refusal

LARGEST: Final = 256 * 1024
"""Bytes of a policy file: a hundred times a long one, and read within a second or two however it is made."""

HIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""
What may not stand in the text unescaped: YAML's unprintable characters, and those that an editor shows otherwise than
the parser reads them (U+0085, U+2028 and U+2029 end a line, and with it a comment, for YAML 1.1; U+FEFF is invisible).

Source: YAML 1.2.2, 5.1 Character Set and 5.4 Line Break Characters.
"""


def decode(content: bytes, file: str) -> str:
    """
    Return the text without its byte order mark.

    Raises: `PolicyError` for too many bytes, and at the first that is not UTF-8 or hides something.
    """
    if len(content) > LARGEST:
        raise refusal(
            Place(file=file, line=1, column=1),
            "the file is too large",
            saw=f"{len(content)} bytes",
            expected=f"at most {LARGEST}",
        )
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8").removeprefix("\ufeff")
        raise refusal(
            place_after(before, file),
            "the file is not UTF-8",
            saw=f"the byte 0x{content[error.start]:02x}",
            expected="text in UTF-8",
            hint="Save the file as UTF-8.",
        ) from None
    if found := HIDDEN.search(text):
        raise refusal(
            place_after(text[: found.start()], file),
            "a character that may not stand in a policy as it is",
            saw=f"U+{ord(found[0]):04X}",
            expected="printable text",
            hint="Remove it; where it is meant, write it as an escape in double quotes.",
        )
    return text


def place_after(text: str, file: str) -> Place:
    """Return the place of the character that follows `text`."""
    lines = re.split("\r\n|\r|\n", text)
    return Place(file=file, line=len(lines), column=len(lines[-1]) + 1)
