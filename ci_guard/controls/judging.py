"""Build judgements in one voice, so that none forgets what was seen, what was expected, and who vouches for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ci_guard.controls import words
from ci_guard.model.fact import Cause, Known, Source, Unknown, worst
from ci_guard.model.judgement import Judgement, Outcome
from ci_guard.model.kinds import Value
from ci_guard.model.meta import Meta, Requirement
from ci_guard.model.refs import DEFAULT
from ci_guard.model.run import Platform, Run
from ci_guard.model.settings import Settings
from ci_guard.object_ids import OBJECT_ID
from ci_guard.records import dataclass

if TYPE_CHECKING:
    from ci_guard.model.branch import Setting

LONGEST_NAME: Final = 120
"""Characters of a stranger's text that a sentence carries."""
LONGEST_REASON: Final = 400
"""Characters of a reason or a place that a sentence carries."""
LONGEST_LIST: Final = 10
"""Items that a sentence names."""

GRANTED_BY_A_JOB: Final = frozenset({"contents: read", "pull-requests: read", "actions: read", "id-token: write"})
"""Permissions that a job on GitHub can give its own token; a stronger one is not needed for them."""

RUN: Final = "run"
"""The subject where a requirement is judged for the run as a whole, or for nothing in particular."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """One requirement judged for one subject: takes what was seen and returns the judgement."""

    meta: Meta
    requirement: Requirement
    value: Value
    """What the policy asks for."""
    subject: str
    run: Run
    setting: Setting | None = None
    """Where it is changed."""
    page: str = ""
    """The page where it is changed, where that is no setting."""
    mirror: str = ""
    """What helps, beside the permission, where all that is unknown is invisible; the permission follows it."""

    @property
    def expected(self) -> str:
        """What is expected, as a clause, with the value that the policy asks for where there is one."""
        kind = self.requirement.kind
        ours = self.requirement.gitlab_title if self.run.platform is Platform.GITLAB else ""
        title = ours or self.requirement.title
        shown = words.level(self.run, self.value, kind.show(self.value))
        return title if kind.name == "flag" else f"{title} ({shown})"

    @property
    def named(self) -> str:
        """The subject as a sentence names it: a commit by its first digits, and nothing at full length."""
        return short(self.subject) if OBJECT_ID.fullmatch(self.subject) else clip(self.subject)

    def passes(self, observed: str, evidence: Iterable[Known[Any]]) -> Judgement:
        """Return a pass; `evidence` are the facts that prove it."""
        return self._judge(Outcome.PASS, f"{self.named} passed: {observed}.", observed, tuple(evidence))

    def fails(self, observed: str, evidence: Iterable[Known[Any]] = (), *, remedy: str = "") -> Judgement:
        """Return a refusal: what was refused, what was seen, what was expected."""
        message = f"{self.named} was refused: {observed}; expected: {self.expected}."
        return self._judge(Outcome.FAIL, message, observed, tuple(evidence), remedy=remedy or self._remedy())

    def wonders(self, doubts: Sequence[Unknown], observed: str = "") -> Judgement:
        """Return an unknown; `doubts` are all unknown facts that matter, and an unavailable one decides the cause."""
        seen = "; ".join(filter(None, (observed, listing((doubt.reason for doubt in doubts), LONGEST_REASON))))
        message = f"{self.named} could not be decided: {seen}; expected: {self.expected}."
        return Judgement(
            control=self.meta.id,
            requirement=self.requirement.id,
            subject=self.subject,
            outcome=Outcome.UNKNOWN,
            severity=self.requirement.severity,
            message=message,
            observed=seen,
            expected=self.expected,
            detail=listing((doubt.detail for doubt in doubts), LONGEST_REASON),
            cause=worst(doubts).cause,
            remedy=remedy_for(doubts, self.mirror, words.of(self.run).give),
            remedy_url=self._page_of_doubt(worst(doubts).cause),
        )

    def excuses(self, reason: str) -> Judgement:
        """Return a not-applicable with its reason, a clause."""
        return self._judge(Outcome.NOT_APPLICABLE, f"Not applicable: {reason}.", reason, ())

    def _judge(
        self, outcome: Outcome, message: str, observed: str, evidence: tuple[Known[Any], ...], *, remedy: str = ""
    ) -> Judgement:
        return Judgement(
            control=self.meta.id,
            requirement=self.requirement.id,
            subject=self.subject,
            outcome=outcome,
            severity=self.requirement.severity,
            message=message,
            observed=observed,
            expected=self.expected,
            source=weakest(evidence),
            detail=listing((fact.detail for fact in evidence), LONGEST_REASON),
            remedy=remedy,
            remedy_url=self._page() if outcome is Outcome.FAIL else "",
        )

    def _page(self) -> str:
        return self.page or (self.setting.url if self.setting else "")

    def _page_of_doubt(self, cause: Cause) -> str:
        if cause is Cause.UNAVAILABLE:
            return self.run.run_url or self._page()
        return (self.mirror and self._page()) or self.run.pages.token or self._page()

    def _remedy(self) -> str:
        if self.setting is None:
            return f"Make it so that {self.expected}."
        named = repr(self.setting.name) + (f", which takes {self.setting.plan}" if self.setting.plan else "")
        if self.requirement.kind.name == "flag":
            return f"Change the setting {named}."
        return f"Change the setting {named}: {self.requirement.kind.show(self.value)}."


def asked(meta: Meta, settings: Settings) -> list[Requirement]:
    """Return the requirements that the settings ask for, in the order of `META`."""
    return [requirement for requirement in meta.requirements if settings.asks(requirement.id)]


def benches(meta: Meta, settings: Settings, run: Run, *, page: str = "", subject: str = RUN) -> Iterator[Bench]:
    """Yield a bench for each requirement that the settings ask for, in the order of `META`."""
    for requirement in asked(meta, settings):
        value = settings.require[requirement.id]
        yield Bench(meta=meta, requirement=requirement, value=value, subject=subject, run=run, page=page)


def entries(settings: Settings) -> tuple[str, ...]:
    """Return the entries of `branches`; the default branch where the policy names none."""
    return settings.branches or (DEFAULT,)


def setting_of(settings: Mapping[str, Setting], requirement: Requirement) -> Setting | None:
    """Return where the requirement is set; the entry `""` stands for all others."""
    return settings.get(requirement.id, settings.get(""))


def weakest(evidence: Iterable[Known[Any]]) -> Source:
    """Return the weakest source of these facts, because a conclusion is worth no more; `none` without facts."""
    order = list(Source)
    return max((fact.source for fact in evidence), key=order.index, default=Source.NONE)


def remedy_for(doubts: Sequence[Unknown], mirror: str = "", give: str = words.COMMON.give) -> str:
    """Return the one thing that would show the unknown facts: a permission, or another try where no answer came."""
    wanted = dict.fromkeys(doubt.needs for doubt in doubts if doubt.needs)
    # Whoever may write may read.
    needs = listing(need for need in wanted if not (": read" in need and need.replace(": read", ": write") in wanted))
    if worst(doubts).cause is Cause.UNAVAILABLE:
        return "Run the job again. If it stays unknown, mend what the message names" + (
            f"; needed: {needs}." if needs else "."
        )
    if mirror:
        return f"{mirror}. Where another rule asks for it already: give ci-guard a token with {needs or 'more rights'}."
    if wanted and wanted.keys() <= GRANTED_BY_A_JOB:
        return f"Add {needs} to the job's `permissions`."
    return give.format(needs) if needs else "Give ci-guard a stronger token."


def listing(items: Iterable[str], longest: int = LONGEST_NAME, *, separator: str = ", ") -> str:
    """Return different items, none empty, each clipped, in their order: the first ten and how many more there are."""
    different = list(dict.fromkeys(item for item in items if item))
    shown = [clip(item, longest) for item in different[:LONGEST_LIST]]
    more = len(different) - len(shown)
    return separator.join(shown) + (f" and {more} more" if more else "")


def clip(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text short enough for a sentence."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def short(sha: str) -> str:
    """Return the first eight digits of a commit id, for people."""
    return sha[:8]
