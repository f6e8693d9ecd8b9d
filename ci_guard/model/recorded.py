"""A run as it can be kept and judged again: its facts, its policy and its clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from ci_guard.model.decision import Effort
from ci_guard.model.fact import Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.settings import Mode, Policy
from ci_guard.records import dataclass, field, replace

SCHEMA: Final = "ci-guard.facts/v1"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """All that a decision is made of. Texts in it are strangers', and none is part of a secret."""

    schema: str = SCHEMA
    version: str
    """Of the ci-guard that collected the facts."""
    time: datetime
    """Aware, UTC; the clock that the run was judged by."""
    advisory: bool
    """True where a forge's unknown facts denied nothing, because the run was in no CI job."""
    only: tuple[str, ...] = ()
    """Controls that the run was limited to; empty for all."""
    modes: tuple[Mode, ...] = ()
    """Modes that the caller asked for, beside the policy's."""
    policy: Policy
    settled: Policy | None = None
    """The policy with what its contexts added in this run; None where that is to be found out from the facts."""
    earlier: tuple[Policy, ...] = ()
    """The policies from before a push, or of the default branch, that are others: each has to allow the run, too."""
    earlier_settled: tuple[Policy, ...] = ()
    """Each as `settled`; empty where that is to be found out from the facts."""
    doubt: Unknown | None = None
    """Why it is not known whether there are more of them."""
    proposed: Policy | None = None
    """What the policy would be after a change is merged, where that is another; it judges nothing yet."""
    proposed_settled: Policy | None = None
    policy_path: str = ""
    """Where in the repository it lies or would lie; empty where it was read from elsewhere."""
    facts: Facts
    effort: Effort = field(default_factory=Effort)
    transport: tuple[str, ...] = ()
    """Proxy and CA bundle in use; never credentials."""

    def under(self, policy: Policy) -> Recorded:
        """Return the same run to be judged by another policy, and by no other beside it."""
        none: dict[str, Any] = dict.fromkeys(("settled", "doubt", "proposed", "proposed_settled"))
        return replace(self, policy=policy, policy_path="", earlier=(), earlier_settled=(), **none)
