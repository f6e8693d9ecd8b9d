"""What a file is for, told by its path: a secret in a test is as often made up as one in production is real."""

from __future__ import annotations

from enum import Enum
from typing import Final

from ci_guard import late
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


_PARTS: Final = {
    Purpose.TESTS: (_TEST_FOLDERS, _TEST_FILES),
    Purpose.EXAMPLES: ("examples?|_examples|samples?|demos?|tutorials?", _EXAMPLES),
    Purpose.DOCUMENTATION: ("docs?|documentation|man", _DOCUMENTS),
}
_PATTERNS: Final = {
    purpose: late.pattern(rf"(?:^|/)(?:(?:{folders})/|(?:{files})\Z)") for purpose, (folders, files) in _PARTS.items()
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
    return next((purpose for purpose, pattern in _PATTERNS.items() if pattern.search(path)), Purpose.PRODUCTION)
