"""The documentation's pages hang together: links, anchors, pictures and examples, as GitHub renders them."""

from __future__ import annotations

import functools
import html
import json
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.reporters.gfm import Rendered, rendered

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "requirements/*.md")
    for page in ROOT.glob(pattern)
    if page.parent.name != "pictures"
)
"""All that people read; a picture's text is no page."""

HEADING = re.compile(r"<h[1-6]>(.*?)</h[1-6]>", re.DOTALL)
FENCE = re.compile(r"^([ \t]*)```(\w+)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@functools.cache
def read(page: Path) -> Rendered:
    return rendered(page.read_text(encoding="utf-8"))


@functools.cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors that GitHub gives a page's headings: lower case, no punctuation, dashes, a number if twice."""
    seen: Counter[str] = Counter()
    found = []
    for heading in HEADING.findall(str(read(page))):
        words = html.unescape(re.sub(r"<[^>]*>", "", heading)).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found.append(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return frozenset(found)


def blocks(page: Path, language: str) -> list[str]:
    return [text for _, word, text in FENCE.findall(page.read_text(encoding="utf-8")) if word == language]


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / unquote(path)).resolve() if path else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or target.suffix != ".md" or anchor in anchors(target)


@each_page
def test_links_and_pictures_within_the_repository_lead_somewhere(page: Path) -> None:
    """A link's anchor has to be a heading of the page that it leads to."""
    astray = [link for link in read(page).links if not urlsplit(link).scheme and not leads_somewhere(page, link)]
    assert astray == []


@each_page
def test_links_elsewhere_are_whole_and_safe(page: Path) -> None:
    """They are not followed: the tests reach no network."""
    for link in read(page).links:
        parts = urlsplit(link)
        if not parts.scheme:
            continue
        assert parts.scheme == "https", link
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}", parts.netloc), link
        assert re.fullmatch(r"[\w./~%@+:,()&=?#-]*[\w/=)]", link.partition("//")[2]), link


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page not in PAGES:
            continue
        reached.add(page)
        ahead += [(page.parent / link.partition("#")[0]).resolve() for link in read(page).links if "://" not in link]
    assert set(PAGES) - reached == set()


def test_a_link_that_leads_astray_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# The `one` heading, twice\n\n# The one heading twice\n\n[a](#nowhere) ![b](none.png)\n")
    assert anchors(page) == {"the-one-heading-twice", "the-one-heading-twice-1"}
    assert [leads_somewhere(page, link) for link in read(page).links] == [False, False]


@each_page
def test_examples_can_be_read(page: Path) -> None:
    for text in blocks(page, "yaml"):
        assert list(yaml.safe_load_all(text)) is not None
    for text in blocks(page, "json"):
        assert json.loads(text) is not None


@each_page
def test_commands_stand_behind_a_prompt(page: Path) -> None:
    """So that they can be told from what they print, and be tested."""
    for text in blocks(page, "console"):
        assert text.startswith(("$ ", "# ")), text
