"""What a file is for, told by its path: a secret in a test is as often made up as one in production is real."""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from typing import Final

from ci_guard.model.judgement import Severity


class Purpose(str, Enum):
    """What a file is for; the words end a sentence."""

    TESTS = "a test or its data"
    EXAMPLES = "an example"
    DOCUMENTATION = "documentation"
    PRODUCTION = "production"


_TEST_FOLDERS: Final = (
    r"tests?|testing|test[_-]?(?:data|files|resources|fixtures)|__tests?__|specs?|e2e|fixtures?|__fixtures__|mocks?"
    r"|__mocks__|__snapshots__|cassettes"
)
_TEST_FILES: Final = r"conftest\.py|test_[^/]*\.py|[^/]*(?:_test|_spec|[.-]test|[.-]spec|Tests?)\.[A-Za-z]{1,5}"
_EXAMPLES: Final = r"[^/]*[._-](?:example|sample|template|dist)(?:\.[a-z]{1,5})?"
_DOCUMENTS: Final = r"[^/]*\.(?:md|mdx|markdown|rst|adoc|asciidoc)|(?:README|CHANGELOG)[^/]*"


@cache
def _patterns() -> dict[Purpose, re.Pattern[str]]:
    """Return what tells each purpose; compiled only where something was found."""
    parts = {
        Purpose.TESTS: (_TEST_FOLDERS, _TEST_FILES),
        Purpose.EXAMPLES: ("examples?|_examples|samples?|demos?|tutorials?", _EXAMPLES),
        Purpose.DOCUMENTATION: ("docs?|documentation|man", _DOCUMENTS),
    }
    return {
        purpose: re.compile(rf"(?:^|/)(?:(?:{folders})/|(?:{files})\Z)") for purpose, (folders, files) in parts.items()
    }


_STEPS: Final = tuple(sorted(Severity, key=lambda severity: severity.rank))


def weighed(path: str, severity: Severity, detail: str) -> tuple[Severity, str]:
    """Return the severity of a finding at a path and what explains it: one step down for what is not production."""
    purpose = _purpose_of(path)
    if purpose is Purpose.PRODUCTION:
        return severity, detail
    lower = _STEPS[min(_STEPS.index(severity) + 1, len(_STEPS) - 1)]
    return lower, f"{detail}; one step less severe in {purpose.value}"


def _purpose_of(path: str) -> Purpose:
    """Return what a file is for, also one in an archive; a path that says nothing of it is production."""
    return next((purpose for purpose, pattern in _patterns().items() if pattern.search(path)), Purpose.PRODUCTION)
