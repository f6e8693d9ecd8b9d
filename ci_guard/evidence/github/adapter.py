"""
GitHub as the gate sees it: every kind of evidence, from one client.

What most policies do not ask for is loaded by the method that reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cached_property
from typing import Final

from ci_guard.evidence import environment, own_program, tips
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github import (
    branches,
    claims,
    event,
    memberships,
    people,
    policy_file,
    provenance,
    surroundings,
    tags,
    token_request,
    tokens,
)
from ci_guard.evidence.github.client import Client
from ci_guard.evidence.github.identity import IdentityDesk, Outcome
from ci_guard.evidence.github.job import read_job
from ci_guard.evidence.interface import Enough, PolicyFile
from ci_guard.evidence.organisation import Public
from ci_guard.evidence.rest.together import two
from ci_guard.evidence.rest.transport import Transport
from ci_guard.evidence.surroundings import of_caller
from ci_guard.model.branch import BranchSelection, TagRules
from ci_guard.model.circumstances import Runner, Visibility
from ci_guard.model.fact import Fact, apply
from ci_guard.model.glass import Aftermath, By, Lookback, Means, Sighting
from ci_guard.model.guard import Guard
from ci_guard.model.layer_reference import LayerReference
from ci_guard.model.review import Provenance
from ci_guard.model.roles import Membership
from ci_guard.model.run import Claim, Part, Platform, Run, Seat
from ci_guard.model.token import TokenSight
from ci_guard.records import replace

PUBLIC_API: Final = "https://api.github.com"


class GitHub:
    """A run on GitHub or GitHub Enterprise Server. Fulfils `Forge`."""

    def __init__(
        self, environ: Mapping[str, str], checkout: Checkout, *, proxy: str | None = None, ca_bundle: str | None = None
    ) -> None:
        """
        Prepare; nothing is sent yet. The server is the runner's: `GITHUB_API_URL`.

        Raises: `UsageError` for an address, repository, token, proxy or bundle that cannot be used.
        """
        self._job = read_job(environ)
        self._checkout = checkout
        self._steering = own_program.get_variables(environ)
        self._tokens = environment.named_tokens(environ, Platform.GITHUB)
        self._api_url = environ.get("GITHUB_API_URL") or PUBLIC_API
        self._transport = Transport(proxy=proxy, ca_bundle=ca_bundle)
        self._public = Public(self._transport)
        self._elsewhere = 0
        self._client = Client(
            api_url=self._api_url,
            repository=self._job.repository,
            tokens=tuple(self._tokens.values()),
            transport=self._transport,
        )
        request = token_request.read_request(environ)
        self._desk = IdentityDesk(request, api_url=self._api_url, transport=self._transport)

    @cached_property
    def _run(self) -> Run:
        run, _ = two(
            self._client,
            lambda: event.identify(self._client, self._job),
            lambda: event.ask_ahead(self._client, self._job),
        )
        return run

    @property
    def requests(self) -> int:
        """See `Forge.requests`."""
        return self._client.requests + self._elsewhere + self._public.requests + self._desk.requests

    @property
    def transport(self) -> tuple[str, ...]:
        """See `Forge.transport`."""
        return self._client.transport

    def tokens(self) -> tuple[TokenSight, ...]:
        """Return what is known of each token, the weaker first: after the requests that it was used for."""
        return tuple(
            tokens.sight(name, value, headers)
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
        if reference.host != "github":
            return self._public.get(reference)
        client = self._client_of(reference.project)
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
        from ci_guard.evidence.github import runs_before

        return runs_before.get_since_success(self._client, self._job, self._run, self._checkout, paths)

    def target_commit(self) -> Fact[str]:
        """See `PolicyEvidence.target_commit`."""
        return tips.get_target_commit(
            self._run, self._checkout, self.branch_tip, change="change", depth="fetch-depth: 0"
        )

    def branches(self, entries: tuple[str, ...], enough: Enough) -> Fact[tuple[BranchSelection, ...]]:
        """See `BranchEvidence.branches`."""
        return branches.get_branches(self._client, self._run, entries, enough)

    def tags(self) -> Fact[TagRules]:
        """See `BranchEvidence.tags`."""
        return tags.get_tags(self._client, self._run)

    def people(self, parts: AbstractSet[Part]) -> Fact[tuple[Seat, ...]]:
        """See `PeopleEvidence.people`."""
        return people.get_seats(self._client, self._job, self._run, parts)

    def memberships(self, parts: AbstractSet[Part], circles: AbstractSet[str]) -> Fact[tuple[Membership, ...]]:
        """See `PeopleEvidence.memberships`."""
        return memberships.get_memberships(self._client, self.people(parts), circles)

    def claims(self, environment: str | None = None) -> Fact[tuple[Claim, ...]]:
        """See `PeopleEvidence.claims`."""
        found = claims.get_claims(self._client, self._job, self._run)
        if not environment:
            return found
        of_token = claims.of_token(self._identity())
        return apply(found, lambda told: (*told, *of_token, *of_caller(environment, self.environments())))

    def provenance(
        self, *, history: bool, reviews: bool, owners: bool, circles: AbstractSet[str] = frozenset()
    ) -> Fact[Provenance]:
        """See `ProvenanceEvidence.provenance`."""
        return provenance.get_provenance(
            self._client,
            self._job,
            self._run,
            history=history,
            reviews=reviews,
            owners=owners,
            circles=circles,
            first_parents=self._checkout.first_parents,
        )

    def environments(self) -> tuple[Fact[str], ...]:
        """See `CircumstanceEvidence.environments`."""
        return surroundings.get_environments(self._job, self._run, self._identity())

    def signed_environment(self) -> Fact[str | None]:
        """See `CircumstanceEvidence.signed_environment`."""
        return surroundings.get_signed_environment(self._identity())

    def visibility(self) -> Fact[Visibility]:
        """See `CircumstanceEvidence.visibility`."""
        return surroundings.get_visibility(self._client)

    def labels(self) -> Fact[frozenset[str]]:
        """See `CircumstanceEvidence.labels`."""
        return surroundings.get_labels(self._client, self._run)

    def break_glass(self, means: Means, circles: AbstractSet[str]) -> Sighting:
        """See `GlassEvidence.break_glass`."""
        from ci_guard.evidence.github import glass

        return glass.get_sighting(self._client, self._job, self._run, means, circles)

    def aftermath(self, lookback: Lookback, circles: AbstractSet[str], now: datetime) -> Aftermath:
        """See `GlassEvidence.aftermath`."""
        if lookback.means.by is By.DISPATCH:
            from ci_guard.evidence.github import dispatches

            return dispatches.get_dispatches(self._client, lookback, circles, now)
        from ci_guard.evidence.github import aftermath

        return aftermath.get_aftermath(self._client, self._run, lookback, circles, now)

    def changed_paths(self) -> Fact[frozenset[str] | None]:
        """See `CircumstanceEvidence.changed_paths`."""
        return surroundings.get_changed_paths(self._client, self._run, self._checkout)

    def runner(self) -> Fact[Runner]:
        """See `CircumstanceEvidence.runner`."""
        return surroundings.get_runner(self._client, self._job, self._identity())

    def guard(self, wanted: AbstractSet[str]) -> Guard:
        """See `GuardEvidence.guard`."""
        from ci_guard.evidence.github import enforcement, local_actions, workflow

        found = Guard()
        if "wiring" in wanted:
            required = self._client_of(workflow.held_in(self._job))
            read = workflow.get_wiring(self._client, self._job, self._run, self._checkout, required)
            found = replace(found, wiring=read)
            self._elsewhere += required.requests
        if "parts" in wanted:
            found = replace(found, parts=local_actions.get_parts(self._client, self._run, self._checkout))
        if "enforcement" in wanted:
            others: list[Client] = []

            def elsewhere(repository: str) -> Client:
                others.append(self._client_of(repository))
                return others[-1]

            held = enforcement.get_enforcement(self._client, self._job, self._run, elsewhere)
            found = replace(found, enforcement=held)
            self._elsewhere += sum(one.requests for one in others)
        if "program" in wanted:
            found = replace(found, program=own_program.get_program(self._job.action_ref))
        if "variables" in wanted:
            found = replace(found, variables=self._steering)
        return found

    def _identity(self) -> Outcome:
        """Return what came of the job's ID token, which is asked for where it may be when this is called first."""
        return self._desk.get(self._client, self._job, self._run)

    def _client_of(self, repository: str) -> Client:
        """Return a client for another repository of the same server."""
        tokens = tuple(self._tokens.values())
        return Client(api_url=self._api_url, repository=repository, tokens=tokens, transport=self._transport)
