"""A replay equals the run, whatever policies say and whatever is known; other policies settle their own contexts."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ci_guard import contexts
from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints import cli
from ci_guard.gate import judged
from ci_guard.model import codec
from ci_guard.model.circumstances import Circumstances, Visibility
from ci_guard.model.fact import Fact, Known, Source, unavailable
from ci_guard.model.facts import Facts
from ci_guard.model.recorded import Recorded
from ci_guard.model.run import Event, Platform, unknown_run
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Mode, Policy
from ci_guard.records import replace
from ci_guard.replay.reading import decoded
from ci_guard.reporters import facts as facts_report
from ci_guard.reporters import json_v1, markdown
from tests.drawing import examples
from tests.policy.given import METAS, policy_of
from tests.replay.strategies import values

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)

ROLES = [
    {"name": "developers", "levels": ["write", "maintain"], "teams": ["acme/shop"], "groups": ["acme/shop"]},
    {"name": "robots", "bots": [{"login": "main", "id": 1}]},
]
PARTS: list[dict[str, Any]] = [
    {
        "contexts": [
            {
                "name": "production",
                "when": {"environment": ["main", "prod*"]},
                "controls": {"actor-permissions": {"require": {"actor": "admin"}}},
            },
            {
                "name": "mixed",
                "when": {
                    "visibility": ["public"],
                    "labels": ["main"],
                    "changed-paths": ["**"],
                    "actor": {"role": ["developers"]},
                },
                "controls": {"required-reviews": {"require": {"approvals": 2}}},
            },
            {
                "name": "noon",
                "when": {"time": {"zone": "Europe/Berlin", "hours": ["12:00-14:00"]}, "runner": {"host": ["hosted"]}},
                "controls": {"secret-free": {"require": {"complete-scan": True}}},
            },
        ]
    },
    {
        "admission": [
            {"role": "developers", "events": ["push"], "refs": ["any"], "environments": ["none", "main"]},
            {"role": "everybody", "events": ["change"], "refs": ["any"], "environments": ["any"]},
        ]
    },
    {
        "waivers": [
            {
                "control": "actor-permissions",
                "requirement": "actor",
                "reason": "r",
                "until": "2026-12-31",
                "owner": "o",
            },
            {"control": "secret-free", "requirement": "no-secrets", "reason": "over", "until": "2026-11-24"},
        ]
    },
    {"break-glass": {"by": "label", "label": "main", "role": "developers", "hours": 4}},
    {"controls": {"branch-protection": {"on-invisible": "warn", "branches": ["default"], "require": {"approvals": 1}}}},
]
BASE: dict[str, Any] = {
    "version": 1,
    "roles": ROLES,
    "controls": {
        "actor-permissions": {"require": {"actor": "write", "role": ["developers"]}},
        "required-reviews": {"require": {"approvals": 1}},
        "secret-free": {"require": {"no-secrets": True}},
    },
}


@cache
def policies() -> list[Policy]:
    """Return the base with each choice of the parts."""
    made = []
    for chosen in range(2 ** len(PARTS)):
        text: dict[str, Any] = {**BASE, "controls": dict(BASE["controls"])}
        for number, part in enumerate(PARTS):
            if chosen >> number & 1:
                text |= {**part, "controls": {**text["controls"], **part.get("controls", {})}}
        made.append(policy_of(text))
    return made


unhurried = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(unhurried, max_examples=examples(6))
@given(data=st.data())
def test_a_replay_equals_the_run(data: st.DataObject) -> None:
    equals(data)


@pytest.mark.slow
@settings(unhurried, max_examples=100, phases=(Phase.generate,))
@given(data=st.data())
def test_every_replay_equals_its_run(data: st.DataObject) -> None:
    equals(data)


def equals(data: st.DataObject) -> None:
    facts = data.draw(values(Facts))
    policy = data.draw(st.sampled_from(policies()))
    earlier = tuple(data.draw(st.lists(st.sampled_from(policies()[-4:]), max_size=2, unique_by=id)))
    proposed = data.draw(st.sampled_from([None, *policies()[-4:]]))
    run = Recorded(
        version="0",
        time=data.draw(values(datetime)),
        advisory=data.draw(st.booleans()),
        modes=data.draw(st.sampled_from([(), (Mode.REPORT,), (Mode.ENFORCE,)])),
        policy=policy,
        settled=contexts.settle(policy, facts),
        earlier=earlier,
        earlier_settled=tuple(contexts.settle(each, facts) for each in earlier),
        doubt=data.draw(st.sampled_from([None, unavailable("no answer")])),
        proposed=proposed,
        proposed_settled=contexts.settle(proposed, facts) if proposed else None,
        policy_path=".ci-guard.yml",
        facts=facts,
    )
    first = judged(run, CONTROLS, "0")
    kept = facts_report.render(first)
    again = judged(decoded(kept.encode(), "kept", METAS), CONTROLS, "0")
    assert json_v1.render(again) == json_v1.render(first)
    assert markdown.render(again) == markdown.render(first)
    assert facts_report.render(again) == kept


def known(value: Any) -> Known[Any]:
    return Known(value=value, source=Source.API)


def recorded(environments: tuple[Fact[str], ...] | None) -> Recorded:
    """Return a run that its own policy allows."""
    around = Circumstances() if environments is None else Circumstances(environments=environments)
    around = replace(around, now=known(NOW), visibility=known(Visibility.PRIVATE))
    there = replace(unknown_run(Platform.GITHUB, "a test"), event=known(Event.PUSH), ref=known("refs/heads/main"))
    facts = Facts(run=there, circumstances=around, scan=known(SecretScan()))
    policy = policy_of({"version": 1, "controls": {"secret-free": {"require": {"no-secrets": True}}}})
    return Recorded(version="0", time=NOW, advisory=False, policy=policy, settled=policy, facts=facts)


NEW: Mapping[str, Any] = {
    "version": 1,
    "controls": {"secret-free": {"require": {"no-secrets": True}}},
    "contexts": [
        {
            "name": "production",
            "when": {"environment": ["production"], "event": ["push"]},
            "controls": {"required-reviews": {"require": {"approvals": 1}}},
        }
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    (tmp_path / "new.yml").write_text(json.dumps(NEW))
    for name, environments in {
        "production": (known("production"),),
        "staging": (known("staging"),),
        "nowhere": (),
        "unasked": None,
        "unknown": (unavailable("the server did not answer"),),
    }.items():
        text = json.dumps(codec.encode(recorded(environments), Recorded))
        (tmp_path / "runs" / f"{name}.json").write_text(text)
    return tmp_path


def said(*words: str) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.run(list(words), {}, out, err), out.getvalue() + err.getvalue()


def test_a_simulation_settles_the_new_policy_s_contexts_by_each_run_s_own_facts(folder: Path) -> None:
    new = ("policy", "simulate", "--policy", str(folder / "new.yml"), str(folder / "runs"))
    code, told = said(*new, "--format", "json")
    rows = {Path(row["run"]).stem: row for row in json.loads(told)}
    assert code == 1
    assert {name: row["after"] for name, row in rows.items()} == {
        "production": "undecided",
        "staging": "allow",
        "nowhere": "allow",
        "unasked": "undecided",
        "unknown": "undecided",
    }
    assert {row["before"] for row in rows.values()} == {"allow"}
    assert rows["unasked"]["uncollected"]
    assert "does not apply: the environment is staging" in rows["staging"]["contexts"][0]
    assert "nothing rules it out" in rows["unknown"]["contexts"][0]
    code, told = said(*new)
    assert (code, "3 would newly be denied, 0 newly allowed, 2 as before" in told) == (1, True)
    assert "production at" in told


@pytest.mark.parametrize(("name", "exit_code"), [("production", 3), ("staging", 0), ("unasked", 3)])
def test_a_record_is_judged_by_another_policy_s_contexts_by_its_own_facts(
    folder: Path, name: str, exit_code: int
) -> None:
    policy = ("--policy", str(folder / "new.yml"))
    code, told = said("check", "--facts", str(folder / "runs" / f"{name}.json"), *policy)
    assert (code, "Context production" in told) == (exit_code, True), told


def test_roles_that_nobody_asked_about_are_unknown_and_admit_nobody(folder: Path) -> None:
    wall = {"version": 1, "roles": ROLES, **PARTS[1]}
    (folder / "wall.yml").write_text(json.dumps(wall))
    code, told = said(
        "policy",
        "simulate",
        "--policy",
        str(folder / "wall.yml"),
        str(folder / "runs/staging.json"),
        "--format",
        "json",
    )
    (row,) = json.loads(told)
    assert (code, row["after"], row["uncollected"]) == (1, "undecided", True)
