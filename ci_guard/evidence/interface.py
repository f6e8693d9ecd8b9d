"""What a platform's adapter offers: narrow kinds of evidence, each returned as facts and never as an exception."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol, runtime_checkable

from ci_guard.model.branch import BranchSelection, TagRules
from ci_guard.model.circumstances import Runner, Visibility
from ci_guard.model.fact import Fact
from ci_guard.model.glass import Aftermath, Lookback, Means, Sighting
from ci_guard.model.guard import Guard
from ci_guard.model.layer_reference import LayerReference
from ci_guard.model.review import Provenance
from ci_guard.model.roles import Membership
from ci_guard.model.run import Claim, Part, Run, Seat
from ci_guard.model.token import TokenSight
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class PolicyFile:
    """The default policy file as it stands in the trusted ref."""

    content: bytes | None
    """None for a file that is larger than a policy may be: it was read well enough to be refused."""
    place: str
    """For messages: `.ci-guard.yml at 1a2b3c4d (main)`."""


Enough = Callable[[tuple[BranchSelection, ...]], bool]
"""Tells whether everything that is asked of branches holds already by these selections."""


class RunEvidence(Protocol):
    """Which run this is."""

    def run(self) -> Run:
        """Return the run; what is not known of it is unknown in its fields. Called once, before everything else."""
        ...


class PolicyEvidence(Protocol):
    """The policy of the repository, read where a change cannot have edited it."""

    def policy_file(self, path: str) -> Fact[PolicyFile | None]:
        """
        Return the file, or None where the trusted ref verifiably has none.

        In a change (also `target-change` and `queue`): at the target branch's commit. Otherwise: in the judged commit's
        tree.
        A link, a directory, a submodule or an unreadable file is unknown, never None.
        """
        ...

    def policy_at(self, commit: str, path: str, ref: str) -> Fact[PolicyFile | None]:
        """Return the file at a commit, or None where that verifiably has none; `ref` names the commit in messages."""
        ...

    def organisation_policy(self, reference: LayerReference) -> Fact[str]:
        """
        Return the text of an organisation's policy.

        On the job's own server with the job's tokens, elsewhere without any. Whoever asks compares the digest.
        """
        ...

    def default_tip(self) -> Fact[str]:
        """Return the commit that the default branch points at now, by the server's word."""
        ...

    def branch_tip(self, name: str) -> Fact[str]:
        """Return the commit that a branch points at now, by the server's word; unknown where there is none."""
        ...

    def since_success(self, paths: tuple[str, ...]) -> Fact[tuple[str, ...]]:
        """Return `Run.since_success`; `paths` are the files that the policy is made of."""
        ...

    def target_commit(self) -> Fact[str]:
        """Return, in a change, the commit of the target branch that this clone has: the tip, else where it started."""
        ...


class BranchEvidence(Protocol):
    """Rules on branches and tags."""

    def branches(self, entries: tuple[str, ...], enough: Enough) -> Fact[tuple[BranchSelection, ...]]:
        """
        Return one selection for each entry, in the given order.

        Sources of rules only add to one another, so that the costlier ones need not be read where `enough` says of the
        others that they suffice: what was left out is unknown then, like all that is not known.
        """
        ...

    def tags(self) -> Fact[TagRules]:
        """Return the rules about tags."""
        ...


class PeopleEvidence(Protocol):
    """Who takes part in the run, and what they may do."""

    def people(self, parts: AbstractSet[Part]) -> Fact[tuple[Seat, ...]]:
        """Return the seats of these parts; a part that the event does not have has none."""
        ...

    def memberships(self, parts: AbstractSet[Part], circles: AbstractSet[str]) -> Fact[tuple[Membership, ...]]:
        """Return for each person in these parts and each team or group whether they are in it now."""
        ...

    def claims(self, environment: str | None = None) -> Fact[tuple[Claim, ...]]:
        """
        Return every variable and event field that says who, what or where, beside the server's word.

        So does the caller, who may name an environment.
        """
        ...


class ProvenanceEvidence(Protocol):
    """Where the judged commit came from."""

    def provenance(
        self, *, history: bool, reviews: bool, owners: bool, circles: AbstractSet[str] = frozenset()
    ) -> Fact[Provenance]:
        """
        Return the origin of the judged commit.

        `history` adds the first-parent commits of a push, `reviews` the reviews and contributions of the changes of the
        judged commit,
        `owners` the owned paths, `circles` whether whoever approved is in these teams or groups; what was not asked
        for is unknown.
        """
        ...


class CircumstanceEvidence(Protocol):
    """What surrounds the run."""

    def environments(self) -> tuple[Fact[str], ...]:
        """Return each environment that the platform knows the job to be of, with who vouches for it; mostly none."""
        ...

    def signed_environment(self) -> Fact[str | None]:
        """Return the environment that the job's verified ID token names, None where it names none."""
        ...

    def visibility(self) -> Fact[Visibility]:
        """Return who may see the repository, by the server's word."""
        ...

    def labels(self) -> Fact[frozenset[str]]:
        """Return the labels of the change, or of all changes in the queue; none where the event is about no change."""
        ...

    def changed_paths(self) -> Fact[frozenset[str] | None]:
        """Return what the change, the queue or the push changes, a renamed file by both names; None elsewhere."""
        ...

    def runner(self) -> Fact[Runner]:
        """Return the machine that the job runs on."""
        ...


class GlassEvidence(Protocol):
    """Who broke the glass."""

    def break_glass(self, means: Means, circles: AbstractSet[str]) -> Sighting:
        """Return who took this path in the run, and whether they are in each team or group."""
        ...

    def aftermath(self, lookback: Lookback, circles: AbstractSet[str], now: datetime) -> Aftermath:
        """
        Return what was let through: merged with the label lately or by the push that is judged, or run by a dispatch.

        Whoever reviewed it is known with whether they are in each team or group. Units: `now` is aware.
        """
        ...


class GuardEvidence(Protocol):
    """How the guard itself stands."""

    def guard(self, wanted: AbstractSet[str]) -> Guard:
        """Return the wanted fields of `Guard`."""
        ...


@runtime_checkable
class TokenHolder(Protocol):
    """A platform's adapter that can say what its tokens are."""

    def tokens(self) -> tuple[TokenSight, ...]:
        """Return what is known of each token, the weaker first: after the requests that it was used for."""
        ...


class Forge(
    RunEvidence,
    PolicyEvidence,
    BranchEvidence,
    PeopleEvidence,
    ProvenanceEvidence,
    CircumstanceEvidence,
    GlassEvidence,
    GuardEvidence,
    Protocol,
):
    """Everything that the gate asks of a platform."""

    @property
    def requests(self) -> int:
        """Number of HTTP requests made so far, retries included."""
        ...

    @property
    def transport(self) -> tuple[str, ...]:
        """Proxy and CA bundle in use, for the record; never credentials."""
        ...
