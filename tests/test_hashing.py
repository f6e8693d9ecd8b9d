"""Digests are those of the standard library, whoever makes them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_guard import hashing

ROOT = Path(__file__).parent.parent
NAMES = ("sha1", "sha256", "blake2b")


@given(
    left=st.integers(-1, 200),
    contents=st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=100), st.binary(max_size=100)), max_size=9),
)
def test_before_and_after_openssl_is_loaded_they_are_the_same(
    left: int, contents: list[tuple[str, bytes, bytes]]
) -> None:
    made = hashing._Hashing(left)
    for name, begin, rest in contents:
        digest = made.digest(name, len(begin + rest), begin)
        digest.update(rest)
        assert digest.hexdigest() == hashlib.new(name, begin + rest).hexdigest()


LOADED = """
import sys
sys.path.insert(0, sys.argv[1])
from ci_guard import hashing
hashing.digest("sha1", 500_000)
assert "_hashlib" not in sys.modules
hashing.digest("sha1", 500_000)
print("_hashlib" in sys.modules)
"""


def test_openssl_is_loaded_for_much_and_for_nothing_less() -> None:
    done = subprocess.run([sys.executable, "-I", "-c", LOADED, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_python_without_code_of_its_own_has_openssl(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hashing._MODULES, name, "_no_such_module")
    assert hashing._Hashing().digest(name, 1, b"x").hexdigest() == hashlib.new(name, b"x").hexdigest()
