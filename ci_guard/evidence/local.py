"""A run outside CI: what git and the folder tell; what only a forge knows is unknown."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path
from typing import Final

from ci_guard.errors import GitUnavailable
from ci_guard.evidence.checkout import Checkout, read_plain_file
from ci_guard.evidence.interface import Enough, PolicyFile
from ci_guard.evidence.organisation import Public
from ci_guard.evidence.rest.transport import Transport
from ci_guard.model.branch import BranchSelection, TagRules
from ci_guard.model.circumstances import Runner, Visibility
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.glass import Aftermath, Lookback, Means, Sighting
from ci_guard.model.guard import Guard
from ci_guard.model.layer_reference import LayerReference
from ci_guard.model.review import Provenance
from ci_guard.model.roles import Membership
from ci_guard.model.run import NOTHING_SINCE, Claim, Part, Platform, Run, Seat

NO_FORGE: Final = unavailable("no CI platform was detected, so no forge was asked")


class Local:
    """The machine of somebody who tries the gate. Fulfils `Forge`."""

    def __init__(self, checkout: Checkout, *, proxy: str | None = None, ca_bundle: str | None = None) -> None:
        """
        Judge the folder of this checkout; only an organisation's policy is asked for.

        Raises: `UsageError` for a proxy or bundle that cannot be used.
        """
        self._checkout = checkout
        self._transport = Transport(proxy=proxy, ca_bundle=ca_bundle)
        self._public = Public(self._transport)

    @property
    def requests(self) -> int:
        """See `Forge.requests`."""
        return self._public.requests

    @property
    def transport(self) -> tuple[str, ...]:
        """See `Forge.transport`."""
        return self._transport.describe()

    def run(self) -> Run:
        """See `RunEvidence.run`: the commit that is checked out, and nothing about people."""
        return Run(
            platform=Platform.LOCAL,
            event=NO_FORGE,
            ref=self._ref(),
            sha=self._sha(),
            branch=self._branch(),
            tag=NO_FORGE,
            default_branch=self._default_branch(),
            before=NO_FORGE,
            change=NO_FORGE,
            trusted=NO_FORGE,
        )

    def policy_file(self, path: str) -> Fact[PolicyFile | None]:
        """See `PolicyEvidence.policy_file`: in the commit that is checked out; without any commit, in the folder."""
        sha = self._sha()
        if isinstance(sha, Known):
            return self._checkout.policy_file(sha.value, path, ref="HEAD")
        return plain_policy_file(self._checkout.folder / path)

    def policy_at(self, commit: str, path: str, ref: str) -> Fact[PolicyFile | None]:
        """See `PolicyEvidence.policy_at`."""
        return self._checkout.policy_file(commit, path, ref=ref)

    def organisation_policy(self, reference: LayerReference) -> Fact[str]:
        """See `PolicyEvidence.organisation_policy`: what anybody may read."""
        return self._public.get(reference)

    def default_tip(self) -> Fact[str]:
        """See `PolicyEvidence.default_tip`."""
        return NO_FORGE

    def branch_tip(self, name: str) -> Fact[str]:
        """See `PolicyEvidence.branch_tip`."""
        return NO_FORGE

    def since_success(self, paths: tuple[str, ...]) -> Fact[tuple[str, ...]]:
        """See `PolicyEvidence.since_success`."""
        return NOTHING_SINCE

    def target_commit(self) -> Fact[str]:
        """See `PolicyEvidence.target_commit`."""
        return NO_FORGE

    def branches(self, entries: tuple[str, ...], enough: Enough) -> Fact[tuple[BranchSelection, ...]]:
        """See `BranchEvidence.branches`."""
        return NO_FORGE

    def tags(self) -> Fact[TagRules]:
        """See `BranchEvidence.tags`."""
        return NO_FORGE

    def people(self, parts: AbstractSet[Part]) -> Fact[tuple[Seat, ...]]:
        """See `PeopleEvidence.people`."""
        return NO_FORGE

    def memberships(self, parts: AbstractSet[Part], circles: AbstractSet[str]) -> Fact[tuple[Membership, ...]]:
        """See `PeopleEvidence.memberships`."""
        return NO_FORGE

    def claims(self, environment: str | None = None) -> Fact[tuple[Claim, ...]]:
        """See `PeopleEvidence.claims`."""
        return NO_FORGE

    def provenance(
        self, *, history: bool, reviews: bool, owners: bool, circles: AbstractSet[str] = frozenset()
    ) -> Fact[Provenance]:
        """See `ProvenanceEvidence.provenance`."""
        return NO_FORGE

    def environments(self) -> tuple[Fact[str], ...]:
        """See `CircumstanceEvidence.environments`."""
        return ()

    def signed_environment(self) -> Fact[str | None]:
        """See `CircumstanceEvidence.signed_environment`."""
        return NO_FORGE

    def visibility(self) -> Fact[Visibility]:
        """See `CircumstanceEvidence.visibility`."""
        return NO_FORGE

    def labels(self) -> Fact[frozenset[str]]:
        """See `CircumstanceEvidence.labels`."""
        return NO_FORGE

    def break_glass(self, means: Means, circles: AbstractSet[str]) -> Sighting:
        """See `GlassEvidence.break_glass`."""
        return Sighting(
            means=means,
            grants=NO_FORGE,
            memberships=NO_FORGE,
            since=NO_FORGE,
            asked=NO_FORGE,
            contributors=NO_FORGE,
        )

    def aftermath(self, lookback: Lookback, circles: AbstractSet[str], now: datetime) -> Aftermath:
        """See `GlassEvidence.aftermath`."""
        return Aftermath(lookback=lookback, passed=NO_FORGE, since=now, cut=False, memberships=NO_FORGE)

    def changed_paths(self) -> Fact[frozenset[str] | None]:
        """See `CircumstanceEvidence.changed_paths`."""
        return NO_FORGE

    def runner(self) -> Fact[Runner]:
        """See `CircumstanceEvidence.runner`."""
        return NO_FORGE

    def guard(self, wanted: AbstractSet[str]) -> Guard:
        """See `GuardEvidence.guard`."""
        return Guard(**dict.fromkeys(wanted, NO_FORGE))

    def _sha(self) -> Fact[str]:
        try:
            head = self._checkout.repository.head()
        except GitUnavailable as error:
            return unavailable(error.message)
        if head is None:
            return unavailable("the repository has no commit yet")
        return Known(value=head, source=Source.GIT, detail="git HEAD")

    def _ref(self) -> Fact[str]:
        try:
            ref = self._checkout.repository.branch()
        except GitUnavailable as error:
            return unavailable(error.message)
        return (
            unavailable("no branch is checked out")
            if ref is None
            else Known(value=ref, source=Source.GIT, detail="git HEAD")
        )

    def _default_branch(self) -> Fact[str]:
        """Return what the clone remembers, so that a report and a waiver name the branch as they do in CI."""
        try:
            name = self._checkout.repository.remote_head("origin")
        except GitUnavailable as error:
            return unavailable(error.message)
        if name is None:
            return unavailable(
                "this clone does not remember the default branch; git remote set-head origin --auto asks"
            )
        return Known(value=name, source=Source.GIT, detail="git refs/remotes/origin/HEAD")

    def _branch(self) -> Fact[str | None]:
        ref = self._ref()
        if isinstance(ref, Unknown):
            return ref
        return Known(value=ref.value.removeprefix("refs/heads/"), source=ref.source, detail=ref.detail)


def plain_policy_file(path: Path) -> Fact[PolicyFile | None]:
    """Return a policy that lies in a folder without commits; a link could lead anywhere and is refused."""
    place = path.name
    if path.is_symlink():
        return unavailable(f"{place} is a symbolic link, and a policy must be a plain file")
    try:
        content = read_plain_file(path)
    except FileNotFoundError:
        return Known(value=None, source=Source.GIT, detail=place)
    except OSError as error:
        return unavailable(f"{place} could not be read: {error.strerror}")
    return Known(value=PolicyFile(content=content, place=place), source=Source.GIT, detail=place)
