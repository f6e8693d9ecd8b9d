"""`ci-guard policy simulate`: recorded runs under another policy, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from ci_guard import __version__
from ci_guard.controls.registry import CONTROLS, METAS
from ci_guard.entrypoints.screen import counted
from ci_guard.errors import UsageError
from ci_guard.model.settings import Policy
from ci_guard.records import dataclass
from ci_guard.replay.cases import lies_in
from ci_guard.replay.reading import NoFacts, read_recorded
from ci_guard.replay.simulate import Simulated, row_of, row_without_facts, simulate
from ci_guard.reporters import escape
from ci_guard.reporters.page import Page

TOLD: Final = 8
"""Requirements of one run that a simulation names; all are counted."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """All records, in the order in which they were named."""

    runs: Sequence[Simulated]
    without: Sequence[tuple[str, str]]
    """Records without facts, whose runs had nothing to judge: the file, and why."""


def replay(paths: Sequence[str], policy: Policy) -> Simulation:
    """
    Return recorded runs under their own policies and under another one.

    Raises: `UsageError` for what is no record, and where no record holds facts.
    """
    read = [_one(file, policy) for path in paths for file in records_in(Path(path))]
    runs = [each for each in read if isinstance(each, Simulated)]
    without = [each for each in read if not isinstance(each, Simulated)]
    if not runs:
        raise without[0]
    return Simulation(runs=runs, without=[(each.name, each.why) for each in without])


def _one(file: Path, policy: Policy) -> Simulated | NoFacts:
    """Return one run; one that ended before there was anything to judge is no reason to say nothing of the others."""
    try:
        recorded = read_recorded(file, METAS)
    except NoFacts as error:
        return error
    return simulate(str(file), recorded, policy, CONTROLS, __version__)


def records_in(path: Path) -> list[Path]:
    """Return the records that a path stands for; raise `UsageError` where a folder has none, or what is no file."""
    found = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not found:
        raise UsageError(f"There are no records in {str(path)!r}.", hint="`ci-guard facts --out FILE.json` writes one.")
    if strange := next((each for each in found if each != path and not lies_in(path, each)), None):
        raise UsageError(f"The record {str(strange)!r} was refused: expected a file in {str(path)!r}.")
    return found


def rows(simulation: Simulation) -> list[dict[str, Any]]:
    """Return a simulation as plain data, a row a record."""
    return [*map(row_of, simulation.runs), *(row_without_facts(*each) for each in simulation.without)]


def write(simulation: Simulation, page: Page) -> None:
    """Write each run, with what another policy changes, and how many there were."""
    for each in simulation.runs:
        page.write(f"{_changed(each)}  {escape.plain(each.name)}")
        for label, text in _details(each):
            page.labelled(label, escape.plain(text), 4)
    for name, why in simulation.without:
        page.write(f"no facts  {escape.plain(name)}")
        page.labelled("because", escape.plain(why), 4)
    runs, without = simulation.runs, len(simulation.without)
    denied, allowed = sum(each.newly_denied for each in runs), sum(each.newly_allowed for each in runs)
    rest = len(runs) - denied - allowed
    page.write(
        f"{counted(len(runs), 'run')}: {denied} would newly be denied, {allowed} newly allowed, {rest} as before."
        + (f" {counted(without, 'run')} more had nothing to judge." if without else "")
    )


def _changed(each: Simulated) -> str:
    before, after = (result.decision.verdict.value for result in (each.before, each.after))
    return before if before == after else f"{before} -> {after}"


def _details(each: Simulated) -> Iterable[tuple[str, str]]:
    for label, rulings in (("denies", each.stricter), ("no more", each.looser)):
        for judgement in (ruling.judgement for ruling in rulings[:TOLD]):
            name = f"{judgement.control}/{judgement.requirement} ({judgement.subject})"
            yield label, f"{name}: {judgement.message}"
        if len(rulings) > TOLD:
            yield "", f"and {len(rulings) - TOLD} more"
    if each.stricter:
        yield from (("context", note.removeprefix("Context ")) for note in each.contexts[:TOLD])
    if each.uncollected:
        yield "note", "this policy asks for facts that were not collected; `ci-guard facts` keeps all"
