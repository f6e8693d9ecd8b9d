"""Which controls of a policy judge a run, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ci_guard.controls.interface import Control
from ci_guard.errors import UsageError
from ci_guard.model.settings import Policy

NO_LAYER: Final = "no layer of the policy enables it"
NO_CONTEXT: Final = f"{NO_LAYER}, nor a context that applies to this run"


def check_only(only: Sequence[str], policies: Sequence[Policy]) -> None:
    """
    Raise `UsageError` where a run is limited to a control that none of its policies ever enables.

    One that only a context enables may be named in every run, as it is in a workflow: where the context does not apply
    nothing of it is asked.
    """
    for name in only:
        if not any(name in policy.controls or may_enable(name, policy) for policy in policies):
            raise UsageError(
                f"The run is limited to {name}, but {policies[0].source} does not enable it.",
                hint=f"Name {name} under `controls` in the policy, extend a profile that has it, or do not ask for it.",
            )


def may_enable(name: str, policy: Policy) -> bool:
    """Tell whether a context enables a control; a recorded policy does not say what its contexts add, so it may."""
    if policy.under is None:
        return bool(policy.contexts)
    return name in policy.under(policy.contexts).controls


def choose(controls: Sequence[Control], only: Sequence[str], policy: Policy) -> list[Control]:
    """Return the controls to run by a policy, in registry order."""
    return [
        control for control in controls if control.META.id in policy.controls and (not only or control.META.id in only)
    ]


def explain_absence(controls: Sequence[Control], only: Sequence[str], policy: Policy) -> Iterable[tuple[str, str]]:
    """Name every control and requirement that was not judged, with the reason."""
    for control in controls:
        meta = control.META
        if meta.id not in policy.controls:
            yield meta.id, NO_CONTEXT if meta.id in only and policy.contexts else NO_LAYER
        elif only and meta.id not in only:
            yield meta.id, "left out: the run is limited to " + ", ".join(only)
        else:
            for requirement in meta.requirements:
                if not policy.controls[meta.id].asks(requirement.id):
                    yield f"{meta.id}/{requirement.id}", "no layer of the policy requires it"
