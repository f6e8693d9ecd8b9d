"""
Dataclasses without the time that `dataclasses` takes to write and compile methods: of a hundred classes, 30 ms.

What is here takes the same words and makes classes that behave the same, `dataclasses.fields`, `replace` and `asdict`
included; the standard library's module is only loaded by whoever asks those. To a type checker it is that module. Of
its options those are known that the package uses.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from ci_guard.rows import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import dataclass, field, replace

__all__ = ["dataclass", "field", "names_of", "replace"]

_MISSING: Final = object()
_SHAPE: Final = "__record_shape__"


class _Field(NamedTuple):
    """What was said of a field."""

    default: Any = _MISSING
    default_factory: Callable[[], Any] | None = None
    repr: bool = True
    compare: bool = True
    kw_only: bool = False
    metadata: Mapping[str, Any] | None = None


class _Shape(NamedTuple):
    """What a class was made of."""

    fields: dict[str, _Field]
    defaults: dict[str, Any]
    factories: dict[str, Callable[[], Any]]
    positional: tuple[str, ...]
    compared: Callable[[Any], Any]
    frozen: bool


def _field(
    *,
    default: Any = _MISSING,
    default_factory: Any = None,
    repr: bool = True,  # noqa: A002 - the standard library's word
    compare: bool = True,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """See `dataclasses.field`."""
    return _Field(default, default_factory, repr, compare, metadata=metadata)


def _dataclass(
    cls: type[Any] | None = None,
    /,
    *,
    frozen: bool = False,
    kw_only: bool = False,
    repr: bool = True,  # noqa: A002 - the standard library's word
) -> Any:
    """See `dataclasses.dataclass`."""
    if cls is None:
        return lambda cls: _made(cls, frozen=frozen, kw_only=kw_only, shown=repr)
    return _made(cls, frozen=frozen, kw_only=kw_only, shown=repr)


def _replace(record: Any, /, **changes: Any) -> Any:
    """See `dataclasses.replace`."""
    shape = getattr(record, _SHAPE, None)
    if shape is None:
        import dataclasses

        return dataclasses.replace(record, **changes)
    return type(record)(**{name: getattr(record, name) for name in shape.fields if name not in changes}, **changes)


def names_of(record: Any) -> tuple[str, ...]:
    """Return the names of a record's fields, also of one that is the standard library's; none of what is no record."""
    shape = getattr(type(record), _SHAPE, None)
    if shape is not None:
        return tuple(shape.fields)
    return tuple(getattr(type(record), "__dataclass_fields__", ()))


def _made(cls: type[Any], *, frozen: bool, kw_only: bool, shown: bool) -> type[Any]:
    shape = _shape_of(_fields_of(cls, kw_only), frozen)
    setattr(cls, _SHAPE, shape)
    body = vars(cls)
    methods = _FROZEN_METHODS if frozen else _METHODS
    for name, method in (("__match_args__", shape.positional), *methods.items()):
        # Python puts None in the place of a hash where a class says what is equal.
        if body.get(name) is None and (shown or name != "__repr__"):
            setattr(cls, name, method)
    return cls


def _fields_of(cls: type[Any], kw_only: bool) -> dict[str, _Field]:
    """Return the fields, those of classes above first, and leave defaults alone in the class."""
    fields: dict[str, _Field] = {}
    for base in cls.__mro__[-2:0:-1]:
        if _SHAPE in vars(base):
            fields |= getattr(base, _SHAPE).fields
    body = vars(cls)
    for name, annotation in body.get("__annotations__", {}).items():
        if annotation.startswith("ClassVar["):
            continue
        said = body.get(name, _MISSING)
        if type(said) is not _Field:
            fields[name] = _Field(said, None, True, True, kw_only)
            continue
        fields[name] = said._replace(kw_only=kw_only)
        if said.default is _MISSING:
            delattr(cls, name)
        else:
            setattr(cls, name, said.default)
    return fields


def _shape_of(fields: dict[str, _Field], frozen: bool) -> _Shape:
    defaults, factories = {}, {}
    positional, compared = [], []
    for name, (default, factory, _, compares, by_name, _) in fields.items():
        if factory is not None:
            factories[name] = factory
        elif default is not _MISSING:
            defaults[name] = default
        if compares:
            compared.append(name)
        if not by_name:
            positional.append(name)
    key = attrgetter(*compared) if compared else lambda _: ()
    return _Shape(fields, defaults, factories, tuple(positional), key, frozen)


def _init(self: Any, *values: Any, **named: Any) -> None:
    shape: _Shape = getattr(self, _SHAPE)
    given = dict(zip(shape.positional, values, strict=False), **named) if values else named
    if len(given) != len(values) + len(named) or not given.keys() <= shape.fields.keys():
        strange = sorted(given.keys() - shape.fields.keys())
        raise TypeError(f"{type(self).__name__}() takes no {', '.join(strange) or 'so many values, or one twice'}")
    state = vars(self)
    state.update(shape.defaults)
    for name, make in shape.factories.items():
        if name not in given:
            state[name] = make()
    state.update(given)
    if len(state) != len(shape.fields):
        raise TypeError(f"{type(self).__name__}() lacks {', '.join(shape.fields.keys() - state.keys())}")
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def _eq(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    compared = getattr(self, _SHAPE).compared
    return compared(self) == compared(other)


def _hash(self: Any) -> int:
    return hash(getattr(self, _SHAPE).compared(self))


def _repr(self: Any) -> str:
    shown = (f"{name}={getattr(self, name)!r}" for name, field in getattr(self, _SHAPE).fields.items() if field.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_to_set(_: Any, name: str, _value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


class _Described:
    """What the standard library's functions ask a class for, taken from a dataclass of the same fields when asked."""

    def __init__(self, part: Callable[[Any], Any]) -> None:
        """Give this part."""
        self._part = part

    def __get__(self, instance: object, owner: type[Any]) -> Any:
        """Make the dataclass, and keep it with the class."""
        owner = next(cls for cls in owner.__mro__ if _SHAPE in vars(cls))
        twin = vars(owner).get("__record_twin__")
        if twin is None:
            twin = _twin(owner)
            owner.__record_twin__ = twin
        return self._part(twin)


def _twin(owner: type[Any]) -> type[Any]:
    import dataclasses

    shape: _Shape = getattr(owner, _SHAPE)
    types: Mapping[str, Any] = {
        name: type_ for cls in reversed(owner.__mro__) for name, type_ in vars(cls).get("__annotations__", {}).items()
    }
    fields = []
    for name, field in shape.fields.items():
        words: dict[str, Any] = {"repr": field.repr, "compare": field.compare, "kw_only": field.kw_only}
        words["metadata"] = field.metadata
        if field.default_factory is not None:
            words["default_factory"] = field.default_factory
        elif field.default is not _MISSING:
            words["default"] = field.default
        fields.append((name, types[name], dataclasses.field(**words)))
    return dataclasses.make_dataclass(owner.__name__, fields, frozen=shape.frozen)


_METHODS: Final[dict[str, Any]] = {
    "__init__": _init,
    "__eq__": _eq,
    "__hash__": None,
    "__repr__": _repr,
    "__dataclass_fields__": _Described(lambda of: of.__dataclass_fields__),
    "__dataclass_params__": _Described(lambda of: of.__dataclass_params__),
}
_FROZEN_METHODS: Final = {
    **_METHODS,
    "__hash__": _hash,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
}

if not TYPE_CHECKING:
    dataclass, field, replace = _dataclass, _field, _replace
