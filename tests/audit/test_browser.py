"""The audit report in a real browser: whatever strangers wrote, nothing runs and nothing is asked for."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from ci_guard.audit import pages
from ci_guard.audit.log import append
from ci_guard.audit.query import records
from ci_guard.audit.record import record_of
from ci_guard.audit.summary import summarise
from ci_guard.controls.registry import CONTROLS
from tests.audit import logs
from tests.reporters.hostile import CORPUS

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is on PATH (apt-get install chromium)"),
]

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
    *("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--proxy-bypass-list=<-loopback>"),
)
SPRUNG = "sprung-by-a-stranger"

PAYLOADS = {
    "script": f"<script>document.documentElement.id='{SPRUNG}'</script>",
    "handler": f"<img src=x onerror=\"document.documentElement.id='{SPRUNG}'\">",
    "vector": f"</td></table><svg onload=\"document.documentElement.id='{SPRUNG}'\">",
    "attribute": f'" style="x" onmouseover="a" autofocus onfocus="document.documentElement.id=\'{SPRUNG}\'" x="',
    "title": f"</title></style></h1><script>document.documentElement.id='{SPRUNG}'</script>",
    "image": "<img src=http://evil.example/image.png><link rel=stylesheet href=http://evil.example/style.css>",
    "frame": "<iframe src=http://evil.example/frame></iframe><object data=http://evil.example/object></object>",
    "refresh": "<meta http-equiv=refresh content='0;url=http://evil.example/refresh'>",
    "prefetch": "<link rel=preconnect href=http://evil.example><link rel=dns-prefetch href=//evil.example>",
    "style": "<style>body{background:url(http://evil.example/background)}</style>",
    "form": "<form action=http://evil.example/form><input name=a></form><base href=http://evil.example/>",
}


class Proxy:
    """Counts whoever wants out: the browser has no other way."""

    def __init__(self) -> None:
        self.wanted: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._refuse, args=(connection,), daemon=True).start()

    def _refuse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(5)  # a browser connects beforehand, too, and may say nothing
            self.wanted.append(connection.recv(4096).split(b"\r\n")[0].decode("latin-1"))
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def stop(self) -> None:
        """Listen no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.stop()


def opened(page: str, folder: Path, proxy: Proxy) -> str:
    """Return the document as the browser has it after everything in it had its chance."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    command = [str(BROWSER), *FLAGS, f"--proxy-server={proxy.address}", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [*command, "--virtual-time-budget=3000", "--dump-dom", file.as_uri()],
        capture_output=True,
        check=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )
    return done.stdout.decode()


def from_strangers(proxy: Proxy) -> list[str]:
    return [line for line in proxy.wanted if "evil.example" in line]


def test_what_a_stranger_wrote_does_run_where_nothing_keeps_it_from_it(tmp_path: Path, proxy: Proxy) -> None:
    """Else the tests below could not fail."""
    body = "".join(text for name, text in PAYLOADS.items() if name not in ("refresh", "form", "attribute", "title"))
    document = opened(f"<!DOCTYPE html><title>x</title><body><table><td>{body}", tmp_path, proxy)
    assert f'id="{SPRUNG}"' in document.split(">")[1]
    wanted = " ".join(from_strangers(proxy))
    assert [name for name in ("image.png", "style.css", "frame", "background") if name not in wanted] == []


def test_the_policy_of_the_page_keeps_it_even_without_escapes(tmp_path: Path, proxy: Proxy) -> None:
    head = f'<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="{pages.POLICY}"><title>x</title>'
    body = "".join(text for name, text in PAYLOADS.items() if name not in ("refresh", "prefetch"))
    document = opened(f"{head}<body><table><td>{body}", tmp_path, proxy)
    assert f'id="{SPRUNG}"' not in document.split(">")[1]
    assert from_strangers(proxy) == []


def test_nothing_in_a_report_runs_or_asks_for_anything(tmp_path: Path, proxy: Proxy) -> None:
    log = tmp_path / "audit.jsonl"
    texts = [*PAYLOADS.values(), *CORPUS.values()]
    for number, text in enumerate(texts):
        made = logs.result(number, repository=text, actor=text, triggering_actor=text, environment=text, run_url=text)
        append(log, record_of(made), origin=logs.ORIGIN)
    summary = summarise(records(log), [control.META for control in CONTROLS], date(2026, 11, 25))
    page = pages.page(summary)
    document = opened(page, tmp_path, proxy)
    assert f'id="{SPRUNG}"' not in document.split(">")[1]
    assert from_strangers(proxy) == []
    assert document.count("onerror=") == page.count("onerror=") > 0, "it is there, as text"
    elements = set(re.findall(r"<([a-zA-Z][\w-]*)", document))
    assert elements == set(re.findall(r"<([a-zA-Z][\w-]*)", page))
    assert not elements & {"script", "img", "svg", "iframe", "object", "link", "form", "base", "a"}
