"""What each platform calls the things that messages and remedies speak of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ci_guard.model.kinds import Level, Value
from ci_guard.model.run import Platform, Run
from ci_guard.records import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Words:
    """The words of one platform, and the advice that another one's settings would make wrong."""

    change: str
    """After an article: `a …`, `no …`, `the …`."""
    team: str
    protect: str
    """What to do about an unprotected branch; takes its name."""
    direct: str
    """What to do about a direct push."""
    answer: str
    """What to do about a request for changes."""
    give: str
    """What to do about what a token does not show; takes what would show it."""
    distrusted: str
    """Why a run has no trust to abuse."""
    roles: Mapping[Level, str] = field(default_factory=dict)
    """The platform's name of the role that a policy's level asks for at least, where it has names of its own."""


COMMON: Final = Words(
    change="change",
    team="team",
    protect="Add an active rule that covers {}.",
    direct="Bring the commit in by a reviewed change, and block direct pushes by a rule.",
    answer="Answer the request: its author approves, or somebody who may dismisses it.",
    give="Give ci-guard a token with {}.",
    distrusted="a change from a fork or by Dependabot runs without the repository's trust",
)

GITLAB: Final = Words(
    change="merge request",
    team="group",
    protect="Make {} a protected branch.",
    direct=(
        "Bring the commit in by a reviewed merge request, and set `Allowed to push and merge` of the protected branch "
        "to `No one`."
    ),
    # Nobody can dismiss it for them. Source: "Merge request reviews", request changes.
    answer="Answer the request: the reviewer who made it approves.",
    # What shows it is not always a token: of some things a newer server shows more to the one that there is.
    give="It takes {}.",
    distrusted="a merge request from a fork runs without the project's trust",
    roles={
        Level.READ: "Guest",
        Level.TRIAGE: "Reporter",
        Level.WRITE: "Developer",
        Level.MAINTAIN: "Maintainer",
        Level.ADMIN: "Owner",
    },
)


def level(run: Run, value: Value, shown: str) -> str:
    """Return a level that a policy asks for, with the role that the platform calls it; anything else as it is shown."""
    role = of(run).roles.get(value) if isinstance(value, Level) else None
    return f"{shown}; on GitLab: {role}" if role else shown


def of(run: Run) -> Words:
    """Return the words of the platform that a run is on."""
    return GITLAB if run.platform is Platform.GITLAB else COMMON
