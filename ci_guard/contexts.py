"""Which contexts of a policy a run is in; one that may apply applies, because a context can only ask for more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Final

from ci_guard.model import refs
from ci_guard.model.answer import Answer, all_of, any_of
from ci_guard.model.built import built, stands_for
from ci_guard.model.circumstances import Runner
from ci_guard.model.context import Context, Machine, When, Who
from ci_guard.model.fact import Fact, Known, Unknown, apply
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.roles import Role, holds_level, standing
from ci_guard.model.run import Part, Participant, Platform
from ci_guard.model.settings import Policy
from ci_guard.records import dataclass, replace

STARTERS: Final = (Part.ACTOR, Part.TRIGGERING_ACTOR)
"""Who `actor` is about: whoever caused the run, and whoever pressed the button again."""

LONGEST: Final = 80
"""Characters of a stranger's text that a note carries."""
MOST: Final = 5
"""Items that a note names."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One condition held against the facts."""

    condition: str
    """As the policy calls it: `changed-paths`."""
    answer: Answer
    seen: str
    """What is so, as a clause: `the event is push`."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """A context held against the facts of a run."""

    context: Context
    readings: tuple[Reading, ...]

    @property
    def applies(self) -> bool:
        """Whether no condition fails."""
        return all(reading.answer is not False for reading in self.readings)

    def note(self) -> str:
        """Return for people whether it applies and why."""
        name = f"Context {self.context.name} at {self.context.place}"
        failed = [reading for reading in self.readings if reading.answer is False]
        doubts = [reading for reading in self.readings if isinstance(reading.answer, Unknown)]
        if failed:
            return f"{name} does not apply: {'; '.join(reading.seen for reading in failed)}."
        if doubts:
            told = "; ".join(f"{reading.condition} is unknown ({reading.seen})" for reading in doubts)
            return f"{name} applies, as nothing rules it out: {told}."
        return f"{name} applies: {'; '.join(reading.seen for reading in self.readings)}."


def needs(policy: Policy, platform: Platform) -> Needs:
    """Return which facts it takes to tell which contexts of a policy apply."""
    return reduce(Needs.__or__, (_needs(one.when, policy.roles, platform) for one in policy.contexts), Needs())


def _needs(when: When, roles: Mapping[str, Role], platform: Platform) -> Needs:
    people = {part.value for part in STARTERS} if when.actor else set()
    people |= {Part.AUTHOR.value} if when.author else set()
    wanted = {
        "environments": when.environments,
        "visibility": when.visibilities,
        "labels": when.labels,
        "changed_paths": when.changed_paths,
        "runner": when.runner,
    }
    named = [name for who in (when.actor, when.author) if who for name in who.roles]
    return Needs(
        people=frozenset(people),
        circles=frozenset(circle for name in named for circle in roles[name].circles(platform)),
        circumstances=frozenset(name for name, condition in wanted.items() if condition),
    )


def settle(policy: Policy, facts: Facts) -> Policy:
    """Return the policy with what every context adds that applies, or may; its notes say of each why."""
    matches = [match(context, facts, policy.roles) for context in policy.contexts]
    chosen = [found.context for found in matches if found.applies]
    settled = policy.under(chosen) if policy.under and chosen else policy
    return replace(settled, notes=(*settled.notes, *(found.note() for found in matches)))


def match(context: Context, facts: Facts, roles: Mapping[str, Role]) -> Match:
    """Hold a context against the facts; never raises, whatever is known."""
    return Match(context=context, readings=tuple(_read(context.when, facts, roles)))


def _read(when: When, facts: Facts, roles: Mapping[str, Role]) -> Iterator[Reading]:
    run, around = facts.run, facts.circumstances
    if when.platforms:
        yield Reading(
            condition="platform", answer=run.platform in when.platforms, seen=f"the platform is {run.platform.value}"
        )
    if when.events:
        event = apply(run.event, lambda event: event in when.events)
        yield _reading("event", event, lambda: f"the event is {_word(run.event)}")
    if when.refs:
        ref = built(run)
        answer = stands_for(when.refs, ref, run)
        name = f"the ref is {_clip(str(ref.value))}" if isinstance(ref, Known) and ref.value else "no ref is built"
        yield Reading(condition="ref", answer=answer, seen=answer.reason if isinstance(answer, Unknown) else name)
    if when.environments:
        yield _read_environments(when.environments, around.environments)
    if when.visibilities:
        visible = apply(around.visibility, lambda found: found in when.visibilities)
        yield _reading("visibility", visible, lambda: f"the repository is {_word(around.visibility)}")
    if when.actor:
        yield _read_people("actor", when.actor, facts, roles, STARTERS)
    if when.author:
        yield _read_people("author", when.author, facts, roles, (Part.AUTHOR,))
    if when.labels:
        labels = apply(around.labels, lambda found: _fits(when.labels, found))
        yield _reading("labels", labels, lambda: _labels(around.labels))
    if when.changed_paths:
        yield _read_paths(when.changed_paths, around.changed_paths)
    if when.time:
        calendar = when.time
        timely = apply(around.now, calendar.covers)
        shown = apply(around.now, lambda now: f"{calendar.local(now):%a %Y-%m-%d %H:%M} in {calendar.zone}")
        yield _reading("time", timely, lambda: f"it is {_word(shown)}")
    if when.runner:
        yield _read_runner(when.runner, around.runner)


def _reading(condition: str, fact: Fact[bool], seen: Callable[[], str]) -> Reading:
    if isinstance(fact, Unknown):
        return Reading(condition=condition, answer=fact, seen=_why(fact))
    return Reading(condition=condition, answer=fact.value, seen=seen())


def _read_environments(patterns: Sequence[str], found: Sequence[Fact[str]]) -> Reading:
    """Read the environments that somebody names, of which one has to fit."""
    answer = any_of(fact if isinstance(fact, Unknown) else _fits(patterns, (fact.value,)) for fact in found)
    named = ", ".join(f"{_clip(fact.value)} (by {fact.detail})" for fact in found if isinstance(fact, Known))
    seen = f"the environment is {named}" if named else "no environment is named"
    return Reading(condition="environment", answer=answer, seen=_why(answer) if isinstance(answer, Unknown) else seen)


def _read_paths(patterns: Sequence[str], fact: Fact[frozenset[str] | None]) -> Reading:
    if isinstance(fact, Unknown):
        return Reading(condition="changed-paths", answer=fact, seen=_why(fact))
    if fact.value is None:
        return Reading(condition="changed-paths", answer=False, seen="the event brings no change")
    fitting = sorted(path for path in fact.value if any(refs.fits(pattern, path) for pattern in patterns))
    seen = f"it changes {_list(fitting)}" if fitting else f"none of the {len(fact.value)} changed paths fits"
    return Reading(condition="changed-paths", answer=bool(fitting), seen=seen)


def _read_people(condition: str, who: Who, facts: Facts, roles: Mapping[str, Role], parts: Sequence[Part]) -> Reading:
    if isinstance(facts.people, Unknown):
        return Reading(condition=condition, answer=facts.people, seen=_why(facts.people))
    seats = [seat.who for seat in facts.people.value if seat.part in parts]
    answer = any_of(seat if isinstance(seat, Unknown) else _is_meant(who, seat, facts, roles) for seat in seats)
    if isinstance(answer, Unknown):
        return Reading(condition=condition, answer=answer, seen=_why(answer))
    names = [seat.value.person.login for seat in seats if isinstance(seat, Known)]
    seen = f"the {condition} is {_list(dict.fromkeys(names))}" if names else f"the event has no {condition}"
    return Reading(condition=condition, answer=answer, seen=seen)


def _is_meant(who: Who, seat: Known[Participant], facts: Facts, roles: Mapping[str, Role]) -> Answer:
    """Tell whether a condition means somebody; unknown only where that hangs on something unknown."""
    person = seat.value.person
    answers: list[Answer] = []
    if who.logins:
        answers.append(person.login.casefold() in {login.casefold() for login in who.logins})
    if who.ids:
        answers.append(person.id in who.ids)
    if who.levels:
        answers.append(holds_level(who.levels, seat.value.access))
    if who.roles:
        ways = [standing(roles[name], seat, facts.run.platform, facts.memberships) for name in who.roles]
        answers.append(any_of(way if isinstance(way, Unknown) else bool(way.value) for way in ways))
    return all_of(answers)


def _read_runner(machine: Machine, fact: Fact[Runner]) -> Reading:
    if isinstance(fact, Unknown):
        return Reading(condition="runner", answer=fact, seen=_why(fact))
    host, labels = fact.value.host, fact.value.labels
    parts = []
    if machine.hosts:
        hosted = apply(host, lambda found: found in machine.hosts)
        parts.append(_reading("runner", hosted, lambda: f"the runner is {_word(host)}"))
    if machine.labels:
        labelled = apply(labels, lambda found: _fits(machine.labels, found))
        parts.append(_reading("runner", labelled, lambda: f"the runner is asked for by {_names(labels)}"))
    worst = min(parts, key=lambda part: (part.answer is not False, not isinstance(part.answer, Unknown)))
    return replace(worst, seen="; ".join(part.seen for part in parts) if worst.answer is True else worst.seen)


def _fits(patterns: Iterable[str], names: Iterable[str]) -> bool:
    """Tell whether a pattern fits a name, whatever the letter case: on neither platform does it tell labels apart."""
    folded = [name.casefold() for name in names]
    return any(refs.fits(pattern.casefold(), name) for pattern in patterns for name in folded)


def _labels(fact: Fact[frozenset[str]]) -> str:
    names = _names(fact)
    return f"the labels are {names}" if names else "there is no label"


def _names(fact: Fact[frozenset[str]]) -> str:
    return _list(sorted(fact.value)) if isinstance(fact, Known) else ""


def _word(fact: Fact[object]) -> str:
    """Return a known value in words."""
    value = fact.value if isinstance(fact, Known) else ""
    return str(getattr(value, "value", value))


def _why(doubt: Unknown) -> str:
    return doubt.reason + (f"; needed: {doubt.needs}" if doubt.needs else "")


def _list(items: Iterable[str]) -> str:
    all_items = list(items)
    more = f" and {len(all_items) - MOST} more" if len(all_items) > MOST else ""
    return ", ".join(_clip(item) for item in all_items[:MOST]) + more


def _clip(text: str) -> str:
    """Return a stranger's text in one short line; what else it may not hold is for the reporters to escape."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
