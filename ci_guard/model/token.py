"""What is known of a token without a part of it."""

from __future__ import annotations

from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class TokenSight:
    """A token as its form and the server's answers show it. Nothing of its value is kept."""

    name: str
    """The variable that holds it."""
    kind: str
    """In the platform's words, such as `fine-grained personal access token`."""
    excess: tuple[str, ...] = ()
    """Scopes that let it do more than read, where the platform tells scopes."""
    left: int | None = None
    """Requests that it may still make in this window; None where the server does not say."""
    limit: int | None = None
    """Requests that it may make in a window."""
