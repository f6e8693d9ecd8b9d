"""A policy in its checked form: what every control is asked, by whom, and what is waived until when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Final

from ci_guard.model import kinds
from ci_guard.model.auditing import OnFailure
from ci_guard.model.kinds import Value
from ci_guard.model.run import Event
from ci_guard.model.waiver import Baseline, Waiver
from ci_guard.records import dataclass, field

if TYPE_CHECKING:
    from ci_guard.model.admission import Table
    from ci_guard.model.context import Context
    from ci_guard.model.glass import BreakGlass
    from ci_guard.model.origin import LayerOrigin
    from ci_guard.model.roles import Role


class Mode(str, Enum):
    """Whether a denial stops the pipeline."""

    ENFORCE = "enforce"
    REPORT = "report"


class OnInvisible(str, Enum):
    """What a fact that the token may not see does to the verdict. It is never a pass."""

    DENY = "deny"
    WARN = "warn"


DEFAULT_EVENTS: Final = frozenset(Event) - {Event.CHANGE, Event.TARGET_CHANGE}
"""The events on which a control that takes `on` is judged where no layer says: reviews come after the two left out."""


@dataclass(frozen=True, kw_only=True)
class Bot:
    """An account of an app that may act: recognised by login, numeric id and type together."""

    login: str
    id: int


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a policy asks of one control. A requirement that is not in `require` is not judged."""

    require: Mapping[str, Value]
    """By requirement id, in the order of the control's `META`."""
    branches: tuple[str, ...] = ()
    """`default`, `current`, names and patterns; empty where the control takes none."""
    on: frozenset[Event] | None = None
    """The events on which the control is judged; None for `DEFAULT_EVENTS`."""
    on_invisible: OnInvisible = OnInvisible.DENY
    bots: Mapping[str, tuple[Bot, ...]] = field(default_factory=dict)
    """By requirement id, levels only: who may act there as a bot; a requirement for which none counts may be absent."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """The policy's, by name."""
    admission: tuple[Table, ...] = ()
    """The policy's tables, one of each layer that has one: every one has to admit a run."""
    origins: tuple[LayerOrigin, ...] = field(default=(), compare=False)
    """How each layer of the policy is held fast, nearest to the organisation first; it asks for nothing by itself."""
    files: tuple[str, ...] = field(default=(), compare=False)
    """Files of the repository besides the policy itself by which it says what counts: its baseline."""
    said_by: Mapping[str, str] = field(default_factory=dict)
    """
    Who asks for it, such as `.ci-guard.yml:9` or `builtin:baseline`: by requirement id, and for `branches`, `on` and
    `on-invisible`.
    """

    def asks(self, requirement: str) -> bool:
        """Tell whether the policy asks for this requirement."""
        return requirement in self.require

    def number(self, requirement: str, default: int) -> int:
        """Return the number asked for, or `default` where the requirement is not asked."""
        return kinds.number(self.require[requirement]) if requirement in self.require else default

    def level(self, requirement: str) -> kinds.Level:
        """Return the level asked for; the requirement must be asked."""
        return kinds.level(self.require[requirement])

    def names(self, requirement: str) -> frozenset[str]:
        """Return the names asked for, empty for `true`; the requirement must be asked."""
        return kinds.names(self.require[requirement])


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The layers of a policy merged into one, with where each came from."""

    source: str
    """The nearest layer: a path with its commit, a file, or `builtin:baseline`."""
    sha256: str
    """Of the canonical text of all layers together, in hex."""
    layers: tuple[str, ...]
    """Every layer, nearest to the organisation first."""
    origins: tuple[LayerOrigin, ...] = ()
    """How each of `layers` is held fast, in their order."""
    mode: Mode | None
    """None where no layer states one; the run then enforces unless its caller asks for a report only."""
    policy_branch: str = ""
    """
    The branch whose policy judges tags, schedules and the like; empty for the default one. Only an organisation's layer
    says it.
    """
    controls: Mapping[str, Settings]
    """Enabled controls by id, in registry order; disabled ones are absent."""
    waivers: tuple[Waiver, ...] = ()
    """Only those that count for the layer they stand in."""
    baseline: Baseline | None = None
    break_glass: BreakGlass | None = None
    notes: tuple[str, ...] = ()
    """What a reader should know: waivers of a layer that may not waive, and the like."""
    contexts: tuple[Context, ...] = ()
    """Of all layers, nearest to the organisation first."""
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Of all layers, by name."""
    on_unrecorded: OnFailure = OnFailure.DENY
    """What a record that could not be kept does to a run that may proceed."""
    under: Callable[[Sequence[Context]], Policy] | None = field(
        default=None, compare=False, repr=False, metadata={"recorded": False}
    )
    """Returns this policy with what some of its contexts add; None where it has none."""
