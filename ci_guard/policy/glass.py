"""Break-glass in a policy file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ci_guard import records
from ci_guard.model.glass import BreakGlass, By, Closing, Means
from ci_guard.policy.contexts import role_name
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Layer
from ci_guard.policy.place import Stated
from ci_guard.policy.reading import LayerReader, fields_of, text_of, word_of
from ci_guard.policy.wording import listed, quoted, refusal, seen

GLASS_NEEDS: Final = ("by", "role", "hours")

PLACES: Final[Mapping[By, str]] = {By.LABEL: "label", By.DISPATCH: "environment"}
"""The key that says where it is done, in break-glass itself and in its review."""

TAKEN: Final[Mapping[By, tuple[str, ...]]] = {By.LABEL: ("review",), By.DISPATCH: ("input", "workflow", "review")}
"""Which further keys each way takes."""

GLASS_KEYS: Final = ("by", "label", "environment", "input", "workflow", "review", "role", "hours")

WORKFLOW: Final = re.compile(r"\.github/workflows/[A-Za-z0-9_.-]{1,100}\.ya?ml")

LONGEST: Final = 72
"""Hours that it may last: a long weekend."""

REVIEW_NEEDS: Final = ("role", "days")
DAYS: Final = 90
"""What a review can take at most."""

LONGEST_NAMES: Final = {"label": 50, "environment": 255, "input": 100}
"""Characters. Source: GitHub, "Managing labels", "Managing environments for deployment"; the last one is ours."""


def read_glass(reader: LayerReader, node: Node) -> Stated[BreakGlass]:
    """Return what a file says of break-glass; raise `PolicyError` for what it cannot say."""
    fields = fields_of(node, "break-glass", GLASS_KEYS, needs=GLASS_NEEDS)
    by = word_of(By, fields["by"].value, fields["by"].place, "by")
    means = _means(by, node, fields)
    return reader.said(
        BreakGlass(
            means=means,
            role=role_name(fields["role"]),
            hours=_number(fields["hours"], "hours", LONGEST),
            place=node.place.brief,
            review=_review(by, fields["review"], means.name) if "review" in fields else None,
        ),
        node.place,
    )


def _means(by: By, node: Node, fields: Mapping[str, Node]) -> Means:
    place, taken = PLACES[by], TAKEN[by]
    if place not in fields:
        raise refusal(node.place, f"break-glass by {by.value} has no {place}", hint=f"It needs {place}.")
    for key in fields:
        if key not in (place, *taken, *GLASS_NEEDS):
            hint = f"By {by.value} it takes {listed((place, *taken), 'and')}."
            raise refusal(fields[key].place, f"break-glass by {by.value} was refused", saw=quoted(key), hint=hint)
    return Means(
        by=by,
        name=_name(fields, place),
        input=_name(fields, "input") if "input" in fields else "",
        workflow=_workflow(fields["workflow"]) if "workflow" in fields else "",
    )


def _workflow(node: Node) -> str:
    path = text_of(node, "workflow")
    if not WORKFLOW.fullmatch(path):
        expected = "a file such as .github/workflows/emergency.yml"
        raise refusal(node.place, "workflow was refused", saw=quoted(path), expected=expected)
    return path


def _name(fields: Mapping[str, Node], key: str) -> str:
    text = text_of(fields[key], key)
    if len(text) > LONGEST_NAMES[key]:
        expected = f"at most {LONGEST_NAMES[key]} characters"
        raise refusal(fields[key].place, f"{key} was refused", saw=f"{len(text)} characters", expected=expected)
    return text


def _review(by: By, node: Node, breaks: str) -> Closing:
    place = PLACES[by]
    keys = (place, *REVIEW_NEEDS)
    fields = fields_of(node, "review", keys, needs=keys)
    name = _name(fields, place)
    if name.casefold() == breaks.casefold():
        expected = f"another {place} than the one that breaks the glass"
        raise refusal(fields[place].place, f"{place} was refused", saw=quoted(name), expected=expected)
    return Closing(name=name, role=role_name(fields["role"]), days=_number(fields["days"], "days", DAYS))


def _number(node: Node, what: str, most: int) -> int:
    number = node.value
    if type(number) is not int or not 1 <= number <= most:
        raise refusal(
            node.place, f"{what} was refused", saw=seen(number), expected=f"a number of {what} from 1 to {most}"
        )
    return number


def settled(layer: Layer) -> BreakGlass | None:
    """Return the break-glass of a whole policy: it breaks what its own layer and nearer ones ask, and nothing else."""
    stated = layer.break_glass
    if stated is None:
        return None
    covers = frozenset(
        f"{control}/{name}"
        for control, asked in layer.controls.items()
        for name, required in asked.require.items()
        if required.rank >= stated.rank
    )
    return records.replace(stated.value, covers=covers)
