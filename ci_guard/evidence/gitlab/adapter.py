"""
GitLab as the gate sees it: every kind of evidence, from one client.

What most policies do not ask for is loaded by the method that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from ci_guard.evidence import environment, own_program, tips
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.gitlab import (
    claims,
    event,
    memberships,
    people,
    policy_file,
    protection,
    provenance,
    sources,
    surroundings,
    tokens,
)
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.dialect import Token
from ci_guard.evidence.gitlab.server import server_of
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.gitlab.variables import read_variables
from ci_guard.evidence.interface import Enough, PolicyFile
from ci_guard.evidence.organisation import Public
from ci_guard.evidence.rest.transport import Transport
from ci_guard.evidence.surroundings import of_caller
from ci_guard.model.branch import BranchSelection, TagRules
from ci_guard.model.circumstances import Runner, Visibility
from ci_guard.model.fact import Fact, Known, apply
from ci_guard.model.glass import Aftermath, By, Lookback, Means, Sighting
from ci_guard.model.guard import Guard
from ci_guard.model.layer_reference import LayerReference
from ci_guard.model.review import Provenance
from ci_guard.model.roles import Membership
from ci_guard.model.run import Claim, Part, Platform, Run, Seat
from ci_guard.model.token import TokenSight
from ci_guard.records import replace

if TYPE_CHECKING:
    from ci_guard.evidence.gitlab.pipeline import Pipeline


class GitLab:
    """A run on GitLab.com or a self-managed GitLab. Fulfils `Forge`."""

    def __init__(
        self,
        environ: Mapping[str, str],
        checkout: Checkout,
        *,
        server: str | None = None,
        audience: str | None = None,
        proxy: str | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        """
        Prepare; nothing is sent yet.

        `server` is the instance that the template pins; without one it is what the job's variables say. `audience` is
        the one that the template asks the ID token for.

        Raises: `ServerMismatch`; `UsageError` for an address, token, proxy or bundle that cannot be used.
        """
        self._variables = read_variables(environ)
        self._checkout = checkout
        self._steering = own_program.get_variables(environ)
        self._audience = audience
        self._tokens = environment.named_tokens(environ, Platform.GITLAB)
        job_token = environment.JOB_TOKENS[Platform.GITLAB]
        self._held = [Token(value=value, of_job=name == job_token) for name, value in self._tokens.items()]
        self._transport = Transport(proxy=proxy, ca_bundle=ca_bundle)
        self._public = Public(self._transport)
        self._elsewhere = 0
        self._client = Client(
            server_url=server_of(environ, server),
            project=self._variables.get("CI_PROJECT_ID"),
            tokens=self._held,
            transport=self._transport,
            public=self._variables.get("CI_PROJECT_VISIBILITY") == "public",
        )

    @cached_property
    def _sources(self) -> Sources:
        return sources.read_sources(self._client, self._variables, self._audience)

    @cached_property
    def _pipeline(self) -> Fact[Pipeline]:
        from ci_guard.evidence.gitlab import pipeline

        return pipeline.get_pipeline(self._client, self._sources, self._run, self._checkout)

    @cached_property
    def _run(self) -> Run:
        return event.identify(self._client, self._sources)

    @property
    def requests(self) -> int:
        """See `Forge.requests`."""
        return self._client.requests + self._elsewhere + self._public.requests

    @property
    def transport(self) -> tuple[str, ...]:
        """See `Forge.transport`."""
        return self._client.transport

    def tokens(self) -> tuple[TokenSight, ...]:
        """Return what is known of each token, the weaker first: after the requests that it was used for."""
        job_token = environment.JOB_TOKENS[Platform.GITLAB]
        return tuple(
            tokens.sight(name, value, headers, of_job=name == job_token)
            for (name, value), headers in zip(self._tokens.items(), self._client.last_headers(), strict=True)
        )

    def run(self) -> Run:
        """See `RunEvidence.run`."""
        return self._run

    def policy_file(self, path: str) -> Fact[PolicyFile | None]:
        """See `PolicyEvidence.policy_file`."""
        return policy_file.get_policy_file(self._client, self._run, path, self._checkout)

    def policy_at(self, commit: str, path: str, ref: str) -> Fact[PolicyFile | None]:
        """See `PolicyEvidence.policy_at`."""
        return policy_file.get_policy_at(self._client, commit, path, self._checkout, ref=ref)

    def organisation_policy(self, reference: LayerReference) -> Fact[str]:
        """See `PolicyEvidence.organisation_policy`."""
        if reference.host != "gitlab":
            return self._public.get(reference)
        client = Client(
            server_url=self._client.server_url,
            project=reference.project,
            tokens=self._held,
            transport=self._transport,
            public=True,
            by_path=True,
        )
        found = policy_file.get_text(client, reference.commit, reference.path)
        self._elsewhere += client.requests
        return found

    def default_tip(self) -> Fact[str]:
        """See `PolicyEvidence.default_tip`."""
        return tips.get_default_tip(self._run, self.branch_tip)

    def branch_tip(self, name: str) -> Fact[str]:
        """See `PolicyEvidence.branch_tip`."""
        return policy_file.get_tip(self._client, name)

    def since_success(self, paths: tuple[str, ...]) -> Fact[tuple[str, ...]]:
        """See `PolicyEvidence.since_success`."""
        from ci_guard.evidence.gitlab import pipelines_before

        return pipelines_before.get_since_success(self._client, self._sources.job, self._run, self._checkout, paths)

    def target_commit(self) -> Fact[str]:
        """See `PolicyEvidence.target_commit`."""
        return tips.get_target_commit(
            self._run, self._checkout, self.branch_tip, change="merge request", depth="GIT_DEPTH: 0"
        )

    def branches(self, entries: tuple[str, ...], enough: Enough) -> Fact[tuple[BranchSelection, ...]]:
        """See `BranchEvidence.branches`."""
        return protection.get_branches(self._client, self._run, entries, enough)

    def tags(self) -> Fact[TagRules]:
        """See `BranchEvidence.tags`."""
        return protection.get_tags(self._client, self._run)

    def people(self, parts: AbstractSet[Part]) -> Fact[tuple[Seat, ...]]:
        """See `PeopleEvidence.people`."""
        return people.get_seats(self._client, self._sources, self._run, parts)

    def memberships(self, parts: AbstractSet[Part], circles: AbstractSet[str]) -> Fact[tuple[Membership, ...]]:
        """See `PeopleEvidence.memberships`."""
        return memberships.get_memberships(self._client, self.people(parts), circles)

    def claims(self, environment: str | None = None) -> Fact[tuple[Claim, ...]]:
        """See `PeopleEvidence.claims`."""
        found = claims.get_claims(self._client, self._sources, self._run, self._checkout)
        return apply(found, lambda told: (*told, *of_caller(environment, self.environments())))

    def provenance(
        self, *, history: bool, reviews: bool, owners: bool, circles: AbstractSet[str] = frozenset()
    ) -> Fact[Provenance]:
        """See `ProvenanceEvidence.provenance`."""
        return provenance.get_provenance(
            self._client,
            self._run,
            self._checkout,
            history=history,
            reviews=reviews,
            owners=owners,
            circles=circles,
        )

    def environments(self) -> tuple[Fact[str], ...]:
        """See `CircumstanceEvidence.environments`."""
        return surroundings.get_environments(self._sources)

    def signed_environment(self) -> Fact[str | None]:
        """See `CircumstanceEvidence.signed_environment`."""
        return surroundings.get_signed_environment(self._sources)

    def visibility(self) -> Fact[Visibility]:
        """See `CircumstanceEvidence.visibility`."""
        return surroundings.get_visibility(self._client, self._sources)

    def labels(self) -> Fact[frozenset[str]]:
        """See `CircumstanceEvidence.labels`."""
        return surroundings.get_labels(self._client, self._run)

    def break_glass(self, means: Means, circles: AbstractSet[str]) -> Sighting:
        """See `GlassEvidence.break_glass`."""
        from ci_guard.evidence.gitlab import glass

        return glass.get_sighting(self._client, self._sources, self._run, self._checkout, means, groups=circles)

    def aftermath(self, lookback: Lookback, circles: AbstractSet[str], now: datetime) -> Aftermath:
        """See `GlassEvidence.aftermath`."""
        if lookback.means.by is By.DISPATCH:
            from ci_guard.evidence.gitlab import dispatches

            return dispatches.get_dispatches(self._client, lookback, circles, now)
        from ci_guard.evidence.gitlab import aftermath

        return aftermath.get_aftermath(self._client, self._run, lookback, circles, now)

    def changed_paths(self) -> Fact[frozenset[str] | None]:
        """See `CircumstanceEvidence.changed_paths`."""
        return surroundings.get_changed_paths(self._client, self._run, self._checkout)

    def runner(self) -> Fact[Runner]:
        """See `CircumstanceEvidence.runner`."""
        return surroundings.get_runner(self._sources)

    def guard(self, wanted: AbstractSet[str]) -> Guard:
        """See `GuardEvidence.guard`."""
        from ci_guard.evidence.gitlab import enforcement, pipeline, pipeline_file

        found = Guard()
        if "wiring" in wanted:
            commit = self._run.sha.value if isinstance(self._run.sha, Known) else ""
            found = replace(found, wiring=pipeline_file.get_wiring(self._pipeline, self._sources, commit))
        if "parts" in wanted:
            found = replace(found, parts=pipeline.get_parts(self._pipeline))
        if "enforcement" in wanted:
            found = replace(found, enforcement=enforcement.get_enforcement(self._client, self._sources, self._run))
        if "program" in wanted:
            found = replace(found, program=own_program.get_program())
        if "variables" in wanted:
            found = replace(found, variables=self._steering)
        return found
