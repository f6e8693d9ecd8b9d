"""The whole decision on collected facts: nobody gains by making a fact unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ci_guard import contexts
from ci_guard.choosing import check_only, choose, explain_absence
from ci_guard.collect import collect, scan_checkout
from ci_guard.controls.judge import judge
from ci_guard.controls.registry import CONTROLS
from ci_guard.decide import decide
from ci_guard.errors import UsageError
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.github.adapter import GitHub
from ci_guard.gate import gather, judged
from ci_guard.model.decision import Result, Verdict
from ci_guard.model.fact import Cause
from ci_guard.model.facts import NOT_COLLECTED, Facts
from ci_guard.model.judgement import Outcome
from ci_guard.model.kinds import Level
from ci_guard.model.recorded import Recorded
from ci_guard.model.settings import Mode, OnInvisible, Policy
from ci_guard.policy.load import load, load_builtin
from ci_guard.policy.text import PolicyText
from tests.controls import language
from tests.e2e import consumer
from tests.facts_walker import weakened
from tests.fakes.github import FakeGitHub

METAS = tuple(control.META for control in CONTROLS)
TOLERATED = {"baseline": (".branches", ".tags"), "strict": (), "tolerant": ()}
"""Which facts only controls with `on-invisible: warn` look at."""
TODAY = date(2026, 11, 21)


def policies() -> dict[str, Policy]:
    strict = load_builtin("strict", METAS)
    tolerant = replace(
        strict, controls={name: replace(s, on_invisible=OnInvisible.WARN) for name, s in strict.controls.items()}
    )
    return {"baseline": load_builtin("baseline", METAS), "strict": strict, "tolerant": tolerant}


def verdict_of(facts: Facts, policy: Policy) -> Verdict:
    judgements = [
        judgement
        for control in choose(CONTROLS, (), policy)
        for judgement in judge(control, facts, policy.controls[control.META.id])
    ]
    assert all(judgement.outcome is not Outcome.ERROR for judgement in judgements)
    return decide(judgements, policy, metas=METAS, mode=Mode.ENFORCE, today=TODAY).verdict


@pytest.fixture
def collected(github: FakeGitHub, tmp_path: Path) -> Callable[..., Facts]:
    def gather(policy: Policy, event: str, **shop_settings: Any) -> Facts:
        shop = consumer.make(github, tmp_path / "shop", merged=event == "push", **shop_settings)
        if event == "push":
            run = shop.repo.run("push", actor="olivia", sha=shop.merge)
            payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
        else:
            run = shop.repo.run("pull_request", actor="alice", pull=shop.pull)
            payload = github.events(shop.repo).pull_request(shop.pull)
        admin = github.token(
            "admin", kind="user", login="olivia", permissions={"administration": "write", "contents": "write"}
        )
        environ = github.job_environment(shop.repo, run, payload, tmp_path / "job")
        environ |= {"GITHUB_TOKEN": github.token("job").value, "CI_GUARD_TOKEN": admin.value}
        checkout = Checkout(shop.path)
        forge = GitHub(environ, checkout)
        judged = forge.run()
        wants = [(control, policy.controls[control.META.id]) for control in choose(CONTROLS, (), policy)]
        return collect(
            run=judged,
            wants=wants,
            forge=forge,
            scan=lambda: scan_checkout(checkout, judged, target=forge.target_commit, today=TODAY),
        )

    return gather


def losses(facts: Facts) -> Iterator[tuple[str, Cause, Facts]]:
    for cause in Cause:
        for place, variant in weakened(facts, cause):
            yield place, cause, variant


@pytest.mark.parametrize("event", ["push", "pull_request"])
@pytest.mark.parametrize("approved_by", [("bob",), (), ("alice",)], ids=["approved", "unapproved", "self-approved"])
@pytest.mark.parametrize(
    "name",
    ["baseline", pytest.param("strict", marks=pytest.mark.slow), pytest.param("tolerant", marks=pytest.mark.slow)],
)
def test_losing_a_fact_never_turns_a_denial_into_an_allow(
    collected: Callable[..., Facts], event: str, approved_by: tuple[str, ...], name: str
) -> None:
    """Save where the policy tolerates this very fact being invisible; an unavailable one never opens the gate."""
    policy = policies()[name]
    facts = collected(policy, event, approved_by=approved_by)
    before = verdict_of(facts, policy)
    places = 0
    for place, cause, variant in losses(facts):
        places += 1
        after = verdict_of(variant, policy)
        tolerated = cause is Cause.INVISIBLE and (name == "tolerant" or place.startswith(TOLERATED[name]))
        if before is not Verdict.ALLOW and not tolerated:
            assert after is not Verdict.ALLOW, f"losing {place} ({cause.value}) opened the gate"
    assert places > 30, "the facts of a whole run are walked"


def test_an_approved_merge_is_allowed_with_all_facts_known(collected: Callable[..., Facts]) -> None:
    policy = policies()["baseline"]
    assert verdict_of(collected(policy, "push"), policy) is Verdict.ALLOW


def test_a_control_that_breaks_denies_with_its_own_requirements_alone(collected: Callable[..., Facts]) -> None:
    policy = policies()["baseline"]
    facts = collected(policy, "push")

    class Broken:
        META = CONTROLS[0].META
        needs = CONTROLS[0].needs

        @staticmethod
        def check(*_: object) -> Iterator[Any]:
            raise ValueError("the text of an exception could hold anything that was read")

    settings = policy.controls["branch-protection"]
    judgements = judge(Broken(), facts, settings)
    assert {judgement.requirement for judgement in judgements} == set(settings.require)
    assert {judgement.outcome for judgement in judgements} == {Outcome.ERROR}
    assert all("anything" not in judgement.message for judgement in judgements)


def test_a_control_that_answers_nothing_is_an_error_and_not_a_pass() -> None:
    class Silent:
        META = CONTROLS[0].META
        needs = CONTROLS[0].needs

        @staticmethod
        def check(*_: object) -> Iterator[Any]:
            return iter(())

    settings = policies()["baseline"].controls["branch-protection"]
    assert {j.outcome for j in judge(Silent(), None, settings)} == {Outcome.ERROR}  # type: ignore[arg-type]


def test_recorded_facts_settle_the_contexts_of_a_policy_once_more(github: FakeGitHub, tmp_path: Path) -> None:
    """What was collected for a run is all that it takes to judge it again, its clock included."""
    shop = consumer.make(github, tmp_path / "shop")
    text = (
        "version: 1\nextends: builtin:baseline\ncontexts:\n"
        "  - name: night\n    when: {time: {zone: Asia/Tokyo, hours: ['22:00-06:00']}}\n"
        "    controls: {actor-permissions: {require: {actor: admin}}}\n"
        "  - name: code\n    when: {changed-paths: ['**'], visibility: [private], actor: {level: [admin]}}\n"
        "    controls: {actor-permissions: {require: {sender: write}}}\n"
    )
    policy = load([PolicyText(content=text.encode(), place="p.yml")], METAS)
    run = shop.repo.run("push", actor="olivia", sha=shop.merge)
    payload = github.events(shop.repo).push("main", before=shop.base, sender="olivia")
    environ = github.job_environment(shop.repo, run, payload, tmp_path / "job")
    checkout = Checkout(shop.path)
    forge = GitHub(environ | {"GITHUB_TOKEN": github.token("job").value}, checkout)
    judged_run = forge.run()

    def recorded_at(hour: int) -> Recorded:
        now = datetime(2026, 11, 21, hour, tzinfo=timezone.utc)
        facts, (settled,) = gather(
            controls=CONTROLS,
            only=("actor-permissions",),
            policies=[policy],
            run=judged_run,
            forge=forge,
            scan=lambda: NOT_COLLECTED,
            now=now,
        )
        return Recorded(
            version="0",
            time=now,
            advisory=False,
            only=("actor-permissions",),
            policy=policy,
            settled=settled,
            facts=facts,
        )

    for hour, applies in ((12, False), (14, True)):
        recorded = recorded_at(hour)
        again = contexts.settle(policy, recorded.facts)
        assert ("Context night at p.yml:4 applies" in " ".join(again.notes)) is applies
        assert (again.controls["actor-permissions"].level("actor") is Level.ADMIN) is applies
        assert again.controls["actor-permissions"].asks("sender")
        decision = judged(recorded, CONTROLS, "0").decision
        assert set(again.notes) <= set(decision.notes)
        assert decision == judged(replace(recorded, settled=None), CONTROLS, "0").decision


def test_limiting_a_run_to_a_control_that_the_policy_leaves_off_is_refused() -> None:
    text = b"version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
    policy = load([PolicyText(content=text, place="p.yml")], METAS)
    with pytest.raises(UsageError, match="branch-protection"):
        check_only(("branch-protection",), [policy])


SOMETIMES = (
    "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\ncontexts:\n"
    "  - {name: tags, when: {event: [tag]}, controls: {actor-permissions: {require: {actor: admin}}}}\n"
)
PLAIN = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
ALWAYS = "version: 1\ncontrols: {actor-permissions: {require: {actor: admin}}}\n"


def limited(event: str, text: str, earlier: str = "", level: str = "write") -> Result:
    """Return what follows for a run that is limited to `actor-permissions`."""
    policies = [load([PolicyText(content=one.encode(), place="p.yml")], METAS) for one in (text, earlier or text)]
    facts = language.facts(
        {"run": {"event": event}, "people": [{"part": "actor", "who": "alice", "access": level}], "scan": {}}
    )
    recorded = Recorded(
        version="0",
        time=datetime(2026, 11, 21, tzinfo=timezone.utc),
        advisory=False,
        only=("actor-permissions",),
        policy=policies[0],
        earlier=(policies[1],) if earlier else (),
        facts=facts,
    )
    return judged(recorded, CONTROLS, "0")


@pytest.mark.parametrize(
    ("event", "policies", "verdict"),
    [
        ("tag", (SOMETIMES,), Verdict.DENY),
        ("push", (SOMETIMES,), Verdict.ALLOW),
        ("tag", (SOMETIMES, PLAIN), Verdict.DENY),
        ("tag", (PLAIN, SOMETIMES), Verdict.DENY),
        ("push", (SOMETIMES, PLAIN), Verdict.ALLOW),
        ("push", (PLAIN, ALWAYS), Verdict.DENY),
    ],
    ids=["applies", "applies not", "new", "dropped", "new, applies not", "asked before"],
)
def test_a_run_can_be_limited_to_a_control_that_only_a_context_enables(
    event: str, policies: tuple[str, ...], verdict: Verdict
) -> None:
    result = limited(event, *policies)
    assert result.decision.verdict is verdict
    assert bool(result.decision.rulings) is (verdict is Verdict.DENY)
    if verdict is Verdict.ALLOW:
        assert "nor a context that applies to this run" in result.decision.reason
        assert "actor-permissions" in result.not_judged


def test_a_run_that_is_limited_to_what_no_context_applies_to_is_judged_alike_from_its_record() -> None:
    result = limited("push", SOMETIMES)
    assert result.recorded
    policy = result.recorded.policy
    kept = replace(result.recorded, policy=replace(policy, under=None), settled=replace(policy, under=None))
    again = judged(kept, CONTROLS, "0")
    assert (again.decision.reason, again.not_judged) == (result.decision.reason, result.not_judged)


def test_what_was_not_judged_is_named_with_the_reason() -> None:
    text = b"version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
    policy = load([PolicyText(content=text, place="p.yml")], METAS)
    absent = dict(explain_absence(CONTROLS, (), policy))
    assert "branch-protection" in absent
    assert "secret-free/complete-scan" in absent
    assert "secret-free/no-secrets" not in absent
