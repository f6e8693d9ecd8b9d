"""A piece of evidence: known with its source, or unknown with its reason; never empty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Generic, TypeAlias, TypeVar

from ci_guard.records import dataclass

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S")


class Source(str, Enum):
    """Who vouches for a fact, strongest first."""

    SIGNED = "signed"
    """A verified ID token."""
    API = "api"
    """The platform's server."""
    GIT = "git"
    """The object database of the checkout."""
    DERIVED = "derived"
    """Concluded from texts that the platform wrote."""
    EVENT = "event"
    """The event file, which an earlier step of the same job can rewrite."""
    ENV = "env"
    """A variable that a job could have set."""
    NONE = "none"
    """Nobody: the fact is unknown."""


class Cause(str, Enum):
    """Why a fact is unknown. Only what the token may not see can ever be tolerated by a policy."""

    INVISIBLE = "invisible"
    """The platform withholds it from this token."""
    UNAVAILABLE = "unavailable"
    """A limit, a fault or no answer; whoever can provoke it must not gain by it."""


@dataclass(frozen=True, kw_only=True)
class Known(Generic[T_co]):
    """A fact and who vouches for it."""

    value: T_co
    source: Source
    detail: str = ""
    """Where it was read, such as `GET rules/branches/main`."""


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A fact that could not be established."""

    reason: str
    """One clause without a full stop: what happened."""
    cause: Cause
    needs: str | None = None
    """The permission that would have shown the fact, in the platform's words (`administration: read`)."""
    detail: str = ""
    """Where it would have been read."""


Fact: TypeAlias = Known[T] | Unknown


def apply(fact: Fact[T], function: Callable[[T], S]) -> Fact[S]:
    """Turn the value of a known fact into another, keeping source and detail; an unknown stays what it is."""
    if isinstance(fact, Unknown):
        return fact
    return Known(value=function(fact.value), source=fact.source, detail=fact.detail)


def then(fact: Fact[T], function: Callable[[T], Fact[S]]) -> Fact[S]:
    """Return the fact that follows from the value of a known one; an unknown stays what it is."""
    return fact if isinstance(fact, Unknown) else function(fact.value)


def invisible(reason: str, *, needs: str | None = None, detail: str = "") -> Unknown:
    """Return an unknown whose cause is that this token may not see the fact."""
    return Unknown(reason=reason, cause=Cause.INVISIBLE, needs=needs, detail=detail)


def unavailable(reason: str, *, needs: str | None = None, detail: str = "") -> Unknown:
    """Return an unknown whose cause is a limit, a fault or silence."""
    return Unknown(reason=reason, cause=Cause.UNAVAILABLE, needs=needs, detail=detail)


def worst(unknowns: Sequence[Unknown]) -> Unknown:
    """Return the first unavailable one, else the first: one that may be tolerated must not hide one that may not."""
    return next((unknown for unknown in unknowns if unknown.cause is Cause.UNAVAILABLE), unknowns[0])
