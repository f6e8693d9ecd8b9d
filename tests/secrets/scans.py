"""What tests ask of a scan's result."""

from __future__ import annotations

import dataclasses

from ci_guard.model.scan import GapKind, SecretScan
from ci_guard.secrets.scan import ScanRequest, scan
from tests.secrets.repositories import Repo


def everything(repo: Repo, **wishes: object) -> SecretScan:
    return scan(dataclasses.replace(ScanRequest(root=repo.path, tree=True, work_tree=True), **wishes))  # type: ignore[arg-type]


def places(result: SecretScan) -> list[tuple[str | None, int | None, str | None]]:
    return [(found.location.path, found.location.line, found.location.commit) for found in result.findings]


def codes(result: SecretScan) -> dict[str, GapKind]:
    return {gap.code: gap.kind for gap in result.gaps}


def fingerprints(result: SecretScan) -> list[str]:
    """Return those of all places."""
    return [
        fingerprint
        for finding in result.findings
        for fingerprint in (finding.fingerprint, *(other.fingerprint for other in finding.others))
    ]
