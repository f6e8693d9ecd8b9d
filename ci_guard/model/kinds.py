"""The five kinds of value that a requirement can ask for; each owns its schema, its comparison and its merge."""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol, TypeAlias

from ci_guard.records import dataclass, field


class Level(Enum):
    """Repository access, ordered. Custom roles count as the base role they extend."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5

    @property
    def word(self) -> str:
        """The word that policies and reports use."""
        return self.name.lower()

    def __ge__(self, other: Level) -> bool:
        """Compare by rights."""
        return self.value >= other.value

    def __lt__(self, other: Level) -> bool:
        """Compare by rights."""
        return self.value < other.value


@dataclass(frozen=True)
class Names:
    """A set of names that a requirement speaks of; `names` is empty where the policy wrote `true`."""

    names: frozenset[str] = frozenset()


Value: TypeAlias = bool | int | Level | Names
"""A checked value: `True` for a flag, a number, a level, or names."""


class Kind(Protocol):
    """
    A kind of value: how it is written, compared, merged and shown.

    Raises: `parse` raises `ValueError` with what was expected, for the loader to add the place.
    """

    @property
    def name(self) -> str:
        """The kind as the reference page calls it."""
        ...

    @property
    def example(self) -> Value:
        """A value as a policy might ask for it."""
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the written form."""
        ...

    def parse(self, raw: object) -> Value:
        """Check a written value and return it in its checked form."""
        ...

    def asks_for_less(self, value: Value, floor: Value) -> bool:
        """Tell whether `value` would be weaker than `floor`, so that writing it over `floor` is an error."""
        ...

    def merge(self, value: Value, floor: Value) -> Value:
        """Return the value that holds both: never weaker than either."""
        ...

    def show(self, value: Value) -> str:
        """Return the value as a person would read it."""
        ...

    def write(self, value: Value) -> object:
        """Return the written form: what `parse` reads back as `value`."""
        ...


@dataclass(frozen=True)
class Flag:
    """`true`: the requirement holds."""

    name: str = "flag"
    example: Value = True

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return true_schema()

    def parse(self, raw: object) -> Value:
        """See `Kind.parse`."""
        if raw is True:
            return True
        raise ValueError("expected true (leave the line out where it is not required)")

    def asks_for_less(self, value: Value, floor: Value) -> bool:
        """See `Kind.asks_for_less`."""
        return False

    def merge(self, value: Value, floor: Value) -> Value:
        """See `Kind.merge`."""
        return True

    def show(self, value: Value) -> str:
        """See `Kind.show`."""
        return "required"

    def write(self, value: Value) -> object:
        """See `Kind.write`."""
        return True


@dataclass(frozen=True)
class AtLeast:
    """A number, 1 or more."""

    maximum: int = 100
    name: str = "at least"
    example: Value = 2

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return {"type": "integer", "minimum": 1, "maximum": self.maximum}

    def parse(self, raw: object) -> Value:
        """See `Kind.parse`."""
        if isinstance(raw, int) and not isinstance(raw, bool) and 1 <= raw <= self.maximum:
            return raw
        raise ValueError(f"expected a whole number from 1 to {self.maximum}")

    def asks_for_less(self, value: Value, floor: Value) -> bool:
        """See `Kind.asks_for_less`."""
        return number(value) < number(floor)

    def merge(self, value: Value, floor: Value) -> Value:
        """See `Kind.merge`."""
        return max(number(value), number(floor))

    def show(self, value: Value) -> str:
        """See `Kind.show`."""
        return f"at least {number(value)}"

    def write(self, value: Value) -> object:
        """See `Kind.write`."""
        return number(value)


@dataclass(frozen=True)
class AtLevel:
    """A level of access: `read < triage < write < maintain < admin`."""

    name: str = "level"
    example: Value = Level.WRITE

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return {"enum": [level.word for level in Level if level is not Level.NONE]}

    def parse(self, raw: object) -> Value:
        """See `Kind.parse`."""
        for candidate in Level:
            if candidate is not Level.NONE and raw == candidate.word:
                return candidate
        raise ValueError("expected one of read, triage, write, maintain, admin")

    def asks_for_less(self, value: Value, floor: Value) -> bool:
        """See `Kind.asks_for_less`."""
        return level(value) < level(floor)

    def merge(self, value: Value, floor: Value) -> Value:
        """See `Kind.merge`."""
        return value if level(value) >= level(floor) else floor

    def show(self, value: Value) -> str:
        """See `Kind.show`."""
        return f"{level(value).word} or more"

    def write(self, value: Value) -> object:
        """See `Kind.write`."""
        return level(value).word


@dataclass(frozen=True)
class AllOf:
    """A list of names that must all be there; `true` asks for at least one, whichever."""

    name: str = "all of"
    example: Value = field(default=Names(), compare=False)

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return {"anyOf": [true_schema(), names_schema()]}

    def parse(self, raw: object) -> Value:
        """See `Kind.parse`."""
        if raw is True:
            return Names()
        return Names(parse_names(raw, "expected true (at least one) or a list of names, not empty"))

    def asks_for_less(self, value: Value, floor: Value) -> bool:
        """See `Kind.asks_for_less`: lists add up, so none of them can ask for less."""
        return False

    def merge(self, value: Value, floor: Value) -> Value:
        """See `Kind.merge`."""
        return Names(names(value) | names(floor))

    def show(self, value: Value) -> str:
        """See `Kind.show`."""
        return ", ".join(sorted(names(value))) or "at least one"

    def write(self, value: Value) -> object:
        """See `Kind.write`."""
        return sorted(names(value)) or True


@dataclass(frozen=True)
class NoneBut:
    """`true`: nobody; a list: nobody but these."""

    name: str = "none but"
    example: Value = field(default=Names(), compare=False)

    def schema(self) -> dict[str, Any]:
        """See `Kind.schema`."""
        return {"anyOf": [true_schema(), names_schema()]}

    def parse(self, raw: object) -> Value:
        """See `Kind.parse`."""
        if raw is True:
            return Names()
        return Names(parse_names(raw, "expected true (nobody) or a list of names, not empty"))

    def asks_for_less(self, value: Value, floor: Value) -> bool:
        """See `Kind.asks_for_less`: exceptions intersect, so none of them can widen another's."""
        return False

    def merge(self, value: Value, floor: Value) -> Value:
        """See `Kind.merge`."""
        return Names(names(value) & names(floor))

    def show(self, value: Value) -> str:
        """See `Kind.show`."""
        return ("nobody but " + ", ".join(sorted(names(value)))) if names(value) else "nobody"

    def write(self, value: Value) -> object:
        """See `Kind.write`."""
        return sorted(names(value)) or True


def true_schema() -> dict[str, Any]:
    """
    Return the JSON Schema of `true`.

    Not `const: true` or an `enum`: yaml-language-server 1.18 does not find a document's `true` in them and marks every
    flag as an error (mended by redhat-developer/yaml-language-server#1323).
    """
    return {"type": "boolean", "not": {"const": False}}


def names_schema() -> dict[str, Any]:
    """Return the JSON Schema of a list of names."""
    return {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string", "minLength": 1}}


def parse_names(raw: object, expected: str) -> frozenset[str]:
    """Check a written list of names: strings, none empty, none twice."""
    if not isinstance(raw, list) or not raw or not all(isinstance(item, str) and item for item in raw):
        raise ValueError(expected)
    if len(set(raw)) != len(raw):
        raise ValueError(expected + ", each name once")
    return frozenset(raw)


def number(value: Value) -> int:
    """Return the number of an `AtLeast` value."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("the value is no number")
    return value


def level(value: Value) -> Level:
    """Return the level of an `AtLevel` value."""
    if not isinstance(value, Level):
        raise TypeError("the value is no level")
    return value


def names(value: Value) -> frozenset[str]:
    """Return the names of an `AllOf` or `NoneBut` value; empty where the policy wrote `true`."""
    if not isinstance(value, Names):
        raise TypeError("the value holds no names")
    return value.names
