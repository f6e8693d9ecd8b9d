"""Facts and settings of every shape, few values and many combinations, in the language of the case files."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from ci_guard.controls.registry import CONTROLS
from ci_guard.model.kinds import AllOf, AtLeast, AtLevel, Flag, Kind, NoneBut
from ci_guard.model.run import AccountType, Event, Part
from tests.controls.language import SHA

Raw = st.SearchStrategy[Any]

LOST = st.sampled_from(["?invisible", "?unavailable"])
LOGINS = st.sampled_from(["alice", "bob", "carol", "ci[bot]"])
LEVELS = st.sampled_from(["none", "read", "write", "admin"])
NAMES = st.sampled_from(["main", "dev", "release/1"])
SHAS = st.sampled_from([SHA, "feed", "f00d"])
FLAGS = [one.id for one in CONTROLS[0].META.requirements if isinstance(one.kind, Flag)]


def lossy(strategy: Raw) -> Raw:
    """Return mostly values of the strategy, sometimes an unknown."""
    return st.one_of(strategy, strategy, strategy, LOST)


def record(**fields: Raw) -> Raw:
    """Return dictionaries that may leave each field out."""
    return st.fixed_dictionaries({}, optional=fields)


def hideable(strategy: Raw) -> Raw:
    """Return what is enforced, with or without something hidden."""
    return st.one_of(strategy, st.fixed_dictionaries({"value": strategy, "hidden": LOST}))


RUNS = record(
    event=lossy(st.sampled_from([event.value for event in Event] + ["push", "queue", "change"])),
    branch=lossy(st.one_of(st.none(), NAMES)),
    ref=lossy(st.sampled_from(["", "refs/heads/main", "refs/pull/7/merge"])),
    tag=lossy(st.sampled_from([None, None, "v1"])),
    default_branch=lossy(NAMES),
    before=lossy(st.sampled_from([None, "b" * 40])),
    change=lossy(st.one_of(st.none(), st.fixed_dictionaries({"number": st.just(7), "target": NAMES}))),
    trusted=lossy(st.booleans()),
)

CHECKS = st.lists(st.sampled_from(["build", "test", "build@15368", "test@7"]), max_size=3)
BYPASSES = st.lists(lossy(st.lists(st.sampled_from(["OrganizationAdmin", "Team:7"]), max_size=2)), max_size=2)
RULES = record(
    name=NAMES,
    exists=lossy(st.booleans()),
    flags=st.dictionaries(st.sampled_from(FLAGS), lossy(st.booleans())),
    approvals=lossy(hideable(st.integers(0, 3))),
    required_reviewers=lossy(hideable(st.lists(st.sampled_from(["core", "security"]), max_size=2))),
    status_checks=lossy(hideable(CHECKS)),
    bypass=BYPASSES,
)
ENTRIES = st.sampled_from(["default", "current", "main", "release/*"])
SELECTIONS = st.fixed_dictionaries({"entry": ENTRIES, "rules": lossy(st.lists(RULES, max_size=2))})
PATTERNS = st.lists(st.sampled_from(["**", "*", "v*", "v1.*", "v1.2.3"]), max_size=2)
TAGS = hideable(st.lists(st.fixed_dictionaries({"include": PATTERNS, "exclude": PATTERNS}), max_size=2))

ACCOUNTS = st.one_of(
    LOGINS,
    st.fixed_dictionaries(
        {
            "login": LOGINS,
            "id": st.integers(1, 3),
            "type": st.sampled_from([kind.value for kind in AccountType]),
        }
    ),
)
SEATS = st.fixed_dictionaries(
    {"part": st.sampled_from([part.value for part in Part]), "who": lossy(ACCOUNTS)},
    optional={"access": lossy(LEVELS), "automation": st.booleans()},
)
CLAIMS = st.tuples(st.sampled_from(["ACTOR", "SHA"]), st.sampled_from(["1", "2"]), lossy(st.sampled_from(["1", "2"])))

CIRCLES = st.sampled_from(["acme/core", "acme/tools"])
MEMBERSHIPS = st.lists(st.tuples(CIRCLES, LOGINS, lossy(st.booleans())), max_size=6)
ROLES = st.dictionaries(
    st.sampled_from(["build", "core", "everybody-else"]),
    record(
        users=st.lists(LOGINS, max_size=2),
        bots=st.lists(LOGINS, max_size=1),
        teams=st.lists(CIRCLES, max_size=2),
        groups=st.lists(CIRCLES, max_size=2),
        levels=st.lists(LEVELS, max_size=2),
    ),
)

ENVIRONMENTS = st.sampled_from(["production", "staging", "review/1"])
AROUND = record(environments=st.lists(lossy(ENVIRONMENTS), max_size=2))
ROWS = st.tuples(
    st.sampled_from(["everybody", "build", "core", "everybody-else"]),
    st.one_of(st.just(["any"]), st.lists(st.sampled_from(["push", "queue", "tag", "change"]), min_size=1)),
    st.sampled_from([["any"], ["default"], ["main", "tag:v*"], ["release/*"]]),
    st.sampled_from([["any"], ["none"], ["none", "staging"], ["production"], ["**"]]),
)
NAMES = st.sampled_from(["guard", "deploy", "build", "test"])
STEPS = record(
    pin=st.sampled_from(["ci-guard/ci-guard@sha", "acme/ci-guard@v1"]),
    tolerated=st.lists(st.sampled_from(["true", "false"]), max_size=1),
    swallowed=st.just("||"),
    checkout=st.sampled_from(["main", "${{ github.sha }}"]),
    **{"if": st.sampled_from(["always()", "${{ failure() }}", "x"])},
)
JOBS = st.builds(
    lambda name, more: {"name": name, **more},
    NAMES,
    record(
        needs=st.lists(NAMES, max_size=2),
        whens=st.lists(st.sampled_from(["always", "manual", "on_success"]), max_size=1),
        steps=st.lists(STEPS, max_size=2),
        **{"if": st.sampled_from(["always()", "needs.guard.outputs.verdict == 'allow'", "x"])},
    ),
)
HOLDS = st.builds(
    lambda kind, more: {"kind": kind, **more},
    st.sampled_from(["workflow", "check", "config", "policy"]),
    record(
        own=st.booleans(),
        elsewhere=st.booleans(),
        commit=st.sampled_from(["", "c" * 40]),
        app=st.sampled_from([None, 7, 15368]),
        name=st.sampled_from(["ci-guard", "build"]),
    ),
)
GUARDS = record(
    program=lossy(record(commit=lossy(st.just("c" * 40)), released=st.booleans(), version=st.just("a"))),
    variables=lossy(st.lists(st.sampled_from(["LD_PRELOAD", "HTTPS_PROXY"]))),
    enforcement=lossy(
        st.fixed_dictionaries({"holds": st.lists(HOLDS, max_size=2)}, optional={"hidden": st.lists(LOST, max_size=2)})
    ),
    wiring=lossy(
        st.builds(
            lambda jobs, more: {"jobs": jobs, **more},
            st.lists(JOBS, max_size=3),
            record(includes=st.lists(st.sampled_from(["p/ci-guard@sha", "p/ci-guard@main"])), doubt=st.just("x")),
        )
    ),
)
CHANGED = record(
    changed_paths=lossy(
        st.one_of(st.none(), st.lists(st.sampled_from([".ci-guard.yml", "src/a.py", ".github", "docs/CODEOWNERS"])))
    )
)
LAYERS = st.lists(
    st.one_of(
        st.sampled_from(["repository", "builtin", "file", "remote"]),
        st.fixed_dictionaries({"kind": st.just("remote"), "reference": st.just("x"), "floor": st.booleans()}),
    ),
    max_size=3,
)
TABLES = st.lists(st.lists(ROWS, min_size=1, max_size=3), max_size=2)

REVIEWS = st.fixed_dictionaries(
    {"by": ACCOUNTS},
    optional={
        "state": st.sampled_from(["approved", "approved", "changes requested", "dismissed"]),
        "head": lossy(st.booleans()),
        "target": lossy(st.booleans()),
        "at": st.integers(0, 3),
        "access": lossy(LEVELS),
    },
)
OWNED = st.dictionaries(
    st.sampled_from(["a.py", "b.py"]),
    st.dictionaries(st.sampled_from(["@bob", "@acme/core"]), lossy(st.lists(LOGINS, max_size=2)), max_size=2),
    max_size=2,
)
CHANGES = record(
    number=st.integers(1, 3),
    author=LOGINS,
    target=NAMES,
    state=st.sampled_from(["merged", "merged", "merged", "open", "closed"]),
    at=st.sampled_from([2, 2, None]),
    results=lossy(st.lists(SHAS, max_size=2)),
    pushed_by=lossy(st.sampled_from([None, None, "bob"])),
    reviews=lossy(st.lists(REVIEWS, max_size=4)),
    contributions=lossy(st.lists(lossy(LOGINS), max_size=2)),
    owned=lossy(OWNED),
)
ORIGINS = record(sha=SHAS, changes=lossy(st.lists(CHANGES, max_size=2)), pusher=lossy(st.one_of(st.none(), LOGINS)))
PROVENANCES = st.fixed_dictionaries(
    {"commit": lossy(ORIGINS)},
    optional={"history": lossy(st.lists(ORIGINS, max_size=2)), "standing_in": st.booleans()},
)

FINDINGS = st.fixed_dictionaries({"rule": st.sampled_from(["a-token", "a-key"]), "path": st.just("a.py")})
SCANS = record(
    findings=st.lists(FINDINGS, max_size=2),
    key_files=st.lists(FINDINGS, max_size=2),
    sources=st.sampled_from([[], ["tree"]]),
    skipped=st.dictionaries(st.sampled_from(["a", "b"]), st.just("too large")),
    gaps=st.dictionaries(st.sampled_from(["fails", "unknown", "note"]), st.just("Something is missing.")),
    suppressed=st.lists(FINDINGS, max_size=2),
    unreviewed=st.lists(FINDINGS, max_size=2),
    review_doubt=st.sampled_from(["", "the start is not known"]),
    reviewable=st.booleans(),
)

SECTIONS: dict[str, dict[str, Raw]] = {
    "branch-protection": {"branches": st.lists(SELECTIONS, max_size=3), "tags": TAGS},
    "actor-permissions": {
        "people": st.lists(SEATS, max_size=4),
        "claims": st.lists(CLAIMS, max_size=2),
        "memberships": MEMBERSHIPS,
    },
    "admission": {"people": st.lists(SEATS, max_size=4), "memberships": MEMBERSHIPS, "around": AROUND},
    "guard-integrity": {"around": CHANGED, "guard": GUARDS},
    "required-reviews": {"provenance": PROVENANCES},
    "secret-free": {"scan": SCANS},
}
"""The facts that each control reads beside the run."""


@cache
def facts(control_id: str) -> Raw:
    """Return the facts that a control reads, mostly all of them."""
    sections = {
        key: strategy if key in ("around", "guard") else lossy(strategy)
        for key, strategy in SECTIONS[control_id].items()
    }
    return st.one_of(
        st.fixed_dictionaries({"run": RUNS, **sections}),
        st.fixed_dictionaries({**sections}),
        st.fixed_dictionaries({"run": RUNS}, optional=sections),
    )


def values(kind: Kind) -> Raw:
    """Return written values of a kind."""
    match kind:
        case AtLeast():
            return st.integers(1, 3)
        case AtLevel():
            return st.sampled_from(["read", "write", "admin"])
        case AllOf() | NoneBut():
            lists = st.lists(st.sampled_from(["build", "core", "v*", "v1.2.3", "Team:7"]), min_size=1, unique=True)
            return st.one_of(st.just(True), lists)
        case _:
            return st.just(True)


@cache
def settings(control_id: str) -> Raw:
    """Return settings of a control that ask for something."""
    meta = next(control.META for control in CONTROLS if control_id == control.META.id)
    asked = st.fixed_dictionaries({}, optional={one.id: values(one.kind) for one in meta.requirements})
    return st.fixed_dictionaries(
        {"require": asked.filter(bool)},
        optional={
            "branches": st.lists(ENTRIES, max_size=3, unique=True),
            "events": st.lists(st.sampled_from([event.value for event in Event]), unique=True),
            "roles": ROLES,
            "tables": TABLES,
            "origins": LAYERS,
            "bots": st.lists(st.fixed_dictionaries({"login": LOGINS, "id": st.integers(1, 3)}), max_size=2),
        },
    )
