"""Whole policies of every key, few values and many combinations, for the properties that hold of any layers."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.drawing import examples

Raw = st.SearchStrategy[Any]

ROLES: Final[dict[str, dict[str, Any]]] = {
    "devs": {"name": "devs", "levels": ["write", "admin"]},
    "ops": {"name": "ops", "users": [{"login": "olivia", "id": 1}], "teams": ["acme/ops"]},
}
FRIENDS: Final = {"name": "friends", "levels": ["none", "read", "write", "admin"], "users": [{"login": "x", "id": 2}]}
"""A role that a nearer layer brings, which nearly everybody holds."""

ASKED: Final[dict[str, dict[str, list[Any]]]] = {
    "branch-protection": {
        "protected": [True],
        "approvals": [1, 2, 3],
        "status-checks": [True, ["a"], ["a", "b"]],
        "no-bypass": [True, ["Team:7"], ["Team:7", "Team:8"]],
    },
    "actor-permissions": {
        "actor": ["read", "write", "admin"],
        "role": [["devs"], ["ops"], ["devs", "ops"]],
        "consistent-identity": [True],
    },
    "required-reviews": {"approvals": [1, 2], "authority": ["read", "admin"]},
    "secret-free": {"no-secrets": [True], "complete-scan": [True]},
}
"""Few requirements, of every kind, so that random layers often speak of the same one."""

OPTIONS: Final[dict[str, list[Any]]] = {
    "on-invisible": ["deny", "warn"],
    "branches": [["default"], ["default", "main"], ["release/*"]],
    "on": [["push", "tag"], ["push", "tag", "change", "queue", "schedule", "manual"]],
    "bots": [[{"login": "x[bot]", "id": 1}], [{"login": "x[bot]", "id": 1}, {"login": "y[bot]", "id": 2}]],
}
TAKES: Final = {
    "branch-protection": ["on-invisible", "branches"],
    "actor-permissions": ["on-invisible", "bots"],
    "required-reviews": ["on-invisible", "branches", "on"],
    "secret-free": ["on-invisible"],
}
NAMES: Final = [(control, name) for control, asked in ASKED.items() for name in asked]


def thorough(drawn: int) -> settings:
    """Return settings for properties of whole policies, of which each example takes tens of milliseconds."""
    return settings(
        max_examples=drawn,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[phase for phase in Phase if phase is not Phase.explain],
    )


FEW: Final = thorough(examples(25))
MANY: Final = thorough(500)
"""For the same property, marked as slow."""


def some(**fields: Raw) -> Raw:
    """Return maps of one to three of these keys, written with hyphens."""
    chosen = st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3, unique=True)
    return chosen.flatmap(
        lambda keys: st.fixed_dictionaries({key.replace("_", "-"): fields[key] for key in sorted(keys)})
    )


def control(name: str, *, within: bool = False, nearer: bool = False) -> Raw:
    """Return what a policy, or a context in one, says of a control; a nearer one what a lower one rarely refuses."""
    asked = some(**{each.replace("-", "_"): st.sampled_from(values) for each, values in ASKED[name].items()})
    keys = {
        key: st.sampled_from(OPTIONS[key][-1:] if nearer else OPTIONS[key])
        for key in TAKES[name]
        if not (within and key == "bots") and not (nearer and key == "on-invisible")
    }
    said = st.fixed_dictionaries({"require": asked}, optional=keys)
    if within:
        return said
    locked = said.map(lambda fields: {**fields, "locked": True})
    return st.integers(0, 15).flatmap(lambda luck: {0: locked, 1: st.just({"enabled": False})}.get(luck, said))


CALENDARS: Final = st.builds(
    lambda zone, more: {"zone": zone, **more},
    st.sampled_from(["UTC", "Europe/Berlin"]),
    some(
        weekdays=st.sampled_from([["fri"], ["fri", "sat"]]),
        hours=st.sampled_from([["22:00-06:00"], ["15:00-24:00", "00:00-01:30"]]),
        freezes=st.sampled_from(
            [
                [{"from": "2026-12-23", "to": "2027-01-02"}],
                [{"from": "2026-12-23T18:00", "to": "2027-01-02T06:30"}, {"from": "2028-02-29", "to": "2028-02-29"}],
            ]
        ),
        holidays=st.just(["2028-02-29"]),
    ),
)
PEOPLE: Final = some(
    login=st.sampled_from([["alice"], ["Alice", "bob"]]),
    id=st.sampled_from([[1], [1, 2]]),
    level=st.sampled_from([["none", "read"], ["write"]]),
    role=st.sampled_from([["devs"], ["devs", "ops"]]),
)
WHEN: Final = some(
    environment=st.sampled_from([["production"], ["production", "staging"], ["prod-*"]]),
    ref=st.sampled_from([["default"], ["default", "tag:v*"]]),
    event=st.sampled_from([["change"], ["push", "change"]]),
    platform=st.sampled_from([["github"], ["github", "gitlab"]]),
    visibility=st.sampled_from([["public"], ["public", "private"]]),
    actor=PEOPLE,
    changed_paths=st.sampled_from([["src/**"], ["src/**", ".github/**"]]),
    labels=st.sampled_from([["big"], ["big", "two words"]]),
    time=CALENDARS,
    runner=some(
        host=st.sampled_from([["hosted"], ["hosted", "self-hosted"]]),
        labels=st.sampled_from([["gpu-*"], ["gpu-*", "arm"]]),
    ),
)


def context() -> Raw:
    """Return a context."""
    return st.builds(
        lambda name, when, controls: {"name": name, "when": when, "controls": controls},
        st.sampled_from(["one", "two"]),
        WHEN,
        some(**{name.replace("-", "_"): control(name, within=True, nearer=True) for name in ASKED}),
    )


def tables(*roles: str) -> Raw:
    """Return a table with rows of these roles, and of everybody."""
    rows = st.builds(
        lambda role, events, refs, environments: {
            "role": role,
            "events": events,
            "refs": refs,
            "environments": environments,
        },
        st.sampled_from(["everybody", *roles]),
        st.sampled_from([["any"], ["push", "queue"], ["push", "change", "tag", "manual"]]),
        st.sampled_from([["any"], ["default"], ["default", "tag:v*"]]),
        st.sampled_from([["any"], ["none"], ["none", "production"]]),
    )
    return st.lists(rows, min_size=1, max_size=3)


def waivers(names: list[tuple[str, str]]) -> Raw:
    """Return waivers for some of these requirements."""
    waiver = st.builds(
        lambda pair, until, more: {
            "control": pair[0],
            "requirement": pair[1],
            "reason": "x: #y",
            "until": until,
            **more,
        },
        st.sampled_from(names),
        st.sampled_from(["2028-02-29", "2028-03-31"]),
        st.fixed_dictionaries(
            {"owner": st.just("a")},
            optional={
                "ticket": st.just("T-1"),
                "since": st.just("2028-02-01"),
                "subject": st.just("main"),
                "fingerprints": st.just(["a1" * 32]),
            },
        ),
    )
    return st.lists(waiver, min_size=1, max_size=2)


def asked_by(layer: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the requirements that a layer speaks of, those of its contexts included."""
    parts = [layer.get("controls", {}), *(each["controls"] for each in layer.get("contexts", []))]
    return [(name, each) for part in parts for name, said in part.items() for each in said.get("require", {})]


RULES: Final = some(max_days=st.sampled_from([60, 90]), needs=st.just(["owner"]))
BASELINE: Final = {"file": "known.json", "until": "2028-02-29", "owner": "a"}


def keys(*, nearer: bool) -> dict[str, Raw]:
    """Return what each key of a policy may hold; `version` and `roles` are always there."""
    known = [*ROLES, *(["friends"] if nearer else [])]
    contexts = st.lists(context(), min_size=1, max_size=2, unique_by=lambda each: str(each["name"]))
    return {
        "extends": st.just("builtin:baseline"),
        "locked": st.just(True),
        "mode": st.sampled_from(["enforce", "enforce", "report"]),
        "policy-branch": st.just("policy"),
        "audit": st.sampled_from([{"on-failure": "deny"}, *([] if nearer else [{"on-failure": "warn"}])]),
        "controls": some(**{name.replace("-", "_"): control(name, nearer=nearer) for name in ASKED}),
        "contexts": contexts,
        "admission": tables(*known),
        "waivers": waivers(NAMES),
        "waiver-rules": RULES,
        "baseline": st.just(BASELINE),
        "break-glass": st.builds(
            lambda way, role, hours, review: {
                "by": way[0],
                way[1]: "now",
                "role": role,
                "hours": hours,
                **({"review": {way[1]: "seen", "role": known[0], "days": 30}} if review else {}),
            },
            st.sampled_from([("label", "label"), ("dispatch", "environment")]),
            st.sampled_from(known),
            st.sampled_from([1, 72]),
            st.booleans(),
        ),
    }


SELDOM: Final = {"extends": 8, "locked": 24}
"""One in how many layers says so, where that is not one in three."""
OF_ONE: Final = ("baseline", "break-glass")
"""Keys that one layer has and no other."""


@st.composite
def stacks(draw: st.DrawFn, size: int) -> list[dict[str, Any]]:
    """Return layers, the organisation's first, which requires something; some are refused."""
    owners = {key: draw(st.integers(0, size)) for key in OF_ONE}
    layers: list[dict[str, Any]] = []
    for rank in range(size):
        layer: dict[str, Any] = {"version": 1, "roles": [*ROLES.values(), *([FRIENDS] if rank else [])]}
        for key, values in keys(nearer=rank > 0).items():
            wanted = owners[key] == rank if key in owners else not draw(st.integers(0, SELDOM.get(key, 3) - 1))
            if wanted:
                layer[key] = draw(values)
        if not rank:
            layer["controls"] = {**layer.get("controls", {}), "secret-free": {"require": {"no-secrets": True}}}
        elif "waivers" in layer and draw(st.booleans()):
            pardon_below(draw, layers[0], layer)
        layers.append(layer)
    return layers


def pardon_below(draw: st.DrawFn, floor: dict[str, Any], layer: dict[str, Any]) -> None:
    """Let a layer ask itself what it waives, and the organisation asks in some context or always."""
    layer["waivers"] = draw(waivers(asked_by(floor)))
    controls = layer.setdefault("controls", {})
    for waiver in layer["waivers"]:
        name, requirement = waiver["control"], waiver["requirement"]
        if controls.get(name, {}).get("enabled", True):
            said = controls.setdefault(name, {"require": {}})
            said["require"][requirement] = ASKED[name][requirement][-1]
