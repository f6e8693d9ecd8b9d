"""The baseline that a policy names, and the file of known failures itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ci_guard import hashing, records
from ci_guard.model.meta import Meta
from ci_guard.model.settings import Policy
from ci_guard.model.waiver import Baseline, KnownFailure
from ci_guard.policy.document import Node, read_document
from ci_guard.policy.layer import Layer
from ci_guard.policy.place import Stated
from ci_guard.policy.reading import LayerReader, day_of, fields_of, items_of, known_word, text_of
from ci_guard.policy.waivers import ACCOUNT, FINGERPRINT, read_account
from ci_guard.policy.wording import quoted, refusal, seen
from ci_guard.records import replace

BASELINE_KEYS: Final = ("file", "until", *ACCOUNT)
BASELINE_NEEDS: Final = ("file", "until")

SCHEMA: Final = "ci-guard.baseline/v1"
FILE_KEYS: Final = ("schema", "known")
KNOWN_KEYS: Final = ("control", "requirement", "subject", "fingerprint", "since")

PATH: Final = re.compile(r"[^/\\\x00-\x1f\x7f]+(/[^/\\\x00-\x1f\x7f]+)*")
"""A path with `/` that begins nowhere but in the folder of the policy's ref."""


def read_baseline(reader: LayerReader, node: Node) -> Stated[Baseline]:
    """Return what a policy says of its baseline; raise `PolicyError` for what it cannot say."""
    fields = fields_of(node, "baseline", BASELINE_KEYS, needs=BASELINE_NEEDS)
    file = text_of(fields["file"], "file")
    if not PATH.fullmatch(file) or {".", ".."} & set(file.split("/")):
        expected = "a path inside the repository, such as .ci-guard-baseline.json"
        raise refusal(fields["file"].place, "file was refused", saw=quoted(file), expected=expected)
    account = read_account(fields)
    return reader.said(
        Baseline(
            file=file,
            until=day_of(fields["until"]),
            place=node.place.brief,
            owner=account["owner"],
            ticket=account["ticket"],
            approved_by=account["approved-by"],
        ),
        node.place,
    )


def settled(layer: Layer, nearest: int) -> Baseline | None:
    """
    Return the baseline of a whole policy, without what is in the file.

    The file is the repository's own, whichever layer names it. So it waives nothing but what the layer nearest to the
    repository, number `nearest`, asks itself.
    """
    if layer.baseline is None:
        return None
    covers = frozenset(
        f"{control}/{name}"
        for control, asked in layer.controls.items()
        for name, stated in asked.require.items()
        if stated.rank >= nearest
    )
    return replace(layer.baseline.value, covers=covers)


def read_known(content: bytes, place: str, metas: Sequence[Meta]) -> tuple[KnownFailure, ...]:
    """
    Return the known failures of a file.

    Raises: `PolicyError` with line and column for anything that is not such a file, and for what is listed twice.
    """
    root = read_document(content, place)
    fields = fields_of(root, "the baseline", FILE_KEYS, needs=FILE_KEYS)
    if fields["schema"].value != SCHEMA:
        saw = seen(fields["schema"].value)
        raise refusal(fields["schema"].place, "schema was refused", saw=saw, expected=SCHEMA)
    by_id = {meta.id: meta for meta in metas}
    found: dict[KnownFailure, None] = {}
    for node in items_of(fields["known"], "known"):
        one = _known(node, by_id)
        if one in found:
            raise refusal(node.place, "a known failure stands here twice", expected="each once")
        found[one] = None
    return tuple(found)


def _known(node: Node, metas: dict[str, Meta]) -> KnownFailure:
    fields = fields_of(node, "a known failure", KNOWN_KEYS, needs=KNOWN_KEYS)
    control = known_word(fields["control"].value, fields["control"].place, "control", metas)
    named = [each.id for each in metas[control].requirements]
    requirement = fields["requirement"]
    fingerprint = text_of(fields["fingerprint"], "fingerprint")
    if not FINGERPRINT.fullmatch(fingerprint):
        expected = "64 digits 0-9a-f, as a report has them"
        raise refusal(
            fields["fingerprint"].place, "fingerprint was refused", saw=quoted(fingerprint), expected=expected
        )
    return KnownFailure(
        control=control,
        requirement=known_word(requirement.value, requirement.place, f"requirement of {control}", named),
        subject=text_of(fields["subject"], "subject"),
        fingerprint=fingerprint,
        since=day_of(fields["since"], "since"),
    )


def with_known(policy: Policy, content: bytes, place: str, metas: Sequence[Meta]) -> Policy:
    """Return a policy, which names a baseline, with what is in its file, also under every context."""
    return _with(policy, read_known(content, place, metas), hashing.sha256(content))


def _with(policy: Policy, known: tuple[KnownFailure, ...], sha256: str) -> Policy:
    under, baseline = policy.under, policy.baseline
    if baseline is None:
        return policy
    return records.replace(
        policy,
        baseline=records.replace(baseline, known=known, sha256=sha256),
        under=(lambda chosen: _with(under(chosen), known, sha256)) if under else None,
    )


def write_known(failures: Iterable[KnownFailure]) -> str:
    """Return a file of known failures, one a line and sorted, so that a change of it can be reviewed."""

    def plain(one: KnownFailure) -> dict[str, Any]:
        values = (one.control, one.requirement, one.subject, one.fingerprint, one.since.isoformat())
        return dict(zip(KNOWN_KEYS, values, strict=True))

    order = sorted(map(plain, failures), key=lambda one: list(one.values()))
    lines = ",\n".join("    " + json.dumps(one) for one in order)
    known = f"[\n{lines}\n  ]" if lines else "[]"
    return f'{{\n  "schema": "{SCHEMA}",\n  "known": {known}\n}}\n'
