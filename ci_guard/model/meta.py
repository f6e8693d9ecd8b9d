"""What a control declares of itself; schema, reference page and inputs are generated from it."""

from __future__ import annotations

from collections.abc import Iterable

from ci_guard.model.judgement import Severity
from ci_guard.model.kinds import Kind
from ci_guard.model.reference import Reference
from ci_guard.records import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One thing that a policy can ask of a control."""

    id: str
    """Kebab-case; unique within the control."""
    kind: Kind
    title: str
    """What holds when it passes, as a clause: `force pushes are blocked`."""
    why: str
    """What goes wrong without it, one or two sentences."""
    notes: str = ""
    """When its answer is wrong or surprising, and what to do then."""
    severity: Severity
    github: str
    """How to satisfy it on GitHub, and which permission shows it."""
    gitlab: str
    """How to satisfy it on GitLab, and which token shows it."""
    source: str
    """The platform page, RFC or advisory that the rule rests on."""
    beside: str = ""
    """What a policy has to hold besides for the kind's example to mean something, as a line of YAML."""
    finds: bool = False
    """True where each failure is one finding, whose subject is the rule that found it."""
    gitlab_title: str = ""
    """The title in GitLab's words, where the common one is not in them."""
    references: Iterable[Reference] = ()
    """Items of frameworks that a pass satisfies or supports."""


@dataclass(frozen=True, kw_only=True)
class Meta:
    """A control: its id, its words and its requirements in the order in which they are reported."""

    id: str
    title: str
    """A noun phrase for headings."""
    summary: str
    """One sentence: the question that the control answers."""
    requirements: tuple[Requirement, ...]
    local: bool = False
    """True where the checkout alone holds all evidence, so that an unknown is never the absence of a forge."""
    options: frozenset[str] = field(default_factory=frozenset)
    """Which of the settings `branches`, `bots` and `on` the control takes."""

    def requirement(self, requirement_id: str) -> Requirement:
        """
        Return the requirement of that id.

        Raises: `KeyError` for an id that the control does not have.
        """
        for requirement in self.requirements:
            if requirement.id == requirement_id:
                return requirement
        raise KeyError(requirement_id)
