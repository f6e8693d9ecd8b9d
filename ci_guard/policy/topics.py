"""The keys of a policy as topics, each with an example and where the guide tells of it; words come from the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ci_guard.model import project
from ci_guard.model.meta import Meta
from ci_guard.records import dataclass

COMMIT: Final = "0123456789abcdef0123456789abcdef01234567"
"""Stands for the commit of an organisation's policy."""

WAIVER: Final = (
    '{control: branch-protection, requirement: approvals, subject: main, reason: "second maintainer joins in May", '
    'owner: "@acme/platform", ticket: PLAT-17, until: 2027-05-31}'
)
MORE: Final = "controls: {actor-permissions: {require: {actor: maintain}}}"
FLOOR: Final = "floor"


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A key of a policy, or what a caller may name beside it."""

    key: str
    title: str
    description: str
    example: str
    """A line of a policy; of what a caller names, an option."""
    page: str
    """A file of the documentation, with its anchor."""
    parts: tuple[tuple[str, str], ...] = ()
    """The keys below it, with what each says."""

    @property
    def address(self) -> str:
        """Where the guide tells of it on the web."""
        return project.page(*self.page.split("#"))


EXAMPLES: Final[Mapping[str, tuple[str, str]]] = {
    "version": ("version: 1", "docs/policy.md#where-it-is-read"),
    "locked": ("locked: true", "docs/policy/layers.md"),
    "extends": (f"extends: github:acme/security//ci-guard.yml@{COMMIT}", "docs/policy/layers.md#organisation-policies"),
    "mode": ("mode: report", "docs/policy/layers.md#mode"),
    "policy-branch": ("policy-branch: guard", "docs/policy/layers.md#the-branch-that-judges-what-is-of-no-branch"),
    "roles": (
        "roles: [{name: operators, teams: [acme/operators], users: [{login: olivia, id: 101}]}]",
        "docs/policy/roles.md#roles",
    ),
    "controls": ("controls: {required-reviews: {require: {approvals: 2}}}", "docs/policy.md#values"),
    "contexts": (
        f"contexts: [{{name: production, when: {{environment: [production]}}, {MORE}}}]",
        "docs/policy/contexts.md",
    ),
    "admission": (
        "admission: [{role: everybody, events: [push, change], refs: [any], environments: [none]}]",
        "docs/policy/roles.md#admission",
    ),
    "audit": ("audit: {on-failure: warn}", "docs/policy.md#the-record-of-a-run"),
    "waivers": (f"waivers: [{WAIVER}]", "docs/policy/waivers.md#waivers"),
    "waiver-rules": ("waiver-rules: {max-days: 90, needs: [owner, ticket]}", "docs/policy/waivers.md#waivers"),
    "baseline": (
        "baseline: {file: .ci-guard-baseline.json, until: 2027-06-30}",
        "docs/policy/waivers.md#a-baseline-of-known-failures",
    ),
    "break-glass": (
        "break-glass: {by: label, label: break-glass, role: operators, hours: 4}",
        "docs/policy/break-glass.md",
    ),
}
"""Of each key a line that a policy could have, and its page."""


def topics(metas: Sequence[Meta]) -> Iterator[Topic]:
    """Yield every topic, in the order of the reference."""
    from ci_guard.policy.schema import json_schema

    for key, schema in json_schema(metas)["properties"].items():
        example, page = EXAMPLES[key]
        yield Topic(
            key=key,
            title=schema["title"],
            description=schema.get("description", ""),
            example=example,
            page=page,
            parts=() if key == "controls" else tuple(_parts(schema)),
        )
        if key == "extends":
            yield Topic(
                key=FLOOR,
                title="An organisation's policy that lies below every other",
                description="Whoever calls ci-guard names it: the input floor of the action and the template. "
                "A repository can neither drop nor loosen it.",
                example=f"--floor github:acme/security//ci-guard.yml@{COMMIT}",
                page="docs/policy/layers.md#the-floor",
            )


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys of a map, or of the maps in a list."""
    for below in schema.get("items", schema).get("properties", {}).items():
        yield below[0], below[1].get("title", "")
