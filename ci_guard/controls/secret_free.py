"""Control `secret-free`: what was read holds no secret, and everything that should be read was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from ci_guard.controls.declared import secret_free as declared
from ci_guard.controls.judging import LONGEST_REASON, Bench, asked, benches, clip, listing
from ci_guard.model import project
from ci_guard.model.fact import Known, Unknown, unavailable
from ci_guard.model.facts import Facts, Needs
from ci_guard.model.judgement import Judgement, Location
from ci_guard.model.run import Run
from ci_guard.model.scan import GapKind, SecretFinding, SecretScan
from ci_guard.model.settings import Settings
from ci_guard.records import replace

META = declared.META

MOST_PLACES: Final = 5
"""How many other places of a secret a message names."""

SUBJECT: Final = "scan"
"""The subject of everything but a finding, whose subject is its rule."""


def needs(settings: Settings, run: Run) -> Needs:  # noqa: ARG001 - the checkout is scanned in every run
    """See `Control.needs`."""
    return Needs(scan=bool(asked(META, settings)))


def check(facts: Facts, settings: Settings) -> Iterator[Judgement]:
    """
    See `Control.check`: each finding is one failure, whose subject is the rule.

    Source: CWE-798, use of hard-coded credentials (https://cwe.mitre.org/data/definitions/798.html).
    """
    for bench in benches(META, settings, facts.run, page=facts.run.pages.checkout, subject=SUBJECT):
        if isinstance(facts.scan, Unknown):
            yield bench.wonders([facts.scan])
        else:
            yield from JUDGES[bench.requirement.id](facts.scan, bench)


def judge_secrets(scan: Known[SecretScan], bench: Bench) -> Iterator[Judgement]:
    """Yield one failure for each secret."""
    yield from judge_findings(scan, scan.value.findings, bench)


def judge_key_files(scan: Known[SecretScan], bench: Bench) -> Iterator[Judgement]:
    """Yield one failure for each key file."""
    yield from judge_findings(scan, scan.value.key_files, bench)


def judge_findings(scan: Known[SecretScan], findings: Iterable[SecretFinding], bench: Bench) -> Iterator[Judgement]:
    """Yield one failure for each finding, or one pass; whether everything was read is the matter of `complete-scan`."""
    clean = True
    for finding in findings:
        clean = False
        advice = f"{finding.remedy} {ways_out(finding)}".strip()
        failed = replace(bench, subject=finding.rule).fails(finding.preview, [scan], remedy=advice)
        yield replace(
            failed,
            severity=finding.severity,
            message=f"{finding.title} in {place(finding.location, finding.what)} ({finding.preview}){also(finding)}.",
            detail=f"{finding.confidence.value} confidence: {finding.detail}",
            remedy_url=finding.remedy_url or project.requirement_page(META.id, bench.requirement.id),
            location=finding.location,
            fingerprint=finding.fingerprint,
        )
    if clean:
        yield bench.passes(f"nothing found in {amount(scan.value)}", [scan])


def ways_out(finding: SecretFinding) -> str:
    """Return how the denial ends where revoking alone does not end it."""
    falsely = f"If it is none: `ci-guard explain {finding.rule}` shows how to waive it."
    if finding.location.commit is None:
        return falsely
    # Without the id, which stands at the place: what is to be done with all findings of a rule is told once.
    return f"It is found as long as its commit is in what is judged: take that commit out of the branch. {falsely}"


def judge_completeness(scan: Known[SecretScan], bench: Bench) -> Iterator[Judgement]:
    """Yield one judgement on what was not read: what the checkout hides fails, what this clone lacks is unknown."""
    gaps = {kind: [gap for gap in scan.value.gaps if gap.kind is kind] for kind in GapKind}
    missing = [gap.message.rstrip(".") for gap in gaps[GapKind.FAILS]]
    missing += [f"{skipped.path} was not read: {skipped.reason}" for skipped in scan.value.skipped]
    if not scan.value.sources:
        missing.append("nothing was asked to be read")
    if missing:
        remedy = next(
            (gap.remedy for gap in gaps[GapKind.FAILS] if gap.remedy), "Make what was skipped readable, or remove it."
        )
        failed = bench.fails(listing(missing, LONGEST_REASON), [scan], remedy=remedy)
        first = next(iter(scan.value.skipped), None)
        yield replace(failed, location=Location(path=first.path) if first else None)
    elif gaps[GapKind.UNKNOWN]:
        open_question = bench.wonders([unavailable(gap.message.rstrip(".")) for gap in gaps[GapKind.UNKNOWN]])
        remedy = next((gap.remedy for gap in gaps[GapKind.UNKNOWN] if gap.remedy), open_question.remedy)
        yield replace(open_question, remedy=remedy, remedy_url=bench.page or open_question.remedy_url)
    else:
        notes = listing((gap.message.rstrip(".") for gap in gaps[GapKind.NOTE]), LONGEST_REASON)
        yield bench.passes(f"read {amount(scan.value)}" + (f"; {notes}" if notes else ""), [scan])


def judge_suppressions(scan: Known[SecretScan], bench: Bench) -> Iterator[Judgement]:
    """Yield one judgement on what suppressions hide: those that the judged change brings itself fail."""
    seen = scan.value
    effect = suppressions(seen)
    if not seen.suppressed and not seen.unreviewed:
        yield bench.passes(effect, [scan])
    elif not seen.reviewable:
        yield bench.excuses(f"outside CI there is no change that could have brought one; {effect}")
    elif seen.review_doubt:
        doubt = unavailable(f"it is not known whether suppressions were reviewed: {seen.review_doubt.rstrip('.')}")
        yield replace(bench.wonders([doubt], effect), remedy="Check out with `fetch-depth: 0`.")
    elif seen.unreviewed:
        named = [
            f"{one.place} would hide {one.finding.rule} in {place(one.finding.location)}" for one in seen.unreviewed
        ]
        said = f"added in this change, and not counted: {listing(named, LONGEST_REASON)}"
        remedy = "Merge the suppression in a reviewed change of its own first; until then the finding stands."
        yield replace(bench.fails(said, [scan], remedy=remedy), location=seen.unreviewed[0].finding.location)
    else:
        yield bench.passes(effect, [scan])


def suppressions(scan: SecretScan) -> str:
    """Return how much is suppressed, by kind."""
    if not scan.suppressed:
        return "no suppressions in effect"
    counts = Counter(one.kind.value for one in scan.suppressed)
    return f"suppressed: {listing(f'{number} by {kind}' for kind, number in sorted(counts.items()))}"


JUDGES: Final[Mapping[str, Callable[[Known[SecretScan], Bench], Iterator[Judgement]]]] = {
    "no-secrets": judge_secrets,
    "no-key-files": judge_key_files,
    "complete-scan": judge_completeness,
    "reviewed-suppressions": judge_suppressions,
}


def amount(scan: SecretScan) -> str:
    """Return how much was read and from where, because a clean result over nothing says nothing."""
    return f"{scan.blobs} contents, {scan.bytes} bytes, {scan.commits} commits of {listing(scan.sources) or 'nothing'}"


def place(location: Location, what: str = "") -> str:
    """Return a place for people; `what` says what it is where it is no content of a file."""
    if location.path is None:
        path = f"a {what or 'commit message'}"
    else:
        path = f"the {what} {clip(location.path)}" if what else clip(location.path)
    line = f", line {location.line}" if location.line is not None else ""
    return path + line + (f", commit {location.commit[:8]}" if location.commit else "")


def also(finding: SecretFinding) -> str:
    """Return the other places of a secret for people, as what goes on a sentence; the first ones are named."""
    if not finding.others:
        return ""
    named = [place(other.location, other.what) for other in finding.others[:MOST_PLACES]]
    count = len(finding.others)
    more = "" if count == len(named) else " …"
    return f", and in {count} more {'place' if count == 1 else 'places'}: {'; '.join(named)}{more}"
