"""Control `actor-permissions`: everybody who set the run in motion holds the rights that it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ci_guard.controls import words
from ci_guard.controls.declared import actor_permissions as declared
from ci_guard.controls.holders import QUEUE_ITSELF, STARTERS, circles_of, is_queue, starters, ways
from ci_guard.controls.judging import LONGEST_REASON, RUN, Bench, asked, clip, listing
from ci_guard.model import kinds, project
from ci_guard.model.fact import Known, Source, Unknown, unavailable
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.judgement import Judgement
from ci_guard.model.run import AccountType, Claim, Event, Participant, Person, Run
from ci_guard.model.settings import Bot, Settings
from ci_guard.records import replace

META = declared.META

IDENTITY: Final = "consistent-identity"
"""The one requirement that is about the run and not about a person."""
ROLE: Final = "role"
"""The one that is about whoever starts the run, first or again."""


def needs(settings: Settings, run: Run) -> Needs:
    """See `Control.needs`: only the parts that are asked, and nothing for a run that has no trust to abuse."""
    if isinstance(distrust(run), (str, Unknown)):
        return Needs()
    parts = {requirement.id for requirement in asked(META, settings)} - {IDENTITY, ROLE}
    circles: frozenset[str] = frozenset()
    if settings.asks(ROLE):
        parts |= {part.value for part in STARTERS}
        circles = circles_of(settings.names(ROLE), settings, run)
    return Needs(people=frozenset(parts), circles=circles, claims=settings.asks(IDENTITY))


def check(facts: Facts, settings: Settings) -> Iterator[Judgement]:
    """
    See `Control.check`: one judgement for each requirement and person.

    People are known by numeric id, and hold what the server says they hold now. A bot holds nothing by itself.

    Source: "Get repository permissions for a user" (https://docs.github.com/rest/collaborators/collaborators).
    """
    excuse = distrust(facts.run)
    for requirement in asked(META, settings):
        subject = RUN if requirement.id in (IDENTITY, ROLE) else requirement.id
        bench = Bench(
            meta=META,
            requirement=requirement,
            value=settings.require[requirement.id],
            subject=subject,
            run=facts.run,
            page=facts.run.run_url if requirement.id == IDENTITY else facts.run.pages.access,
        )
        if isinstance(excuse, str):
            yield bench.excuses(excuse)
        elif isinstance(excuse, Unknown):
            yield bench.wonders([excuse])
        elif requirement.id == IDENTITY:
            yield judge_claims(facts, bench)
        elif requirement.id == ROLE:
            yield from judge_roles(facts, settings, bench)
        else:
            yield from judge_part(facts, settings, bench)


def distrust(run: Run) -> str | Unknown | None:
    """Return why the run has no trust to abuse, or what is unknown about that; None where people are judged."""
    if isinstance(run.event, Unknown):
        return run.event
    if run.event.value is not Event.CHANGE:
        return None
    if isinstance(run.trusted, Unknown):
        return run.trusted
    return None if run.trusted.value else words.of(run).distrusted


def judge_claims(facts: Facts, bench: Bench) -> Judgement:
    """Return the judgement on what variables and event say, beside what the server says."""
    if isinstance(facts.claims, Unknown):
        return bench.wonders([facts.claims])
    claims = facts.claims.value
    truths = [(claim, claim.truth) for claim in claims if isinstance(claim.truth, Known)]
    doubts = [claim.truth for claim in claims if isinstance(claim.truth, Unknown)]
    lies = [(claim, truth) for claim, truth in truths if claim.claimed != truth.value]
    if lies:
        return bench.fails(
            listing((difference(claim, truth) for claim, truth in lies), LONGEST_REASON),
            [truth for _, truth in lies],
            remedy="Find out which job, step or variable sets it, and let nothing run before the guard in its job.",
        )
    if doubts:
        return bench.wonders(doubts)
    if not claims:
        return bench.wonders([unavailable("there is nothing to compare with the server's word")])
    return bench.passes(f"agreed: {listing(claim.name for claim in claims)}", [truth for _, truth in truths])


def difference(claim: Claim, truth: Known[str]) -> str:
    """Return what was claimed and what the server or the ID token says, for people."""
    who = "the ID token" if truth.source is Source.SIGNED else "the server"
    return f"{claim.name} says {clip(claim.claimed)}, {who} says {clip(truth.value)}"


def judge_roles(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:
    """Yield the judgements on whoever starts the run: each has to hold one of the roles."""
    names = sorted(settings.names(ROLE))
    for subject, who in starters(facts):
        named = replace(bench, subject=subject or bench.subject)
        if isinstance(who, Unknown):
            yield named.wonders([who])
            continue
        if is_queue(facts.run, who.value):
            yield named.excuses(QUEUE_ITSELF)
            continue
        found = ways(names, who, settings.roles, facts)
        held = [(name, way) for name, way in found if isinstance(way, Known) and way.value]
        doubts = [way for _, way in found if isinstance(way, Unknown)]
        if held:
            observed = listing(f"{name} {way.value}" for name, way in held)
            yield named.passes(f"holds the role {observed}", [who, *(way for _, way in held)])
        elif doubts:
            yield named.wonders(doubts, f"whether they hold {listing(names)} is not known")
        else:
            none = f"holds none of the roles {listing(names)}" if names else "nobody may start anything"
            known = [way for _, way in found if isinstance(way, Known)]
            advice = "Put the person into one of the roles, or let somebody start this who holds one."
            page = project.page("docs/policy/roles.md", "roles")
            yield replace(named, page=page).fails(none, [who, *known], remedy=advice)


def judge_part(facts: Facts, settings: Settings, bench: Bench) -> Iterator[Judgement]:
    """Yield the judgements on everybody who has this part in the run."""
    if isinstance(facts.people, Unknown):
        yield bench.wonders([facts.people])
        return
    seats = [seat for seat in facts.people.value if seat.part.value == bench.requirement.id]
    if not seats:
        yield bench.excuses(f"the event has no {bench.requirement.id}")
    bots = settings.bots.get(bench.requirement.id, ())
    for seat in seats:
        if isinstance(seat.who, Unknown):
            yield bench.wonders([seat.who], seat.note)
            continue
        named = replace(bench, subject=seat.who.value.person.login)
        if is_queue(facts.run, seat.who.value):
            yield named.excuses(QUEUE_ITSELF)
        elif seat.who.value.person.type is AccountType.USER:
            yield judge_person(seat.who, bots, named)
        else:
            yield judge_bot(seat.who, bots, named)


def judge_person(who: Known[Participant], bots: Sequence[Bot], bench: Bench) -> Judgement:
    """Return the judgement on a person: the level that they hold now."""
    access = who.value.access
    if isinstance(access, Unknown):
        return bench.wonders([access])
    held = access.value.level
    role = access.value.role
    observed = f"holds {held.word}" + (f" by the role {clip(role)}" if role not in ("", held.word) else "")
    if namesakes(who.value.person, bots):
        observed += ", is a person, and is listed under bots in vain"
    if held >= kinds.level(bench.value):
        return bench.passes(observed, [who, access])
    if access.value.hidden is not None:
        return bench.wonders([access.value.hidden])
    return bench.fails(
        observed, [who, access], remedy="Give the role to whoever should have it, or let somebody else start this."
    )


def judge_bot(who: Known[Participant], bots: Sequence[Bot], bench: Bench) -> Judgement:
    """
    Return the judgement on a bot or an account that is no person: only a bot that the policy lists may act.

    A login is display text and can be taken by somebody else; login, id and type have to agree.
    """
    person = who.value.person
    if person.type is AccountType.BOT and any(is_same(bot, person) for bot in bots):
        return bench.passes(f"listed under bots with the id {person.id}", [who])
    kind = "is a bot" if person.type is AccountType.BOT else "is neither a person nor a bot"
    listed = listing(f"{bot.login} with the id {bot.id}" for bot in namesakes(person, bots))
    observed = f"{kind} with the id {person.id}, and the policy lists {listed or 'no such bot'}"
    advice = "List the bot under bots with login and id, if it should act here."
    return replace(bench, page=project.page("docs/policy.md", "bots")).fails(observed, [who], remedy=advice)


def namesakes(person: Person, bots: Sequence[Bot]) -> list[Bot]:
    """Return the policy's bots that share the login or the id with this account."""
    return [bot for bot in bots if bot.id == person.id or bot.login.casefold() == person.login.casefold()]


def is_same(bot: Bot, person: Person) -> bool:
    """Tell whether the policy's bot is this account."""
    return bot.id == person.id and bot.login.casefold() == person.login.casefold()
