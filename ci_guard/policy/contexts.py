"""Named contexts in a policy file: their conditions, and what they add, which can never be less than without them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeVar

from ci_guard.model.built import TAG
from ci_guard.model.calendar import Calendar
from ci_guard.model.circumstances import Host, Visibility
from ci_guard.model.context import Context, Machine, When, Who
from ci_guard.model.kinds import Level
from ci_guard.model.meta import Meta
from ci_guard.model.refs import CURRENT
from ci_guard.model.run import Event, Platform
from ci_guard.policy.branches import objection
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Asked, Conditional, Layer
from ci_guard.policy.layering import combine, settle
from ci_guard.policy.place import Place
from ci_guard.policy.reading import LayerReader, distinct, fields_of, items_of, text_of, word_of
from ci_guard.policy.wording import listed, quoted, refusal, seen
from ci_guard.records import replace

CONTEXT_KEYS: Final = ("name", "when", "controls")
WHO_KEYS: Final = ("login", "id", "level", "role")
RUNNER_KEYS: Final = ("host", "labels")

NAME: Final = re.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

WITHOUT_CHANGE: Final = frozenset(Event) - {Event.CHANGE, Event.TARGET_CHANGE, Event.QUEUE, Event.COMMENT}
"""Events that are about no change, and so have neither an author nor labels."""
OF_BRANCHES: Final = frozenset({Event.PUSH, Event.CHANGE, Event.TARGET_CHANGE, Event.QUEUE})
"""Events that never build a tag."""
ONLY_GITHUB: Final = frozenset({Event.TARGET_CHANGE, Event.RELEASE, Event.COMMENT})

E = TypeVar("E", bound=Enum)


def read_contexts(reader: LayerReader, node: Node) -> tuple[Conditional, ...]:
    """
    Return the contexts of a file, in its order.

    Raises: `PolicyError` for what a context cannot say, and for conditions that never hold together.
    """
    found: dict[str, Conditional] = {}
    for item in items_of(node, "contexts"):
        each = _context(reader, item)
        if other := found.get(each.context.name):
            saw = f"it at {other.place.brief} too"
            raise refusal(
                each.place, f"the context {quoted(each.context.name)} stands here twice", saw=saw, expected="each once"
            )
        found[each.context.name] = each
    return tuple(found.values())


def checked(layer: Layer, floor: Layer, metas: Sequence[Meta]) -> tuple[Conditional, ...]:
    """
    Return the contexts of a layer, with the defaults of the controls that only they enable.

    What its own layer locks a context may tighten, as only nearer layers are kept out. `floor` is settled.

    Raises: `PolicyError`, with both places, for a context that asks for less than the layers below it or the layer that
    it stands in.
    """
    if not layer.contexts:
        return ()
    unlocked = {name: replace(asked, locked=None) for name, asked in layer.controls.items()}
    always = settle(combine(floor, replace(layer, controls=unlocked), metas), metas)
    found = []
    for each in layer.contexts:
        combine(always, each.adds, metas)
        # By what its layer knows: a nearer one may enable the control for other branches, which must not replace these.
        new = {name: asked for name, asked in each.adds.controls.items() if name not in always.controls}
        settled = settle(replace(each.adds, controls=new), metas).controls
        found.append(replace(each, adds=replace(each.adds, controls={**each.adds.controls, **settled})))
    return tuple(found)


def _context(reader: LayerReader, node: Node) -> Conditional:
    fields = fields_of(node, "a context", CONTEXT_KEYS, needs=CONTEXT_KEYS)
    name = text_of(fields["name"], "name")
    if not NAME.fullmatch(name):
        expected = "small letters, digits and hyphens"
        raise refusal(fields["name"].place, "name was refused", saw=quoted(name), expected=expected)
    controls = {}
    for control, below in fields_of(fields["controls"], "controls of a context", reader.metas).items():
        controls[control] = _adds(reader, control, below, fields["controls"].keys[control])
    if not controls:
        raise refusal(fields["controls"].place, f"the context {quoted(name)} adds nothing", expected="a control")
    context = Context(name=name, place=node.place.brief, when=_when(reader, fields["when"]))
    return Conditional(context=context, place=node.place, adds=Layer(controls=controls))


def _adds(reader: LayerReader, control: str, node: Node, place: Place) -> Asked:
    fields = fields_of(node, control, (*reader.control_keys(control),))
    for key in ("enabled", "locked", "bots"):
        if key in fields:
            hint = "A context only adds what is required; write this under controls of the policy."
            raise refusal(node.keys[key], f"{key} has no place in a context", hint=hint)
    asked, _ = reader.control(reader.metas[control], node, place)
    return asked


def _when(reader: LayerReader, node: Node) -> When:
    fields = fields_of(node, "when", tuple(CONDITIONS))
    if not fields:
        hint = "What is always required stands under controls of the policy."
        raise refusal(node.place, "when has no condition", expected=listed(CONDITIONS), hint=hint)
    read = {CONDITIONS[key][0]: CONDITIONS[key][1](reader, value) for key, value in fields.items()}
    when = When(**read)
    _refuse_contradiction(when, node.keys)
    return when


def never_built(refs: Sequence[str], events: Collection[Event]) -> str:
    """Return why none of these events ever builds one of these refs; empty where one does, or all or none are meant."""
    tags = [entry.startswith(TAG) for entry in refs]
    if not refs or not events:
        return ""
    if all(tags) and OF_BRANCHES.issuperset(events):
        return "none of them builds a tag"
    return "it builds tags only" if not any(tags) and set(events) == {Event.TAG} else ""


def _refuse_contradiction(when: When, keys: Mapping[str, Place]) -> None:
    """Refuse conditions that never hold together, with the place of both."""
    events = when.events
    why_not = never_built(when.refs, events)
    for one, other, never, why in (
        ("ref", "event", bool(why_not), why_not),
        ("author", "event", bool(when.author) and bool(events) and events <= WITHOUT_CHANGE, "none has an author"),
        ("labels", "event", bool(when.labels) and bool(events) and events <= WITHOUT_CHANGE, "none has labels"),
        (
            "platform",
            "event",
            bool(when.platforms) and Platform.GITHUB not in when.platforms and bool(events) and events <= ONLY_GITHUB,
            "only GitHub has them",
        ),
    ):
        if never:
            what = f"{one} and {other} ({keys[other].brief}) never hold together: {why}"
            raise refusal(keys[one], what, hint="Leave one of them out, or list more.")


def patterns(what: str) -> Callable[[LayerReader, Node], tuple[str, ...]]:
    """Return what reads a list of names and patterns."""

    def read(_: LayerReader, node: Node) -> tuple[str, ...]:
        entries = distinct(node, what)
        for entry, place in entries.items():
            if "***" in entry:
                expected = "a name or a pattern with * and **"
                raise refusal(place, f"an entry of {what} was refused", saw=quoted(entry), expected=expected)
        return tuple(entries)

    return read


def _paths(reader: LayerReader, node: Node) -> tuple[str, ...]:
    entries = patterns("changed-paths")(reader, node)
    for item, entry in zip(items_of(node, "changed-paths"), entries, strict=True):
        if entry.startswith(("/", "./")) or entry.endswith("/") or ".." in entry.split("/"):
            hint = "Write docs/** for all that lies below docs."
            expected = "a path from the root of the repository, without / at its ends"
            raise refusal(
                item.place, "an entry of changed-paths was refused", saw=quoted(entry), expected=expected, hint=hint
            )
    return entries


def read_refs(_: LayerReader, node: Node) -> tuple[str, ...]:
    """Return `default`, names and patterns of branches, and behind `tag:` of tags."""
    entries = distinct(node, "ref")
    for entry, place in entries.items():
        found = objection(entry.removeprefix(TAG))
        if entry == CURRENT:
            found = ("a branch or a tag", "The built ref is always the current one.")
        if found:
            expected, hint = found
            raise refusal(place, "an entry of ref was refused", saw=quoted(entry), expected=expected, hint=hint)
    return tuple(entries)


def words_of(words: type[E], what: str) -> Callable[[LayerReader, Node], frozenset[E]]:
    """Return what reads a list of the words of an enum."""

    def read(_: LayerReader, node: Node) -> frozenset[E]:
        return frozenset(word_of(words, entry, place, what) for entry, place in distinct(node, what).items())

    return read


def _who(_: LayerReader, node: Node) -> Who:
    fields = fields_of(node, "people", WHO_KEYS)
    if not fields:
        raise refusal(node.place, "people were not named", expected=listed(WHO_KEYS))
    return Who(
        logins=tuple(distinct(fields["login"], "login")) if "login" in fields else (),
        ids=read_ids(fields["id"]) if "id" in fields else frozenset(),
        levels=read_levels(fields["level"]) if "level" in fields else frozenset(),
        roles=read_role_names(fields["role"]) if "role" in fields else (),
    )


def role_name(node: Node) -> str:
    """
    Return what a role is called; whether there is such a role is seen where all layers are there.

    Raises: `PolicyError`.
    """
    name = text_of(node, "role")
    if not NAME.fullmatch(name):
        expected = "a role's name, of small letters, digits and hyphens"
        raise refusal(node.place, "role was refused", saw=quoted(name), expected=expected)
    return name


def read_role_names(node: Node) -> tuple[str, ...]:
    """
    Return the roles in a list, each once.

    Raises: `PolicyError`.
    """
    names = tuple(distinct(node, "role"))
    for item in items_of(node, "role"):
        role_name(item)
    return names


def read_ids(node: Node) -> frozenset[int]:
    """Return numeric ids of accounts."""
    found = set()
    for item in items_of(node, "id"):
        if type(item.value) is not int or item.value < 1:
            raise refusal(item.place, "id was refused", saw=seen(item.value), expected="the account's numeric id")
        found.add(item.value)
    if not found:
        raise refusal(node.place, "id was refused", saw="an empty list", expected="at least one id")
    return frozenset(found)


def read_levels(node: Node) -> frozenset[Level]:
    """Return levels, each for itself."""
    known = {level.word: level for level in Level}
    found = set()
    for word, place in distinct(node, "level").items():
        if word not in known:
            raise refusal(place, "a level was refused", saw=quoted(word), expected=listed(known))
        found.add(known[word])
    return frozenset(found)


def _time(_: LayerReader, node: Node) -> Calendar:
    from ci_guard.policy.calendars import read_calendar  # few policies tell the time

    return read_calendar(node)


def _machine(reader: LayerReader, node: Node) -> Machine:
    fields = fields_of(node, "runner", RUNNER_KEYS)
    if not fields:
        raise refusal(node.place, "no runner was named", expected=listed(RUNNER_KEYS))
    return Machine(
        hosts=words_of(Host, "a host")(reader, fields["host"]) if "host" in fields else frozenset(),
        labels=patterns("labels")(reader, fields["labels"]) if "labels" in fields else (),
    )


CONDITIONS: Final[Mapping[str, tuple[str, Callable[[LayerReader, Node], Any]]]] = {
    "environment": ("environments", patterns("environment")),
    "ref": ("refs", read_refs),
    "event": ("events", words_of(Event, "an event")),
    "platform": ("platforms", words_of(Platform, "a platform")),
    "visibility": ("visibilities", words_of(Visibility, "a visibility")),
    "actor": ("actor", _who),
    "author": ("author", _who),
    "changed-paths": ("changed_paths", _paths),
    "labels": ("labels", patterns("labels")),
    "time": ("time", _time),
    "runner": ("runner", _machine),
}
"""Each condition as it is written, its field of `When`, and what reads it."""
