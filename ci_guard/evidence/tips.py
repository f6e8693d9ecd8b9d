"""Tips of branches by the server's word, held against what is in this clone."""

from __future__ import annotations

from collections.abc import Callable

from ci_guard.evidence.checkout import Checkout
from ci_guard.model.fact import Fact, Known, Unknown, unavailable
from ci_guard.model.run import Run


def get_target_commit(
    run: Run, checkout: Checkout, get_tip: Callable[[str], Fact[str]], *, change: str, depth: str
) -> Fact[str]:
    """
    Return the commit of a change's target that is in this clone: the tip of the branch, by the server's word.

    Where the tip was not fetched, the commit stands in that the server says the change was measured against. `change`
    is the platform's word for a change, `depth` what makes its clones reach further back.
    """
    if isinstance(run.change, Unknown):
        return run.change
    made = run.change.value
    if made is None:
        return unavailable(f"the target of the {change} is not known")
    tip = get_tip(made.target)
    if isinstance(tip, Known) and checkout.has_commit(tip.value):
        return tip
    if made.target_commit is not None and checkout.has_commit(made.target_commit):
        return Known(value=made.target_commit, source=run.change.source, detail=run.change.detail)
    if isinstance(tip, Unknown):
        return tip
    said = f"the commit {tip.value[:12]} of {made.target} is not in this clone (`{depth}`)"
    return unavailable(said, detail=tip.detail)


def get_default_tip(run: Run, get_tip: Callable[[str], Fact[str]]) -> Fact[str]:
    """Return the commit that the default branch points at now."""
    return run.default_branch if isinstance(run.default_branch, Unknown) else get_tip(run.default_branch.value)
