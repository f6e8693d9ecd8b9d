"""
Named tuples without the time that `typing.NamedTuple` takes to write and compile constructors: of thirty classes, 4 ms.

They behave the same, and to a type checker they are the standard library's. No row has more than a dozen fields.
"""

from __future__ import annotations

from collections import _tuplegetter  # type: ignore[attr-defined]
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NamedTuple

__all__ = ["NamedTuple"]

_new = tuple.__new__

_CONSTRUCTORS: Final = (
    lambda cls: _new(cls, ()),
    lambda cls, a: _new(cls, (a,)),
    lambda cls, a, b: _new(cls, (a, b)),
    lambda cls, a, b, c: _new(cls, (a, b, c)),
    lambda cls, a, b, c, d: _new(cls, (a, b, c, d)),
    lambda cls, a, b, c, d, e: _new(cls, (a, b, c, d, e)),
    lambda cls, a, b, c, d, e, f: _new(cls, (a, b, c, d, e, f)),
    lambda cls, a, b, c, d, e, f, g: _new(cls, (a, b, c, d, e, f, g)),
    lambda cls, a, b, c, d, e, f, g, h: _new(cls, (a, b, c, d, e, f, g, h)),
    lambda cls, a, b, c, d, e, f, g, h, i: _new(cls, (a, b, c, d, e, f, g, h, i)),
    lambda cls, a, b, c, d, e, f, g, h, i, j: _new(cls, (a, b, c, d, e, f, g, h, i, j)),
    lambda cls, a, b, c, d, e, f, g, h, i, j, k: _new(cls, (a, b, c, d, e, f, g, h, i, j, k)),
    lambda cls, a, b, c, d, e, f, g, h, i, j, k, m: _new(cls, (a, b, c, d, e, f, g, h, i, j, k, m)),
)
"""By the number of fields; a class has its own, whose parameters are called as its fields are."""


class _Kind(type):
    """What makes a class of a list of fields."""

    def __new__(cls, name: str, bases: tuple[type, ...], said: dict[str, Any]) -> _Kind:
        """Take what stands in the body of the class."""
        if bases[0] is not tuple and not hasattr(bases[0], "_fields"):
            fields = tuple(said.get("__annotations__", ()))
            defaults = {field: said[field] for field in fields if field in said}
            if tuple(defaults) != fields[len(fields) - len(defaults) :]:
                raise TypeError(f"a field of {name} without a default follows one with a default")
            code = _CONSTRUCTORS[len(fields)].__code__.replace(co_varnames=("_cls", *fields))
            said["__new__"] = FunctionType(code, globals(), "__new__", tuple(defaults.values()))
            said["__new__"].__qualname__ = f"{name}.__new__"
            said |= {field: _tuplegetter(number, "") for number, field in enumerate(fields)}
            said |= {"__slots__": (), "__match_args__": fields, "_fields": fields, "_field_defaults": defaults}
        return super().__new__(cls, name, bases, said)


class _Row(tuple[Any, ...], metaclass=_Kind):
    """See `typing.NamedTuple`."""

    __slots__ = ()
    _fields: tuple[str, ...]

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Any:
        made = _new(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
        return made

    def _replace(self, /, **changes: Any) -> Any:
        made = self._make(map(changes.pop, self._fields, self))
        if changes:
            raise ValueError(f"Got unexpected field names: {list(changes)!r}")
        return made

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))

    def __repr__(self) -> str:
        shown = (f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)


if not TYPE_CHECKING:
    NamedTuple = _Row
