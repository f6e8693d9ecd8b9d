"""Roles that a policy names once, and whether somebody holds one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from ci_guard.model.answer import Answer
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable, worst
from ci_guard.model.kinds import Level
from ci_guard.model.run import Access, AccountType, Participant, Person, Platform
from ci_guard.model.settings import Bot
from ci_guard.records import dataclass

EVERYBODY: Final = "everybody"
"""No role that a policy can name: whoever it is, known or not."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """Who holds a role: whoever is named by any of these."""

    name: str
    users: tuple[Bot, ...] = ()
    """People, by numeric id; a login can be renamed."""
    bots: tuple[Bot, ...] = ()
    """Accounts of apps and tokens, by login, id and type together; a bot holds a role by nothing else."""
    teams: tuple[str, ...] = ()
    """Of GitHub, `organisation/slug`."""
    groups: tuple[str, ...] = ()
    """Of GitLab, by their full path."""
    levels: frozenset[Level] = frozenset()
    """The levels themselves."""

    def circles(self, platform: Platform) -> tuple[str, ...]:
        """Return the teams or groups that count on a platform."""
        return {Platform.GITHUB: self.teams, Platform.GITLAB: self.groups}.get(platform, ())


NOBODY_ASKED: Final = "nobody asked whether they are in"
"""How the reason begins where a team or group was not among those that were asked for."""


@dataclass(frozen=True, kw_only=True)
class Membership:
    """Whether one account is in one team or group now."""

    circle: str
    """As the policy names it."""
    person: int
    """Numeric id."""
    member: Fact[bool]


def standing(
    role: Role, who: Known[Participant], platform: Platform, memberships: Fact[tuple[Membership, ...]]
) -> Fact[str]:
    """
    Return by what somebody holds a role, empty where by nothing.

    Unknown only where something that is unknown could give it to them.
    """
    doubts = []
    source, detail = who.source, who.detail
    for way in _ways(role, who, platform, memberships):
        if isinstance(way, Unknown):
            doubts.append(way)
        elif way.value:
            return way
        elif list(Source).index(way.source) > list(Source).index(source):
            source, detail = way.source, way.detail
    return worst(doubts) if doubts else Known(value="", source=source, detail=detail)


def _ways(
    role: Role, who: Known[Participant], platform: Platform, memberships: Fact[tuple[Membership, ...]]
) -> Iterator[Fact[str]]:
    person, access = who.value.person, who.value.access

    def told(how: str) -> Fact[str]:
        return Known(value=how, source=who.source, detail=who.detail)

    if person.type is AccountType.BOT:
        is_listed = any(bot.id == person.id and bot.login.casefold() == person.login.casefold() for bot in role.bots)
        yield told(f"as the bot {person.id}" if is_listed else "")
    if person.type is not AccountType.USER:
        return
    yield told(f"by the id {person.id}" if any(user.id == person.id for user in role.users) else "")
    if role.levels:
        held = holds_level(role.levels, access)
        if isinstance(held, Unknown):
            yield held
        elif isinstance(access, Known):
            how = f"by the level {access.value.level.word}" if held else ""
            yield Known(value=how, source=access.source, detail=access.detail)
    for circle in role.circles(platform):
        member = _member(circle, person, memberships)
        if isinstance(member, Unknown):
            yield member
        else:
            yield Known(value=f"in {circle}" if member.value else "", source=member.source, detail=member.detail)


def _member(circle: str, person: Person, memberships: Fact[tuple[Membership, ...]]) -> Fact[bool]:
    if isinstance(memberships, Unknown):
        return memberships
    for one in memberships.value:
        if one.circle == circle and one.person == person.id:
            return one.member
    return unavailable(f"{NOBODY_ASKED} {circle}")


def holds_level(levels: Collection[Level], access: Fact[Access]) -> Answer:
    """Tell whether an access is one of these levels; whoever is hidden to hold more may hold a higher one of them."""
    if isinstance(access, Unknown):
        return access
    if access.value.level in levels:
        return True
    hidden = access.value.hidden
    return hidden if hidden and any(level >= access.value.level for level in levels) else False
