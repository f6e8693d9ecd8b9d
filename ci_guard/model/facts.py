"""Everything that was collected for one run, ready to be judged; plain data that can be kept and judged again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ci_guard.model.circumstances import Circumstances
from ci_guard.model.fact import Cause, Fact, Unknown
from ci_guard.model.guard import Guard
from ci_guard.model.refs import CURRENT, DEFAULT
from ci_guard.model.run import Claim, Part, Run, Seat
from ci_guard.model.scan import SecretScan
from ci_guard.records import dataclass, field, replace

if TYPE_CHECKING:
    from ci_guard.model.branch import BranchSelection, TagRules
    from ci_guard.model.glass import Aftermath, Lookback, Means, Sighting
    from ci_guard.model.review import Provenance
    from ci_guard.model.roles import Membership

NOT_COLLECTED: Final = Unknown(reason="no control that was run asked for it", cause=Cause.UNAVAILABLE)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The evidence of one run. What no enabled control needs stays `NOT_COLLECTED`."""

    run: Run
    branches: Fact[tuple[BranchSelection, ...]] = NOT_COLLECTED
    """One for each entry of the policy's `branches`, in its order."""
    tags: Fact[TagRules] = NOT_COLLECTED
    people: Fact[tuple[Seat, ...]] = NOT_COLLECTED
    """Parts that the event does not have are absent."""
    memberships: Fact[tuple[Membership, ...]] = NOT_COLLECTED
    """One for each person in `people` and each wanted team or group."""
    claims: Fact[tuple[Claim, ...]] = NOT_COLLECTED
    provenance: Fact[Provenance] = NOT_COLLECTED
    scan: Fact[SecretScan] = NOT_COLLECTED
    circumstances: Circumstances = field(default_factory=Circumstances)
    guard: Guard = field(default_factory=Guard)
    glass: tuple[Sighting, ...] = ()
    """One for each path that a policy declares: its break-glass, and that of the policy from before."""
    aftermath: tuple[Aftermath, ...] = ()
    """The same of what was let through by it."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Which facts a control wants, so that nothing is fetched for a control that is off."""

    branches: tuple[str, ...] = ()
    """Entries of `branches` whose rules are wanted."""
    tags: bool = False
    people: frozenset[str] = frozenset()
    """Parts (the values of `Part`) whose access is wanted."""
    circles: frozenset[str] = frozenset()
    """Teams or groups in which it is wanted to know these people."""
    claims: bool = False
    provenance: bool = False
    history: bool = False
    reviews: bool = False
    owners: bool = False
    reviewer_circles: frozenset[str] = frozenset()
    """Teams or groups in which it is wanted to know whoever approved the changes."""
    scan: bool = False
    circumstances: frozenset[str] = frozenset()
    """Fields of `Circumstances` that are wanted."""
    guard: frozenset[str] = frozenset()
    """Fields of `Guard` that are wanted."""
    glass: tuple[Means, ...] = ()
    """Paths of which it is wanted who took them."""
    aftermath: tuple[Lookback, ...] = ()
    """What was let through by it."""
    glass_circles: frozenset[str] = frozenset()
    """Teams or groups in which it is wanted to know them."""

    @classmethod
    def everything(cls, branches: tuple[str, ...]) -> Needs:
        """Return all that any control could want, of these branches beside the default and the built one."""
        from dataclasses import fields

        flags: dict[str, Any] = {each.name: True for each in fields(cls) if each.default is False}
        whole = replace(
            cls(**flags),
            branches=tuple(dict.fromkeys((DEFAULT, CURRENT, *branches))),
            guard=frozenset(each.name for each in fields(Guard)),
        )
        return whole | cls.about_the_run()

    @classmethod
    def about_the_run(cls) -> Needs:
        """Return what contexts, roles and admission could want, but for teams and groups that nobody has named yet."""
        from dataclasses import fields

        return cls(
            people=frozenset(part.value for part in Part),
            circumstances=frozenset(each.name for each in fields(Circumstances)),
        )

    def __or__(self, other: Needs) -> Needs:
        """Return what either wants, each once."""
        return Needs(
            branches=tuple(dict.fromkeys(self.branches + other.branches)),
            tags=self.tags or other.tags,
            people=self.people | other.people,
            circles=self.circles | other.circles,
            claims=self.claims or other.claims,
            provenance=self.provenance or other.provenance,
            history=self.history or other.history,
            reviews=self.reviews or other.reviews,
            owners=self.owners or other.owners,
            reviewer_circles=self.reviewer_circles | other.reviewer_circles,
            scan=self.scan or other.scan,
            circumstances=self.circumstances | other.circumstances,
            guard=self.guard | other.guard,
            glass=tuple(dict.fromkeys(self.glass + other.glass)),
            aftermath=tuple(dict.fromkeys(self.aftermath + other.aftermath)),
            glass_circles=self.glass_circles | other.glass_circles,
        )
