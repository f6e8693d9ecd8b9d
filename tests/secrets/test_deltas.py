"""What the helper that reads packs is told of rules holds for all of them."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.secrets import database, deltas
from ci_guard.secrets.formats import CHECKS
from ci_guard.secrets.lexical import AFTER_VALUE, BACK, assignment
from ci_guard.secrets.matcher import Matcher
from ci_guard.secrets.rule import load
from ci_guard.secrets.triggers import VENDOR, Searched, triggers_of
from tests.secrets.made_up import rules, text_for

TRIGGERS = triggers_of(load())

FAR = {"private-key", "encrypted-private-key", "pgp-private-key", "xml-key", "hex-key"}
"""Checks that look as far as their rule reaches: those that `deltas` does not name."""


def test_how_far_each_check_looks_was_thought_of() -> None:
    """A new check belongs into one of these, by how far it looks; test_packed has the test of all kinds."""
    assert set(CHECKS) == deltas._CLOSE | FAR | deltas._AROUND.keys()


def test_the_shapes_that_ship_are_those_of_the_rules() -> None:
    shipped = json.loads((Path(deltas.__file__).parent / "shapes.json").read_text("ascii"))
    assert {name: tuple(shape) for name, shape in shipped.items()} == deltas.shapes(load())


def test_a_rule_looks_no_further_than_its_reach() -> None:
    """What is found of a secret is found in its reach alone, cut out of whatever stands around."""
    for trigger in TRIGGERS:
        rule = trigger.rule
        if trigger.by_name or rule.anchor:
            continue
        text = text_for(rules()[rule.id]).encode()
        word = trigger.expression.pattern.replace(b"\\", b"")
        at = (text.lower() if rule.ignore_case else text).find(word.lower() if rule.ignore_case else word)
        match = rule.regex.search(text)
        if at < 0 or match is None:
            continue
        reach, end = deltas.reach_of(trigger), at + len(word)
        assert end - reach.back <= match.start(), rule.id
        assert match.end() <= end + reach.ahead, rule.id
        assert b"\n" not in match.group() or not reach.line_ahead, rule.id


@pytest.mark.parametrize("above", ["", "\n  a: 1" * 3, "\n  note: " + "." * 130])
def test_the_name_of_a_vendor_above_a_key_is_in_its_reach(above: str) -> None:
    value = random.Random(4).randbytes(16).hex().encode()
    data = f"{'x' * 400}\ncalendarific:{above}\n  key: ".encode() + value + b"\n"
    matcher = Matcher(load())
    (end,) = (end for number, end in matcher.met(data) if matcher.triggers[number].rule.check == VENDOR)
    (trigger,) = (trigger for trigger in TRIGGERS if trigger.rule.check == VENDOR)
    reach = deltas.reach_of(trigger)
    assert [match.rule.id for match in matcher.scan(data)] == ["calendarific-credential"]
    assert data.index(b"calendarific") >= end - reach.back
    assert not reach.line_back


@pytest.mark.skipif(database.platform() not in database.PLATFORMS, reason="no database ships for this platform")
def test_a_database_of_the_triggers_alone_ships() -> None:
    import hyperscan

    assert database.shipped(Searched(load(), ()).sources, hyperscan) is not None


_AHEAD = ("password", "DB_TOKEN", "name", "value", "VALUE", "ENV", "setenv", "-u", "--user", "--token", "IDENTIFIED BY")
_BETWEEN = ("\n", "\n", " ", "  ", "=", ":", ": ", ",", "(", "'", '"', " '", "x", "[0]", ":=", "\t", ">")


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(st.lists(st.sampled_from(_AHEAD + _BETWEEN), max_size=14).map("".join))
def test_a_name_is_read_from_the_line_of_its_value_unless_that_says_otherwise(text: str) -> None:
    """So the helper looks at no more than that line again (`Reach.but_value`)."""
    text = text[-BACK:]
    own = text.rpartition("\n")[2].strip(" \t\"'`")
    if "value" not in text[-AFTER_VALUE:].lower() and "\n" in text and own:
        assert assignment(text) == assignment("\n" + text.rpartition("\n")[2])
