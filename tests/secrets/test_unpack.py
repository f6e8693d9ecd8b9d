"""What is read of archives, how deep, and that no archive gets more than its bounds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ci_guard.model.scan import SecretScan
from ci_guard.secrets import tar, unpack
from ci_guard.secrets.content import archive_format
from ci_guard.secrets.matcher import Match
from ci_guard.secrets.scan import ScanRequest, scan
from tests.drawing import examples
from tests.secrets.made_up import github_token, private_key

TOKEN = github_token().encode()
NOISE = random.Random(1).randbytes(5 << 20)
Members = dict[str, bytes]


def zipped(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(members: Members, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def damaged_inside(archive: bytes, content: bytes) -> bytes:
    """Return a zip archive, of members that are only stored, with one of them changed behind its checksum."""
    return archive.replace(content, content[:-1] + b"!", 1)


def read(folder: Path, files: Members) -> SecretScan:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return scan(ScanRequest(root=folder, work_tree=True))


def paths(result: SecretScan) -> list[str | None]:
    return [found.location.path for found in result.findings]


def reasons(result: SecretScan) -> dict[str, str]:
    return {skipped.path: skipped.reason for skipped in result.skipped}


ARCHIVES: dict[str, tuple[Callable[[Members], bytes], str]] = {
    "zip": (zipped, "!/b"),
    "stored zip": (lambda members: zipped(members, zipfile.ZIP_STORED), "!/b"),
    "tar, pax": (tarred, "!/b"),
    "tar, gnu": (lambda members: tarred(members, tarfile.GNU_FORMAT), "!/b"),
    "tar, ustar": (lambda members: tarred(members, tarfile.USTAR_FORMAT), "!/b"),
    "tar.gz": (lambda members: gzip.compress(tarred(members)), "!/b"),
    "tar.bz2": (lambda members: bz2.compress(tarred(members)), "!/b"),
    "tar.xz": (lambda members: lzma.compress(tarred(members)), "!/b"),
    "gz": (lambda members: gzip.compress(members["b"]), ""),
    "gz of two streams": (lambda members: gzip.compress(b"a\n" * 9) + gzip.compress(members["b"]), ""),
    "bz2": (lambda members: bz2.compress(members["b"]), ""),
    "xz": (lambda members: lzma.compress(members["b"]), ""),
    "xz of two streams": (lambda members: lzma.compress(b"a") + bytes(4) + lzma.compress(members["b"]), ""),
    "gz of gz": (lambda members: gzip.compress(gzip.compress(members["b"])), ""),
}


@pytest.mark.parametrize(("make", "member"), ARCHIVES.values(), ids=ARCHIVES.keys())
def test_a_member_is_read_whatever_the_archive_is_called(
    tmp_path: Path, make: Callable[[Members], bytes], member: str
) -> None:
    archive = make({"a": b"clean", "b": b"x = 1\ny = " + TOKEN, "c": b"clean"})
    result = read(tmp_path, {"data.bin": archive})
    (found,) = result.findings
    assert found.location.path == f"data.bin{member}"
    assert found.location.column == 5
    assert (result.complete, result.blobs, result.bytes) == (True, 1, len(archive))


def test_a_large_archive_comes_in_pieces(tmp_path: Path) -> None:
    archive = zipped({"a": NOISE, "b": TOKEN + NOISE}, zipfile.ZIP_STORED)
    result = read(tmp_path, {"a.zip": archive})
    assert (paths(result), result.complete) == (["a.zip!/b"], True)


def test_what_is_stored_as_it_is_counts_once(tmp_path: Path) -> None:
    for name, archive in {"a.zip": zipped({"b": TOKEN}, zipfile.ZIP_STORED), "a.tar": tarred({"b": TOKEN})}.items():
        (tmp_path / name).mkdir()
        (found,) = read(tmp_path / name, {name: archive}).findings
        assert (found.location.path, found.others) == (f"{name}!/b", ())


def test_what_stands_behind_an_archive_is_read_as_well(tmp_path: Path) -> None:
    assert paths(read(tmp_path, {"a.zip": zipped({"b": b"clean"}) + b"\n" + TOKEN})) == ["a.zip"]


def test_what_archives_have_in_common_is_found_in_each(tmp_path: Path) -> None:
    files = {f"{name}.zip": zipped({"clean": b"words", "b": TOKEN, name: b"x"}) for name in ("one", "two")}
    (finding,) = read(tmp_path, files).findings
    assert [finding.location.path, *(other.location.path for other in finding.others)] == ["one.zip!/b", "two.zip!/b"]


def nested(depth: int, make: Callable[[Members], bytes] = zipped) -> bytes:
    content = TOKEN
    for _ in range(depth):
        content = make({"b": content})
    return content


def test_archives_in_archives_are_read_to_a_depth(tmp_path: Path) -> None:
    deepest = "!/b" * unpack.DEPTH
    assert paths(read(tmp_path, {"a.zip": nested(unpack.DEPTH)})) == [f"a.zip{deepest}"]
    for make in (zipped, lambda members: gzip.compress(tarred(members))):
        result = read(tmp_path, {"a.zip": nested(10, make)})
        assert (paths(result), reasons(result)) == ([], {f"a.zip{deepest}": "an archive in 3 others"})
        assert not result.complete


def test_key_files_are_found_in_archives_and_compressed(tmp_path: Path) -> None:
    inner = zipped({"conf/.env": b"A_TOKEN=b\n"})
    key = private_key().encode()
    files = {"a.zip": zipped({"x/id_rsa": key, "inner.zip": inner}), "id_rsa.gz": gzip.compress(key)}
    found = {(each.rule, each.location.path) for each in read(tmp_path, files).key_files}
    assert found == {
        ("key-file-ssh", "a.zip!/x/id_rsa"),
        ("key-file-dotenv", "a.zip!/inner.zip!/conf/.env"),
        ("key-file-ssh", "id_rsa.gz"),
    }


NAMES = ["../../etc/passwd", "/etc/passwd", "\n::error::x", "-rf", "a\\b", "b!/c", "ünï", "x" * 300 + "/b"]


@pytest.mark.parametrize("make", [zipped, tarred, lambda members: tarred(members, tarfile.GNU_FORMAT)])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_and_nothing_is_written(tmp_path: Path, name: str, make: Callable[[Members], bytes]) -> None:
    folder = tmp_path / "deep/er"
    folder.mkdir(parents=True)
    assert paths(read(folder, {"a": make({name: TOKEN})})) == [f"a!/{name}"]
    assert set(tmp_path.rglob("*")) == {tmp_path / "deep", folder, folder / "a"}


def test_a_name_that_is_not_utf8_comes_as_surrogates(tmp_path: Path) -> None:
    as_zip = zipped({"na#ve": TOKEN}).replace(b"na#ve", b"na\xefve")
    assert paths(read(tmp_path, {"a": as_zip, "b": tarred({"na\udcefve": TOKEN}, tarfile.GNU_FORMAT)})) == [
        "a!/na\udcefve"
    ]
    (found,) = scan(ScanRequest(root=tmp_path, work_tree=True)).findings
    assert [other.location.path for other in found.others] == ["b!/na\udcefve"]


def test_members_of_one_name_are_all_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for seed in range(3):
            archive.writestr(f"name{seed}", github_token(seed))
    data = buffer.getvalue()
    for seed in range(3):
        data = data.replace(b"name%d" % seed, b"name_")
    found = read(tmp_path, {"a": data}).findings
    assert [each.location.path for each in found] == ["a!/name_"] * 3
    assert len({each.fingerprint for each in found}) == 3


def test_links_and_devices_are_text_at_most(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, target in (
            ("link", tarfile.SYMTYPE, TOKEN.decode()),
            ("hard", tarfile.LNKTYPE, "/etc/passwd"),
            ("device", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("folder", tarfile.DIRTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    result = read(tmp_path, {"a": buffer.getvalue()})
    assert (paths(result), result.complete) == (["a!/link"], True)


def test_what_is_encrypted_or_of_another_format_is_skipped(tmp_path: Path) -> None:
    encrypted = bytearray(zipped({"b": b"clean"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(signature) + offset] |= 1
    result = read(
        tmp_path,
        {
            "a.7z": b"7z\xbc\xaf\x27\x1c" + bytes(99),
            "b.txt": b"\x28\xb5\x2f\xfd" + bytes(99),
            "c.zip": bytes(encrypted),
            "d.zip": zipped({"x.rar": b"Rar!\x1a\x07\0" + bytes(99)}),
            "e.zip": zipped({"b": b"clean"}, zipfile.ZIP_BZIP2),
        },
    )
    assert reasons(result) == {
        "a.7z": "a 7z archive, a format that is not read",
        "b.txt": "a zstandard archive, a format that is not read",
        "c.zip!/b": "an encrypted member",
        "d.zip!/x.rar": "a rar archive, a format that is not read",
        "e.zip!/b": "a member packed with a method that is not read",
    }
    assert not result.complete


def test_a_damaged_member_does_not_hide_the_others(tmp_path: Path) -> None:
    archive = damaged_inside(zipped({"a": b"some text", "b": TOKEN}, zipfile.ZIP_STORED), b"some text")
    result = read(tmp_path, {"a.zip": archive})
    assert (paths(result), reasons(result)) == (["a.zip!/b"], {"a.zip!/a": "a damaged member"})


CUT: Iterable[tuple[str, bytes]] = [(name, make({"b": TOKEN * 50})) for name, (make, _) in ARCHIVES.items()]


@pytest.mark.parametrize(("name", "archive"), CUT, ids=[name for name, _ in CUT])
def test_an_archive_that_was_cut_off_is_skipped(tmp_path: Path, name: str, archive: bytes) -> None:
    cut = archive[:700] if name.startswith("tar,") else archive[: len(archive) * 2 // 3]
    assert not read(tmp_path, {"a": cut}).complete


def zeros(size: int) -> bytes:
    """Return so many zeros, compressed a thousandfold."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9) as file:
        for _ in range(size >> 20):
            file.write(bytes(1 << 20))
    return buffer.getvalue()


def test_bombs_end_at_their_bound_and_in_little_memory(tmp_path: Path) -> None:
    many = zipped({f"{number}": bytes(1 << 20) for number in range(40)})
    files = {
        "a.gz": zeros(48 << 20),
        "b.zip": many,
        "c.zip": zipped({str(number): zipped({"d": many}) for number in range(4)}),
    }
    tracemalloc.start()
    result = read(tmp_path, files)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    told = {path.partition("!")[0]: reason for path, reason in reasons(result).items()}
    assert told == dict.fromkeys(files, "it unpacks to more than 16 MiB")
    assert peak < 64 << 20


def test_a_sparse_member_of_a_billion_bytes_is_read_where_it_holds_something(tmp_path: Path) -> None:
    """Made as GNU tar makes it, with the map of what it holds in its header."""
    size = 1_000_000_000
    old = tarfile.TarInfo("old")
    old.type, old.size = tarfile.GNUTYPE_SPARSE, len(TOKEN)
    header = bytearray(old.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (size - len(TOKEN), len(TOKEN))
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    archive = bytes(header) + TOKEN.ljust(512, b"\0") + tarred({"next": github_token(1).encode()})
    result = read(tmp_path, {"a.tar.gz": gzip.compress(archive)})
    assert (paths(result), result.complete) == (["a.tar.gz!/next", "a.tar.gz!/old"], True)


def test_a_header_that_claims_too_much_is_damaged(tmp_path: Path) -> None:
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        info = tarfile.TarInfo("x")
        info.type, info.size = kind, 1 << 34
        archive = gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 21))
        assert reasons(read(tmp_path, {"a.tgz": archive})) == {"a.tgz": "a damaged tar archive"}


def test_more_members_than_are_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MOST_MEMBERS", 10)
    members = {str(number): b"x" for number in range(11)}
    for archive in (zipped(members), tarred(members)):
        assert list(reasons(read(tmp_path, {"a": archive})).values()) == ["it has more than 10 members"]


def test_an_archive_that_is_too_large_to_be_held_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("reading", "unpack", "unpacked"):
        monkeypatch.setattr(f"ci_guard.secrets.{module}.LARGEST", 3 << 20)
    assert reasons(read(tmp_path, {"a": zipped({"b": NOISE}, zipfile.ZIP_STORED)})) == {
        "a": "an archive of more than 3 MiB"
    }
    inner = zipped({"b": bytes(4 << 20)}, zipfile.ZIP_STORED)
    assert reasons(read(tmp_path, {"a": gzip.compress(inner)})) == {"a": "archives in it have more than 3 MiB"}


@settings(deadline=None, max_examples=examples(150))
@given(
    base=st.sampled_from([make({"a": b"x" * 50, "b": TOKEN}) for make, _ in ARCHIVES.values()]),
    changes=st.lists(st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=8)), max_size=6),
    cut=st.integers(0, 4000),
)
def test_no_archive_breaks_the_scanner(base: bytes, changes: list[tuple[int, bytes]], cut: int) -> None:
    data = bytearray(base)
    for at, change in changes:
        data[at % len(data) : at % len(data) + len(change)] = change
    data = data[: len(data) - cut % len(data)]
    unpacked = unpack.unpack(bytes(data), read_through)
    assert all(left.reason for left in unpacked.left)


def read_through(pieces: Iterator[bytes]) -> list[Match]:
    """Find nothing in all of a content."""
    for _ in pieces:
        pass
    return []


def test_media_are_no_archives() -> None:
    for head in (b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0", b"OggS\0", b"wOF2", b"%PDF-1.7", b"BZh is text"):
        assert archive_format(head + bytes(600)) is None


@pytest.mark.parametrize("half", [b"", b"\1", b"\xff" * 256, bytes(range(256)), b"\0\xff" * 128])
def test_bytes_of_a_header_are_summed_as_they_are(half: bytes) -> None:
    assert tar._sum(half) == sum(half)
