"""Where this project's documentation is read: the one place that knows its address."""

from __future__ import annotations

from typing import Final

BASE: Final = "https://github.com/ci-guard/ci-guard/blob/v1/docs"
"""The folder `docs/` as the releases of this major version have it."""


def page(name: str, anchor: str = "") -> str:
    """Return the address of a file in `docs/`, at a heading where one is named."""
    return f"{BASE}/{name}" + (f"#{anchor}" if anchor else "")


def requirement_page(control: str, requirement: str) -> str:
    """Return the address of what is written about a requirement; both are ids."""
    return page(f"controls/{control}.md", requirement)
