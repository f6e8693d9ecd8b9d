"""Whether a denial stops a pipeline: an organisation's layer enforces unless it says itself that it only looks."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ci_guard.controls.registry import CONTROLS
from ci_guard.errors import PolicyError
from ci_guard.gate import effective_mode, judged
from ci_guard.model.fact import unavailable
from ci_guard.model.origin import LayerKind
from ci_guard.model.recorded import Recorded
from ci_guard.model.settings import Mode, Policy
from ci_guard.policy.load import load
from ci_guard.policy.text import PolicyText
from tests.controls import language
from tests.policy.given import METAS

ASKS = "version: 1\ncontrols: {secret-free: {require: {no-secrets: true}}}\n"
KINDS = {"organisation": LayerKind.REMOTE, "repository": LayerKind.REPOSITORY, "file": LayerKind.FILE}


def layered(*layers: str) -> Policy:
    """Return the policy of layers such as `organisation: report`, of which the first asks for something."""
    texts = []
    for rank, layer in enumerate(layers):
        kind, _, mode = layer.partition(": ")
        content = ASKS + (f"mode: {mode}\n" if mode else "")
        texts.append(PolicyText(content=content.encode(), place=f"layer-{rank}", kind=KINDS[kind]))
    return load(texts, METAS)


@pytest.mark.parametrize(
    ("layers", "mode", "with_a_report"),
    [
        (["repository"], None, "report"),
        (["repository: report"], Mode.REPORT, "report"),
        (["file", "repository: report"], Mode.REPORT, "report"),
        (["organisation"], Mode.ENFORCE, "enforce"),
        (["organisation", "repository"], Mode.ENFORCE, "enforce"),
        (["organisation", "repository: report"], Mode.ENFORCE, "enforce"),
        (["organisation", "organisation: report", "repository: report"], Mode.ENFORCE, "enforce"),
        (["organisation: report"], Mode.REPORT, "report"),
        (["organisation: report", "organisation", "repository"], Mode.REPORT, "report"),
        (["organisation: report", "repository: enforce"], Mode.ENFORCE, "enforce"),
        (["organisation: enforce", "repository: enforce"], Mode.ENFORCE, "enforce"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_mode_of_layers_alone_and_where_the_caller_asks_for_report(
    layers: list[str], mode: Mode | None, with_a_report: str
) -> None:
    policy = layered(*layers)
    assert policy.mode is mode
    assert effective_mode(policy, [Mode.REPORT]).value == with_a_report
    assert effective_mode(policy, [Mode.REPORT, Mode.ENFORCE]) is Mode.ENFORCE
    ignored = [note for note in policy.notes if note.startswith("mode: report")]
    assert len(ignored) == (mode is Mode.ENFORCE and any(layer.endswith(": report") for layer in layers[1:]))


def test_a_report_that_is_not_heard_is_told_with_both_places() -> None:
    (note,) = layered("organisation", "repository: report").notes
    assert note == "mode: report at layer-1:3 does not count: layer-0 says no mode, so that it enforces."


def test_report_over_an_explicit_enforce_stays_an_error() -> None:
    with pytest.raises(PolicyError, match=r"layer-1:3:7: mode asks for less than layer-0:3"):
        layered("organisation: enforce", "repository: report")


@pytest.mark.parametrize("policy", [layered("organisation"), layered("repository: enforce")])
def test_an_earlier_policy_that_cannot_be_read_makes_no_policy_report(policy: Policy) -> None:
    recorded = Recorded(
        version="0",
        time=datetime(2028, 2, 29, tzinfo=timezone.utc),
        advisory=False,
        modes=(Mode.REPORT,),
        policy=policy,
        doubt=unavailable("no answer"),
        facts=language.facts({"scan": {}}),
    )
    assert judged(recorded, CONTROLS, "0").decision.exit_code == 3
