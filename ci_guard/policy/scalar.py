"""What a scalar means by the YAML 1.2 core schema, for which `on`, `no`, dates and `1_000` are text."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Scalar: TypeAlias = bool | int | float | str | None

LONGEST_NUMBER: Final = 100
"""Digits; converting a number of thousands takes Python long, or is refused by it."""

NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
DECIMAL: Final = re.compile("[-+]?[0-9]+")
OCTAL: Final = re.compile("0o[0-7]+")
HEXADECIMAL: Final = re.compile("0x[0-9a-fA-F]+")
FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITY: Final = re.compile(r"[-+]?\.(inf|Inf|INF)")
NOT_A_NUMBER: Final = re.compile(r"\.(nan|NaN|NAN)")

CORE: Final = "tag:yaml.org,2002:"


def resolve(text: str) -> Scalar:
    """
    Return what a plain scalar means.

    Raises: `ValueError` for a number of more than `LONGEST_NUMBER` digits.
    Source: YAML 1.2.2, 10.3.2 Tag Resolution.
    """
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if not (text[0] in "+-." or text[0].isdigit()):
        return text
    if INFINITY.fullmatch(text) or NOT_A_NUMBER.fullmatch(text):
        return float(text.replace(".", ""))
    for form, base in ((DECIMAL, 10), (OCTAL, 8), (HEXADECIMAL, 16), (FLOAT, 0)):
        if form.fullmatch(text):
            if len(text) > LONGEST_NUMBER:
                raise ValueError("a number is too long")
            return int(text, base) if base else float(text)
    return text


def tagged(text: str, tag: str) -> Scalar:
    """
    Return what a scalar means under an explicit tag.

    Raises: `ValueError` where the text does not fit it; `KeyError` for a tag that the core schema does not have.
    """
    if tag in ("!", CORE + "str"):
        return text
    wanted = {CORE + "null": type(None), CORE + "bool": bool, CORE + "int": int, CORE + "float": float}[tag]
    value = resolve(text)
    if type(value) is int and wanted is float:
        return float(value)
    if type(value) is not wanted:
        raise ValueError("a value does not fit its tag")
    return value


def joined(text: str) -> str:
    """
    Return the text with surrogate pairs, which JSON's escapes write, joined.

    Raises: `ValueError` for half a pair, which is no character and which no report could carry.
    """
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise ValueError("an escape stands for half a character") from None
