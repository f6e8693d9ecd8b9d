"""Where this project lives: the one place that knows its address, for links, schemas and pins."""

from __future__ import annotations

from typing import Final

from ci_guard import __version__

REPOSITORY: Final = "ci-guard/ci-guard"
"""Also how workflows name the action."""

HOME: Final = f"https://github.com/{REPOSITORY}"
TAG: Final = f"v{__version__}"
"""The tag of this version."""

RAW: Final = f"https://raw.githubusercontent.com/{REPOSITORY}"
"""Where files are served as they are, below a commit or tag."""

TEMPLATE_PATH: Final = "gitlab-templates/ci-guard.yml"
"""The GitLab template for all controls."""

SCHEMA_PATH: Final = "ci_guard/policy/ci-guard.schema.json"
SCHEMA: Final = f"{RAW}/{TAG}/{SCHEMA_PATH}"
"""The JSON Schema of a policy as this version publishes it."""


def page(path: str, anchor: str = "") -> str:
    """Return the address of one of the project's own files as of this version, at a heading where one is named."""
    return f"{HOME}/blob/{TAG}/{path}" + (f"#{anchor}" if anchor else "")


def requirement_page(control: str, requirement: str) -> str:
    """Return the address of what the reference says of a requirement."""
    return page(f"docs/controls/{control}.md", requirement)
