"""The SARIF 2.1.0 report: what is not proven as results, for code scanning on GitHub and for every other viewer."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from ci_guard.model import project
from ci_guard.model.decision import Result, Verdict
from ci_guard.model.fact import Known
from ci_guard.model.judgement import Outcome
from ci_guard.reporters import escape, record, telling
from ci_guard.reporters.sarif_results import SOURCE_ROOT, result_of
from ci_guard.reporters.sarif_rules import Rules

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

RESULTS: Final = 25_000
"""GitHub refuses a run with more, and shows the 5,000 worst ("SARIF support for code scanning", file compatibility)."""

COMPRESSED: Final = 9_000_000
"""Bytes of all results after gzip. GitHub refuses a file over 10 MB, and the rest of a report is small."""

PASSED: Final = (Outcome.PASS, Outcome.NOT_APPLICABLE)
"""What makes no result: GitHub opens an alert for each, whatever its kind (microsoft/PSRule issue 955)."""


def render(result: Result) -> str:
    """
    Return the report as JSON, one result a line, worst first.

    Shape: ASCII. A failure is of kind `fail`, an unknown of kind `open`; what is waived carries an accepted
    suppression; a control that broke fails, and is told as a notification too. What has no room within GitHub's limits
    is counted in a notification.
    """
    rules = Rules(result.controls)
    wrong = [ruling for ruling in result.decision.rulings if ruling.judgement.outcome not in PASSED]
    written = list(within_limits(result_of(ruling, result, rules) for ruling in telling.worst_first(wrong)))
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{**run_of(result, rules, left_out=len(wrong) - len(written)), "results": []}],
    }
    # The results come last, so that they can be put in as they were measured.
    head = as_json(document).removesuffix("]}]}")
    return escape.json_text(head + ",".join("\n" + each for each in written) + "\n]}]}") + "\n"


def within_limits(results: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield results as JSON while there is room for them."""
    squeeze = zlib.compressobj(1)
    size = 0
    for number, each in enumerate(results):
        text = as_json(each)
        size += len(squeeze.compress(text.encode()))
        if number == RESULTS or size > COMPRESSED:
            return
        yield text


def as_json(value: object) -> str:
    """Return a value as one line of JSON."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def run_of(result: Result, rules: Rules, *, left_out: int) -> dict[str, Any]:
    """Return everything of the run but its results."""
    taxonomies = rules.taxonomies()
    supported = [{"name": each["name"], "index": index} for index, each in enumerate(taxonomies)]
    driver = {
        "name": "ci-guard",
        "semanticVersion": result.version,
        "informationUri": project.page("docs/report.md"),
        "rules": rules.written,
        **({"supportedTaxonomies": supported} if supported else {}),
    }
    counts = telling.by_standing(result.decision.rulings)
    hidden = record.suppressed(result.scan) if result.scan else {}
    provenance = provenance_of(result)
    return {
        "tool": {"driver": driver},
        **({"taxonomies": taxonomies} if taxonomies else {}),
        "automationDetails": {"id": category_of(result)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {SOURCE_ROOT: {"description": {"text": "The root of the repository."}}},
        **({"versionControlProvenance": [provenance]} if provenance else {}),
        "invocations": [invocation_of(result, left_out)],
        "properties": {
            "verdict": result.decision.verdict.value,
            "advisory": result.advisory,
            "counts": {state.value: len(group) for state, group in counts.items() if group},
            "suppressed": {kind.value: count for kind, count in hidden.items()},
        },
    }


def category_of(result: Result) -> str:
    """Return the category with its closing stroke: a run of some controls closes no alerts of the others."""
    return "/".join(filter(None, ("ci-guard", "+".join(meta.id for meta in result.controls)))) + "/"


def provenance_of(result: Result) -> dict[str, Any] | None:
    """Return which repository and commit was judged, as far as that is known."""
    run = result.run
    address = escape.url(f"{run.server_url}/{run.repository}") if run.repository else ""
    if not address:
        return None
    known = {"revisionId": run.sha, "branch": run.branch, "revisionTag": run.tag}
    values = {name: fact.value for name, fact in known.items() if isinstance(fact, Known) and fact.value}
    return {
        "repositoryUri": address,
        **{name: escape.visible(value, escape.NAME) for name, value in values.items()},
        "mappedTo": {"uriBaseId": SOURCE_ROOT},
    }


def invocation_of(result: Result, left_out: int) -> dict[str, Any]:
    """
    Return how the run went.

    A run that an error ended, or in which a control broke and nothing was refused, was no successful one: GitHub keeps
    its alerts then, instead of closing what it does not find.
    """
    ended = result.time + timedelta(seconds=result.effort.seconds)
    told = list(notifications(result, left_out))
    broke = result.failure is not None and result.failure.fault_of_ci_guard
    usage = [each for each in told if each["level"] == "error" and result.failure is not None and not broke]
    return {
        "executionSuccessful": result.failure is None and result.decision.verdict is not Verdict.ERROR,
        "exitCode": result.decision.exit_code,
        "exitCodeDescription": telling.verdict_words(result),
        "startTimeUtc": moment(result.time),
        "endTimeUtc": moment(ended),
        "toolConfigurationNotifications": usage,
        "toolExecutionNotifications": [each for each in told if each not in usage],
    }


def notifications(result: Result, left_out: int) -> Iterator[dict[str, Any]]:
    """Yield what is no result: why the run ended or denies, controls that broke, what has no room, and the notes."""
    if result.failure is not None or telling.rests_on_no_ruling(result):
        yield notification("error", *telling.reason_lines(result))
    for ruling in result.decision.rulings:
        judgement = ruling.judgement
        if judgement.outcome is Outcome.ERROR:
            rule = {"id": f"{judgement.control}/{judgement.requirement}"}
            yield {**notification("error", judgement.message), "associatedRule": rule}
    if left_out:
        yield notification("warning", f"{left_out:,} results have no room here and are left out; the worst come first.")
    for note in record.notes(result):
        yield notification("note", note)


def notification(level: str, *lines: str) -> dict[str, Any]:
    """Return a notification."""
    return {"level": level, "message": {"text": "\n".join(escape.sarif_message(line) for line in lines)}}


def moment(time: datetime) -> str:
    """Return a time as SARIF writes it, in UTC."""
    return time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
