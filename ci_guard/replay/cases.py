"""Cases that a policy must pass: facts, recorded or written down, and what has to follow from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from ci_guard.controls.interface import Control
from ci_guard.errors import PolicyError, UsageError
from ci_guard.gate import judged
from ci_guard.model.decision import Result, Ruling, Verdict
from ci_guard.model.judgement import Outcome
from ci_guard.model.recorded import Recorded
from ci_guard.model.settings import Policy
from ci_guard.policy.document import Node, read_document
from ci_guard.policy.place import Place
from ci_guard.policy.reading import fields_of, items_of, known_word, text_of, word_of
from ci_guard.policy.wording import refusal, seen
from ci_guard.records import dataclass, replace
from ci_guard.replay.given import changed, nothing_known
from ci_guard.replay.reading import read_recorded

FILE_KEYS: Final = ("version", "policy", "cases")
CASE_KEYS: Final = ("name", "facts", "set", "time", "expect")
EXPECT_KEYS: Final = ("verdict", "exit-code", "outcomes")
NOT_JUDGED: Final = "not-judged"
WAIVED: Final = "waived"
WORDS: Final = (*(outcome.value for outcome in Outcome), WAIVED, NOT_JUDGED)
LARGEST: Final = 1_000_000
"""Bytes of a file of cases."""

LoadPolicy = Callable[[str], Policy]


@dataclass(frozen=True, kw_only=True)
class CaseFile:
    """A file of cases, which may be a stranger's; what is wrong in a file that it names is quoted."""

    path: Path
    root: Path
    """The folder in which all lies that it may name."""

    def named(self, node: Node, what: str) -> Path:
        """Return the path of a file that it names, relative to itself."""
        name = text_of(node, what)
        path = self.path.parent / name
        if "\0" in name or not lies_in(self.root, path):
            hint = "It is relative to the file of cases. Start the command in the folder that holds both."
            expected = f"a file in {str(self.root)!r}"
            raise refusal(node.place, f"{what} was refused", saw=seen(name), expected=expected, hint=hint)
        return path


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What must follow; what is not said may be anything."""

    verdict: Verdict | None = None
    exit_code: int | None = None
    outcomes: tuple[tuple[str, str, str, Place], ...] = ()
    """Control/requirement, subject or empty for all, the word, and where it stands."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case."""

    name: str
    place: Place
    recorded: Recorded
    expect: Expectation


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that did not follow."""

    what: str
    expected: str
    saw: str


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A case and what came of it."""

    case: Case
    differences: tuple[Difference, ...]


def lies_in(root: Path, path: Path) -> bool:
    """Tell whether a path leads to a plain file of a folder, or to nothing in it; links are followed."""
    real = Path(os.path.realpath(path))
    return real.is_relative_to(os.path.realpath(root)) and (real.is_file() or not real.exists())


def case_files(path: Path) -> list[Path]:
    """Return the files of cases, sorted; raise `UsageError` where there are none."""
    found = sorted(each for each in path.rglob("*") if each.suffix in (".yml", ".yaml")) if path.is_dir() else [path]
    if not found:
        raise UsageError(f"There are no cases in {str(path)!r}.", hint="A case file ends in .yml and has `cases:`.")
    return found


def try_cases(
    file: CaseFile, policy: Policy | None, load: LoadPolicy, controls: Sequence[Control], version: str
) -> Iterator[Tried]:
    """
    Yield each case of a file with what it differs in; `policy` stands in where the file names none.

    Raises: `PolicyError` and `UsageError` for a file, a policy or a record that cannot be used.
    """
    for case in read_cases(file, policy, load, controls, version):
        result = judged(case.recorded, controls, version)
        yield Tried(case=case, differences=tuple(differences(case.expect, result)))


def read_cases(
    file: CaseFile, policy: Policy | None, load: LoadPolicy, controls: Sequence[Control], version: str
) -> list[Case]:
    """Return the cases of a file, checked."""
    if not lies_in(file.root, file.path):
        raise UsageError(f"The cases {str(file.path)!r} were refused: expected a file in {str(file.root)!r}.")
    try:
        with file.path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"The cases {str(file.path)!r} could not be read: {error.strerror}.") from None
    if len(content) > LARGEST:
        raise UsageError(f"The cases {str(file.path)!r} have more than {LARGEST} bytes.", hint="Split the file.")
    root = read_document(content, str(file.path))
    said = fields_of(root, "the file of cases", FILE_KEYS, needs=("version", "cases"))
    if said["version"].value != 1 or isinstance(said["version"].value, bool):
        raise refusal(said["version"].place, "version was refused", saw=seen(said["version"].value), expected="1")
    if "policy" in said:
        policy = load(str(file.named(said["policy"], "policy")))
    if policy is None:
        raise PolicyError(
            f"{said['cases'].place}: no policy is named.", hint="Say policy: FILE on top, or --policy FILE."
        )
    items = items_of(said["cases"], "cases")
    if not items:
        raise refusal(said["cases"].place, "cases was refused", saw="an empty list", expected="at least one case")
    return [read_case(item, file, policy, controls, version) for item in items]


def read_case(node: Node, file: CaseFile, policy: Policy, controls: Sequence[Control], version: str) -> Case:
    """Return one case."""
    said = fields_of(node, "a case", CASE_KEYS, needs=("name", "expect"))
    if "facts" in said:
        metas = [control.META for control in controls]
        recorded = read_recorded(file.named(said["facts"], "facts"), metas)
    elif "time" in said:
        recorded = Recorded(
            version=version, time=datetime.now(timezone.utc), advisory=False, policy=policy, facts=nothing_known()
        )
    else:
        hint = "A case without a recorded run has no clock: say time: 2026-12-24T12:00:00Z."
        raise refusal(node.place, "a case has neither facts nor time", hint=hint)
    recorded = replace(recorded.under(policy), advisory=False, modes=())
    if "set" in said:
        recorded = replace(recorded, facts=changed(said["set"], recorded.facts))
    if "time" in said:
        recorded = replace(recorded, time=time_of(said["time"]))
    return Case(
        name=text_of(said["name"], "name"),
        place=node.place,
        recorded=recorded,
        expect=read_expectation(said["expect"], controls),
    )


def read_expectation(node: Node, controls: Sequence[Control]) -> Expectation:
    """Return what a case expects, which is something."""
    said = fields_of(node, "expect", EXPECT_KEYS)
    if not said:
        raise refusal(node.place, "expect was refused", saw="nothing", expected="a verdict, an exit-code or outcomes")
    code = said.get("exit-code")
    if code and (type(code.value) is not int or not 0 <= code.value <= 4):
        raise refusal(code.place, "exit-code was refused", saw=seen(code.value), expected="a number from 0 to 4")
    verdict = said.get("verdict")
    outcomes = []
    if "outcomes" in said:
        known = [f"{control.META.id}/{each.id}" for control in controls for each in control.META.requirements]
        for key, word in fields_of(said["outcomes"], "outcomes", said["outcomes"].keys).items():
            place = said["outcomes"].keys[key]
            name, _, subject = key.partition("@")
            known_word(name, place, "a requirement", known)
            outcomes.append((name, subject, known_word(word.value, word.place, "an outcome", WORDS), place))
    return Expectation(
        verdict=word_of(Verdict, verdict.value, verdict.place, "verdict") if verdict else None,
        exit_code=code.value if code and isinstance(code.value, int) else None,
        outcomes=tuple(outcomes),
    )


def time_of(node: Node) -> datetime:
    """Return a time in UTC, written as `2026-12-24T12:00:00Z`."""
    text = text_of(node, "time")
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        expected = "a time in UTC as 2026-12-24T12:00:00Z"
        raise refusal(node.place, "time was refused", saw=seen(text), expected=expected) from None


def differences(expect: Expectation, result: Result) -> Iterator[Difference]:
    """Yield what did not follow."""
    decision = result.decision
    if expect.verdict and expect.verdict is not decision.verdict:
        yield Difference(
            what="verdict", expected=expect.verdict.value, saw=f"{decision.verdict.value}: {decision.reason}"
        )
    if expect.exit_code is not None and expect.exit_code != decision.exit_code:
        yield Difference(what="exit-code", expected=str(expect.exit_code), saw=str(decision.exit_code))
    for name, subject, word, _ in expect.outcomes:
        found = [
            ruling
            for ruling in decision.rulings
            if f"{ruling.judgement.control}/{ruling.judgement.requirement}" == name
            and subject in ("", ruling.judgement.subject)
        ]
        what = f"{name}@{subject}" if subject else name
        others = [ruling for ruling in found if word_for(ruling) != word]
        if not found and word != NOT_JUDGED:
            yield Difference(what=what, expected=word, saw=f"{NOT_JUDGED}: {reason_of(name, result)}")
        for ruling in others:
            judgement = ruling.judgement
            saw = f"{word_for(ruling)} ({judgement.subject}): {judgement.message}"
            yield Difference(what=what, expected=word, saw=saw)


def word_for(ruling: Ruling) -> str:
    """Return the outcome of a ruling, or that it is waived."""
    return WAIVED if ruling.waived else ruling.judgement.outcome.value


def reason_of(name: str, result: Result) -> str:
    """Return why a requirement was not judged."""
    control = name.partition("/")[0]
    return result.not_judged.get(name) or result.not_judged.get(control) or "it has no such subject"
