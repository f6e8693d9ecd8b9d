"""What one source of rules (the rulesets together, or the classic protection) says about a branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ci_guard.evidence.rest.shape import boolean, integer, optional, record, records, text, texts
from ci_guard.model.branch import Bypass, StatusCheck
from ci_guard.records import dataclass

RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "deletion": ("no-deletion",),
    "non_fast_forward": ("no-force-push",),
    "required_linear_history": ("linear-history",),
    "required_signatures": ("signed-commits",),
    "creation": ("restricted-creation",),
    "update": ("restricted-push", "restricted-merge"),
    # Since it applies nobody pushes directly but those on the bypass list, which is judged by itself.
    "pull_request": ("pull-request", "restricted-push"),
}
"""Requirements that a rule fulfils by being there. Source: REST "Rules", "Get rules for a branch"."""

REVIEW_PARAMETERS: Final[Mapping[str, str]] = {
    "dismiss_stale_reviews_on_push": "dismiss-stale-approvals",
    "require_last_push_approval": "last-push-approval",
    "require_code_owner_review": "code-owner-review",
    "required_review_thread_resolution": "resolved-conversations",
}
"""Requirements that a parameter of a `pull_request` rule fulfils."""

ADMINISTRATORS: Final = frozenset({"OrganizationAdmin", "EnterpriseOwner", "RepositoryRole:5"})
"""Bypass actors that take in administrators; 5 is the built-in admin role (REST "Rules", `bypass_actors`)."""

ANY_APP: Final = -1


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one source enforces. A requirement that is neither in `holds` nor in `silent` it does not enforce."""

    detail: str
    holds: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    """Requirements that the answer says nothing about, as an older server's does."""
    approvals: int = 0
    teams: frozenset[int] = frozenset()
    """Ids of teams that have to approve changes to some files."""
    checks: tuple[StatusCheck, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RulesetHead:
    """A ruleset that applies to a branch."""

    id: int
    level: str
    """`Repository`, `Organization` or `Enterprise`."""
    source: str
    """The name of what it is set on."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """All rules of rulesets on one branch, strictest first come: GitHub enforces every one of them."""

    reading: Reading
    rulesets: tuple[RulesetHead, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Classic:
    """The classic protection of one branch."""

    reading: Reading
    bypass: tuple[Bypass, ...] = ()
    silent_on_admins: bool = False
    """The answer does not say whether administrators are bound."""


def read_rules(items: Sequence[Any], detail: str) -> Rules:
    """
    Read the answer to `rules/branches/{branch}`, which omits rulesets that are disabled or only evaluated.

    Raises: `ShapeError`.
    """
    holds: set[str] = set()
    teams: set[int] = set()
    checks: list[StatusCheck] = []
    rulesets: dict[int, RulesetHead] = {}
    approvals = 0
    for item in items:
        kind = text(item, "type")
        head = RulesetHead(
            id=integer(item, "ruleset_id"),
            level=text(item, "ruleset_source_type"),
            source=text(item, "ruleset_source"),
        )
        rulesets[head.id] = head
        holds |= set(RULES.get(kind, ()))
        if kind == "pull_request":
            parameters = record(item, "parameters")
            holds |= {name for key, name in REVIEW_PARAMETERS.items() if boolean(parameters, key)}
            approvals = max(approvals, integer(parameters, "required_approving_review_count"))
            teams |= _teams(parameters)
            restriction = optional(parameters, "dismissal_restriction", record)
            if restriction is not None and boolean(restriction, "enabled"):
                holds.add("restricted-dismissal")
        elif kind == "required_status_checks":
            parameters = record(item, "parameters")
            own = [_check(check, "integration_id") for check in records(parameters, "required_status_checks")]
            checks += own
            # Being up to date is only asked of a branch that has a required check (docs, "Require status checks").
            if own and boolean(parameters, "strict_required_status_checks_policy"):
                holds.add("up-to-date")
    reading = Reading(
        detail=detail, holds=frozenset(holds), approvals=approvals, teams=frozenset(teams), checks=tuple(checks)
    )
    return Rules(reading=reading, rulesets=tuple(rulesets.values()))


def read_classic(body: Any, detail: str, *, branch: str) -> Classic:
    """
    Read the answer to `branches/{branch}/protection`, in which sections that are off are absent.

    Raises: `ShapeError`.
    """
    reviews = optional(body, "required_pull_request_reviews", record)
    restrictions = optional(body, "restrictions", record)
    admins = _enabled(body, "enforce_admins")
    forces, deletions = _enabled(body, "allow_force_pushes"), _enabled(body, "allow_deletions")
    checks, strict = _classic_checks(body)
    restricted = restrictions is not None or _enabled(body, "lock_branch") is True
    facts: dict[str, bool | None] = {
        "no-force-push": None if forces is None else not forces,
        "no-deletion": None if deletions is None else not deletions,
        "linear-history": _enabled(body, "required_linear_history"),
        "signed-commits": _enabled(body, "required_signatures"),
        "resolved-conversations": _enabled(body, "required_conversation_resolution"),
        "up-to-date": bool(checks) and strict,
        # Required reviews keep everybody from pushing directly only where administrators are bound as well.
        "restricted-push": restricted or (admins if reviews is not None else False),
        "restricted-merge": restricted,
        # GitHub drops it silently where pushes are not restricted.
        "restricted-creation": _enabled(body, "block_creations") if restrictions is not None else False,
        "pull-request": reviews is not None,
        **_classic_reviews(reviews),
    }
    approvals = 0 if reviews is None else optional(reviews, "required_approving_review_count", integer)
    reading = Reading(
        detail=detail,
        holds=frozenset(name for name, fact in facts.items() if fact),
        silent=frozenset(name for name, fact in facts.items() if fact is None)
        | ({"approvals"} if approvals is None else frozenset()),
        approvals=approvals or 0,
        checks=checks,
    )
    people = [] if admins is not False else [_administrators(branch)]
    return Classic(reading=reading, bypass=(*people, *_allowances(reviews, branch)), silent_on_admins=admins is None)


def read_summary_checks(body: Any) -> tuple[StatusCheck, ...]:
    """
    Return the required checks that a branch's summary shows to every reader.

    They prove what is required; their absence proves nothing, because the token may just not see them.

    Raises: `ShapeError`.
    """
    protection = optional(body, "protection", record) or {}
    section = optional(protection, "required_status_checks", record) or {}
    if section.get("enforcement_level") not in ("non_admins", "everyone"):
        return ()
    return _checks(section)


def read_bypass(body: Any) -> tuple[Bypass, ...]:
    """
    Read the bypass list of a ruleset that shows one.

    Raises: `ShapeError`.
    """
    source = f"the ruleset {text(body, 'name')!r} of {text(body, 'source')}"
    found = []
    for actor in records(body, "bypass_actors"):
        kind, number = text(actor, "actor_type"), optional(actor, "actor_id", integer)
        alone = number is None or kind in ("OrganizationAdmin", "EnterpriseOwner", "DeployKey")
        name = kind if alone else f"{kind}:{number}"
        only_pulls = actor.get("bypass_mode") == "pull_request"
        found.append(
            Bypass(
                name=name,
                source=f"{source} in pull requests" if only_pulls else source,
                administrator=name in ADMINISTRATORS,
            )
        )
    return tuple(found)


def _teams(parameters: Mapping[str, Any]) -> set[int]:
    """Return the teams whose approval is required; a minimum of 0 only asks them."""
    configured = optional(parameters, "required_reviewers", records) or []
    return {
        integer(record(one, "reviewer"), "id")
        for one in configured
        if text(record(one, "reviewer"), "type") == "Team" and integer(one, "minimum_approvals") > 0
    }


def _check(check: Mapping[str, Any], app: str) -> StatusCheck:
    number = optional(check, app, integer)
    return StatusCheck(context=text(check, "context"), app_id=None if number == ANY_APP else number)


def _checks(section: Mapping[str, Any]) -> tuple[StatusCheck, ...]:
    """Return the checks of a classic section; older servers name contexts only."""
    known = optional(section, "checks", records)
    if known is not None:
        return tuple(_check(check, "app_id") for check in known)
    return tuple(StatusCheck(context=context) for context in texts(section, "contexts"))


def _classic_checks(body: Any) -> tuple[tuple[StatusCheck, ...], bool | None]:
    section = optional(body, "required_status_checks", record)
    if section is None:
        return (), False
    return _checks(section), optional(section, "strict", boolean)


def _classic_reviews(reviews: Mapping[str, Any] | None) -> dict[str, bool | None]:
    """Return what the section on reviews says; None where it does not say it."""
    keys = {
        "dismiss-stale-approvals": "dismiss_stale_reviews",
        "code-owner-review": "require_code_owner_reviews",
        "last-push-approval": "require_last_push_approval",
    }
    said = {name: False if reviews is None else optional(reviews, key, boolean) for name, key in keys.items()}
    restricted = reviews is not None and optional(reviews, "dismissal_restrictions", record) is not None
    return {**said, "restricted-dismissal": restricted}


def _enabled(body: Any, key: str) -> bool | None:
    """Return the switch at `key`, None where the answer does not have it."""
    section = optional(body, key, record)
    return None if section is None else boolean(section, "enabled")


def _administrators(branch: str) -> Bypass:
    return Bypass(name="RepositoryRole:5", source=f"the classic protection of {branch}", administrator=True)


def _allowances(reviews: Mapping[str, Any] | None, branch: str) -> list[Bypass]:
    """Return who may merge without the required reviews."""
    allowances = optional(reviews or {}, "bypass_pull_request_allowances", record) or {}
    kinds = {"users": "User", "teams": "Team", "apps": "Integration"}
    source = f"the required reviews of {branch}"
    return [
        Bypass(name=f"{kind}:{integer(somebody, 'id')}", source=source)
        for key, kind in kinds.items()
        for somebody in optional(allowances, key, records) or []
    ]
