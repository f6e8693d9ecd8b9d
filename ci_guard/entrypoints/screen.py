"""What a stream can show: its width, its colour, its signs; and how many of something there are, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from ci_guard.reporters.page import Page
from ci_guard.reporters.terminal import can_show


def page_for(stream: TextIO, environ: Mapping[str, str]) -> Page:
    """Return an empty page in the form that the stream can show."""
    return Page(color=shows_color(stream, environ), width=width_of(stream), unicode=can_show(stream.encoding))


def width_of(stream: TextIO) -> int:
    """Return the width to wrap at: the terminal's, or 100 where there is none."""
    if not stream.isatty():
        return 100
    import shutil

    return min(shutil.get_terminal_size((100, 24)).columns, 120)


def shows_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell whether colour is shown and wanted (https://no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def counted(number: int, what: str) -> str:
    """Return `1 case` or `3 cases`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
