"""From the nodes of one file to a checked layer: every key known, every value of its kind, every error at its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Final, TypeVar

from ci_guard.model.kinds import AllOf, AtLevel, NoneBut, Value
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.run import Event
from ci_guard.model.settings import Bot, Mode, OnInvisible
from ci_guard.policy.branches import objection
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Asked, Layer, WaiverRules
from ci_guard.policy.place import Place, Stated
from ci_guard.policy.wording import listed, perhaps, quoted, refusal, seen
from ci_guard.records import replace

VERSION: Final = 1

PROFILES: Final = ("baseline", "strict")
"""The profiles that come with ci-guard; each is a file in `profiles/`."""

POLICY_KEYS: Final = (
    "version",
    "extends",
    "locked",
    "mode",
    "policy-branch",
    "roles",
    "controls",
    "contexts",
    "admission",
    "audit",
    "waivers",
    "waiver-rules",
    "baseline",
    "break-glass",
)
CONTROL_KEYS: Final = ("enabled", "locked", "on-invisible", "require")
"""What every control takes; its `META.options` are further keys."""
BOT_KEYS: Final = ("login", "id")

LIKE_BOOLEAN: Final = ("yes", "no", "on", "off")
NOT_BOOLEAN: Final = "In YAML 1.2 yes, no, on and off are text; write true or false."

DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

T = TypeVar("T")
E = TypeVar("E", bound=Enum)


class LayerReader:
    """Reads the files of one rank. Every method raises `PolicyError` for what it cannot accept."""

    def __init__(self, metas: Sequence[Meta], rank: int) -> None:
        self.metas = {meta.id: meta for meta in metas}
        self.rank = rank

    def read(self, root: Node) -> tuple[Stated[str] | None, Layer]:
        """Return the name of the profile that the file extends, and what the file itself says."""
        fields = fields_of(
            root, "the policy", POLICY_KEYS, needs=("version",), advice={"version": "Write version: 1 on top."}
        )
        version = fields["version"]
        if type(version.value) is not int or version.value != VERSION:
            raise refusal(version.place, "version was refused", saw=seen(version.value), expected=str(VERSION))
        controls: dict[str, Asked] = {}
        disabled: dict[str, Place] = {}
        if "controls" in fields:
            for control, node in fields_of(fields["controls"], "controls", self.metas).items():
                place = fields["controls"].keys[control]
                asked, enabled = self.control(self.metas[control], node, place)
                if enabled:
                    controls[control] = asked
                else:
                    disabled[control] = place
        # They read with what stands below.
        from ci_guard.policy import admission, auditing, waivers
        from ci_guard.policy.baseline import read_baseline
        from ci_guard.policy.contexts import read_contexts
        from ci_guard.policy.glass import read_glass
        from ci_guard.policy.policy_branch import read_branch
        from ci_guard.policy.roles import read_roles

        layer = Layer(
            said=root.keys,
            mode=self.stated(Mode, fields.get("mode"), "mode"),
            policy_branch=read_branch(self, fields["policy-branch"]) if "policy-branch" in fields else None,
            controls=controls,
            disabled=disabled,
            waivers=waivers.read_waivers(self, fields["waivers"]) if "waivers" in fields else (),
            waiver_rules=waivers.read_rules(self, fields["waiver-rules"])
            if "waiver-rules" in fields
            else WaiverRules(),
            baseline=read_baseline(self, fields["baseline"]) if "baseline" in fields else None,
            break_glass=read_glass(self, fields["break-glass"]) if "break-glass" in fields else None,
            roles=read_roles(self, fields["roles"]) if "roles" in fields else {},
            contexts=read_contexts(self, fields["contexts"]) if "contexts" in fields else (),
            audit=auditing.read_audit(self, fields["audit"]) if "audit" in fields else None,
        )
        if "locked" in fields and self.is_locked(fields["locked"]):
            layer = replace(layer, locked=fields["locked"].place)
        if table := fields.get("admission"):
            layer = replace(layer, admission=(admission.read_admission(self, table),))
            layer = admission.enabled(layer, table.place, self.rank)
        from ci_guard.policy.extending import extends_of

        if "extends" not in fields:
            return None, layer
        below = extends_of(fields["extends"])
        return self.said(below, fields["extends"].place) if isinstance(below, str) else None, layer

    def control(self, meta: Meta, node: Node, place: Place) -> tuple[Asked, bool]:
        """Return what is said of a control, which is checked even where it is disabled, and whether it is enabled."""
        known = self.control_keys(meta.id)
        misplaced = {requirement.id: f"Write {requirement.id} under require." for requirement in meta.requirements}
        fields = fields_of(node, meta.id, known, advice=misplaced)
        asked = Asked(
            place=place,
            rank=self.rank,
            require=self.require(meta, fields["require"]) if "require" in fields else {},
            branches=self.branches(fields["branches"]) if "branches" in fields else None,
            on=self.events(fields["on"]) if "on" in fields else None,
            on_invisible=self.stated(OnInvisible, fields.get("on-invisible"), "on-invisible"),
            bots=tuple(self.bot(item) for item in items_of(fields["bots"], "bots")) if "bots" in fields else (),
            locked=fields["locked"].place if "locked" in fields and self.is_locked(fields["locked"]) else None,
        )
        return asked, "enabled" not in fields or boolean(fields["enabled"], "enabled")

    def control_keys(self, control: str) -> tuple[str, ...]:
        """Return the keys that a control takes."""
        return (*CONTROL_KEYS, *sorted(self.metas[control].options))

    def is_locked(self, node: Node) -> bool:
        """Check `locked`, which can only be true."""
        if node.value is not True:
            raise refusal(
                node.place, "locked was refused", saw=seen(node.value), expected="true", hint="Leave the line out."
            )
        return True

    def require(self, meta: Meta, node: Node) -> dict[str, Stated[Value]]:
        """Return the required values, in the order of the control's `META`."""
        requirements = {requirement.id: requirement for requirement in meta.requirements}
        elsewhere = {
            requirement.id: f"{requirement.id} is a requirement of {other.id}."
            for other in self.metas.values()
            for requirement in other.requirements
        }
        fields = fields_of(node, f"require of {meta.id}", requirements, advice=elsewhere)
        return {name: self.value(requirements[name], fields[name]) for name in requirements if name in fields}

    def value(self, requirement: Requirement, node: Node) -> Stated[Value]:
        """Return one required value in its checked form."""
        raw: object = node.value
        if isinstance(node.value, tuple):
            takes_names = isinstance(requirement.kind, AllOf | NoneBut)
            raw = list(distinct(node, requirement.id)) if takes_names else list(node.value)
        try:
            value = requirement.kind.parse(raw)
        except ValueError as error:
            raise refusal(
                node.place,
                f"{requirement.id} was refused",
                saw=seen(node.value),
                expected=str(error).removeprefix("expected "),
                hint=value_hint(requirement, node.value),
            ) from None
        return self.said(value, node.place)

    def branches(self, node: Node) -> Stated[tuple[str, ...]]:
        """Return the entries of `branches`."""
        entries = distinct(node, "branches")
        for entry, place in entries.items():
            if found := objection(entry):
                expected, hint = found
                raise refusal(
                    place, "an entry of branches was refused", saw=quoted(entry), expected=expected, hint=hint
                )
        return self.said(tuple(entries), node.place)

    def events(self, node: Node) -> Stated[frozenset[Event]]:
        """Return the events of `on`."""
        entries = distinct(node, "on")
        return self.said(
            frozenset(word_of(Event, entry, place, "an event") for entry, place in entries.items()), node.place
        )

    def bot(self, node: Node, what: str = "a bot") -> Stated[Bot]:
        """Return one entry of `bots`, or of another list of accounts."""
        fields = fields_of(node, what, BOT_KEYS, needs=BOT_KEYS)
        number = fields["id"].value
        if type(number) is not int or number < 1:
            raise refusal(fields["id"].place, "id was refused", saw=seen(number), expected="the account's numeric id")
        return self.said(Bot(login=text_of(fields["login"], "login"), id=number), node.place)

    def stated(self, words: type[E], node: Node | None, what: str) -> Stated[E] | None:
        """Return one of the words of an enum, or None where nothing is said."""
        return None if node is None else self.said(word_of(words, node.value, node.place, what), node.place)

    def said(self, value: T, place: Place) -> Stated[T]:
        """Return a value of this rank."""
        return Stated(value=value, places=(place,), rank=self.rank)


def fields_of(
    node: Node, what: str, known: Collection[str], *, needs: Sequence[str] = (), advice: Mapping[str, str] | None = None
) -> Mapping[str, Node]:
    """Return the values of a map by key; refuse any other node, unknown keys and missing ones."""
    if not isinstance(node.value, Mapping):
        raise refusal(
            node.place,
            f"{what} was refused",
            saw=seen(node.value),
            expected="a map",
            hint=f"Its keys can be {listed(known)}.",
        )
    for key, place in node.keys.items():
        if key not in known:
            hint = (advice or {}).get(key) or perhaps(key, known)
            raise refusal(place, f"an unknown key in {what}", saw=quoted(key), hint=hint)
    for key in needs:
        if key not in node.value:
            hint = (advice or {}).get(key) or f"It needs {listed(needs, 'and')}."
            raise refusal(node.place, f"{what} has no {key}", hint=hint)
    return node.value


def items_of(node: Node, what: str) -> tuple[Node, ...]:
    """Return the items of a list; refuse any other node."""
    if not isinstance(node.value, tuple):
        raise refusal(node.place, f"{what} was refused", saw=seen(node.value), expected="a list", hint="Write [a, b].")
    return node.value


def distinct(node: Node, what: str) -> dict[str, Place]:
    """Return the texts of a list that holds at least one, and none twice, with their places."""
    texts: dict[str, Place] = {}
    for item in items_of(node, what):
        text = text_of(item, f"an entry of {what}")
        if text in texts:
            raise refusal(
                item.place, f"an entry of {what} was refused", saw=f"{quoted(text)} twice", expected="each once"
            )
        texts[text] = item.place
    if not texts:
        raise refusal(
            node.place,
            f"{what} was refused",
            saw="an empty list",
            expected="at least one entry",
            hint="Leave the line out.",
        )
    return texts


def text_of(node: Node, what: str) -> str:
    """Return a text that is not empty."""
    if not isinstance(node.value, str) or not node.value:
        hint = "" if node.value is None or isinstance(node.value, str | tuple | Mapping) else "Put it in quotes."
        raise refusal(node.place, f"{what} was refused", saw=seen(node.value), expected="text", hint=hint)
    return node.value


def boolean(node: Node, what: str) -> bool:
    """Return true or false."""
    if not isinstance(node.value, bool):
        hint = NOT_BOOLEAN if node.value in LIKE_BOOLEAN else ""
        raise refusal(node.place, f"{what} was refused", saw=seen(node.value), expected="true or false", hint=hint)
    return node.value


def known_word(value: object, place: Place, what: str, known: Collection[str]) -> str:
    """Return one of the known words."""
    if not isinstance(value, str) or value not in known:
        raise refusal(place, f"{what} was refused", saw=seen(value), expected="a known one", hint=perhaps(value, known))
    return value


def word_of(words: type[E], value: object, place: Place, what: str) -> E:
    """Return one of the words of an enum."""
    return words(known_word(value, place, what, [word.value for word in words]))


def value_hint(requirement: Requirement, value: object) -> str:
    """Return what helps with a value that its kind refused."""
    if isinstance(requirement.kind, AtLevel):
        return perhaps(value, requirement.kind.schema()["enum"])
    if isinstance(requirement.kind, AllOf | NoneBut) and isinstance(value, str):
        return "Write it as a list: [a, b]."
    return NOT_BOOLEAN if value in LIKE_BOOLEAN else ""


def day_of(node: Node, what: str = "until") -> date:
    """Return the day that a text names."""
    text = node.value
    try:
        if isinstance(text, str) and DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # a day that no calendar has
    raise refusal(node.place, f"{what} was refused", saw=seen(text), expected="a day as YYYY-MM-DD")
