"""Waivers in a policy file, and the rules that an organisation sets for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Final, TypeVar

from ci_guard import records
from ci_guard.errors import unrevealing
from ci_guard.model.waiver import Baseline, Waiver
from ci_guard.policy.document import Node
from ci_guard.policy.layer import Layer, WaiverRules
from ci_guard.policy.layering import combine_rules
from ci_guard.policy.place import Stated
from ci_guard.policy.reading import LayerReader, day_of, distinct, fields_of, items_of, known_word, text_of
from ci_guard.policy.wording import quoted, refusal, seen
from ci_guard.records import replace

ACCOUNT: Final = ("owner", "ticket", "approved-by")
"""Who answers for a waiver and where it is followed up; the rules can ask for each."""
WAIVER_KEYS: Final = ("control", "requirement", "reason", "until", "since", "subject", "fingerprints", *ACCOUNT)
WAIVER_NEEDS: Final = ("control", "requirement", "reason", "until")
RULE_KEYS: Final = ("max-days", "needs")

FINGERPRINT: Final = re.compile("[0-9a-f]{64}")
LONGEST_NAME: Final = 200
"""Characters of an owner, a ticket or an approver."""
T = TypeVar("T", Waiver, Baseline)

LONGEST_LIFE: Final = 3660
"""Days, the most that `max-days` can say."""


def read_waivers(reader: LayerReader, node: Node) -> tuple[Stated[Waiver], ...]:
    """Return the waivers of a file; raise `PolicyError` for what one cannot say."""
    return tuple(_waiver(reader, item) for item in items_of(node, "waivers"))


def _waiver(reader: LayerReader, node: Node) -> Stated[Waiver]:
    fields = fields_of(node, "a waiver", WAIVER_KEYS, needs=WAIVER_NEEDS)
    meta = reader.metas[known_word(fields["control"].value, fields["control"].place, "control", reader.metas)]
    requirement = fields["requirement"]
    reason = unrevealing(text_of(fields["reason"], "reason"))
    if not re.search(r"\S", reason):
        raise refusal(fields["reason"].place, "reason was refused", saw=quoted(reason), expected="a reason in words")
    account = read_account(fields)
    waiver = Waiver(
        control=meta.id,
        requirement=known_word(
            requirement.value, requirement.place, f"requirement of {meta.id}", [each.id for each in meta.requirements]
        ),
        subject=text_of(fields["subject"], "subject") if "subject" in fields else None,
        reason=reason,
        until=day_of(fields["until"]),
        place=node.place.brief,
        since=day_of(fields["since"], "since") if "since" in fields else None,
        fingerprints=_fingerprints(fields["fingerprints"]) if "fingerprints" in fields else frozenset(),
        owner=account["owner"],
        ticket=account["ticket"],
        approved_by=account["approved-by"],
    )
    if waiver.since and waiver.since > waiver.until:
        raise refusal(
            fields["since"].place, "since was refused", saw=str(waiver.since), expected=f"a day up to {waiver.until}"
        )
    return reader.said(waiver, node.place)


def _fingerprints(node: Node) -> frozenset[str]:
    entries = distinct(node, "fingerprints")
    for entry, place in entries.items():
        if not FINGERPRINT.fullmatch(entry):
            expected = "64 digits 0-9a-f, as a report has them"
            raise refusal(place, "an entry of fingerprints was refused", saw=quoted(entry), expected=expected)
    return frozenset(entries)


def read_account(fields: Mapping[str, Node]) -> dict[str, str]:
    """
    Return owner, ticket and approver, empty where they are not said.

    Raises: `PolicyError`, also where the owner approves.
    """
    account = dict.fromkeys(ACCOUNT, "")
    for key in account.keys() & fields.keys():
        said = text_of(fields[key], key)
        if len(said) > LONGEST_NAME or not re.search(r"\S", said):
            expected = f"a name of up to {LONGEST_NAME} characters"
            raise refusal(fields[key].place, f"{key} was refused", saw=quoted(said), expected=expected)
        account[key] = unrevealing(said)
    if account["owner"] and _same(account["owner"]) == _same(account["approved-by"]):
        raise refusal(
            fields["approved-by"].place,
            "approved-by was refused",
            saw=f"the owner, {quoted(account['owner'])}",
            expected="somebody else",
            hint="Whoever answers for a waiver does not approve it.",
        )
    return account


def _same(name: str) -> str:
    """Return a name as far as it tells people apart: not by letter case, width, spaces or the sign of a mention."""
    return unicodedata.normalize("NFKC", name).strip().lstrip("@").strip().casefold()


def read_rules(reader: LayerReader, node: Node) -> WaiverRules:
    """Return what a file asks of waivers, its own and those of nearer layers."""
    fields = fields_of(node, "waiver-rules", RULE_KEYS)
    if not fields:
        raise refusal(node.place, "waiver-rules says nothing", expected="max-days, needs or both")
    days: Stated[int] | None = None
    if limit := fields.get("max-days"):
        if type(limit.value) is not int or not 1 <= limit.value <= LONGEST_LIFE:
            expected = f"a number of days from 1 to {LONGEST_LIFE}"
            raise refusal(limit.place, "max-days was refused", saw=seen(limit.value), expected=expected)
        days = reader.said(limit.value, limit.place)
    needs: dict[str, Stated[str]] = {}
    if "needs" in fields:
        for word, place in distinct(fields["needs"], "needs").items():
            needs[word] = reader.said(known_word(word, place, "an entry of needs", ACCOUNT), place)
    return WaiverRules(max_days=days, needs=needs)


def held(layer: Layer, floor: Layer) -> Layer:
    """
    Return a layer whose waivers keep its own rules and those of the layers below it.

    Shape: a waiver knows how long it may last, because one without a first day is measured from the day of the run.
    Raises: `PolicyError` at a waiver that lacks what a rule needs, or that lasts too long from its first day on.
    """
    rules = combine_rules(floor.waiver_rules, layer.waiver_rules)
    held_waivers = tuple(_held(stated, "a waiver", stated.value.since, rules) for stated in layer.waivers)
    baseline = layer.baseline and _held(layer.baseline, "the baseline", None, rules)
    return replace(layer, waivers=held_waivers, baseline=baseline)


def _held(stated: Stated[T], what: str, since: date | None, rules: WaiverRules) -> Stated[T]:
    pardon = stated.value
    said = {"owner": pardon.owner, "ticket": pardon.ticket, "approved-by": pardon.approved_by}
    for word, need in rules.needs.items():
        if not said[word]:
            hint = f"{need.said_by} asks for it in every waiver."
            raise refusal(stated.place, f"{what} has no {word}", hint=hint)
    if rules.max_days is None:
        return stated
    most = rules.max_days
    if since and (pardon.until - since).days > most.value:
        raise refusal(
            stated.place,
            f"{what} lasts too long",
            saw=f"{(pardon.until - since).days} days from {since} to {pardon.until}",
            expected=f"at most {most.value}",
            hint=f"{most.said_by} says so.",
        )
    return replace(stated, value=records.replace(pardon, max_days=most.value))
