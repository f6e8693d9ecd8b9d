"""What a report keeps on record beside its rulings: the run, the policy, the scan, the effort and the notes."""

from __future__ import annotations

from collections import Counter

from ci_guard.model.decision import Result
from ci_guard.model.fact import Known
from ci_guard.model.scan import GapKind, SecretScan, SuppressionKind
from ci_guard.reporters import telling


def run_line(result: Result) -> str:
    """Return what was judged: repository, event, ref and commit as far as they are known."""
    run = result.run
    ref = run.ref.value if isinstance(run.ref, Known) else ""
    sha = run.sha.value[:12] if isinstance(run.sha, Known) else ""
    event = run.platform_event or (run.event.value.value if isinstance(run.event, Known) else "")
    return " · ".join(part for part in (run.repository, event, ref, sha) if part) or run.platform.value


def scan_line(scan: SecretScan) -> str:
    """Return what the scan read."""
    read = f"{telling.count(scan.commits, 'commit')}, {telling.count(scan.blobs, 'content')}, {size(scan.bytes)} read"
    sources = f" from {', '.join(scan.sources)}" if scan.sources else ""
    skipped = f", {telling.count(len(scan.skipped), 'file')} skipped" if scan.skipped else ""
    counts = suppressed(scan)
    hidden = f"; {len(scan.suppressed):,} suppressed ({kinds(counts)})" if counts else ""
    return f"{read}{sources}; {'complete' if scan.complete else 'not complete'}{skipped}{hidden}"


def suppressed(scan: SecretScan) -> Counter[SuppressionKind]:
    """Return how many findings each kind of suppression covers; a kind that covers none is left out."""
    return Counter(one.kind for one in scan.suppressed)


def kinds(counts: Counter[SuppressionKind]) -> str:
    """Return `2 by baseline, 1 by comment`."""
    return ", ".join(f"{counts[kind]:,} by {kind.value}" for kind in SuppressionKind if kind in counts)


def suppressed_lines(scan: SecretScan) -> list[str]:
    """Return what is suppressed, where, by what and until when, one line a finding."""
    return [
        f"{one.finding.rule} in {telling.place(one.finding.location)}: by {one.place}"
        + (f", until {one.until.isoformat()}" if one.until else "")
        + (f" ({one.reason})" if one.reason else "")
        for one in scan.suppressed
    ]


def effort_line(result: Result) -> str:
    """Return what the evidence cost."""
    return f"{telling.count(result.effort.requests, 'request')}, {result.effort.seconds:.1f} s"


def policy_line(result: Result) -> str:
    """Return which policy judged: source, mode, layers and digest."""
    policy = result.policy
    if policy is None:
        return "none was read"
    layers = f"; layers: {', '.join(policy.layers)}" if policy.layers else ""
    return f"{policy.source}, mode {policy.mode.value}{layers}; sha256 {policy.sha256}"


def notes(result: Result) -> list[str]:
    """Return what is worth knowing of the run, the policy and the waivers, of many only the first."""
    scan = scan_notes(result.scan) if result.scan else []
    return telling.first([*scan, *result.run.notes, *result.decision.notes], telling.LINES)


def scan_notes(scan: SecretScan) -> list[str]:
    """Return what is worth knowing of a scan and leaves it complete, such as which engine ran."""
    return [*(gap.message for gap in scan.gaps if gap.kind is GapKind.NOTE), *scan.remarks]


def size(number: int) -> str:
    """Return a number of bytes for people, in decimal units."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
