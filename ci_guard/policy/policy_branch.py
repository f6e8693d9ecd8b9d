"""`policy-branch`: the branch of a repository whose policy judges what is of no branch, by its organisation's word."""

from __future__ import annotations

from typing import Any, Final

from ci_guard.model.origin import LayerKind
from ci_guard.model.refs import CURRENT, DEFAULT
from ci_guard.policy.branches import RULES, objection
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Layer
from ci_guard.policy.place import Stated
from ci_guard.policy.reading import LayerReader, text_of
from ci_guard.policy.text import PolicyText
from ci_guard.policy.wording import quoted, refusal

KEY: Final = "policy-branch"

POLICY_BRANCH: Final[dict[str, Any]] = {
    "title": "The branch whose policy judges tags, schedules, deployments and runs by hand",
    "description": "Of the judged repository, instead of its default one; only an organisation's policy says it.",
    "type": "string",
    "allOf": [
        {"not": {"pattern": pattern}} for pattern in (*(rule for rule, _, _ in RULES), "\\*", "^(default|current)$")
    ],
}
"""Its JSON Schema."""


def read_branch(reader: LayerReader, node: Node) -> Stated[str]:
    """Return the name; raise `PolicyError` for what names no single branch."""
    name = text_of(node, KEY)
    found = objection(name)
    if not found and ("*" in name or name in (DEFAULT, CURRENT)):
        found = ("the name of one branch", "The default branch judges where the line is left out.")
    if found:
        expected, hint = found
        raise refusal(node.place, f"{KEY} was refused", saw=quoted(name), expected=expected, hint=hint)
    return reader.said(name, node.place)


def check(floor: Layer, nearer: Layer, text: PolicyText) -> None:
    """
    Refuse it in a repository's own policy, which would choose its judge, and another name than a lower layer says.

    Raises: `PolicyError`.
    """
    said, below = nearer.policy_branch, floor.policy_branch
    if said is None:
        return
    if text.kind is LayerKind.REPOSITORY:
        hint = "It stands in the policy that is the floor, or that this one extends."
        raise refusal(said.place, f"{KEY} has no place in a repository's own policy", hint=hint)
    if below and below.value != said.value:
        what = f"{KEY} is not what {below.said_by} says"
        saw, expected = quoted(said.value), quoted(below.value)
        raise refusal(said.place, what, saw=saw, expected=expected, hint="Leave the line out.")
