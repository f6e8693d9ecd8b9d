"""What a control says about one requirement, and where."""

from __future__ import annotations

from enum import Enum

from ci_guard.model.fact import Cause, Source
from ci_guard.records import dataclass


class Outcome(str, Enum):
    """The five answers of a control; all but `pass` and `not-applicable` deny unless the policy says otherwise."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


class Severity(str, Enum):
    """How bad a failure is, for people who sort lists. It never counts in the verdict."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, kw_only=True)
class Location:
    """A place in the repository. Lines and columns are 1-based; columns count characters."""

    path: str | None = None
    """Verbatim, with `/`, relative to the repository root; bytes that are not UTF-8 as surrogate escapes."""
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    commit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One requirement judged for one subject. All texts are data: reporters escape them."""

    control: str
    requirement: str
    subject: str
    """Tells several judgements of one requirement apart: the branch, the login, `#12`, the finding's rule."""
    outcome: Outcome
    severity: Severity
    message: str
    """One sentence: what was refused, or what holds."""
    observed: str = ""
    expected: str = ""
    source: Source = Source.NONE
    detail: str = ""
    """Where the fact was read, such as `GET rules/branches/main`."""
    cause: Cause | None = None
    """Set for `unknown` only."""
    remedy: str = ""
    """The one thing to change."""
    remedy_url: str = ""
    """The page of this server where it is changed; of the vendor or the documentation where there is none."""
    alone: bool = False
    """True for a failure that takes another person, where nobody is known to have had no part in the change."""
    location: Location | None = None
    fingerprint: str = ""
    """SHA-256 in hex; set by the finding (secrets) or derived from control, requirement and subject by the decision."""

    def __post_init__(self) -> None:
        """Hold the one rule of shape: an unknown has a cause, nothing else has."""
        if (self.outcome is Outcome.UNKNOWN) != (self.cause is not None):
            raise ValueError(f"{self.control}/{self.requirement}: a cause belongs to an unknown, and only to it")
