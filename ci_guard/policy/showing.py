"""A policy in force written out, each line with who says it: one policy a layer, which read back as what they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ci_guard.model.meta import Meta
from ci_guard.policy import modes
from ci_guard.policy.layer import Asked, Conditional, Layer, WaiverRules
from ci_guard.policy.place import Stated
from ci_guard.policy.stack import Stack
from ci_guard.policy.uniting import unite_control
from ci_guard.policy.writing import (
    Fields,
    baseline_fields,
    bots,
    flow,
    glass_fields,
    role_fields,
    row_fields,
    waiver_fields,
    when_fields,
    words,
)
from ci_guard.records import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a policy in force."""

    text: str
    """YAML, indented."""
    said_by: str = ""
    """File and line, or the profile; empty where it follows from the rest."""


def lines(stack: Stack, metas: Sequence[Meta]) -> Iterator[Line]:
    """
    Yield the policy as YAML: what is in force once all layers are joined, defaults written out.

    Shape: a document for each layer, the one nearest the organisation first. Each value stands once, as high as all
    layers together ask for it, in the layer that first asked: which layer that is says who may waive it. The same value
    in one document would let a project waive what its organisation asks.
    """
    for rank, name in enumerate(stack.names):
        if len(stack.names) > 1:
            yield Line(text="---", said_by=name)
        yield from _document(stack, rank, metas)


def _document(stack: Stack, rank: int, metas: Sequence[Meta]) -> Iterator[Line]:
    """Yield what one layer asks; of what layers make together, what this one began."""
    merged, own = stack.merged, stack.ranks[rank]

    def of_it(stated: Stated[Any] | None) -> list[Stated[Any]]:
        return [stated] if stated and stated.rank == rank else []

    yield Line(text="version: 1")
    if own.locked:
        yield Line(text="locked: true", said_by=own.locked.brief)
    for mode in of_it(modes.in_force(merged)):
        yield Line(text=f"mode: {mode.value.value}", said_by=mode.said_by)
    for branch in of_it(merged.policy_branch):
        yield Line(text=f"policy-branch: {flow(branch.value)}", said_by=branch.said_by)
    roles = [each for stated in merged.roles.values() for each in of_it(stated)]
    yield from _listed("roles", ((role_fields(each.value), each.said_by) for each in roles))
    yield from _headed("controls:", (line for meta in metas for line in _control(meta, merged, own, rank)))
    contexts = (line for each in own.contexts for line in _context(each, merged, metas))
    yield from _headed("contexts:", contexts)
    rows = [row for stated in merged.admission for table in of_it(stated) for row in table.value.rows]
    yield from _listed("admission", ((row_fields(row), row.place) for row in rows))
    for audit in of_it(merged.audit):
        yield Line(text=f"audit: {flow({'on-failure': audit.value.value})}", said_by=audit.said_by)
    waivers = [each for stated in merged.waivers for each in of_it(stated)]
    yield from _listed("waivers", ((waiver_fields(each.value), each.value.place) for each in waivers))
    yield from _headed("waiver-rules:", _rules(own.waiver_rules))
    for baseline in of_it(merged.baseline):
        yield Line(text=f"baseline: {flow(baseline_fields(baseline.value))}", said_by=baseline.said_by)
    for glass in of_it(merged.break_glass):
        yield Line(text=f"break-glass: {flow(glass_fields(glass.value))}", said_by=glass.said_by)


def _headed(key: str, body: Iterable[Line]) -> Iterator[Line]:
    """Yield a key with what stands below it, if anything does."""
    for index, line in enumerate(body):
        if not index:
            yield Line(text=key)
        yield line


def _listed(key: str, entries: Iterable[tuple[Fields, str]]) -> Iterator[Line]:
    yield from _headed(f"{key}:", (Line(text=f"  - {flow(entry)}", said_by=place) for entry, place in entries))


def _control(meta: Meta, merged: Layer, own: Layer, rank: int) -> Iterator[Line]:
    """Yield what this layer began to ask of a control, whether it locks it, or that it disables it."""
    if place := own.disabled.get(meta.id):
        yield Line(text=f"  {meta.id}: {flow({'enabled': False})}", said_by=place.brief)
        return
    asked, here = merged.controls.get(meta.id), own.controls.get(meta.id)
    if asked is None:
        return
    body = [*_asked(meta, asked, "    ", rank)]
    if some := [bot for bot in asked.bots if bot.rank == rank]:
        body += _headed(
            "    bots:", (Line(text=f"      - {flow(bots([bot.value])[0])}", said_by=bot.said_by) for bot in some)
        )
    if here and here.locked:
        body.insert(0, Line(text="    locked: true", said_by=here.locked.brief))
    if body or (here and asked.rank == rank):
        yield Line(text=f"  {meta.id}:" if body else f"  {meta.id}: {{}}", said_by=asked.place.brief)
    yield from body


def _asked(meta: Meta, asked: Asked, indent: str, rank: int | None = None) -> Iterator[Line]:
    """Yield options and requirements, only those that this layer began where a rank is named."""
    options = (
        ("branches", asked.branches, list(asked.branches.value) if asked.branches else ()),
        ("on", asked.on, words(asked.on.value) if asked.on else ()),
        ("on-invisible", asked.on_invisible, asked.on_invisible.value.value if asked.on_invisible else ""),
    )
    for key, stated, written in options:
        if stated and rank in (None, stated.rank):
            yield Line(text=f"{indent}{key}: {flow(written)}", said_by=stated.said_by)
    require = (
        Line(text=f"{indent}  {name}: {flow(meta.requirement(name).kind.write(stated.value))}", said_by=stated.said_by)
        for name, stated in asked.require.items()
        if rank in (None, stated.rank)
    )
    yield from _headed(f"{indent}require:", require)


def _context(each: Conditional, merged: Layer, metas: Sequence[Meta]) -> Iterator[Line]:
    """Yield a context with what holds in it of all that it speaks of: nearer layers may ask for more."""
    context = each.context
    yield Line(text=f"  - name: {flow(context.name)}", said_by=context.place)
    yield Line(text=f"    when: {flow(when_fields(context.when))}", said_by=context.place)
    yield Line(text="    controls:")
    for meta in metas:
        if adds := each.adds.controls.get(meta.id):
            body = [*_asked(meta, _held(meta, adds, merged.controls.get(meta.id)), "        ")]
            yield Line(text=f"      {meta.id}:" if body else f"      {meta.id}: {{}}", said_by=adds.place.brief)
            yield from body


def _held(meta: Meta, adds: Asked, always: Asked | None) -> Asked:
    """Return what a context says of a control, each value as high as it is with what always holds."""
    if always is None:
        return adds
    both = unite_control(meta, adds, always)
    return replace(
        both,
        require={name: both.require[name] for name in both.require if name in adds.require},
        branches=adds.branches and both.branches,
        on=adds.on and both.on,
        on_invisible=adds.on_invisible and both.on_invisible,
    )


def _rules(rules: WaiverRules) -> Iterator[Line]:
    if rules.max_days:
        yield Line(text=f"  max-days: {rules.max_days.value}", said_by=rules.max_days.said_by)
    needs = (Line(text=f"    - {flow(name)}", said_by=stated.said_by) for name, stated in rules.needs.items())
    yield from _headed("  needs:", needs)
