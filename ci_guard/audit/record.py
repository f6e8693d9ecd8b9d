"""One run as a record: who triggered what, by which policy, and why it was let through or not."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any, Final

from ci_guard.model.decision import PolicySummary, Result, Ruling, Waived
from ci_guard.model.fact import Fact, Known
from ci_guard.model.origin import LayerOrigin
from ci_guard.model.run import Run
from ci_guard.model.scan import SecretScan
from ci_guard.model.waiver import Baseline
from ci_guard.reporters import facts, json_v1

SCHEMA: Final = "ci-guard.audit/v1"

JUDGEMENTS: Final = 300
"""Judgements that a record holds, those that deny first; all are counted."""

TEXT: Final = 200
"""Characters kept of a text in a judgement, of which a record can have many."""

NAME: Final = 1_000
"""Characters kept of any other text: strangers can name things at length, and a record is bounded."""


def record_of(
    result: Result, artifacts: Sequence[dict[str, Any]] = (), places: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """
    Return the record of a run, without its place in a log.

    Shape: plain data for canonical JSON, null for what is not known; no text of a judgement is more than the report
    has, so no part of a secret. `what` says beside its facts who vouches for them; where `claimed` is true, nothing but
    variables of the job vouches for who, what and which run. `artifacts` are as `artifacts.described` returns
    them; `places` say where the record goes and what signs there.
    """
    rulings = result.decision.rulings
    record = {
        "schema": SCHEMA,
        "time": moment(result.time),
        "tool": {"name": "ci-guard", "version": result.version},
        "verdict": result.decision.verdict.value,
        "exit_code": result.decision.exit_code,
        "advisory": result.advisory,
        "break_glass": json_v1.break_glass_of(result.decision.break_glass),
        "unreviewed": [json_v1.unreviewed_of(each) for each in result.decision.unreviewed],
        "reason": result.failure.message if result.failure else result.decision.reason,
        "who": {"actor": result.run.actor or None, "triggering_actor": result.run.triggering_actor or None},
        "claimed": result.failure is not None,
        "what": {**what(result.run), "artifacts": list(artifacts)},
        "recorded_in": list(places),
        "policy": policy_of(result.policy, result.recorded.policy.origins if result.recorded else ()),
        "judgements": [judgement_of(each) for each in sorted(rulings, key=weighs)[:JUDGEMENTS]],
        "outcomes": dict(Counter(each.judgement.outcome.value for each in rulings)),
        "scan": scan_of(result.scan),
        "facts_sha256": facts_digest(result),
        "evidence": {"requests": result.effort.requests, "milliseconds": round(result.effort.seconds * 1000)},
    }
    record = {key: bounded(value) for key, value in record.items()}
    return {"id": identity(record), **record}


def facts_digest(result: Result) -> str | None:
    """Return the SHA-256 in hex of what `--report facts=FILE` writes of the run; null where nothing was judged."""
    if result.recorded is None:
        return None
    return hashlib.sha256(facts.render(result).encode("ascii")).hexdigest()


def bounded(value: Any) -> Any:
    """Return the value with no text in it that is longer than `NAME`; a text that was cut says so at its end."""
    match value:
        case str():
            return value if len(value) <= NAME else f"{value[:NAME]}… (cut)"
        case dict():
            return {key: bounded(each) for key, each in value.items()}
        case list():
            return [bounded(each) for each in value[:NAME]]
        case _:
            return value


def what(run: Run) -> dict[str, Any]:
    """Return what was run, each fact with the source that vouches for it."""
    change = run.change.value if isinstance(run.change, Known) else None
    event = run.event.value if isinstance(run.event, Known) else None
    return {
        "platform": run.platform.value,
        "server": run.server_url or None,
        "repository": run.repository or None,
        "repository_id": run.repository_id or None,
        "ref": known(run.ref),
        "sha": known(run.sha),
        "event": event.value if event else None,
        "platform_event": run.platform_event or None,
        "environment": run.environment,
        "change": {"number": change.number, "head": change.head, "target": change.target} if change else None,
        "run_url": run.run_url or None,
        "sources": {
            name: fact.source.value if isinstance(fact, Known) else None
            for name, fact in {"ref": run.ref, "sha": run.sha, "event": run.event, "change": run.change}.items()
        },
    }


def known(fact: Fact[str]) -> str | None:
    """Return the value of a known fact; null stands for an unknown."""
    return fact.value if isinstance(fact, Known) else None


def policy_of(policy: PolicySummary | None, origins: Sequence[LayerOrigin] = ()) -> dict[str, Any] | None:
    """Return which policy judged and how each layer is held fast; null where the run ended before one was read."""
    if policy is None:
        return None
    return {
        "source": policy.source,
        "sha256": policy.sha256,
        "mode": policy.mode.value,
        "layers": list(policy.layers),
        "origins": [
            {
                "place": origin.place,
                "kind": origin.kind.value,
                "reference": origin.reference or None,
                "sha256": origin.sha256 or None,
                "floor": origin.floor,
                "signer": origin.signer or None,
            }
            for origin in origins
        ],
        "baseline": baseline_of(policy.baseline) if policy.baseline else None,
    }


def baseline_of(baseline: Baseline) -> dict[str, Any]:
    """Return which known failures were waived and until when; the digest is null where there is no such file."""
    return {
        "file": baseline.file,
        "sha256": baseline.sha256 or None,
        "known": len(baseline.known),
        "until": baseline.until.isoformat(),
    }


def judgement_of(ruling: Ruling) -> dict[str, Any]:
    """Return a judgement with what vouches for it and its waiver."""
    judgement, waived = ruling.judgement, ruling.waived
    return {
        "control": judgement.control,
        "requirement": judgement.requirement,
        "subject": judgement.subject[:TEXT],
        "outcome": judgement.outcome.value,
        "cause": judgement.cause.value if judgement.cause else None,
        "source": judgement.source.value,
        "detail": judgement.detail[:TEXT],
        "observed": judgement.observed[:TEXT],
        "expected": judgement.expected[:TEXT],
        "asked_by": ruling.said_by[:TEXT] or None,
        "weight": ruling.weight.value,
        "waived": waived_of(waived) if waived else None,
        "fingerprint": judgement.fingerprint,
    }


def waived_of(waived: Waived) -> dict[str, Any]:
    """Return what covers a judgement, and who answers for that."""
    return {
        "reason": waived.reason[:TEXT],
        "until": waived.until.isoformat(),
        "owner": waived.owner[:TEXT] or None,
        "ticket": waived.ticket[:TEXT] or None,
        "approved_by": waived.approved_by[:TEXT] or None,
    }


def weighs(ruling: Ruling) -> bool:
    """Return false, which sorts first, for what denies or is waived: what a reader of the log asks about."""
    return ruling.weight.value == "none"


def scan_of(scan: SecretScan | None) -> dict[str, Any] | None:
    """Return what the scan read; null where none ran."""
    if scan is None:
        return None
    return {
        "blobs": scan.blobs,
        "commits": scan.commits,
        "complete": scan.complete,
        "suppressed": len(scan.suppressed),
    }


def identity(record: dict[str, Any]) -> str:
    """Return an id of a record: of all that it says, because sinks take each id once."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode("ascii")).hexdigest()[:32]


def moment(time: datetime) -> str:
    """Return a time in UTC to the millisecond (RFC 3339)."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
