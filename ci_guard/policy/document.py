"""YAML 1.2 text as nodes that know their places; what a policy cannot mean, or a machine could choke on, is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol, TypeAlias

import yaml

from ci_guard.errors import PolicyError
from ci_guard.policy.characters import decode
from ci_guard.policy.place import Place
from ci_guard.policy.scalar import CORE, Scalar, joined, resolve, tagged
from ci_guard.policy.wording import harmless, quoted, refusal, seen
from ci_guard.records import dataclass, field, replace

DEEPEST: Final = 24
"""Levels of lists and maps; a policy needs six."""

MOST: Final = 5_000
"""Values after every alias is followed, so that aliases of aliases cannot multiply."""

QUOTE: Final = "A text that begins with * & ! % @ or `, or that holds ': ' or brackets, needs quotes."


class _Mark(Protocol):
    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class Node:
    """A value of the file: a scalar, a tuple of nodes, or a map with text keys."""

    value: Content
    place: Place
    keys: Mapping[str, Place] = field(default_factory=dict)
    """Where the keys of a map stand."""
    size: int = 1
    """Values in it with itself, aliases followed."""
    height: int = 0
    """Levels of lists and maps in it."""


Content: TypeAlias = Scalar | tuple[Node, ...] | Mapping[str, Node]


def read_document(content: bytes, file: str, extended_at: Place | None = None) -> Node:
    """
    Return the root of the file's one document; a file without any is a null.

    Raises: `PolicyError` for everything that is not one small YAML 1.2 document in UTF-8 with text keys, each once.
    """
    start = Place(file=file, line=1, column=1, extended_at=extended_at)
    return _Composer(decode(content, file), start).roots(most=1)[0]


def read_documents(content: bytes, file: str) -> tuple[Node, ...]:
    """
    Return the root of each document of a file, at least one; see `read_document` for what each has to be.

    Anchors are of one document; sizes are counted over all of them.
    """
    return _Composer(decode(content, file), Place(file=file, line=1, column=1)).roots()


class _Composer:
    """Turns the parser's events into nodes; recurses once a level, and counts levels before it enters them."""

    def __init__(self, text: str, start: Place) -> None:
        # The parser in pure Python: the one in C is not everywhere, and a policy must mean the same on every machine.
        self.parser = yaml.BaseLoader(text)
        self.start = start
        self.anchors: dict[str, Node | None] = {}
        """None while what is anchored is still open."""
        self.count = 0

    def roots(self, most: int | None = None) -> tuple[Node, ...]:
        """Compose the documents, and refuse one too many; nothing at all is a null."""
        roots: list[Node] = []
        while not isinstance(event := self.next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                if len(roots) == most:
                    raise refusal(self.place(event), "a second document begins", expected="one policy in a file")
                if event.version and event.version != (1, 2):
                    version = ".".join(map(str, event.version))
                    raise refusal(self.place(event), "another YAML", saw=f"%YAML {version}", expected="YAML 1.2")
                self.anchors = {}
                roots.append(self.node(self.next(), 1))
        return tuple(roots) or (Node(value=None, place=self.start),)

    def next(self) -> yaml.Event:
        """Return the next event; what the parser refuses becomes a `PolicyError`."""
        try:
            event: yaml.Event = self.parser.get_event()  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as error:
            raise self.not_yaml(error) from None
        except (ValueError, OverflowError):
            # PyYAML hands "\UFFFFFFFF" to chr(), and the digits of a directive to int(), as they are.
            place = replace(self.start, line=self.parser.line + 1, column=self.parser.column + 1)
            raise refusal(place, "not YAML: an escape or a number is out of range") from None
        return event

    def not_yaml(self, error: yaml.MarkedYAMLError) -> PolicyError:
        """Return the parser's complaint in this package's form."""
        mark = error.problem_mark or error.context_mark
        place = self.mark(mark)
        problem = error.problem or "it cannot be parsed"
        if "'\\t'" in problem:
            return refusal(place, "a tab where YAML allows only spaces", hint="Indent with spaces.")
        hint = f"Check indentation, brackets and quotes here. {QUOTE}"
        return refusal(place, f"not YAML: {harmless(problem, 120)}", hint=hint)

    def node(self, event: yaml.Event, depth: int) -> Node:
        """Compose the node that begins with `event`."""
        place = self.place(event)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(str(event.anchor), place, depth)
        self.grow(1, place)
        anchor = getattr(event, "anchor", None)
        if anchor:
            if anchor in self.anchors:
                raise refusal(place, f"the anchor {quoted('&' + anchor)} is set twice", hint="Give it another name.")
            self.anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = Node(value=self.scalar(event, place), place=place)
        else:
            self.check_depth(depth, place)
            compose = self.sequence if isinstance(event, yaml.SequenceStartEvent) else self.mapping
            node = compose(getattr(event, "tag", None), place, depth)
        if anchor:
            self.anchors[anchor] = node
        return node

    def alias(self, anchor: str, place: Place, depth: int) -> Node:
        """Return the node that an alias stands for, counted as if it were written out."""
        if anchor not in self.anchors:
            raise refusal(place, f"the alias {quoted('*' + anchor)} stands for nothing", hint=QUOTE)
        node = self.anchors[anchor]
        if node is None:
            raise refusal(place, f"the alias {quoted('*' + anchor)} stands for what it is a part of", hint=QUOTE)
        self.check_depth(depth - 1 + node.height, place)
        self.grow(node.size, place)
        return node

    def scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        """Return what a scalar means."""
        try:
            text = joined(event.value)
            if event.tag is None:
                return resolve(text) if event.implicit[0] else text
            return tagged(text, event.tag)
        except KeyError:
            raise self.bad_tag(str(event.tag), place) from None
        except ValueError as error:
            raise refusal(place, str(error), saw=quoted(event.value)) from None

    def sequence(self, tag: str | None, place: Place, depth: int) -> Node:
        """Compose a list."""
        if tag not in (None, "!", CORE + "seq"):
            raise self.bad_tag(str(tag), place)
        items: list[Node] = []
        while not isinstance(start := self.next(), yaml.SequenceEndEvent):
            items.append(self.node(start, depth + 1))
        return Node(
            value=tuple(items),
            place=place,
            size=1 + sum(node.size for node in items),
            height=1 + max((node.height for node in items), default=0),
        )

    def mapping(self, tag: str | None, place: Place, depth: int) -> Node:
        """Compose a map."""
        if tag not in (None, "!", CORE + "map"):
            raise self.bad_tag(str(tag), place)
        values: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        while not isinstance(start := self.next(), yaml.MappingEndEvent):
            key, here = self.key(start, depth), self.place(start)
            if key in keys:
                saw = f"it in line {keys[key].line} too"
                raise refusal(here, f"the key {quoted(key)} stands here twice", saw=saw, expected="each key once")
            keys[key] = here
            values[key] = self.node(self.next(), depth + 1)
        return Node(
            value=values,
            place=place,
            keys=keys,
            size=1 + len(keys) + sum(node.size for node in values.values()),
            height=1 + max((node.height for node in values.values()), default=0),
        )

    def key(self, event: yaml.Event, depth: int) -> str:
        """Return a key: text and nothing else."""
        place = self.place(event)
        value = self.node(event, depth + 1).value
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and value == "<<":
            hint = "Write the keys out; a whole value can be an alias."
            raise refusal(place, "merge keys (<<) are not part of YAML 1.2", hint=hint)
        if not isinstance(value, str):
            hint = "Put a name that looks like something else in quotes."
            raise refusal(place, "a key is not text", saw=seen(value), expected="text", hint=hint)
        return value

    def check_depth(self, depth: int, place: Place) -> None:
        """Refuse a list or a map that stands too deep."""
        if depth > DEEPEST:
            raise refusal(place, "lists and maps are nested too deeply", expected=f"at most {DEEPEST} levels")

    def grow(self, size: int, place: Place) -> None:
        """Count values, and refuse one too many."""
        self.count += size
        if self.count > MOST:
            raise refusal(place, "the file holds too much", expected=f"at most {MOST} values with aliases written out")

    def bad_tag(self, tag: str, place: Place) -> PolicyError:
        """Return the error for a tag that means nothing here."""
        shown = "!!" + tag.removeprefix(CORE) if tag.startswith(CORE) else tag
        return refusal(place, "a tag that a policy does not know", saw=quoted(shown), hint=f"Leave it out. {QUOTE}")

    def place(self, event: yaml.Event) -> Place:
        """Return where an event begins."""
        return self.mark(event.start_mark)

    def mark(self, mark: _Mark | None) -> Place:
        """Return the parser's mark, which counts from 0, as a place."""
        return replace(self.start, line=mark.line + 1, column=mark.column + 1) if mark else self.start
