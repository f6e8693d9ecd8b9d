"""Facts as a case of a policy's test writes them: what it says replaces what was recorded, all else stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from enum import Enum
from types import NoneType
from typing import Any, Final, get_args, get_origin

from ci_guard.model import codec
from ci_guard.model.circumstances import UNASKED
from ci_guard.model.fact import Cause, Fact, Known, Source, Unknown
from ci_guard.model.facts import Facts
from ci_guard.model.run import Platform, unknown_run
from ci_guard.policy.document import Node
from ci_guard.policy.reading import fields_of, items_of, text_of, word_of
from ci_guard.policy.wording import refusal, seen

SILENT: Final = Unknown(reason="the case does not say", cause=Cause.UNAVAILABLE)
DETAIL: Final = "given by the case"
UNKNOWN_KEYS: Final = ("unknown", "cause", "needs")
KNOWN_KEYS: Final = ("known", "source")


def nothing_known() -> Facts:
    """Return the facts of a case that builds on no recorded run."""
    return Facts(run=unknown_run(Platform.GITHUB, SILENT.reason))


def changed(node: Node, base: Facts) -> Facts:
    """
    Return the facts with everything replaced that a map says.

    Shape: fields by their names in a record. A fact is its plain value, or `{known: value, source: api}`, or
    `{unknown: why, cause: invisible, needs: permission}`. Maps add to what is there, lists replace it. The
    `environment` of `run` is that of `--environment`: the run is judged for it, unless the case says `environments`.
    Raises: `PolicyError` at the place of what cannot be meant.
    """
    facts: Facts = given(node, Facts, base)
    if says(node, "run", "environment") and not says(node, "circumstances", "environments"):
        environments = claimed_by(facts.run.environment, base)
        return replace(facts, circumstances=replace(facts.circumstances, environments=environments))
    return facts


def says(node: Node, *path: str) -> bool:
    """Tell whether a map has a value at the end of this path."""
    for key in path:
        if not isinstance(node.value, Mapping) or key not in node.value:
            return False
        node = node.value[key]
    return True


def claimed_by(environment: str | None, base: Facts) -> tuple[Fact[str], ...]:
    """Return the environments of a run whose caller names this one, as `--environment` does, or none."""
    old: list[Fact[str]] = [UNASKED]
    if base.run.environment is not None:
        old += [fact for fact in base.circumstances.environments if names(fact, base.run.environment)][:1]
    claimed = (Known(value=environment, source=Source.ENV, detail=DETAIL),) if environment else ()
    return (*claimed, *(fact for fact in base.circumstances.environments if fact not in old))


def names(fact: Fact[str], environment: str) -> bool:
    """Tell whether nobody but the caller says that the run is of this environment."""
    return isinstance(fact, Known) and fact.source is Source.ENV and fact.value == environment


def given(node: Node, declared: Any, base: Any) -> Any:
    """Return a value of the declared type; `base` is what it replaces, or `MISSING`."""
    members = codec.union_of(declared)
    if members:
        return given_member(node, declared, members, base)
    kind, arguments = get_origin(declared) or declared, get_args(declared)
    if is_dataclass(kind):
        return given_fields(node, declared, base)
    if kind in (tuple, frozenset):
        return kind(given(item, arguments[0], MISSING) for item in items_of(node, "a list of facts"))
    if kind is Mapping:
        old = base if isinstance(base, Mapping) else {}
        named = fields_of(node, "a map of facts", node.keys)
        return {**old, **{key: given(each, arguments[1], old.get(key, MISSING)) for key, each in named.items()}}
    if isinstance(kind, type) and issubclass(kind, Enum):
        words = {codec.word_of(member): member for member in kind}
        if isinstance(node.value, str) and node.value in words:
            return words[node.value]
        raise refusal(node.place, "a fact was refused", saw=seen(node.value), expected="one of " + ", ".join(words))
    try:
        return codec.decode(node.value, declared)
    except ValueError as error:
        expected = "text" if kind is str else str(error).partition("expected ")[2].partition(", saw")[0]
        plain = kind is str and not isinstance(node.value, str | tuple | Mapping | None)
        hint = "Put it in quotes." if plain else ""
        raise refusal(node.place, "a fact was refused", saw=seen(node.value), expected=expected, hint=hint) from None


def given_member(node: Node, declared: Any, members: tuple[Any, ...], base: Any) -> Any:
    """Return a fact, an optional value, or one of several plain types."""
    kinds = {get_origin(member) or member: member for member in members}
    if Known in kinds:
        return given_fact(node, get_args(kinds[Known])[0], base)
    if node.value is None and NoneType in get_args(declared):
        return None
    if len(members) == 1:
        return given(node, members[0], MISSING if base is None else base)
    for member in members:
        if type(node.value) is member:
            return node.value
    raise refusal(node.place, "a fact was refused", saw=seen(node.value), expected="a plain value")


def given_fact(node: Node, inner: Any, base: Any) -> Known[Any] | Unknown:
    """Return a fact in any of its three forms."""
    if isinstance(node.value, Mapping) and "unknown" in node.value:
        said = fields_of(node, "an unknown fact", UNKNOWN_KEYS)
        cause = (
            word_of(Cause, said["cause"].value, said["cause"].place, "cause") if "cause" in said else Cause.INVISIBLE
        )
        needs = text_of(said["needs"], "needs") if "needs" in said else None
        return Unknown(reason=text_of(said["unknown"], "unknown"), cause=cause, needs=needs, detail=DETAIL)
    source = base.source if isinstance(base, Known) else Source.API
    if isinstance(node.value, Mapping) and "known" in node.value:
        said = fields_of(node, "a known fact", KNOWN_KEYS)
        if "source" in said:
            source = word_of(Source, said["source"].value, said["source"].place, "source")
        node = said["known"]
    value = given(node, inner, base.value if isinstance(base, Known) else MISSING)
    return Known(value=value, source=source, detail=DETAIL)


def given_fields(node: Node, declared: Any, base: Any) -> Any:
    """Return a dataclass: the old one with other fields, or a new one, in which what is not said is not known."""
    kind = get_origin(declared) or declared
    shape = codec.shape_of(declared)
    said = fields_of(node, kind.__name__, shape)
    old = {name: getattr(base, name) for name in said} if isinstance(base, kind) else {}
    new = {name: given(each, shape[name], old.get(name, MISSING)) for name, each in said.items()}
    try:
        return replace(base, **new) if isinstance(base, kind) else kind(**unsaid(node, kind, shape, new), **new)
    except ValueError as error:  # a rule of shape that the class itself holds
        raise refusal(node.place, f"{kind.__name__} was refused", expected=str(error)) from None


def unsaid(node: Node, kind: Any, shape: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands for the fields that a new dataclass must have and that the case leaves out."""
    values: dict[str, Any] = {}
    for field in fields(kind):
        if field.name in new or field.default is not MISSING or field.default_factory is not MISSING:
            continue
        declared = shape[field.name]
        origin = get_origin(declared)
        if any((get_origin(member) or member) is Known for member in codec.union_of(declared)):
            values[field.name] = SILENT
        elif NoneType in get_args(declared):
            values[field.name] = None
        elif origin in (tuple, frozenset):
            values[field.name] = origin()
        elif origin is Mapping:
            values[field.name] = {}
        else:
            raise refusal(node.place, f"{kind.__name__} has no {field.name}", hint=f"Say {field.name} as well.")
    return values
