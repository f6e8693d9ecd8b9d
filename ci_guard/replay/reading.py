"""A recorded run from its file, which may have been in anybody's hands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NoReturn

from ci_guard.errors import UsageError, unrevealing
from ci_guard.model import codec
from ci_guard.model.meta import Meta
from ci_guard.model.recorded import SCHEMA, Recorded
from ci_guard.model.settings import Policy

LARGEST: Final = 256 * 1024 * 1024
"""Bytes; a scan with 100,000 findings makes 80 MB."""

HINT: Final = "A record is written by `ci-guard facts --out FILE` or `ci-guard check --report facts=FILE`."


class NoFacts(UsageError):
    """A record of a run that ended before there was anything to judge: by a bad policy, say, or one not to be had."""

    def __init__(self, name: str, why: str) -> None:
        """Take the record's name, and why the run ended."""
        super().__init__(f"The record {name!r} holds no facts, because that run had none to judge: {why}")
        self.name, self.why = name, why


def read_recorded(path: Path, metas: Sequence[Meta]) -> Recorded:
    """
    Return the run that a file records.

    Raises: `UsageError` for a file that is none, is damaged, was written by a newer version, or asks for what this
    version does not judge: it would be left out without a word; `NoFacts` for a run that had nothing to judge.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"The record {str(path)!r} could not be read: {error.strerror}.", hint=HINT) from None
    if len(content) > LARGEST:
        raise UsageError(f"The record {str(path)!r} has more than {LARGEST} bytes.", hint=HINT)
    return decoded(content, str(path), metas)


def decoded(content: bytes, name: str, metas: Sequence[Meta]) -> Recorded:
    """See `read_recorded`."""
    try:
        data = json.loads(content, object_pairs_hook=distinct, parse_constant=no_number)
        if isinstance(data, dict) and data.get("schema") == SCHEMA and "failure" in data:
            raise NoFacts(name, unrevealing(str(data["failure"]))[:300])
        check_schema(data)
        recorded: Recorded = codec.decode(data, Recorded)
        check_known(recorded, metas)
    except (ValueError, RecursionError) as error:
        match error:
            case RecursionError():
                why = "it is nested too deeply"
            case json.JSONDecodeError():
                why = f"it is no JSON at line {error.lineno}, column {error.colno}"
            case _:
                why = unrevealing(str(error))[:300]
        raise UsageError(f"The record {name!r} was refused: {why}.", hint=HINT) from None
    return recorded


def check_schema(data: object) -> None:
    """Raise `ValueError` for another document of ours: a report lies beside the record most often."""
    if isinstance(data, dict) and "schema" in data and data["schema"] != SCHEMA:
        raise ValueError(f"it is {str(data['schema'])[:80]!r}, and expected is {SCHEMA}")


def check_known(recorded: Recorded, metas: Sequence[Meta]) -> None:
    """Raise `ValueError` for another form of record, and a control or requirement that this version does not know."""
    if recorded.schema != SCHEMA:
        raise ValueError(f"schema: expected {SCHEMA}")
    if recorded.time.tzinfo is None:
        raise ValueError("time: expected a time in UTC")
    pairs = (
        (recorded.policy, recorded.settled),
        *zip_longest(recorded.earlier, recorded.earlier_settled),
        (recorded.proposed, recorded.proposed_settled),
    )
    if any(isinstance(policy, Policy) and policy.contexts and settled is None for policy, settled in pairs):
        raise ValueError("settled: expected the policy as its contexts settle it")
    known = {meta.id: {requirement.id for requirement in meta.requirements} for meta in metas}
    policies = [policy for pair in pairs for policy in pair if isinstance(policy, Policy)]
    for control, settings in (item for policy in policies for item in policy.controls.items()):
        strange = {control} - known.keys() or settings.require.keys() - known[control]
        if strange:
            name = next(iter(strange))[:80]
            raise ValueError(f"its policy asks for {name!r}, which this version of ci-guard does not judge")


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a map; raise where a key stands in it twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one map")
    return result


def no_number(text: str) -> NoReturn:
    """Refuse NaN and the infinities, which are not JSON."""
    raise ValueError(f"{text} is not JSON")
