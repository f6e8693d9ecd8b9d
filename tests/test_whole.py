"""Files are written whole or not at all, whatever comes in between."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from ci_guard import whole


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # it may come before anything closes it
def test_an_interrupt_at_any_instruction_leaves_the_earlier_file_or_the_new_one_and_nothing_else(
    tmp_path: Path,
) -> None:
    file = tmp_path / "report.json"
    left: set[str] = set()
    moment = 0
    while interrupted(file, moment):
        assert [path.name for path in tmp_path.iterdir()] == [file.name], f"at instruction {moment}"
        left.add(file.read_text(encoding="utf-8"))
        moment += 1
    assert left == {"earlier", "new"}


def interrupted(file: Path, moment: int) -> bool:
    """Write, and interrupt it at its instruction of this number; tell whether it has so many."""
    file.write_text("earlier", encoding="utf-8")
    count = iter(range(moment + 1))

    def at_instruction(_frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "opcode" and next(count, None) == moment:
            raise KeyboardInterrupt
        return at_instruction

    def at_call(frame: FrameType, _event: str, _argument: Any) -> Any:
        if frame.f_code is not whole.write.__code__:
            return None
        frame.f_trace_opcodes = True
        return at_instruction

    before = sys.gettrace()
    sys.settrace(at_call)
    try:
        whole.write(file, "new")
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_a_file_has_the_permissions_of_new_ones(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        for name, more in {"a": {}, "b": {"mode": 0o600, "synced": True}}.items():
            whole.write(tmp_path / name, "é\n", **more)  # type: ignore[arg-type]
    finally:
        os.umask(mask)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"] == [0o640, 0o600]
    assert (tmp_path / "a").read_bytes() == "é\n".encode()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        whole.write(tmp_path / "folder", "text")
    with pytest.raises(UnicodeEncodeError):
        whole.write(tmp_path / "file", "\udc80")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
