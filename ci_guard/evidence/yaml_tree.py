"""YAML of strangers as a tree of texts with their lines; what a machine could choke on is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import yaml

from ci_guard.records import dataclass, field

LARGEST_BYTES: Final = 512 * 1024
"""A workflow is far smaller: GitHub refuses one of more than 512 KiB."""
DEEPEST: Final = 50
MOST: Final = 50_000
"""Values, after every alias is followed: aliases of aliases cannot multiply."""
SIGNS: Final = 64
"""Characters of a text that count as one more value."""

MERGE: Final = "<<"


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A text, a list or a map. Every scalar is its text, whatever it would mean."""

    value: Value
    line: int
    """1-based."""
    tag: str = ""
    """Such as `!reference`; empty for what has none."""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Where the keys of a map stand."""
    size: int = 1
    height: int = 0
    path: str = ""
    """The file that it stands in, where whoever read it said so."""

    def get(self, key: str) -> Tree | None:
        """Return what a map has at a key, None for anything else."""
        return self.value.get(key) if isinstance(self.value, Mapping) else None

    def text(self, key: str) -> str:
        """Return the text at a key, empty where there is none."""
        found = self.get(key)
        return found.value if found is not None and isinstance(found.value, str) else ""

    @property
    def entries(self) -> Mapping[str, Tree]:
        """What a map holds, nothing for anything else."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> tuple[Tree, ...]:
        """What a list holds; anything else is a list of itself, as both platforms read it."""
        return self.value if isinstance(self.value, tuple) else (self,)


Value: TypeAlias = str | tuple[Tree, ...] | Mapping[str, Tree]


def read_tree(content: bytes, path: str = "") -> Tree:
    """
    Return the last document of a file, which on GitLab follows its header.

    Raises: `ValueError` with a clause for what is no YAML, too large, too deep, or refers to itself.
    """
    if len(content) > LARGEST_BYTES:
        raise ValueError(f"it has {len(content)} bytes, more than the {LARGEST_BYTES} that are read")
    try:
        return _Composer(content.decode("utf-8-sig"), path).last()
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ValueError(f"it is not YAML (line {mark.line + 1})" if mark else "it is not YAML") from None
    except (yaml.YAMLError, OverflowError):
        raise ValueError("it is not YAML") from None


class _Composer:
    """Turns the parser's events into trees; counts levels and values before it enters them."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.parser = yaml.BaseLoader(text)
        self.anchors: dict[str, Tree | None] = {}
        self.count = 0

    def last(self) -> Tree:
        found = Tree(value="", line=1)
        while not isinstance(event := self.next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
                found = self.tree(self.next(), 1)
        return found

    def next(self) -> yaml.Event:
        event: yaml.Event = self.parser.get_event()  # type: ignore[no-untyped-call]
        return event

    def tree(self, event: yaml.Event, depth: int) -> Tree:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            known = self.anchors.get(str(event.anchor))
            if known is None:
                raise ValueError(f"an alias stands for nothing, or for what it is a part of (line {line})")
            self.grow(known.size, depth - 1 + known.height)
            return known
        self.grow(1, depth)
        anchor = getattr(event, "anchor", None)
        if anchor:
            self.anchors[anchor] = None
        tag = getattr(event, "tag", None) or ""
        if isinstance(event, yaml.ScalarEvent):
            made = Tree(value=event.value, line=line, tag=tag, size=1 + len(event.value) // SIGNS, path=self.path)
            self.grow(made.size - 1, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            made = self.sequence(line, tag, depth)
        else:
            made = self.mapping(line, tag, depth)
        if anchor:
            self.anchors[anchor] = made
        return made

    def sequence(self, line: int, tag: str, depth: int) -> Tree:
        items = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            items.append(self.tree(event, depth + 1))
        size, height = 1 + sum(one.size for one in items), 1 + max((one.height for one in items), default=0)
        return Tree(value=tuple(items), line=line, tag=tag, size=size, height=height, path=self.path)

    def mapping(self, line: int, tag: str, depth: int) -> Tree:
        own: dict[str, Tree] = {}
        lines: dict[str, int] = {}
        merged: list[Tree] = []
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.tree(event, depth + 1)
            value = self.tree(self.next(), depth + 1)
            if not isinstance(key.value, str):
                raise ValueError(f"a key is not text (line {key.line})")  # noqa: TRY004 - what a stranger wrote
            if key.value == MERGE:
                merged += value.items
                continue
            # Of two equal keys the last one counts on GitLab; GitHub refuses the file.
            own[key.value], lines[key.value] = value, key.line
        for other in merged:
            for name, value in other.entries.items():
                if name not in own:
                    own[name], lines[name] = value, other.lines[name]
        size = 1 + len(own) + sum(one.size for one in own.values())
        height = 1 + max((one.height for one in own.values()), default=0)
        return Tree(value=own, line=line, tag=tag, lines=lines, size=size, height=height, path=self.path)

    def grow(self, size: int, depth: int) -> None:
        self.count += size
        if self.count > MOST:
            raise ValueError(f"it holds more than {MOST} values")
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")
