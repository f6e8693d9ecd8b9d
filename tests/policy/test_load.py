"""Layers to a policy: who asks for what, whose bots and waivers count, and what it is identified by."""

from __future__ import annotations

from datetime import date

import pytest

from ci_guard.model.kinds import Level, Names
from ci_guard.model.settings import DEFAULT_EVENTS, Bot, Mode, OnInvisible
from ci_guard.policy.load import load, load_builtin
from ci_guard.policy.reading import PROFILES
from ci_guard.policy.text import PROFILE_FOLDER, PolicyText
from tests.policy.given import CASES, METAS, policy_of, refused


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_literally_what_the_contract_says(name: str) -> None:
    lines = (PROFILE_FOLDER / f"{name}.yml").read_text(encoding="utf-8").splitlines(keepends=True)
    contract = (CASES / "profiles" / f"{name}.yml").read_text(encoding="utf-8")
    assert "".join(line for line in lines if not line.startswith("#")) == "version: 1\n" + contract


def test_every_profile_file_can_be_extended() -> None:
    assert sorted(PROFILES) == sorted(path.stem for path in PROFILE_FOLDER.glob("*.yml"))


def test_without_a_file_the_profile_alone_is_the_policy() -> None:
    policy = load_builtin("baseline", METAS)
    assert policy.source == "builtin:baseline"
    assert policy.layers == ("builtin:baseline",)
    # A table of who may run what is everybody's own, and so is what makes sure of the guard.
    own = ("admission", "guard-integrity")
    assert list(policy.controls) == [meta.id for meta in METAS if meta.id not in own]
    assert {place for settings in policy.controls.values() for place in settings.said_by.values()} == {
        "builtin:baseline"
    }
    assert policy.controls["branch-protection"].on_invisible is OnInvisible.WARN
    assert policy.controls["required-reviews"].on_invisible is OnInvisible.DENY
    assert policy.controls["required-reviews"].on == DEFAULT_EVENTS
    assert (policy.mode, policy.waivers, policy.notes) == (None, (), ())


def test_strict_asks_for_all_that_baseline_asks() -> None:
    strict = policy_of("version: 1\nextends: builtin:strict\n")
    both = policy_of(
        "version: 1\nextends: builtin:baseline\ncontrols: {branch-protection: {on-invisible: deny}}\n",
        "version: 1\nextends: builtin:strict\n",
    )
    for name, settings in strict.controls.items():
        assert both.controls[name].require == settings.require


def test_the_example_of_the_contract_leaves_out_a_control_of_the_profile_that_it_chose() -> None:
    policy = policy_of("version: 1\nextends: builtin:baseline\ncontrols:\n  secret-free: {enabled: false}\n")
    assert list(policy.controls) == ["branch-protection", "actor-permissions", "required-reviews"]
    assert policy.notes == ("secret-free is not judged: layer-0:4 disables it.",)


def test_without_extends_a_policy_starts_from_nothing() -> None:
    policy = policy_of("version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n")
    assert {name: dict(settings.require) for name, settings in policy.controls.items()} == {
        "secret-free": {"no-secrets": True}
    }


def test_a_control_without_requirements_may_be_filled_by_another_layer() -> None:
    control = "version: 1\ncontrols: {secret-free: {}}\n"
    assert "secret-free is enabled and requires nothing" in refused(control).message
    policy = policy_of(control, "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n")
    assert policy.controls["secret-free"].require == {"no-secrets": True}


def test_a_nearer_layer_may_enable_what_a_lower_one_left_off() -> None:
    policy = policy_of(
        "version: 1\nextends: builtin:baseline\ncontrols: {secret-free: {enabled: false}}\n",
        "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n",
    )
    assert policy.controls["secret-free"].require == {"no-secrets": True}
    assert policy.notes == ()


def test_layers_add_up() -> None:
    policy = policy_of(
        """
        version: 1
        controls:
          branch-protection:
            on-invisible: warn
            require: {approvals: 1, status-checks: [build], no-bypass: [DeployKey, "Team:7"], linear-history: true}
          actor-permissions: {require: {actor: write}}
        """,
        """
        version: 1
        mode: enforce
        controls:
          branch-protection:
            branches: ["release/*"]
            on-invisible: deny
            require: {approvals: 2, status-checks: [test], no-bypass: ["Team:7", "Team:8"], protected: true}
          actor-permissions: {require: {actor: write}}
        """,
    )
    branch = policy.controls["branch-protection"]
    assert dict(branch.require) == {
        "protected": True,
        "approvals": 2,
        "status-checks": Names(frozenset({"build", "test"})),
        "no-bypass": Names(frozenset({"Team:7"})),
        "linear-history": True,
    }
    assert dict(branch.said_by) == {
        "protected": "layer-1:8",
        "approvals": "layer-1:8",
        "status-checks": "layer-0:6 and layer-1:8",
        "no-bypass": "layer-0:6 and layer-1:8",
        "linear-history": "layer-0:6",
        "branches": "layer-0:4 and layer-1:6",
        "on-invisible": "layer-1:7",
    }
    assert branch.branches == ("default", "release/*")
    assert branch.on_invisible is OnInvisible.DENY
    assert policy.mode is Mode.ENFORCE
    assert policy.controls["actor-permissions"].said_by == {"actor": "layer-0:7", "on-invisible": "layer-0:7"}


def test_a_nearer_layer_that_says_nothing_of_it_keeps_what_a_lower_one_tolerates() -> None:
    policy = policy_of(
        "version: 1\nextends: builtin:baseline\n",
        "version: 1\ncontrols: {branch-protection: {require: {approvals: 2}}}\n",
    )
    assert policy.controls["branch-protection"].on_invisible is OnInvisible.WARN


def test_a_file_may_tolerate_what_the_profile_that_it_chose_leaves_open() -> None:
    policy = policy_of(
        """
        version: 1
        extends: builtin:strict
        controls: {branch-protection: {on-invisible: warn}, required-reviews: {on: [push]}}
        """
    )
    assert policy.controls["branch-protection"].on_invisible is OnInvisible.WARN
    assert [event.value for event in policy.controls["required-reviews"].on or ()] == ["push"]


def test_report_holds_where_no_lower_layer_said_enforce() -> None:
    assert policy_of("version: 1\nextends: builtin:baseline\n", "version: 1\nmode: report\n").mode is Mode.REPORT
    assert (
        policy_of("version: 1\nextends: builtin:baseline\nmode: report\n", "version: 1\nmode: enforce\n").mode
        is Mode.ENFORCE
    )


RENOVATE = Bot(login="renovate[bot]", id=29139614)
OTHER = Bot(login="other[bot]", id=7)


def bots(bot: Bot) -> str:
    return f'bots: [{{login: "{bot.login}", id: {bot.id}}}]'


def test_bots_count_for_what_their_own_layer_or_a_nearer_one_set() -> None:
    policy = policy_of(
        f"version: 1\ncontrols: {{actor-permissions: {{require: {{actor: read}}, {bots(OTHER)}}}}}\n",
        f"""
        version: 1
        controls:
          actor-permissions:
            require: {{actor: write, sender: read, consistent-identity: true}}
            {bots(RENOVATE)}
        """,
    )
    settings = policy.controls["actor-permissions"]
    assert settings.require["actor"] is Level.WRITE
    assert dict(settings.bots) == {"actor": (OTHER,), "sender": (OTHER, RENOVATE)}
    ignored = "Bot 'renovate[bot]' at layer-1:6 does not count for actor-permissions/actor: layer-0 requires it."
    assert policy.notes == (ignored,)


def test_bots_count_for_the_profile_that_their_file_extends() -> None:
    policy = policy_of(
        f"version: 1\nextends: builtin:baseline\ncontrols: {{actor-permissions: {{{bots(RENOVATE)}}}}}\n"
    )
    assert dict(policy.controls["actor-permissions"].bots) == {"actor": (RENOVATE,), "triggering-actor": (RENOVATE,)}


def waiver(requirement: str) -> str:
    which = f"control: branch-protection, requirement: {requirement}, subject: main"
    return f"waivers: [{{{which}, reason: TICKET-1, until: 2027-01-31}}]\n"


def test_a_waiver_counts_for_the_profile_that_its_file_extends() -> None:
    policy = policy_of("version: 1\nextends: builtin:baseline\n" + waiver("approvals"))
    (found,) = policy.waivers
    assert (found.control, found.requirement, found.subject, found.reason) == (
        "branch-protection",
        "approvals",
        "main",
        "TICKET-1",
    )
    assert (found.until, found.place) == (date(2027, 1, 31), "layer-0:3")
    assert policy.notes == ()


def test_a_project_cannot_waive_what_its_organisation_asks() -> None:
    policy = policy_of("version: 1\nextends: builtin:baseline\n", "version: 1\n" + waiver("approvals"))
    assert policy.waivers == ()
    assert policy.notes == ("Waiver for branch-protection/approvals at layer-1:2 does not count: layer-0 requires it.",)


def test_a_project_does_not_win_the_right_to_waive_by_asking_for_more() -> None:
    """Two approvals, waived, would be less than the one that the organisation asks for."""
    raised = "version: 1\ncontrols: {branch-protection: {require: {approvals: 2}}}\n" + waiver("approvals")
    policy = policy_of("version: 1\nextends: builtin:baseline\n", raised)
    assert policy.controls["branch-protection"].require["approvals"] == 2
    assert policy.waivers == ()


def test_an_organisation_can_waive_what_a_project_asks() -> None:
    asks = "version: 1\ncontrols: {branch-protection: {require: {approvals: 2}}}\n"
    policy = policy_of(
        "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n" + waiver("approvals"), asks
    )
    assert [found.place for found in policy.waivers] == ["layer-0:3"]


def test_a_waiver_of_what_nobody_requires_is_noted() -> None:
    policy = policy_of("version: 1\nextends: builtin:baseline\n" + waiver("include-admins"))
    assert policy.waivers == ()
    assert policy.notes == (
        "Waiver for branch-protection/include-admins at layer-0:3 covers nothing: no layer requires it.",
    )


def test_a_policy_names_its_layers_and_its_nearest_source() -> None:
    policy = policy_of("version: 1\nextends: builtin:baseline\n", "version: 1\nmode: report\n")
    assert policy.layers == ("builtin:baseline", "layer-0", "layer-1")
    assert policy.source == "layer-1"


def test_the_digest_is_of_all_bytes_and_of_where_a_layer_ends() -> None:
    first, second = "version: 1\nextends: builtin:baseline\n", "version: 1\nmode: report\n"
    digests = {
        policy_of(*texts).sha256
        for texts in [
            (first,),
            (first, second),
            (first + "#\n", second),
            (first + "#", second),
            (first, "#\n" + second),
            (first.replace("line", "line "),),
        ]
    }
    assert len(digests) == 6
    assert all(len(digest) == 64 for digest in digests)
    content = first.encode()
    elsewhere = load([PolicyText(content=content, place="another place")], METAS)
    assert elsewhere.sha256 == policy_of(first).sha256
