"""The documentation's pictures and its sample of a denial show what the gate says today."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import pictured

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "pictures"
SOURCES = {"denial.png": "summary.md", "annotations.png": "annotations.txt"}
REMAKE = "Run: python3 -I bootstrap.py --dev scripts/pictures.py"
LARGEST = 150_000
"""Bytes of a picture that nobody waits for."""


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in pictured.SETTING.items():
        monkeypatch.setenv(name, value)


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.usefixtures("setting")
def test_the_texts_beside_the_pictures_are_what_the_gate_says(tmp_path: Path) -> None:
    told = pictured.merged(tmp_path)
    assert told.exit_code == 1
    assert text_of("summary.md") == told.summary, REMAKE
    assert text_of("annotations.txt") == told.annotations, REMAKE


def test_every_picture_has_its_text_and_no_other_file_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*SOURCES, *SOURCES.values()}


@pytest.mark.parametrize("name", SOURCES)
def test_a_picture_is_a_small_png_of_the_text_beside_it(name: str) -> None:
    content = (FOLDER / name).read_bytes()
    chunks = list(chunks_of(content))
    assert [kind for kind, _ in chunks][0 :: len(chunks) - 1] == [b"IHDR", b"IEND"]
    assert len(content) < LARGEST
    digest = hashlib.sha256(text_of(SOURCES[name]).encode()).hexdigest()
    assert (b"tEXt", f"Source\0sha256:{digest}".encode()) in chunks, REMAKE


@pytest.mark.parametrize("name", SOURCES)
def test_a_picture_is_shown_with_words_for_those_who_cannot_see_it(name: str) -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    shown = [re.findall(rf"!\[([^\]]*)\]\([^)]*{name}\)", page.read_text(encoding="utf-8")) for page in pages]
    words = [each for found in shown for each in found]
    assert words
    assert min(map(len, words)) > 20


@pytest.mark.usefixtures("setting")
@pytest.mark.parametrize("page", pictured.SAMPLES)
def test_the_sample_in_a_page_is_what_the_gate_prints(page: str, tmp_path: Path) -> None:
    (sample,) = pictured.BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))
    assert sample[2] == pictured.SAMPLES[page](tmp_path).sample, REMAKE


def chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and body of each chunk, whose checksums must fit (PNG specification, 5.3)."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    rest = png[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, body, checksum = rest[4:8], rest[8 : 8 + length], rest[8 + length : 12 + length]
        assert struct.pack(">I", zlib.crc32(kind + body)) == checksum
        yield kind, body
        rest = rest[12 + length :]
