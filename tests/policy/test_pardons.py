"""Whatever nearer layers pardon, by waiver, baseline or break-glass: what the organisation asks still denies."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any, Final

from hypothesis import event, given
from hypothesis import strategies as st

from ci_guard.decide import decide
from ci_guard.errors import PolicyError
from ci_guard.model.decision import Verdict
from ci_guard.model.fact import Cause
from ci_guard.model.glass import Broken, By
from ci_guard.model.judgement import Judgement, Outcome, Severity
from ci_guard.model.settings import Mode, Policy
from ci_guard.model.waiver import KnownFailure
from ci_guard.policy.baseline import with_known, write_known
from tests.policy.given import METAS, policy_of, unhurried

TODAY: Final = date(2028, 2, 29)
NOW: Final = datetime(2028, 2, 29, 12, tzinfo=timezone.utc)
ASKED: Final = {
    "branch-protection": ("protected", "no-force-push"),
    "secret-free": ("no-secrets", "complete-scan"),
}
NAMES: Final = [(control, name) for control, names in ASKED.items() for name in names]
FINGERPRINT: Final = "a1" * 32
ROLES: Final = [{"name": "on-call", "levels": ["read", "write", "admin"]}]

required = st.fixed_dictionaries(
    {},
    optional={
        control: st.lists(st.sampled_from(names), min_size=1, unique=True).map(
            lambda chosen: {"require": dict.fromkeys(chosen, True)}
        )
        for control, names in ASKED.items()
    },
)
waivers = st.lists(
    st.builds(
        lambda pair, narrow: {
            "control": pair[0],
            "requirement": pair[1],
            "reason": "x",
            "until": "2028-02-29",
            "owner": "a",
            **narrow,
        },
        st.sampled_from(NAMES),
        st.sampled_from([{}, {"subject": "main"}, {"fingerprints": [FINGERPRINT]}]),
    ),
    max_size=3,
)
pardons = st.fixed_dictionaries(
    {"version": st.just(1), "roles": st.just(ROLES)},
    optional={
        "controls": required,
        "waivers": waivers,
        "baseline": st.just({"file": "known.json", "until": "2028-02-29", "owner": "a"}),
        "break-glass": st.just({"by": "label", "label": "now", "role": "on-call", "hours": 72}),
        "contexts": st.lists(
            required.filter(bool).map(lambda asks: {"name": "x", "when": {"event": ["push"]}, "controls": asks}),
            max_size=1,
        ),
    },
)
organisations = required.filter(bool).map(
    lambda controls: {"version": 1, "controls": controls, "waiver-rules": {"max-days": 90, "needs": ["owner"]}}
)


def judgements(policy: Policy, failing: tuple[str, str], outcome: Outcome) -> list[Judgement]:
    return [
        Judgement(
            control=control,
            requirement=name,
            subject="main",
            outcome=outcome if (control, name) == failing else Outcome.PASS,
            severity=Severity.HIGH,
            message="m",
            cause=Cause.UNAVAILABLE if outcome is Outcome.UNKNOWN and (control, name) == failing else None,
            fingerprint=FINGERPRINT,
        )
        for control, settings in policy.controls.items()
        for name in settings.require
    ]


def known_everything(policy: Policy) -> Policy:
    known = [
        KnownFailure(control=control, requirement=name, subject="main", fingerprint=FINGERPRINT, since=TODAY)
        for control, name in NAMES
    ]
    return with_known(policy, write_known(known).encode(), "known.json", METAS) if policy.baseline else policy


def broken_by(policy: Policy) -> Broken | None:
    if policy.break_glass is None:
        return None
    return Broken(
        by=By.LABEL,
        who="x",
        how="y",
        at=NOW,
        until=NOW + timedelta(hours=1),
        place="p",
        covers=policy.break_glass.covers,
    )


@unhurried
@given(
    organisations,
    st.lists(pardons, min_size=1, max_size=2),
    st.sampled_from([Outcome.FAIL, Outcome.UNKNOWN]),
    st.booleans(),
    st.data(),
)
def test_no_nearer_layer_turns_what_the_organisation_denies_into_an_allow(
    organisation: dict[str, Any], nearer: list[dict[str, Any]], outcome: Outcome, applies: bool, data: st.DataObject
) -> None:
    asked = [(control, name) for control, said in organisation["controls"].items() for name in said["require"]]
    failing = data.draw(st.sampled_from(asked))
    try:
        policy = known_everything(policy_of(organisation, *nearer))
    except PolicyError:
        event("refused")
        return  # one that is refused allows nothing
    event("judged")
    if applies and policy.under:
        policy = policy.under(policy.contexts)
    decision = decide(
        judgements(policy, failing, outcome),
        policy,
        metas=METAS,
        mode=Mode.ENFORCE,
        today=TODAY,
        broken=broken_by(policy),
    )
    assert decision.verdict in (Verdict.DENY, Verdict.UNDECIDED)


def test_what_a_layer_asks_itself_it_can_pardon_in_each_way() -> None:
    """Else the property above would hold for a gate that pardons nothing."""
    own = {"version": 1, "roles": ROLES, "controls": {"secret-free": {"require": {"no-secrets": True}}}}
    for way in (
        {"waivers": [{"control": "secret-free", "requirement": "no-secrets", "reason": "x", "until": "2028-02-29"}]},
        {"baseline": {"file": "known.json", "until": "2028-02-29"}},
        {"break-glass": {"by": "label", "label": "now", "role": "on-call", "hours": 1}},
    ):
        policy = known_everything(policy_of({**own, **way}))
        failing = judgements(policy, ("secret-free", "no-secrets"), Outcome.FAIL)
        decision = decide(failing, policy, metas=METAS, mode=Mode.ENFORCE, today=TODAY, broken=broken_by(policy))
        assert decision.verdict is Verdict.ALLOW
