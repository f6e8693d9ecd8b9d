"""One layer of a policy in its checked form, in which everything knows its place."""

from __future__ import annotations

from collections.abc import Mapping

from ci_guard.model.admission import Table
from ci_guard.model.auditing import OnFailure
from ci_guard.model.context import Context
from ci_guard.model.glass import BreakGlass
from ci_guard.model.kinds import Value
from ci_guard.model.roles import Role
from ci_guard.model.run import Event
from ci_guard.model.settings import Bot, Mode, OnInvisible
from ci_guard.model.waiver import Baseline, Waiver
from ci_guard.policy.place import Place, Stated
from ci_guard.records import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a layer says of one control that it enables. None is what it does not say."""

    place: Place
    """Where the control was first named."""
    rank: int
    """The layer that did."""
    require: Mapping[str, Stated[Value]] = field(default_factory=dict)
    branches: Stated[tuple[str, ...]] | None = None
    on: Stated[frozenset[Event]] | None = None
    on_invisible: Stated[OnInvisible] | None = None
    bots: tuple[Stated[Bot], ...] = ()
    locked: Place | None = None
    """Where nearer layers were forbidden to change anything."""


@dataclass(frozen=True, kw_only=True)
class WaiverRules:
    """What a layer asks of waivers."""

    max_days: Stated[int] | None = None
    needs: Mapping[str, Stated[str]] = field(default_factory=dict)
    """Keys that every waiver has to have."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer, or several that were merged into one."""

    said: Mapping[str, Place] = field(default_factory=dict)
    """Where each key on top of the file stands."""
    mode: Stated[Mode] | None = None
    enforced: Stated[Mode] | None = None
    """Where an organisation's layer, by saying no mode, asks for `enforce`; set where layers are joined."""
    policy_branch: Stated[str] | None = None
    controls: Mapping[str, Asked] = field(default_factory=dict)
    """Enabled controls, by id."""
    locked: Place | None = None
    """Where nearer layers were forbidden to ask for anything else."""
    disabled: Mapping[str, Place] = field(default_factory=dict)
    """Where `enabled: false` was written, by control."""
    waivers: tuple[Stated[Waiver], ...] = ()
    waiver_rules: WaiverRules = WaiverRules()
    baseline: Stated[Baseline] | None = None
    break_glass: Stated[BreakGlass] | None = None
    roles: Mapping[str, Stated[Role]] = field(default_factory=dict)
    contexts: tuple[Conditional, ...] = ()
    admission: tuple[Stated[Table], ...] = ()
    audit: Stated[OnFailure] | None = None
    notes: tuple[str, ...] = ()
    """What a reader should know of how it was joined."""


@dataclass(frozen=True, kw_only=True)
class Conditional:
    """What a layer asks for besides, where a context applies."""

    context: Context
    place: Place
    adds: Layer
    """Only controls, none of them disabled or locked."""
