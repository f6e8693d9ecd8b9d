"""What a secret scan found, what it read, and what it could not read."""

from __future__ import annotations

from datetime import date
from enum import Enum

from ci_guard.model.judgement import Location, Severity
from ci_guard.records import dataclass, field


class Confidence(str, Enum):
    """How sure the scanner is that a finding is a secret, apart from how bad it were."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for the surest."""
        return list(Confidence).index(self)


@dataclass(frozen=True, kw_only=True)
class SecretPlace:
    """Another place at which a secret stands."""

    location: Location
    fingerprint: str
    """That the secret would have there, were it the only place."""
    what: str = ""
    """As of a finding."""


@dataclass(frozen=True, kw_only=True)
class SecretFinding:
    """
    One secret with all of its places, or one key file.

    No field holds more of the secret than its format's public prefix.
    """

    rule: str
    """Stable id of the rule, such as `github-token`."""
    title: str
    """What it is, such as "GitHub personal access token"; the same for every finding of the rule."""
    severity: Severity
    location: Location
    """
    The first place. `path` is None for what is no file, and `what` then says what it is.

    `commit` is set only where the secret stands in no file of the judged commit or the work tree any more.
    """
    preview: str
    """The format's public prefix and an ellipsis, such as `ghp_…`; only the ellipsis where there is no such prefix."""
    fingerprint: str
    """SHA-256 in hex over rule, path, the line with the secret masked, and an ordinal; unique in a run."""
    confidence: Confidence = Confidence.MEDIUM
    what: str = ""
    """
    Where there is no path: `commit message`, `tag message`, `branch name`, `tag name`, `content that a ref names`.

    `file name` where the secret is part of the path itself, which then has the preview in its place.
    """
    others: tuple[SecretPlace, ...] = ()
    """The other places of the same secret, in order."""
    detail: str = ""
    """What the finding rests on, in the rule's words, never text of the file; in history also the commit's author."""
    remedy: str = ""
    """How this kind of secret is revoked."""
    remedy_url: str = ""
    """The vendor's page on it."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """Something that should have been read and was not. Each one makes a scan incomplete."""

    path: str
    reason: str
    """One clause without a full stop."""


class GapKind(str, Enum):
    """What a gap does to the requirement that a scan be complete."""

    FAILS = "fails"
    """The checkout hides something or is not what was to be judged."""
    UNKNOWN = "unknown"
    """Objects that were asked for are not in this clone."""
    NOTE = "note"
    """Worth telling; nothing that should have been read is missing."""


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A reason why a scan as a whole says less than it should, apart from single files."""

    kind: GapKind
    code: str
    """Stable id in kebab-case, such as `shallow-range`."""
    message: str
    """One sentence."""
    remedy: str = ""


class SuppressionKind(str, Enum):
    """Where it is said that a finding is not to count."""

    BASELINE = "baseline"
    """A fingerprint in `.ci-guard-secrets-baseline.json`."""
    ALLOW_LIST = "allow-list"
    """An entry of `allow` in `.ci-guard-secrets.yml`."""
    COMMENT = "comment"
    """`ci-guard:allow` beside the secret."""
    GITLEAKS_CONFIG = "gitleaks-config"
    """An allowlist of `.gitleaks.toml`."""
    GITLEAKS_IGNORE = "gitleaks-ignore"
    """A line of `.gitleaksignore`."""
    GITLEAKS_COMMENT = "gitleaks-comment"
    """`gitleaks:allow` beside the secret."""
    DETECT_SECRETS_BASELINE = "detect-secrets-baseline"
    """An entry of `.secrets.baseline`."""
    DETECT_SECRETS_COMMENT = "detect-secrets-comment"
    """`pragma: allowlist secret` beside the secret."""


@dataclass(frozen=True, kw_only=True)
class Suppressed:
    """A finding that a suppression covers, and what that suppression says."""

    finding: SecretFinding
    kind: SuppressionKind
    place: str
    """Where the suppression stands, for people: `.gitleaksignore:3 at 1a2b3c4d5e6f`, or file and line of a comment."""
    reason: str = ""
    """Empty where the format has none, and for a comment, whose line may hold other secrets."""
    until: date | None = None
    """The last day, in UTC, on which it counts."""


@dataclass(frozen=True, kw_only=True)
class SecretScan:
    """The result of one scan: sorted, and the same for the same input but for `seconds`."""

    findings: tuple[SecretFinding, ...] = ()
    """Secrets, for `no-secrets`."""
    key_files: tuple[SecretFinding, ...] = ()
    """Files that are secrets by their name and shape, for `no-key-files`."""
    sources: tuple[str, ...] = ()
    """What was asked to be read, for people: `tree of 1a2b3c4`, `work tree`, `range 1a2b3c4..5d6e7f8`."""
    commits: int = 0
    """Commits of the range whose new content was read."""
    blobs: int = 0
    """Different contents that were read; one that stands in several places counts once."""
    bytes: int = 0
    """Bytes of those contents."""
    skipped: tuple[Skipped, ...] = ()
    gaps: tuple[Gap, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    """Secrets and key files that suppressions cover; none of them is in `findings` or `key_files`."""
    unreviewed: tuple[Suppressed, ...] = ()
    """What suppressions would cover that the judged change itself brings: these count as findings all the same."""
    review_doubt: str = ""
    """Why it is not known whether the suppressions in effect were reviewed, as a clause; empty where it is known."""
    reviewable: bool = True
    """False outside CI, where there is no change that could have brought a suppression."""
    remarks: tuple[str, ...] = ()
    """What is worth knowing of the suppressions and rules that were read; one sentence each."""
    seconds: float = field(default=0.0, compare=False)

    @property
    def complete(self) -> bool:
        """Whether everything that should have been read was read."""
        return not self.skipped and all(gap.kind is GapKind.NOTE for gap in self.gaps)
