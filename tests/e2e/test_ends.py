"""How the command ends where it is cut short: streams that are closed, a full disk, an interrupt at any moment."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from ci_guard.entrypoints.cli import INTERRUPTED
from tests.e2e import consumer
from tests.secrets.made_up import github_token

COMMAND = [sys.executable, "-I", "-B", str(consumer.ROOT / "ci_guard/__main__.py")]


class Ended(NamedTuple):
    code: int
    out: str
    err: str


def ran(folder: Path, *arguments: str, shell: str = "") -> Ended:
    """Run the command with its streams as a shell is told to set them."""
    line = ["sh", "-c", f'exec "$@" {shell}', "sh", *COMMAND, *arguments]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    assert "fault of ci-guard" not in done.stdout + done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "a.py").write_text("x = 1\n", encoding="utf-8")
    return path


class TestStreams:
    def test_a_verdict_on_a_closed_standard_output_fails_and_says_why(self, folder: Path) -> None:
        ended = ran(folder, "check", shell=">&-")
        assert (ended.code, ended.err) == (2, "ci-guard: the result could not be written: Bad file descriptor.\n")

    def test_with_all_streams_closed_nothing_that_is_opened_becomes_one(self, folder: Path) -> None:
        """Else the report would get what is written to standard output."""
        report = folder.parent / "r.json"
        assert ran(folder, "scan", "--report", f"json={report}", shell="<&- >&- 2>&-").code == 2
        assert report.read_text(encoding="utf-8").startswith('{\n  "schema"')

    def test_without_standard_error_the_verdict_stands(self, folder: Path) -> None:
        assert ran(folder, "scan", shell="2>&-").code == 0

    def test_a_closed_standard_input_is_a_usage_error(self, folder: Path) -> None:
        ended = ran(folder, "scan", "-", shell="<&-")
        assert ended.code == 2
        assert "Standard input cannot be read: it is closed." in ended.out

    def test_a_standard_input_that_breaks_is_a_usage_error(self, folder: Path) -> None:
        """A descriptor that can only be written is one that no bytes come from."""
        ended = ran(folder, "scan", "-", shell="0>out.txt")
        assert ended.code == 2
        assert "Standard input cannot be read: Bad file descriptor." in ended.out

    def test_the_version_on_a_full_disk_is_not_said(self, folder: Path) -> None:
        assert ran(folder, "--version", shell=">/dev/full").code == 2


class TestFullDisk:
    """The limit on the size of files stands for the disk: writing fails in the middle of the report."""

    @pytest.mark.parametrize("secret", [False, True])
    def test_an_earlier_report_stays_whole_and_nothing_is_left_behind(self, folder: Path, *, secret: bool) -> None:
        if secret:
            (folder / "b.py").write_text(f"T = '{github_token()}'\n", encoding="utf-8")
        reports = folder.parent / "reports"
        reports.mkdir()
        for name in ("json", "sarif", "markdown", "junit"):
            (reports / name).write_text("earlier", encoding="utf-8")
        asked = [word for name in ("json", "sarif") for word in ("--report", f"{name}={reports / name}")]
        line = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *COMMAND, "scan", *asked]
        done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == (1 if secret else 2)
        assert done.stderr.count("could not be written: File too large.") == 2
        assert {path.name: path.read_text(encoding="utf-8") for path in reports.iterdir()} == dict.fromkeys(
            ("json", "sarif", "markdown", "junit"), "earlier"
        )

    def test_a_report_on_a_full_device_is_told(self, folder: Path) -> None:
        ended = ran(folder, "scan", "--report", "json=/dev/full")
        assert ended.code == 2
        assert "The report '/dev/full' could not be written: No space left on device." in ended.err


class TestMemory:
    def test_a_crash_leaves_no_core_file_behind(self) -> None:
        """Also where one was wanted; and not of a git that it starts."""
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        code = (
            "import resource\n"
            "from ci_guard.entrypoints import cli\n"
            "cli.run = lambda *_: print(resource.getrlimit(resource.RLIMIT_CORE)) or 0\n"
            "cli.main(['scan'])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=consumer.ROOT, capture_output=True, text=True, check=True
        )
        expected = 1 if hard == resource.RLIM_INFINITY else min(1, hard)
        assert done.stdout == f"({expected}, {hard})\n"

    def test_what_breaks_where_nobody_can_catch_it_is_not_quoted(self) -> None:
        code = (
            "import threading\n"
            "from ci_guard.entrypoints import cli\n"
            "def breaks(*_): raise ValueError('secret')\n"
            "class Broken: __del__ = breaks\n"
            "def run(*_): threading.Thread(target=breaks).start(); Broken(); return 0\n"
            "cli.run = run\n"
            "cli.main(['scan'])\n"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=consumer.ROOT, capture_output=True, check=True)
        assert (done.stdout, done.stderr) == (b"", b"")


def processes(mark: str) -> list[str]:
    """Return the command lines of the processes that have a text in their environment."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and mark in (process / "environ").read_text("utf-8", "replace"):
                found.append((process / "cmdline").read_text("utf-8", "replace"))
    return found


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that takes a while: many contents, none of them small."""
    path = tmp_path_factory.mktemp("history")
    consumer.git(path, "init", "-q", "-b", "main")
    chance = random.Random(1)
    for number in range(6):
        files = {f"{number}/{name}.txt": chance.randbytes(100_000).hex() for name in range(20)}
        consumer.write(path, files)
        consumer.git(path, "commit", "-q", "-m", f"Change {number}")
    return path


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
class TestInterrupt:
    @pytest.mark.slow
    @pytest.mark.parametrize("arguments", [("scan",), ("scan", "--history"), ("check",)], ids=" ".join)
    @pytest.mark.parametrize("moment", range(8))
    def test_at_any_moment_ends_at_once_and_leaves_nothing(
        self, history: Path, tmp_path: Path, arguments: tuple[str, ...], moment: int
    ) -> None:
        whole = self.seconds(history, arguments)
        wait = random.Random(f"{arguments} {moment}").uniform(0.05, whole)
        out, scratch = tmp_path / "out", tmp_path / "scratch"
        out.mkdir()
        scratch.mkdir()
        report = out / "report.json"
        report.write_text("earlier", encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(scratch)}
        with subprocess.Popen(
            [*COMMAND, *arguments, "--report", f"json={report}"],
            cwd=history,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            time.sleep(wait)
            process.send_signal(signal.SIGINT)
            said = "".join(process.communicate(timeout=30))
        assert "fault of ci-guard" not in said
        assert "/ci_guard/entrypoints/" not in said, said[-1500:]
        assert list(scratch.iterdir()) == []
        assert [path.name for path in out.iterdir()] == ["report.json"]
        if process.returncode == INTERRUPTED:
            text = report.read_text(encoding="utf-8")
            # It may come after the report was written; half of one is never there.
            assert text == "earlier" or json.loads(text)["verdict"]
            assert said == "ci-guard: interrupted; nothing was decided.\n"
        else:
            # It was ready before, or Python had not begun to run us yet: then the signal ends it, or it ends itself.
            assert process.returncode in (0, 1, -signal.SIGINT)
        # What git was started for ends with the pipe to it.
        deadline = time.monotonic() + 10
        while (left := processes(str(history))) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert left == []

    def seconds(self, history: Path, arguments: tuple[str, ...]) -> float:
        started = time.monotonic()
        subprocess.run([*COMMAND, *arguments], cwd=history, capture_output=True, check=True)
        return time.monotonic() - started

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_does_not_wait_for_a_server_that_is_silent(self, folder: Path, number: signal.Signals) -> None:
        """Its calls may wait for half a minute each."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(60)
            environment = {
                "PATH": os.environ["PATH"],
                "GITHUB_API_URL": f"http://127.0.0.1:{server.getsockname()[1]}",
                "GITHUB_REPOSITORY": "acme/shop",
                "GITHUB_RUN_ID": "1",
                "GITHUB_TOKEN": "x" * 20,
                "GITHUB_EVENT_NAME": "push",
            }
            with subprocess.Popen(
                [*COMMAND, "check", "--platform", "github"],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                connection, _ = server.accept()
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
                connection.close()
        assert (process.returncode, out) == (128 + number, "")
        assert err == "ci-guard: interrupted; nothing was decided.\n"


LOST = """
import signal, sys, threading
sys.path.insert(0, sys.argv[1])
from ci_guard.entrypoints.process import Interrupts

def send():
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

waiting = threading.Lock()
waiting.acquire()
with Interrupts() as interrupts:
    try:
        threading.Timer(0.05, send).start()
        waiting.acquire()
    except KeyboardInterrupt:
        print("interrupted by", interrupts.came)
"""


def test_a_signal_that_wakes_nobody_is_heard_all_the_same() -> None:
    """Python notes it in the thread that it came to, while the one that acts on it waits for a lock."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOST, str(consumer.ROOT)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.stdout, done.stderr) == (f"interrupted by {int(signal.SIGTERM)}\n", "")


ENDED = """
import atexit, sys, threading
sys.path.insert(0, sys.argv[1])
from ci_guard.entrypoints import cli

def run(*_):
    threading.Thread(target=threading.Event().wait).start()
    atexit.register(print, "registered")
    sys.stderr.write("told")
    return 3

cli.run = run
cli.command()
"""


def test_at_its_end_all_is_written_and_done_and_nobody_waited_for() -> None:
    """Its end is not Python's, which takes memory apart and waits for each thread."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", ENDED, str(consumer.ROOT)], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "registered\n", "told")


def test_a_stream_that_breaks_at_the_very_end_makes_it_fail() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from ci_guard.entrypoints import process; "
    code += "sys.stdout.write('late'); process.end(0)"
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >/dev/full', "sh", sys.executable, "-I", "-c", code, str(consumer.ROOT)], check=False
    )
    assert done.returncode == 120
