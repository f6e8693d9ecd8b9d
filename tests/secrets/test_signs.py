"""The signs of encoded text are the same whoever tells them: the engine, the helper, and the patterns themselves."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ci_guard.git import helper
from ci_guard.secrets.matcher import Matcher
from ci_guard.secrets.signs import SETS, SIGNS, groups
from tests.secrets import packs
from tests.secrets.made_up import github_token, rules

TEXTS = st.one_of(
    st.sampled_from(
        (b"%41", b"%g1", b"%", b"\\x41", b"\\u0041", b"\\u00", b"\\", b"=", b"\n", b" ", b"-_", b"\xff", b"\0")
    ),
    st.text("ABIQZacfgkoswz0459+/-_", max_size=30).map(str.encode),
    st.binary(max_size=24).map(base64.b64encode),
    st.text(max_size=24).map(lambda text: base64.urlsafe_b64encode(text.encode())),
    st.text("abz 09~", min_size=15, max_size=24).map(lambda text: base64.b64encode(text.encode())),
)
CONTENTS = st.lists(TEXTS, max_size=8).map(b"".join)


def test_groups_of_base64_are_those_of_text() -> None:
    table = groups()
    assert len(table) == 4 * 256
    assert [table[256 * place + ord(sign)] for place, sign in enumerate("cGFz")] == [1, 1, 1, 1]
    assert table[ord("/")] == table[256 + ord(" ")] == 0


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(CONTENTS)
@example(b"A" * 23)
@example(base64.b64encode(b"x" * 18)[:23])
@example(b"%4")
def test_the_helper_tells_the_signs_that_the_patterns_match(content: bytes) -> None:
    native = packs.native()
    if native is None:
        pytest.skip("there is no C compiler")
    assert SETS[native.signs(content, groups())] == {sign for sign in SIGNS if re.search(sign, content)}


@pytest.mark.slow
def test_a_matcher_sees_the_same_with_and_without_the_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    token = github_token().encode()
    contents = [b"", b"x = 1", token, b"a " + base64.b64encode(b"key " + token), b"%41%42 " + token, rb"\x41", b"%%"]
    seen = []
    for native in (None, packs.native()):
        monkeypatch.setattr(helper, "native", native)
        matcher = Matcher(rules().values())
        seen.append([(matcher.look(content), matcher.met(content)) for content in contents])
    assert seen[0] == seen[1]
