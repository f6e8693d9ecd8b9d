"""What every control module offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ci_guard.model.facts import Facts, Needs
from ci_guard.model.judgement import Judgement
from ci_guard.model.meta import Meta
from ci_guard.model.run import Run
from ci_guard.model.settings import Settings


class Control(Protocol):
    """A control is a module with these three names; it is pure and total."""

    META: Meta

    def needs(self, settings: Settings, run: Run) -> Needs:
        """Return which facts the control wants for this run; nothing where the run is none of its business."""
        ...

    def check(self, facts: Facts, settings: Settings) -> Iterator[Judgement]:
        """
        Judge every requirement that the settings ask for, each at least once.

        Shape: in the order of `META.requirements`; never raises for any combination of known and unknown facts.
        """
        ...
