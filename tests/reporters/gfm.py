"""Markdown as GitHub's own parser reads it, taken apart into tags and text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

import cmarkgfm  # type: ignore[import-untyped]
from cmarkgfm.cmark import Options  # type: ignore[import-untyped]

VOID: Final = frozenset({"br", "img", "hr", "input"})


class Rendered(HTMLParser):
    """A page of HTML: its tags in order, its links and its text."""

    def __init__(self, markup: str) -> None:
        """Read the page."""
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.markup = markup
        self.open: list[str] = []
        self.feed(markup)
        self.close()

    def __str__(self) -> str:
        """Return the HTML."""
        return self.markup

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser.handle_starttag`."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See `HTMLParser.handle_endtag`; a page whose tags do not nest is an error."""
        assert tag in VOID or self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """See `HTMLParser.handle_data`."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """See `HTMLParser.handle_comment`."""
        self.tags.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        """See `HTMLParser.handle_decl`."""
        self.tags.append(f"declaration {decl}")

    def unknown_decl(self, data: str) -> None:
        """See `HTMLParser.unknown_decl`."""
        self.tags.append(f"declaration {data}")

    def handle_pi(self, data: str) -> None:
        """See `HTMLParser.handle_pi`."""
        self.tags.append(f"instruction {data}")


def rendered(markdown: str) -> Rendered:
    """Return the page that cmark-gfm makes, raw HTML and all, so that nothing hides behind a filter."""
    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_FOOTNOTES
    return Rendered(cmarkgfm.github_flavored_markdown_to_html(markdown, options=options))
