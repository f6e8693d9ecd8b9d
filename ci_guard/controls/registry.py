"""Every control by what it says of itself; its module is loaded when it is asked, as most policies ask but some."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Final, cast

from ci_guard.controls.declared import (
    actor_permissions,
    admission,
    branch_protection,
    guard_integrity,
    required_reviews,
    secret_free,
)
from ci_guard.controls.interface import Control
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.judgement import Judgement
from ci_guard.model.meta import Meta
from ci_guard.model.run import Run
from ci_guard.model.settings import Settings


class Registered:
    """A control whose module has the words of its id. Fulfils `Control`."""

    def __init__(self, meta: Meta) -> None:
        """Load nothing yet."""
        self.META = meta

    @property
    def module(self) -> Control:
        """The control itself."""
        return cast("Control", import_module(f"ci_guard.controls.{self.META.id.replace('-', '_')}"))

    def needs(self, settings: Settings, run: Run) -> Needs:
        """See `Control.needs`."""
        return self.module.needs(settings, run)

    def check(self, facts: Facts, settings: Settings) -> Iterator[Judgement]:
        """See `Control.check`."""
        return self.module.check(facts, settings)


METAS: Final = tuple(
    declared.META
    for declared in (
        branch_protection,
        actor_permissions,
        admission,
        required_reviews,
        secret_free,
        guard_integrity,
    )
)
"""What each control says of itself, in report order."""
CONTROLS: Final[tuple[Registered, ...]] = tuple(Registered(meta) for meta in METAS)
"""Every control, in report order."""
