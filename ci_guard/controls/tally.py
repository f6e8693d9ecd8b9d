"""Count the approvals of one change that survive what the policy asks of them, and keep why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ci_guard.controls.judging import clip, listing
from ci_guard.model.fact import Fact, Known, Unknown, unavailable, worst
from ci_guard.model.kinds import Level
from ci_guard.model.review import Change, ChangeState, Contribution, Review, ReviewState
from ci_guard.model.run import AccountType, Person
from ci_guard.model.settings import Settings
from ci_guard.records import dataclass

INDEPENDENCE: Final = "independence"
FRESHNESS: Final = "freshness"
AUTHORITY: Final = "authority"
TESTS: Final = (INDEPENDENCE, FRESHNESS, AUTHORITY)
"""What can be asked of an approval, by requirement id."""

NO_TIME: Final = unavailable("the server does not say when the change was merged")


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Somebody's standing approval, tested."""

    person: Person
    dropped: Mapping[str, str]
    """By test: why it does not count. An app's and the author's own never count, whether the test is asked or not."""
    doubts: Mapping[str, Unknown]
    """By test: why it cannot be decided."""

    @property
    def counts(self) -> bool | None:
        """Whether it survives; None where that is undecided."""
        if self.dropped:
            return False
        return None if self.doubts else True


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The approvals of one change against the number that is wanted."""

    wanted: int
    approvals: tuple[Approval, ...]
    evidence: tuple[Known[Any], ...]
    """Every known fact that was looked at."""

    @property
    def sure(self) -> list[Approval]:
        """Return those that count."""
        return [approval for approval in self.approvals if approval.counts]

    @property
    def undecided(self) -> list[Approval]:
        """Return those that might."""
        return [approval for approval in self.approvals if approval.counts is None]

    @property
    def enough(self) -> bool:
        """Whether the number is reached without anything undecided."""
        return len(self.sure) >= self.wanted

    @property
    def short(self) -> bool:
        """Whether the number is missed whatever the undecided turn out to be."""
        return len(self.sure) + len(self.undecided) < self.wanted

    def dropped(self, tests: Iterable[str] = TESTS) -> list[str]:
        """Return whose approvals were dropped and why, for people; every reason that applies is named."""
        return [approval.dropped[test] for approval in self.approvals for test in tests if test in approval.dropped]

    def doubts(self, tests: Iterable[str] = TESTS) -> list[Unknown]:
        """Return what leaves approvals undecided, also those that are dropped for another reason."""
        return [approval.doubts[test] for approval in self.approvals for test in tests if test in approval.doubts]


def count(change: Change, reviews: Known[tuple[Review, ...]], settings: Settings) -> Tally:
    """
    Return the tally of a change.

    Each person counts once, by the latest verdict: a later rejection or dismissal takes an approval back. Of several
    approvals that stand the best one counts, so that repeating one after the merge does not undo it.

    Source: "List reviews for a pull request" (https://docs.github.com/rest/pulls/reviews): reviews stay in the list as
    they were given; a dismissed one changes its state in place.
    """
    evidence: list[Known[Any]] = [reviews]
    if settings.asks(INDEPENDENCE) and isinstance(change.contributions, Known):
        evidence.append(change.contributions)
    approvals = []
    for verdicts in by_person(reviews.value):
        standing = trailing_approvals(verdicts)
        if standing:
            approvals.append(examine(change, standing, settings))
            facts: list[Fact[Any]] = [
                fact for review in standing for fact in (review.covers_head, review.covers_target, review.access)
            ]
            evidence += [fact for fact in facts if isinstance(fact, Known)]
    return Tally(wanted=settings.number("approvals", 1), approvals=tuple(approvals), evidence=tuple(evidence))


def by_person(reviews: Iterable[Review]) -> list[list[Review]]:
    """Return each person's verdicts, oldest first; people are told apart by id."""
    people: dict[int, list[Review]] = {}
    for review in sorted(reviews, key=lambda review: review.submitted_at):
        people.setdefault(review.reviewer.id, []).append(review)
    return list(people.values())


def trailing_approvals(verdicts: Sequence[Review]) -> list[Review]:
    """Return the approvals that nothing later took back."""
    standing: list[Review] = []
    for review in verdicts:
        standing = [*standing, review] if review.state is ReviewState.APPROVED else []
    return standing


def examine(change: Change, standing: Sequence[Review], settings: Settings) -> Approval:
    """Return a person's approval with the outcome of every test that the policy asks for."""
    person = standing[-1].reviewer
    answers: dict[str, str | Unknown] = {}
    if person.id == change.author.id:
        answers[INDEPENDENCE] = f"{named(person)}: author of the change"
    elif settings.asks(INDEPENDENCE):
        answers[INDEPENDENCE] = part_in(change.contributions, person)
    if settings.asks(FRESHNESS):
        answers[FRESHNESS] = staleness(change, standing)
    if person.type is not AccountType.USER:
        answers[AUTHORITY] = f"{named(person)}: no person"
    elif settings.asks(AUTHORITY):
        answers[AUTHORITY] = lack_of(settings.level(AUTHORITY), standing[-1])
    return Approval(
        person=person,
        dropped={name: answer for name, answer in answers.items() if answer and isinstance(answer, str)},
        doubts={name: answer for name, answer in answers.items() if isinstance(answer, Unknown)},
    )


def part_in(contributions: Fact[tuple[Contribution, ...]], person: Person) -> str | Unknown:
    """Return what the person contributed, empty for nothing; a contributor without an account could be anybody."""
    if isinstance(contributions, Unknown):
        return contributions
    parts = [part for part in contributions.value if isinstance(part.who, Known) and part.who.value.id == person.id]
    if parts:
        return f"{named(person)}: contributed ({clip(parts[0].how)})"
    strangers = [part.who for part in contributions.value if isinstance(part.who, Unknown)]
    return worst(strangers) if strangers else ""


def staleness(change: Change, standing: Sequence[Review]) -> str | Unknown:
    """Return why none of somebody's approvals is fresh, empty where one is."""
    answers = [staleness_of_one(change, review) for review in standing]
    if "" in answers:
        return ""
    doubts = [answer for answer in answers if isinstance(answer, Unknown)]
    return worst(doubts) if doubts else answers[-1]


def staleness_of_one(change: Change, review: Review) -> str | Unknown:
    """
    Return why an approval is not fresh, empty where it is.

    It has to be given on the final head, for the final target branch, and before the merge.
    """
    who = named(review.reviewer)
    merged = change.state is ChangeState.MERGED
    if merged and change.merged_at is not None and review.submitted_at > change.merged_at:
        return f"{who}: approved after the merge"
    if isinstance(review.covers_head, Known) and not review.covers_head.value:
        return f"{who}: approved an older head"
    if isinstance(review.covers_target, Known) and not review.covers_target.value:
        return f"{who}: approved before the target branch was changed"
    if merged and change.merged_at is None:
        return NO_TIME
    doubts = [fact for fact in (review.covers_head, review.covers_target) if isinstance(fact, Unknown)]
    return worst(doubts) if doubts else ""


def lack_of(wanted: Level, review: Review) -> str | Unknown:
    """Return what the reviewer holds instead of the level, empty where it is held."""
    if isinstance(review.access, Unknown):
        return review.access
    held = review.access.value.level
    if held >= wanted:
        return ""
    role = review.access.value.role
    by_role = f" by the role {clip(role)}" if held is not Level.NONE and role not in ("", held.word) else ""
    return review.access.value.hidden or f"{named(review.reviewer)}: holds {held.word}{by_role}"


def counted(count: Tally) -> str:
    """Return how many approvals are left of how many wanted, whose, and what was dropped, for people."""
    text = f"{len(count.sure)} of {count.wanted} approvals"
    people = listing(approval.person.login for approval in count.sure)
    dropped = told(count.dropped())
    undecided = listing(f"@{approval.person.login}" for approval in count.undecided)
    return (
        text
        + (f" by {people}" if people else "")
        + (f"; not counted: {dropped}" if dropped else "")
        + (f"; undecided: {undecided}" if undecided else "")
    )


def told(dropped: Sequence[str]) -> str:
    """Return whose approvals do not count, each with its reason."""
    return listing(dropped, separator="; ")


def named(person: Person) -> str:
    """Return a login as people write it."""
    return f"@{clip(person.login)}"


def is_alone(change: Change, reviews: Iterable[Review]) -> bool:
    """Tell whether nobody who had no part in a change, as far as is known, took any part in its review."""
    parts = change.contributions.value if isinstance(change.contributions, Known) else ()
    involved = {change.author.id} | {part.who.value.id for part in parts if isinstance(part.who, Known)}
    people = [review.reviewer for review in reviews if review.reviewer.type is AccountType.USER]
    return all(person.id in involved for person in people)


def rejections(reviews: Iterable[Review]) -> list[Review]:
    """Return the requests for changes that are open: the latest verdict of whoever made them."""
    return [verdicts[-1] for verdicts in by_person(reviews) if verdicts[-1].state is ReviewState.REJECTED]
