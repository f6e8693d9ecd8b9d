"""The published schema and the loader accept and refuse the same files, save what no schema can say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from ci_guard.errors import PolicyError
from ci_guard.model.kinds import AllOf, AtLeast, AtLevel, Flag, Kind, NoneBut
from ci_guard.model.meta import Meta
from ci_guard.model.run import Event
from ci_guard.policy.calendars import TIME_KEYS
from ci_guard.policy.contexts import CONDITIONS, RUNNER_KEYS, WHO_KEYS
from ci_guard.policy.document import read_document
from ci_guard.policy.reading import LayerReader
from ci_guard.policy.roles import ROLE_KEYS
from ci_guard.policy.schema import json_schema
from ci_guard.policy.text import PROFILE_FOLDER
from tests.drawing import examples
from tests.policy.given import CASES, METAS, plain

SCHEMA: Final = json_schema(METAS)
VALIDATOR: Final = Draft7Validator(SCHEMA, format_checker=Draft7Validator.FORMAT_CHECKER)

ONLY_THE_LOADER = {
    "number-float": "JSON Schema holds 2.0 for a whole number",
    "version-as-float": "JSON Schema holds 1.0 for 1",
    "requires-nothing": "depends on what lies below",
    "requires-nothing-everything-disabled": "depends on what lies below",
    "control-requires-nothing": "depends on what lies below",
    "control-with-empty-require": "depends on what lies below",
    "below-its-profile-number": "depends on what lies below",
    "below-its-profile-level": "depends on what lies below",
    **{
        f"role-{name}": "depends on what else is written"
        for name in (
            "that-is-not-defined",
            "of-a-context-that-is-not-defined",
            "of-an-actor-that-is-not-defined",
            "that-approves-and-is-not-defined",
            "twice",
        )
    },
    **{
        f"admission-{name}": "depends on what else is written"
        for name in (
            "disabled-beside-its-table",
            "role-that-is-not-defined",
            "row-that-never-admits",
            "without-a-table",
        )
    },
    "context-ref-tag-full": "the rules about branches are told of branches alone",
    **{f"context-zone-{name}": "the names of zones are not listed" for name in ("unknown", "that-is-a-folder")},
    **{f"context-zone-{name}": "the names of zones are not listed" for name in ("that-leads-out", "of-the-machine")},
    **{
        f"context-{name}": "no schema compares two parts of a text, or two keys"
        for name in (
            "hours-empty",
            "freeze-backwards",
            "holiday-in-no-leap-year",
            "ref-and-event-without-tags",
            "ref-and-event-of-tags",
            "author-and-event-without-change",
            "labels-and-event-without-change",
            "platform-and-event-of-another",
            "twice",
        )
    },
    "waiver-approved-by-its-owner": "no schema compares two keys",
    "waiver-since-after-its-end": "no schema compares two keys",
    "waiver-lacks-what-its-own-rules-need": "no schema compares two keys",
    "waiver-lasts-a-day-too-long-over-a-leap-day": "no schema compares two keys",
    "baseline-approved-by-its-owner": "no schema compares two keys",
    "baseline-without-the-owner-that-its-rules-need": "no schema compares two keys",
    "break-glass-of-a-role-that-is-not-defined": "no schema compares two keys",
    "break-glass-reviewed-by-an-undefined-role": "no schema compares two keys",
    "break-glass-reviewed-by-its-own-label": "no schema compares two keys",
    "break-glass-by-dispatch-reviewed-for-its-own-environment": "no schema compares two keys",
    "context-asks-for-less": "depends on what lies below",
    "context-tolerates-more": "depends on what lies below",
    "context-of-a-control-that-requires-nothing": "depends on what lies below",
    "contexts-alone": "depends on what lies below",
}
"""Cases that only the loader refuses, with the reason; those named `yaml-` are about the text itself."""


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def test_every_map_is_closed_and_every_key_has_a_title() -> None:
    def walk(schema: Any, path: str) -> None:
        if isinstance(schema, dict):
            if schema.get("type") == "object":
                assert schema["additionalProperties"] is False, path
                for name, value in schema["properties"].items():
                    assert value.get("title"), f"{path}/{name}"
            for name, value in schema.items():
                walk(value, f"{path}/{name}")
        elif isinstance(schema, list):
            for item in schema:
                walk(item, path)

    walk(SCHEMA, "")


def test_editors_that_read_no_newer_draft_can_use_the_schema() -> None:
    """Keywords of later drafts would be ignored there without a word."""

    def keywords(schema: Any) -> set[str]:
        if isinstance(schema, list):
            return set().union(*map(keywords, schema))
        if not isinstance(schema, dict):
            return set()
        inner = [value for name, value in schema.items() if name != "properties"]
        inner += list(schema.get("properties", {}).values())
        return set(schema).union(*map(keywords, inner))

    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert keywords(SCHEMA) <= {*Draft7Validator.META_SCHEMA["properties"]}


def test_no_true_is_asked_for_in_a_way_that_editors_get_wrong() -> None:
    """See `kinds.true_schema`."""

    def wanted(schema: Any) -> list[Any]:
        if isinstance(schema, list):
            return [value for item in schema for value in wanted(item)]
        if not isinstance(schema, dict):
            return []
        here = [schema[key] for key in ("const", "enum") if key in schema]
        return here + [value for name, part in schema.items() if name != "not" for value in wanted(part)]

    flat = [value for each in wanted(SCHEMA) for value in (each if isinstance(each, list) else [each])]
    assert [value for value in flat if isinstance(value, bool)] == []


def test_an_editor_shows_why_each_requirement_matters_with_an_example_and_where_to_read_more() -> None:
    for meta in METAS:
        shown = SCHEMA["properties"]["controls"]["properties"][meta.id]["properties"]["require"]["properties"]
        for requirement in meta.requirements:
            schema = shown[requirement.id]
            assert schema["title"] == requirement.title
            assert schema["description"].startswith(requirement.why)
            assert schema["description"].endswith(f"docs/controls/{meta.id}.md#{requirement.id}")
            assert schema["examples"]
            for example_value in schema["examples"]:
                Draft7Validator(schema).validate(example_value)


def test_every_key_of_a_role_is_in_the_schema() -> None:
    assert tuple(SCHEMA["properties"]["roles"]["items"]["properties"]) == ROLE_KEYS


def test_every_condition_of_a_context_is_in_the_schema() -> None:
    when = SCHEMA["properties"]["contexts"]["items"]["properties"]["when"]["properties"]
    assert list(when) == list(CONDITIONS)
    for condition, keys in (("actor", WHO_KEYS), ("author", WHO_KEYS), ("runner", RUNNER_KEYS), ("time", TIME_KEYS)):
        assert tuple(when[condition]["properties"]) == keys


def test_every_control_and_requirement_is_in_the_schema() -> None:
    controls = SCHEMA["properties"]["controls"]["properties"]
    for meta in METAS:
        requirements = controls[meta.id]["properties"]["require"]["properties"]
        assert list(requirements) == [requirement.id for requirement in meta.requirements]
        options = {"branches", "bots", "on"} & controls[meta.id]["properties"].keys()
        assert options == meta.options


@pytest.mark.parametrize("path", sorted(PROFILE_FOLDER.glob("*.yml")), ids=lambda path: path.stem)
def test_the_schema_accepts_the_profiles(path: Path) -> None:
    VALIDATOR.validate(plain(read_document(path.read_bytes(), path.name)))


@pytest.mark.parametrize("path", sorted((CASES / "accepted").glob("*.yml")), ids=lambda path: path.stem)
def test_the_schema_accepts_the_good_files(path: Path) -> None:
    VALIDATOR.validate(plain(read_document(path.read_bytes(), path.name)))


@pytest.mark.parametrize("path", sorted((CASES / "refused").glob("[!y]*.yml")), ids=lambda path: path.stem)
def test_the_schema_refuses_the_bad_files(path: Path) -> None:
    valid = VALIDATOR.is_valid(plain(read_document(path.read_bytes(), path.name)))
    assert valid == (path.stem in ONLY_THE_LOADER)


names = st.text(st.sampled_from("ab1 /*.-é"), max_size=3)


def value_of(kind: Kind) -> st.SearchStrategy[Any]:
    match kind:
        case Flag():
            return st.just(True)
        case AtLeast():
            return st.integers(min_value=1, max_value=kind.maximum)
        case AtLevel():
            return st.sampled_from(["read", "triage", "write", "maintain", "admin"])
        case AllOf() | NoneBut():
            return st.just(True) | st.lists(names.filter(bool), min_size=1, max_size=3, unique=True)
        case _:
            raise AssertionError(kind)


OPTIONS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "branches": st.lists(
        st.sampled_from(["default", "current", "main", "release/**", "*"]) | names, min_size=1, max_size=3, unique=True
    ),
    "on": st.lists(st.sampled_from([word.value for word in Event]), min_size=1, max_size=4, unique=True),
    "bots": st.lists(st.fixed_dictionaries({"login": names, "id": st.integers(min_value=1)}), max_size=2),
}


def control_of(meta: Meta) -> st.SearchStrategy[Any]:
    require = st.fixed_dictionaries(
        {}, optional={requirement.id: value_of(requirement.kind) for requirement in meta.requirements}
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "enabled": st.booleans(),
            "locked": st.just(True),
            "on-invisible": st.sampled_from(["deny", "warn"]),
            "require": require,
            **{option: OPTIONS[option] for option in meta.options},
        },
    )


def waiver_of(meta: Meta) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {
            "control": st.just(meta.id),
            "requirement": st.sampled_from([requirement.id for other in METAS for requirement in other.requirements]),
            "reason": st.text(st.sampled_from("a \n\u00a0"), max_size=3),
            "until": st.dates().map(str)
            | st.sampled_from(
                ["2027-02-30", "2027-1-1", "2027-01-31\n", "20270131", "2027-W01-1", "٢٠٢٧-٠١-٣١", "0000-01-01"]
            ),
        },
        optional={
            "subject": names,
            "since": st.sampled_from(["0001-01-01", "2027-02-30"]),
            "fingerprints": st.lists(st.sampled_from(["a" * 64, "A" * 64, "a" * 63, "a" * 64 + "\n"]), max_size=3),
            "owner": account,
            "ticket": account,
        },
    )


account: Final = st.sampled_from(["alice", "", " ", "a" * 200, "a" * 201, 7])


documents = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "extends": st.sampled_from(["builtin:baseline", "builtin:strict"]),
        "mode": st.sampled_from(["enforce", "report"]),
        "audit": st.fixed_dictionaries({"on-failure": st.sampled_from(["deny", "warn"])}),
        "controls": st.fixed_dictionaries({}, optional={meta.id: control_of(meta) for meta in METAS}),
        "waivers": st.lists(st.one_of([waiver_of(meta) for meta in METAS]), max_size=2),
        "baseline": st.fixed_dictionaries(
            {
                "file": st.sampled_from(["a.json", ".a/b", "a//b", "/a", "a/../b", "a/.", "a\\b", "a\n", "..a", "é"]),
                "until": st.sampled_from(["2027-01-31", "2027-1-1"]),
            },
            optional={"owner": account},
        ),
        "waiver-rules": st.fixed_dictionaries(
            {},
            optional={
                "max-days": st.sampled_from([0, 1, 3660, 3661, "90", True]),
                "needs": st.lists(st.sampled_from(["owner", "ticket", "approved-by", "reason"]), max_size=3),
            },
        ),
    },
)

ODD: Final[list[Any]] = [
    None,
    True,
    False,
    0,
    1,
    2,
    101,
    -1,
    2.5,
    10**30,
    "",
    " ",
    "a",
    "yes",
    "true",
    "write",
    "none",
    "-x",
    "a b",
    "refs/heads/a",
    [],
    ["a"],
    ["a", "a"],
    [""],
    [1],
    {},
    {"a": 1},
    {"require": {}},
]
KEYS: Final = [
    "version",
    "extends",
    "require",
    "branches",
    "bots",
    "on",
    "locked",
    "protected",
    "actor",
    "login",
    "id",
    "x",
    "",
]


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    """Return the value with one thing in it replaced, added or left out."""
    inside = isinstance(value, dict | list) and value and draw(st.integers(0, 9)) < 9
    if not inside:
        return draw(st.sampled_from(ODD))
    if isinstance(value, list):
        index = draw(st.integers(0, len(value) - 1))
        changed = draw(spoilt(value[index]))
        return draw(
            st.sampled_from([[*value[:index], changed, *value[index + 1 :]], [*value, changed], [*value, value[index]]])
        )
    key = draw(st.sampled_from(sorted(value)))
    action: Callable[[], Any] = draw(
        st.sampled_from(
            [
                lambda: {**value, key: draw(spoilt(value[key]))},
                lambda: {**value, key: draw(spoilt(value[key]))},
                lambda: {**value, key: draw(spoilt(value[key]))},
                lambda: {**value, draw(st.sampled_from(KEYS)): draw(st.sampled_from(ODD))},
                lambda: {name: kept for name, kept in value.items() if name != key},
            ]
        )
    )
    return action()


def loader_accepts(document: Any) -> bool:
    root = read_document(json.dumps(document).encode(), "p.yml")
    try:
        LayerReader(METAS, 0).read(root)
    except PolicyError:
        return False
    return True


@settings(max_examples=examples(400), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents | documents.flatmap(spoilt))
@example({"version": True})
@example({"version": 1, "controls": {"branch-protection": {"branches": ["main\n"]}}})
@example(
    {"version": 1, "controls": {"branch-protection": {"require": {"approvals": True, "status-checks": ["a", "a"]}}}}
)
@example({"version": 1, "controls": {"actor-permissions": {"bots": [{"login": "x", "id": True}]}}})
@example(
    {
        "version": 1,
        "waivers": [{"control": "secret-free", "requirement": "approvals", "reason": "x", "until": "2027-01-31"}],
    }
)
def test_loader_and_schema_agree(document: Any) -> None:
    accepted = loader_accepts(document)
    event("accepted" if accepted else "refused")
    assert VALIDATOR.is_valid(document) == accepted


WORDS: Final = st.sampled_from(["main", "release/*", "a***", "docs/**", "x y", "default", "", "tag:v1", "any", "none"])
SOME: Final = st.lists(WORDS, min_size=1, max_size=3, unique=True)
ACCOUNTS: Final = st.lists(st.fixed_dictionaries({"login": names, "id": st.integers(0, 3)}), min_size=1, max_size=2)
PEOPLE: Final = st.fixed_dictionaries(
    {},
    optional={
        "login": SOME,
        "id": st.lists(st.integers(0, 2), max_size=2),
        "level": st.lists(st.sampled_from(["none", "write", "owner"]), max_size=2),
        "role": SOME,
    },
)
MOMENTS: Final = st.sampled_from(["2026-12-23", "2027-01-02T08:30", "2028-02-29", "2026-02-30", "1900-01-01", "now"])
HOURS: Final = st.sampled_from(["22:00-06:00", "00:00-24:00", "24:00-01:00", "7:00-8:00", "08:00-08:00"])
TIMES: Final = st.fixed_dictionaries(
    {},
    optional={
        "zone": st.sampled_from(["UTC", "Europe/Berlin", "Mars"]),
        "weekdays": st.lists(st.sampled_from(["mon", "sun", "Monday"]), max_size=2),
        "hours": st.lists(HOURS, max_size=2),
        "freezes": st.lists(st.fixed_dictionaries({"from": MOMENTS}, optional={"to": MOMENTS}), max_size=2),
        "holidays": st.lists(MOMENTS, max_size=2),
    },
)
EVENTS: Final = st.lists(st.sampled_from(["push", "tag", "change", "pull_request", "any"]), max_size=2)
WHEN: Final = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("environment", "ref", "changed-paths", "labels"), SOME),
        "event": EVENTS,
        "platform": st.lists(st.sampled_from(["github", "gitlab", "bitbucket"]), max_size=2),
        "visibility": st.lists(st.sampled_from(["public", "secret"]), max_size=2),
        "actor": PEOPLE,
        "author": PEOPLE,
        "time": TIMES,
        "runner": st.fixed_dictionaries({}, optional={"host": SOME, "labels": SOME}),
    },
)
ADDED: Final = st.sampled_from(
    [{"secret-free": {"require": {"no-secrets": True}}}, {"secret-free": {"enabled": True}}, {}]
)
surrounded = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "contexts": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(["a", "b-1", "B", "-"]), "when": WHEN, "controls": ADDED}),
            max_size=2,
        ),
        "roles": st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["dev", "everybody", "O"])},
                optional={
                    "users": ACCOUNTS,
                    "bots": ACCOUNTS,
                    "teams": st.lists(st.sampled_from(["acme/core", "core", "acme/.."]), max_size=2),
                    "groups": st.lists(st.sampled_from(["acme", "acme/tools/core", "acme//x", "./x"]), max_size=2),
                    "levels": st.lists(st.sampled_from(["none", "write", "owner"]), max_size=2),
                },
            ),
            max_size=2,
        ),
        "admission": st.lists(
            st.fixed_dictionaries(
                {"role": st.sampled_from(["dev", "everybody", "X"]), "events": EVENTS},
                optional={"refs": SOME, "environments": SOME},
            ),
            max_size=2,
        ),
    },
)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(surrounded | surrounded.flatmap(spoilt))
@example({"version": 1, "contexts": [], "roles": []})
@example({"version": 1, "admission": [{"role": "X", "events": ["any"], "refs": ["any"], "environments": ["any"]}]})
@example({"version": 1, "admission": [{"role": "a", "events": ["any"], "refs": ["any"], "environments": ["any"]}]})
def test_an_editor_marks_no_context_role_or_row_that_the_loader_accepts(document: Any) -> None:
    """It cannot mark all that the loader refuses: a zone, a role that is not defined, conditions that never meet."""
    accepted = loader_accepts(document)
    event("accepted" if accepted else "refused")
    assert not accepted or VALIDATOR.is_valid(document)
