"""The baseline of a run: read where the policy is, written once, and afterwards only made smaller."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from ci_guard.controls.registry import CONTROLS
from ci_guard.errors import PolicyError, PolicyUnreadable, UsageError
from ci_guard.evidence.checkout import MAXIMUM_POLICY_BYTES, read_plain_file
from ci_guard.evidence.interface import PolicyFile
from ci_guard.model.decision import Result, Weight
from ci_guard.model.fact import Fact, Known, Source, Unknown, unavailable
from ci_guard.model.settings import Policy
from ci_guard.model.waiver import KnownFailure
from ci_guard.records import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Files:
    """Which baselines a run is to write; None for none."""

    first: str | None = None
    """One that does not exist yet, with every failure that denies."""
    shrunk: str | None = None
    """One that exists, without what is fixed."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that write a baseline."""
    parser.add_argument("--init-baseline", metavar="FILE", help="write the failures that deny as known ones")
    parser.add_argument("--update-baseline", metavar="FILE", help="remove what is fixed from a baseline")


def options(arguments: argparse.Namespace) -> Files:
    """Return which baselines are wanted; raise `UsageError` for two at once, and where one would be overwritten."""
    first, shrunk = arguments.init_baseline, arguments.update_baseline
    if first and shrunk:
        raise UsageError("--init-baseline and --update-baseline do not go together.", hint="Name one of them.")
    if first and os.path.lexists(first):
        raise exists(first)
    return Files(first=first, shrunk=shrunk)


def exists(file: str) -> UsageError:
    """Return the error for a baseline that is there already: it never grows by itself."""
    return UsageError(
        f"The baseline {file!r} exists already, and a baseline never grows by itself.",
        hint="--update-baseline removes what is fixed. What is new is to be fixed, or waived with a reason.",
    )


def with_baseline(policy: Policy, read: Callable[[str], Fact[PolicyFile | None]]) -> Policy:
    """
    Return the policy with the known failures of the baseline that it names, if any, by whoever reads the policy.

    Raises: `PolicyError` for a bad file, `PolicyUnreadable` where one may exist and cannot be read.
    """
    if policy.baseline is None:
        return policy
    from ci_guard.policy.baseline import with_known

    file = read(policy.baseline.file)
    if isinstance(file, Unknown):
        raise PolicyUnreadable(
            f"The baseline that {policy.baseline.place} names could not be read, so nothing was judged: {file.reason}.",
            hint=f"Needed: {file.needs}." if file.needs else "",
        )
    if file.value is None:
        return policy
    if file.value.content is None:
        raise PolicyError(
            f"{file.value.place} is larger than a baseline may be ({MAXIMUM_POLICY_BYTES} bytes).",
            hint="Waive what is many by control and subject, with a reason.",
        )
    return with_known(policy, file.value.content, file.value.place, [control.META for control in CONTROLS])


def beside(policy: Path, path: str) -> Fact[PolicyFile | None]:
    """Return a file beside a policy that the caller trusts."""
    place = policy.parent / path
    try:
        content = read_plain_file(place)
    except FileNotFoundError:
        return Known(value=None, source=Source.NONE)
    except OSError as error:
        return unavailable(f"{str(place)!r} could not be read: {error.strerror}")
    return Known(value=PolicyFile(content=content, place=str(place)), source=Source.NONE)


def kept(result: Result, files: Files) -> Result:
    """Return a result after its baseline was written, with a note on that; raise `UsageError` where it cannot be."""
    if files.first:
        return noted(result, write_first(result, files.first))
    return noted(result, shrink(result, files.shrunk)) if files.shrunk else result


def noted(result: Result, note: str) -> Result:
    """Return a result with one more note."""
    return replace(result, decision=replace(result.decision, notes=(*result.decision.notes, note)))


def write_first(result: Result, file: str) -> str:
    """Write every failure that denies into a new file, and return what to say."""
    from ci_guard.entrypoints.files import write_at_once
    from ci_guard.policy.baseline import read_known, write_known

    failures = dict.fromkeys(
        KnownFailure(
            control=ruling.judgement.control,
            requirement=ruling.judgement.requirement,
            subject=ruling.judgement.subject,
            fingerprint=ruling.judgement.fingerprint,
            since=result.time.date(),
        )
        for ruling in result.decision.rulings
        if ruling.weight is Weight.DENIES
    )
    text = write_known(failures)
    try:
        read_known(text.encode(), file, [control.META for control in CONTROLS])
    except PolicyError as error:
        raise UsageError(f"The failures of this run make no baseline: {error.message}", hint=error.hint) from None
    try:
        write_at_once(Path(file), text)
    except FileExistsError:
        raise exists(file) from None
    except OSError as error:
        raise UsageError(f"The baseline {file!r} could not be written: {error.strerror}.") from None
    return f"{file} was written with {len(failures)} known failures. It counts once the trusted policy names it."


def shrink(result: Result, file: str) -> str:
    """Remove what this run shows to be fixed, and return what to say; nothing is ever added."""
    from ci_guard.entrypoints.delivery import write_whole
    from ci_guard.policy.baseline import read_known, write_known
    from ci_guard.waiving import fixed

    try:
        failures = read_known(read_plain_file(Path(file)), file, [control.META for control in CONTROLS])
        gone = set(fixed(failures, result.decision.rulings))
        if gone:
            write_whole(Path(file), write_known(one for one in failures if one not in gone))
    except OSError as error:
        raise UsageError(f"The baseline {file!r} could not be updated: {error.strerror}.") from None
    return f"{file}: {len(gone)} fixed failures were removed, {len(failures) - len(gone)} stay."
