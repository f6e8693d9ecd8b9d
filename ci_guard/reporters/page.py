"""The lines of a terminal report as they are drawn: headings, labels, wrapping and colour, plain where it must be."""

from __future__ import annotations

from typing import Final

from ci_guard.reporters import escape
from ci_guard.reporters.telling import Standing

NARROWEST: Final = 40
"""Below this, wrapping makes text harder to read than a long line does."""

LABEL: Final = 12
"""Width of the column of labels."""

SYMBOLS: Final = {
    Standing.REFUSED: ("✘", "x", "31"),
    Standing.BROKEN: ("✘", "x", "31"),
    Standing.UNDECIDED: ("?", "?", "33"),
    Standing.TOLERATED: ("?", "?", "33"),
    Standing.NOT_JUDGED: ("-", "-", "2"),
    Standing.WAIVED: ("~", "~", "36"),
    Standing.PASSED: ("✔", "+", "32"),
    Standing.NOT_APPLICABLE: ("-", "-", "2"),
}
"""A symbol, the same in ASCII, and a colour (SGR code of ECMA-48)."""

BOLD: Final = "1"
DIM: Final = "2"
UNDERLINED: Final = "4"
CYAN: Final = "36"

_ASCII: Final = {ord("·"): "-", ord("…"): "..."}


class Page:
    """Lines of a report. Texts come in escaped; every line passes the guard against commands once more at the end."""

    def __init__(self, *, color: bool, width: int, unicode: bool, folds: int | None = None) -> None:
        """
        Start an empty page of that width in columns.

        `folds` is the UNIX time in seconds to stamp sections with that can be folded, as GitLab's log has them; None
        where there are none. Source: GitLab, "CI/CD job logs", custom collapsible sections.
        """
        self._color = color
        self._width = max(width, NARROWEST)
        self._unicode = unicode
        self._lines: list[str] = []
        self._folds = folds
        self._fold = ""

    def text(self) -> str:
        """Return the page."""
        self._close()
        whole = "".join(escape.log_line(line) + "\n" for line in self._lines)
        return whole if self._unicode else whole.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")

    def write(self, text: str = "") -> None:
        """Write one line as it is."""
        self._lines.append(text)

    def heading(self, text: str, fold: str = "") -> None:
        """Write a heading after a blank line; a section that can be folded has a name of ours, in snake case."""
        self._close()
        self.write()
        heading = self.paint(text, BOLD)
        if fold and self._folds is not None:
            self._fold = f"ci_guard_{fold}"
            heading = f"\x1b[0Ksection_start:{self._folds}:{self._fold}[collapsed=true]\r\x1b[0K{heading}"
        self.write(heading)

    def labelled(self, label: str, text: str, indent: int = 4) -> None:
        """Write a label and its text beside it, wrapped; text without a label stands where labels stand."""
        if not label:
            self.wrapped(text, indent)
            return
        self.columns(label, text, indent, LABEL)

    def columns(self, name: str, text: str, indent: int, width: int) -> None:
        """Write a name in a column of that width, and its text beside it, wrapped; a longer name pushes the text."""
        first, *rest = self._wrap(text, indent + width)
        self.write(" " * indent + self.paint(f"{name:<{width - 1}} ", DIM) + first)
        for line in rest:
            self.write(" " * (indent + width) + line)

    def verbatim(self, text: str, indent: int = 4) -> None:
        """Write what is to be copied under a labelled text, never wrapped."""
        self.write(" " * (indent + LABEL) + text)

    def address(self, address: str, indent: int = 4) -> None:
        """Write an address under a labelled text, never broken."""
        self.write(" " * (indent + LABEL) + self.link(address))

    def link(self, address: str) -> str:
        """Return an address as it stands within a line."""
        return self.paint(address, UNDERLINED)

    def wrapped(self, text: str, indent: int) -> None:
        """Write text wrapped behind an indent."""
        for line in self._wrap(text, indent):
            self.write(" " * indent + line)

    def symbol(self, state: Standing) -> str:
        """Return the symbol of a standing in its colour."""
        shown, ascii_only, style = SYMBOLS[state]
        return self.paint(shown if self._unicode else ascii_only, style)

    def paint(self, text: str, style: str) -> str:
        """Return the text in a style, or as it is on a page without colour."""
        return f"\x1b[{style}m{text}\x1b[0m" if self._color and text else text

    def _close(self) -> None:
        """End the section that is open."""
        if self._fold:
            self.write(f"\x1b[0Ksection_end:{self._folds}:{self._fold}\r\x1b[0K")
            self._fold = ""

    def _wrap(self, text: str, indent: int) -> list[str]:
        """Return the lines of a text that leave room for an indent; long words stay whole."""
        room = max(self._width - indent, NARROWEST // 2)
        if len(text) <= room and text.isprintable() and text.strip() == text:
            return [text] if text else [""]
        import textwrap

        return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
