"""Hold a log against what the server knows: which runs and deployments are not in it, or otherwise than it says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from ci_guard.audit.query import of_each
from ci_guard.model.activity import Activity
from ci_guard.records import dataclass, field

RUN: Final = re.compile(r"/(?:actions/runs|-/pipelines)/(\d{1,19})(?:/attempts/\d+)?")
"""How the address of a run ends."""

SUCCESS: Final = "success"
"""The word of both platforms."""


@dataclass
class Logged:
    """What a log knows of one repository, by what the server's lists name it."""

    repository: str
    """Its name or its numeric id. A mirror or a fork has the same commits, and its runs vouch for nothing here."""
    runs: dict[str, set[str]] = field(default_factory=dict)
    """Commits by the number of the run: the judged one, and the head of its change."""
    deployments: dict[tuple[str, str], bool] = field(default_factory=dict)
    """By environment and commit: whether any run went on."""
    commits: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    """Runs by their numbers that did not end before anything of them was read."""
    begins: datetime | None = None
    """The time of the first record, aware."""
    elsewhere: int = 0
    """Records of other repositories."""
    nameless: int = 0
    """Records of runs that ended before they were read, so that none of the server's can be told to be theirs."""

    def add(self, record: dict[str, Any]) -> None:
        """Take in a record."""
        what = record["what"]
        names = {str(each).casefold() for each in (what.get("repository"), what.get("repository_id")) if each}
        if names and self.repository.casefold() not in names:
            self.elsewhere += 1
            return
        if self.begins is None:
            self.begins = datetime.strptime(record["time"], "%Y-%m-%dT%H:%M:%S.%f%z")
        change = what.get("change") or {}
        commits = {each for each in (what.get("sha"), change.get("head")) if isinstance(each, str)}
        url = what.get("run_url")
        found = RUN.search(url) if isinstance(url, str) else None
        if found:
            self.runs.setdefault(found[1], set()).update(commits)
            if not record.get("claimed"):
                self.read.add(found[1])
        else:
            self.nameless += 1
        self.commits |= commits
        if environment := what.get("environment"):
            went_on = record.get("exit_code") == 0
            for commit in commits:
                key = (environment, commit)
                self.deployments[key] = self.deployments.get(key, False) or went_on

    @property
    def claimed(self) -> list[str]:
        """Return the runs that only the variables of a job name, by their numbers: an error ended them early."""
        return sorted(self.runs.keys() - self.read, key=int)


@dataclass(frozen=True)
class Gap:
    """What the server knows and the log does not, or otherwise."""

    kind: str
    """`run` or `deployment`."""
    activity: Activity
    why: str


def logged(records: Iterable[dict[str, Any]], repository: str) -> Logged:
    """Return what a log knows of a repository; raise `AuditError` for a record that is none."""
    found = Logged(repository)
    for _ in of_each(records, found.add):
        pass
    return found


def missing_runs(log: Logged, runs: Iterable[Activity]) -> list[Gap]:
    """
    Return the runs that are over, did something, and are not in the log by their number and commit.

    A run that its variables alone name ended in an error, so one that succeeded cannot be it.
    """
    gaps, claimed = [], set(log.claimed)
    for run in runs:
        commits = log.runs.get(run.identity)
        if commits is None and not (run.going or run.idle):
            gaps.append(Gap("run", run, "is not in the log"))
        elif commits and run.sha not in commits:
            gaps.append(Gap("run", run, "is in the log with another commit"))
        elif run.identity in claimed and run.state == SUCCESS:
            gaps.append(Gap("run", run, "succeeded, and is in the log as one that an error ended"))
    return gaps


def missing_deployments(log: Logged, deployments: Iterable[Activity]) -> list[Gap]:
    """Return the deployments that no run in the log let go on, by environment and commit."""
    gaps = []
    for each in deployments:
        went_on = log.deployments.get((each.environment, each.sha))
        if went_on or each.idle or (each.going and went_on is None):
            continue
        if went_on is False:
            why = "was made although no run in the log let it go on"
        elif each.sha in log.commits:
            why = "is not in the log; its commit is, for no such environment"
        else:
            why = "is not in the log"
        gaps.append(Gap("deployment", each, why))
    return gaps
