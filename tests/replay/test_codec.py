"""Evidence goes to JSON and back whole, and what was changed on the way is refused or read as what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.model import codec
from ci_guard.model.branch import BranchSelection, TagRules
from ci_guard.model.decision import Effort
from ci_guard.model.fact import Known, Unknown
from ci_guard.model.review import Change, Origin
from ci_guard.model.run import Claim, Run, Seat
from ci_guard.model.scan import SecretScan
from ci_guard.model.settings import Policy, Settings
from ci_guard.model.waiver import Waiver
from tests.drawing import examples
from tests.replay.strategies import values

TYPES: list[Any] = [
    Known[tuple[Seat, ...]] | Unknown,
    Known[tuple[Claim, ...]] | Unknown,
    Known[tuple[BranchSelection, ...]] | Unknown,
    Known[TagRules] | Unknown,
    Change,
    Origin,
    Run,
    SecretScan,
    Settings,
    Waiver,
    Policy,
]


@pytest.mark.parametrize("declared", TYPES, ids=str)
@settings(max_examples=examples(15))
@given(data=st.data())
def test_what_is_written_is_read_back(declared: Any, data: st.DataObject) -> None:
    value = data.draw(values(declared))
    text = json.dumps(codec.encode(value, declared), ensure_ascii=True, allow_nan=False)
    assert codec.decode(json.loads(text), declared) == value


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=4), inner, max_size=2)),
    max_leaves=4,
)


def spots(data: Any) -> list[tuple[Any, Any]]:
    """Return every container with every key of it."""
    found = []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, item in items:
        found += [(data, key), *spots(item)]
    return found


@settings(max_examples=examples(40))
@given(data=st.data())
def test_a_record_that_was_tampered_with_is_refused_with_the_path_or_means_what_it_says(data: st.DataObject) -> None:
    declared = data.draw(st.sampled_from([Change, Run, SecretScan, Policy]))
    plain = json.loads(json.dumps(codec.encode(data.draw(values(declared)), declared)))
    container, key = data.draw(st.sampled_from(spots(plain)))
    container[key] = data.draw(JUNK)
    try:
        value = codec.decode(plain, declared)
    except ValueError:
        return
    assert codec.encode(value, declared).keys() == codec.shape_of(declared).keys()


def test_a_number_beyond_every_float_is_refused() -> None:
    with pytest.raises(ValueError, match="seconds: expected float"):
        codec.decode({"requests": 1, "seconds": 10**400}, Effort)


def test_an_error_names_the_path_and_never_quotes_the_value() -> None:
    plain = {"control": "a", "requirement": "b", "subject": None, "reason": "r", "until": "hunter2", "place": "p"}
    with pytest.raises(ValueError, match=r"until: expected a day") as refused:
        codec.decode(plain, Waiver)
    assert "hunter2" not in str(refused.value)
