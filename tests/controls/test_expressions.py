"""What is judged to hold of an `if` holds of every value that its parts can have."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard.controls.expressions import bare, guarantees, is_harmless, runs_anyway, split, tests_verdict

GUARDS = frozenset({"guard"})

# The name of a function that pytest would take for a test.
tests_verdict.__test__ = False  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Part:
    """An expression as it is written, and what it says for a verdict and anything else."""

    text: str
    allows: bool
    """Whether it can be true although the guard did not allow."""


TEST = Part("needs.guard.outputs.verdict == 'allow'", False)
LEAVES = st.sampled_from(
    [
        TEST,
        Part("'allow' == needs.guard.outputs.verdict", False),
        Part("needs.guard.result == 'success'", False),
        Part("success()", False),
        Part("Success( )", False),
        Part("always()", True),
        Part("!cancelled()", True),
        Part("needs.guard.outputs.verdict != 'deny'", True),
        Part("needs.other.outputs.verdict == 'allow'", True),
        Part("github.ref == 'it''s && (needs.guard.outputs.verdict'", True),
        Part("contains(github.ref, '||')", True),
    ]
)


def joined(operator: str) -> st.SearchStrategy[Part]:
    def build(one: Part, two: Part) -> Part:
        allows = one.allows or two.allows if operator == "||" else one.allows and two.allows
        # `&&` binds closer than `||`, so that an alternative needs brackets inside of it.
        first, second = (one.text, two.text) if operator == "||" else (f"({one.text})", f"({two.text})")
        return Part(f"{first} {operator} {second}", allows)

    return st.builds(build, EXPRESSIONS, EXPRESSIONS)


EXPRESSIONS: st.SearchStrategy[Part] = st.deferred(
    lambda: st.one_of(
        LEAVES,
        joined("||"),
        joined("&&"),
        EXPRESSIONS.map(lambda part: Part(f"!({part.text})", True)),
        EXPRESSIONS.map(lambda part: Part(f" ( {part.text} ) ", part.allows)),
    )
)


@given(EXPRESSIONS)
def test_no_condition_that_can_be_true_without_the_verdict_guarantees_it(part: Part) -> None:
    for text in (part.text, f"${{{{ {part.text} }}}}"):
        assert not (guarantees(text, GUARDS) and part.allows)
    if not part.allows:
        assert guarantees(part.text, GUARDS), "nor is one refused that asks for it in every alternative"


@given(EXPRESSIONS)
def test_a_line_break_behind_the_brackets_makes_a_text_of_any_condition(part: Part) -> None:
    text = f"${{{{ {part.text} }}}}\n"
    assert not guarantees(text, GUARDS)
    assert runs_anyway(text)


@given(st.text("()[]'|&!=. aneds{}$", max_size=40))
def test_any_text_is_judged_and_nothing_raises(text: str) -> None:
    assert not guarantees(text, GUARDS)
    assert isinstance(runs_anyway(text) + str(split(text, "||")) + str(bare(text)), str)


@pytest.mark.parametrize("text", ["always()", "${{ success() }}", "! cancelled()", "true", "${{ always( ) }}"])
def test_a_condition_that_skips_nothing_is_harmless(text: str) -> None:
    assert is_harmless(text)


@pytest.mark.parametrize("text", ["false", "failure()", "github.actor == 'x'", "${{ always() }} ", "cancelled()"])
def test_any_other_condition_may_skip_the_guard(text: str) -> None:
    assert not is_harmless(text)


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("Always ()", "always()"),
        ("a && FAILURE()", "failure()"),
        ("!cancelled()", "cancelled()"),
        ("contains(x, 'always()')", ""),
        ("needs.x.failure == 'y'", ""),
        ("success()", ""),
        ("${{ success() && github.ref == 'x' }}", ""),
        ("success() || github.ref == 'x'", "an alternative to success()"),
        ("!success()", "an alternative to success()"),
        ("success() == false", "an alternative to success()"),
    ],
)
def test_what_runs_anyway_is_told_by_its_functions_outside_of_texts(text: str, how: str) -> None:
    assert runs_anyway(text) == how


def test_brackets_without_end_guarantee_nothing() -> None:
    assert not guarantees("(" * 5000 + TEST.text + ")" * 5000, GUARDS)
    assert not guarantees(f"({TEST.text}", GUARDS)


def test_a_look_at_the_verdict_is_seen_whatever_it_asks() -> None:
    assert tests_verdict("needs.Guard.outputs.verdict != 'deny'", GUARDS)
    assert not tests_verdict("github.ref == 'needs.guard.outputs'", GUARDS)
