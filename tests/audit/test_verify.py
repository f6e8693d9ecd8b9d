"""Verifying: any change is found, truncation and a chain made again by a checkpoint."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ci_guard.audit import note
from ci_guard.audit.canonical import canonical
from ci_guard.audit.log import START, beside
from ci_guard.audit.verify import Verification, settled, verify
from ci_guard.errors import AuditError
from tests.audit import logs
from tests.drawing import examples

SIGNER = note.signer(note.generate("audit.example.com"))
VERIFIER = note.verifier(SIGNER.verifier())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str, list[str]]:
    """Return a log of nine records, its checkpoint, and the checkpoints on the way."""
    path = tmp_path_factory.mktemp("log") / "audit.jsonl"
    points = []
    for number in range(9):
        logs.write(path, 1, first=number, signer=SIGNER)
        points.append(beside(path, "checkpoint").read_text())
    return path.read_bytes(), points[-1], points


def verified(folder: Path, content: bytes, checkpoint: str | None, *earlier: str, signed: bool = True) -> Verification:
    path = folder / "audit.jsonl"
    path.write_bytes(content)
    return verify(path, checkpoint=checkpoint, earlier=earlier, verifiers=[VERIFIER] if signed else [])


def rechained(content: bytes) -> bytes:
    """Return records with a chain made again, as a forger would who knows how it is made."""
    out, previous = b"", START
    for index, line in enumerate(content.splitlines()):
        whole = {**json.loads(line), "chain": {"index": index, "previous": previous}}
        made = canonical(whole)
        previous = hashlib.sha256(made).hexdigest()
        out += made + b"\n"
    return out


def test_a_log_as_it_was_written_holds(log: tuple[bytes, str, list[str]], tmp_path: Path) -> None:
    content, checkpoint, points = log
    found = verified(tmp_path, content, checkpoint, *points)
    assert found.faults == found.open == []
    assert found.size == 9
    assert found.last == hashlib.sha256(content.splitlines()[-1]).hexdigest()


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**9), change=st.integers(1, 255))
def test_any_changed_byte_is_found(log: tuple[bytes, str, list[str]], tmp_path: Path, place: int, change: int) -> None:
    content, checkpoint, _ = log
    changed = bytearray(content)
    changed[place % len(content)] ^= change
    assert not verified(tmp_path, bytes(changed), checkpoint).intact


def test_a_changed_record_is_named(log: tuple[bytes, str, list[str]], tmp_path: Path) -> None:
    content, _, _ = log
    changed = content.replace(b'"verdict":"deny"', b'"verdict":"allow"', 1)
    found = verified(tmp_path, changed, None)
    (fault,) = found.faults
    assert fault.startswith("Line 2: the record before it was changed, or another one was removed or put in")


@pytest.mark.parametrize("left_out", range(9))
def test_a_record_that_is_gone_is_found(log: tuple[bytes, str, list[str]], tmp_path: Path, left_out: int) -> None:
    content, checkpoint, _ = log
    kept = b"".join(line for number, line in enumerate(content.splitlines(keepends=True)) if number != left_out)
    assert not verified(tmp_path, kept, checkpoint).intact


def test_records_in_another_order_are_found(log: tuple[bytes, str, list[str]], tmp_path: Path) -> None:
    content, checkpoint, _ = log
    lines = content.splitlines(keepends=True)
    lines[3], lines[4] = lines[4], lines[3]
    assert not verified(tmp_path, b"".join(lines), checkpoint).intact


@pytest.mark.parametrize("kept", range(9))
def test_truncation_is_found_by_a_checkpoint_and_only_so(
    log: tuple[bytes, str, list[str]], tmp_path: Path, kept: int
) -> None:
    content, checkpoint, _ = log
    short = b"".join(content.splitlines(keepends=True)[:kept])
    found = verified(tmp_path, short, checkpoint)
    assert found.faults == [f"The checkpoint speaks of 9 records: {9 - kept} are missing at the end."]
    unproven = verified(tmp_path, short, None, signed=False)
    assert unproven.intact
    assert unproven.open == ["There is no checkpoint: whether records are missing at the end cannot be told."]


def test_a_chain_that_was_made_again_is_found_by_any_checkpoint_after_the_change(
    log: tuple[bytes, str, list[str]], tmp_path: Path
) -> None:
    content, _, points = log
    lines = content.splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"acme/app"', b'"acme/ape"')
    forged = rechained(b"".join(lines))
    assert verified(tmp_path, forged, None, signed=False).intact
    for size, point in enumerate(points, 1):
        assert verified(tmp_path, forged, None, point, signed=False).intact is (size < 5)


def test_a_record_that_was_put_in_is_found(log: tuple[bytes, str, list[str]], tmp_path: Path) -> None:
    content, checkpoint, points = log
    lines = content.splitlines(keepends=True)
    forged = rechained(b"".join([*lines[:4], lines[2], *lines[4:]]))
    assert not verified(tmp_path, forged, checkpoint).intact
    assert not verified(tmp_path, forged, None, points[6]).intact


def test_a_checkpoint_without_a_valid_signature_is_a_fault_where_a_key_is_asked(
    log: tuple[bytes, str, list[str]], tmp_path: Path
) -> None:
    content, checkpoint, _ = log
    stranger = note.signer(note.generate("audit.example.com")).sign(note.parse(checkpoint))
    unsigned = note.signed_text(checkpoint)
    for text in (stranger, unsigned):
        assert verified(tmp_path, content, text).faults == [
            "The checkpoint has no valid signature of audit.example.com: no line of it holds."
        ]
    for text, words in ((checkpoint, "was not checked"), (unsigned, "not signed")):
        (opened,) = verified(tmp_path, content, text, signed=False).open
        assert words in opened


def test_records_behind_the_checkpoint_are_told(log: tuple[bytes, str, list[str]], tmp_path: Path) -> None:
    content, _, points = log
    found = verified(tmp_path, content, points[6], signed=False)
    assert found.intact
    assert found.open[1:] == ["2 records are behind the checkpoint."]


def test_where_a_key_is_asked_records_behind_every_checkpoint_are_a_fault(
    log: tuple[bytes, str, list[str]], tmp_path: Path
) -> None:
    """Else an old checkpoint put back would let anybody go on from there."""
    content, _, points = log
    behind = "2 records are behind the checkpoint: audit.example.com signed nothing that speaks of them."
    assert verified(tmp_path, content, points[6]).faults == [behind]
    assert verified(tmp_path, content, None, points[6]).faults == [behind]
    assert verified(tmp_path, content, points[6], points[8]).intact
    assert verified(tmp_path, content, None, points[8]).intact


@pytest.mark.parametrize("kept", [0, 9])
def test_where_a_key_is_asked_a_log_without_a_checkpoint_is_a_fault(
    log: tuple[bytes, str, list[str]], tmp_path: Path, kept: int
) -> None:
    """Else whoever forges a log would only have to delete its checkpoint."""
    content = b"".join(log[0].splitlines(keepends=True)[:kept])
    assert verified(tmp_path, content, None).faults == ["There is no checkpoint that audit.example.com signed."]


def test_another_log_that_the_same_key_signed_is_a_fault_where_a_name_is_asked(
    log: tuple[bytes, str, list[str]], tmp_path: Path
) -> None:
    content, checkpoint, points = log
    path = tmp_path / "audit.jsonl"
    path.write_bytes(content)
    other = "github.com/acme/other/ci-guard"
    for point, earlier, wanted in ((checkpoint, points, True), (checkpoint, [], True), (None, [], False)):
        ours = verify(path, checkpoint=point, earlier=earlier, origin=logs.ORIGIN)
        assert (ours.intact, ours.origin) == (wanted, logs.ORIGIN if wanted else "")
        theirs = verify(path, checkpoint=point, earlier=earlier, verifiers=[VERIFIER], origin=other)
        assert any("another log: github.com/acme/app" in each or other in each for each in theirs.faults)


def test_a_log_that_grows_while_it_is_verified_is_held_against_the_checkpoint_of_one_moment(
    log: tuple[bytes, str, list[str]], tmp_path: Path
) -> None:
    content, _, points = log
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(content.splitlines(keepends=True)[:6]))
    with settled(path) as length:
        pass
    path.write_bytes(content)
    assert verify(path, checkpoint=points[5], verifiers=[VERIFIER], length=length).intact
    assert not verify(path, checkpoint=points[5], verifiers=[VERIFIER]).intact


def test_a_torn_last_line_is_a_fault(log: tuple[bytes, str, list[str]], tmp_path: Path) -> None:
    content, checkpoint, _ = log
    (fault, *_rest) = verified(tmp_path, content[:-10], checkpoint).faults
    assert fault.startswith("Line 9: it is torn")


@pytest.mark.parametrize("content", [b"no record\n", b"{}\n", b"\xff\n", b'{"chain":{"index":0}}\n'])
def test_what_is_no_record_is_a_fault(tmp_path: Path, content: bytes) -> None:
    assert verified(tmp_path, content, None).faults == ["Line 1: it is no record of this log."]


def test_a_log_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="could not be read"):
        verify(tmp_path / "nothing", checkpoint=None)


def test_an_empty_log_is_intact_and_says_that_it_is_empty(tmp_path: Path) -> None:
    found = verified(tmp_path, b"", None, signed=False)
    assert found.intact
    assert found.proven == ["0 records, each naming the one before."]


def test_what_is_no_checkpoint_is_named(log: tuple[bytes, str, list[str]], tmp_path: Path) -> None:
    content, checkpoint, _ = log
    with pytest.raises(AuditError, match="The earlier checkpoint 2 is no checkpoint"):
        verified(tmp_path, content, checkpoint, checkpoint, "none\n")
