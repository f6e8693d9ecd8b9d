"""How GitLab makes one configuration of several: includes, `extends`, `!reference` and `default`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.fact import Unknown, unavailable
from ci_guard.records import replace

DEEPEST_EXTENDS: Final = 11
"""Source: "CI/CD YAML syntax reference", `extends`."""
DEEPEST_REFERENCE: Final = 10
"""Source: "Optimize GitLab CI/CD configuration files", `!reference`, "Nest `!reference` tags"."""
MOST: Final = 200_000
"""Values that are put together: every job may extend several, and every list may refer to others."""

REFERENCE: Final = "!reference"
INHERITED: Final = ("before_script", "after_script", "hooks")
"""What of `default` can change what a job does. Source: "CI/CD YAML syntax reference", `default`."""

EMPTY: Final = Tree(value={}, line=1)


def merged(under: Tree, over: Tree) -> Tree:
    """
    Return two values as one: of maps every key, deep; of all else the second.

    Source: "Use CI/CD configuration from other files", "Merge method for `include`"; `extends`, "Merge details".
    """
    if not (isinstance(under.value, Mapping) and isinstance(over.value, Mapping)):
        return over
    value = dict(under.value)
    for key, one in over.value.items():
        value[key] = merged(value[key], one) if key in value else one
    return replace(over, value=value, lines={**under.lines, **over.lines})


class Resolver:
    """Puts the jobs of a configuration together; what it cannot put together is a doubt."""

    def __init__(self, whole: Tree) -> None:
        """`whole` is the configuration with all that it includes."""
        self.whole = whole
        self.doubts: dict[Unknown, None] = {}
        self._left = MOST
        self._extended: dict[str, Tree] = {}

    def job(self, name: str) -> Mapping[str, Tree]:
        """Return the keys of a job with what it extends and the defaults, its own last; references stay as they are."""
        tree = self._extend(name, ())
        keys = dict(tree.entries)
        for key in INHERITED:
            default = self.whole.get("default")
            # Above all jobs they are the older way to write a default.
            found = (default.get(key) if default else None) or self.whole.get(key)
            if found is not None and key not in keys and self._inherits(tree, key):
                keys[key] = found
        return keys

    def settled(self, tree: Tree | None, depth: int = 0) -> Tree | None:
        """Return a value with what it refers to; lists within lists become one, as scripts and rules are read."""
        if tree is None or not self._takes(1, tree):
            return None
        if tree.tag == REFERENCE:
            found = self._refer(tree)
            if found is None or depth >= DEEPEST_REFERENCE:
                self._doubt(f"{place(tree)} refers to something that was not found")
                return None
            return self.settled(found, depth + 1)
        if not isinstance(tree.value, tuple):
            return tree
        items: list[Tree] = []
        for one in tree.value:
            if one.tag == REFERENCE or isinstance(one.value, tuple):
                made = self.settled(one, depth)
                items += made.items if made else ()
            else:
                items.append(one)
        return replace(tree, value=tuple(items)) if self._takes(len(items), tree) else None

    def _extend(self, name: str, above: Sequence[str]) -> Tree:
        if name in self._extended:
            return self._extended[name]
        own = self.whole.get(name) or EMPTY
        made = EMPTY
        extends = own.get("extends")
        for one in extends.items if extends else ():
            parent = str(one.value)
            known = isinstance(one.value, str) and self.whole.get(parent) is not None
            if not known or parent in above or parent == name or len(above) >= DEEPEST_EXTENDS:
                self._doubt(f"what {place(one)} extends was not found")
            else:
                made = merged(made, self._extend(parent, (*above, name)))
            if not self._takes(weight(made), one):
                break
        made = self._extended[name] = merged(made, own)
        return made

    def _inherits(self, job: Tree, key: str) -> bool:
        inherit = job.get("inherit")
        wanted = inherit.get("default") if inherit else None
        if wanted is None:
            return True
        return (
            key in {one.value for one in wanted.items} if isinstance(wanted.value, tuple) else wanted.value != "false"
        )

    def _refer(self, tree: Tree) -> Tree | None:
        found: Tree | None = self.whole
        for part in tree.items:
            found = found.get(str(part.value)) if found else None
        return found

    def _takes(self, number: int, tree: Tree) -> bool:
        had, self._left = self._left, self._left - number
        if had >= 0 > self._left:
            self._doubt(f"from {place(tree)} on, its jobs are made of too many others")
        return self._left >= 0

    def _doubt(self, reason: str) -> None:
        self.doubts.setdefault(unavailable(reason), None)


def weight(tree: Tree) -> int:
    """Return how many values merging a map has to look at."""
    return 1 + sum(weight(one) for one in tree.entries.values())


def place(tree: Tree) -> str:
    """Return where something stands, for messages."""
    return f"line {tree.line} of {tree.path}"
