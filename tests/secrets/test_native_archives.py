"""What the helper in C unpacks is what the standard library unpacks, also of archives that somebody has damaged."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.git import packs as packs_of
from ci_guard.secrets import unpack
from ci_guard.secrets.unpacked import Unpacked
from tests.secrets import packs

pytestmark = pytest.mark.slow

SECRET: Final = b"a secret"


def searched(pieces: Iterator[bytes]) -> list[Any]:
    content = b"".join(pieces)
    return [content] if SECRET in content else []


def both_ways(data: bytes) -> list[Unpacked]:
    """Return what an archive holds, by the helper and without it."""
    native = packs.native()
    if native is None:
        pytest.skip("there is no C compiler")
    found = []
    for helper in (native, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(packs_of, "native", helper)
            found.append(unpack.unpack(data, searched))
    return found


def zipped(contents: list[bytes], *, streamed: bool = False) -> bytes:
    buffer = io.BytesIO()
    target: Any = Unseekable(buffer) if streamed else buffer
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}/{'ö' * number}.txt", content)
    return buffer.getvalue()


class Unseekable(io.RawIOBase):
    """Makes `zipfile` write sizes behind the members (APPNOTE.TXT 4.3.9)."""

    def __init__(self, target: io.BytesIO) -> None:
        self._target = target

    def write(self, data: Any) -> int:
        return self._target.write(data)

    def writable(self) -> bool:
        return True


def tarred(contents: list[bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for number, content in enumerate(contents):
            name = f"{'folder/' * (number * 9)}{number}" if form != tarfile.USTAR_FORMAT else f"{'d/' * 60}{number}"
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for kind, name in ((tarfile.SYMTYPE, "link"), (tarfile.DIRTYPE, "folder"), (tarfile.LNKTYPE, "hard")):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = SECRET.decode() if kind != tarfile.DIRTYPE else ""
            archive.addfile(info)
    return buffer.getvalue()


CONTENTS: Final = [b"x" * 700, b"", SECRET + b"\n" * 600, b"x" * 700, b"more of " + SECRET]
ARCHIVES: Final = [
    zipped(CONTENTS),
    zipped(CONTENTS, streamed=True),
    tarred(CONTENTS),
    tarred(CONTENTS, tarfile.PAX_FORMAT),
    tarred(CONTENTS, tarfile.GNU_FORMAT),
    gzip.compress(CONTENTS[2]),
    gzip.compress(b"one") + gzip.compress(SECRET),
    gzip.compress(tarred(CONTENTS)),
    zipped([zipped(CONTENTS), tarred(CONTENTS), gzip.compress(tarred(CONTENTS))]),
    tarred([gzip.compress(zipped(CONTENTS)), gzip.compress(SECRET) + bytes(20)]),
]


@pytest.mark.parametrize("number", range(len(ARCHIVES)))
def test_the_same_is_found_in_the_same_order(number: int) -> None:
    ours, theirs = both_ways(ARCHIVES[number])
    assert ours == theirs
    assert ours.found


@settings(deadline=None, max_examples=400)
@given(
    base=st.sampled_from(ARCHIVES),
    changes=st.lists(st.tuples(st.integers(0, 20_000), st.binary(min_size=1, max_size=8)), max_size=6),
    cut=st.integers(0, 20_000),
)
def test_the_same_is_found_in_a_damaged_one(base: bytes, changes: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(base)
    for at, change in changes:
        data[at % len(data) : at % len(data) + len(change)] = change
    if cut % 3 == 0:
        data = data[: len(data) - cut % len(data)]
    ours, theirs = both_ways(bytes(data))
    assert ours == theirs


@pytest.mark.parametrize("most", [100, 3000, 5000])
def test_a_bound_ends_both_at_the_same_place(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "ALWAYS", most)
    monkeypatch.setattr(unpack, "RATIO", 1)
    for data in ARCHIVES:
        ours, theirs = both_ways(data)
        assert ours == theirs


def test_the_helper_leaves_what_is_too_large_to_the_standard_library() -> None:
    native = packs.native()
    if native is None:
        pytest.skip("there is no C compiler")
    data = gzip.compress(bytes(5000))
    assert native.gunzipped(data, 5000) == bytes(5000)
    assert native.gunzipped(data, 4999) is None
    assert native.gunzipped(data[:-1] + b"\x7f", 1 << 31) is None
    assert native.inflated(b"", 10, 0) is None
