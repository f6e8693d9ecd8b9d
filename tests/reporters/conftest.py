"""Golden files: `pytest tests/reporters --update-golden` writes them anew, to be reviewed as a diff."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ci_guard.model import project

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option; it is known where this folder is named on the command line."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture
def compare_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return the comparison of a text with the golden file of that name."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        text = text.replace(project.TAG, "v1.2.3")  # addresses name this version's tag, which every release changes
        if request.config.getoption("--update-golden", default=False):
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8"), f"{name} differs: look at it, then run with --update-golden"

    return compare
