"""
Remake the pictures and samples of the documentation from real runs of the gate.

    python3 -I bootstrap.py --dev scripts/pictures.py

It runs the gate against the tests' GitHub on the loopback interface, puts what the gate printed into the pages that
show it, keeps what it told beside the pictures (`docs/pictures/summary.md`, `docs/pictures/annotations.txt`), and takes
the pictures in headless Chromium. Each picture carries the digest of the text that it shows, by which a test notices a
picture of other words. On Debian:

    apt-get install chromium pngquant fonts-noto-core fonts-noto-mono fonts-noto-color-emoji
"""

from __future__ import annotations

import hashlib
import html
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.e2e import pictured  # noqa: E402 - the checkout is put on the path first
from tests.reporters.gfm import rendered  # noqa: E402
from tests.reporters.runner import Command, commands_in  # noqa: E402

FOLDER: Final = ROOT / "docs" / "pictures"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
QUANTISER: Final = "pngquant"
COLOURS: Final = "64"
"""In a picture; text, lines and two symbols need no more, and the file is a third as large."""
WIDTH: Final = 940
"""CSS pixels: GitHub shows a README about this wide."""
SCALE: Final = 1.5
"""Device pixels to a CSS pixel: sharp on most screens, and small files."""
TALLEST: Final = 4000
"""CSS pixels of the window in which a page is measured."""

FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-lcd-text"),
)

STYLE: Final = """
html { background: #fff; }
body { width: 890px; margin: 0; padding: 20px 24px; border: 1px solid #d1d9e0; }
body { color: #1f2328; font: 15px/1.5 "Noto Sans", Arial, sans-serif; }
h2 { font-size: 23px; margin: 0 0 12px; padding-bottom: 8px; border-bottom: 1px solid #d1d9e0; }
h3 { font-size: 18px; margin: 20px 0 10px; }
p { margin: 0 0 12px; }
ul { margin: 0; padding-left: 22px; }
li { margin-bottom: 6px; }
a { color: #0969da; text-decoration: underline; }
sub { font-size: 12px; color: #59636e; vertical-align: baseline; }
code { font: 13px "Noto Sans Mono", "DejaVu Sans Mono", monospace; background: #eff1f3; border-radius: 5px; }
code { padding: 2px 5px; }
table { border-collapse: collapse; font-size: 14px; }
th, td { border: 1px solid #d1d9e0; padding: 5px 10px; text-align: left; vertical-align: top; }
tr:nth-child(2n) { background: #f6f8fa; }
.box { border: 1px solid #d1d9e0; border-left: 4px solid #cf222e; border-radius: 6px; margin-bottom: 14px; }
.box.warning { border-left-color: #9a6700; }
.box.notice { border-left-color: #0969da; }
.box b { display: block; padding: 8px 14px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; }
.box b small { float: right; font: 13px "Noto Sans Mono", "DejaVu Sans Mono", monospace; color: #59636e; }
.box pre { margin: 0; padding: 10px 14px; font: 13px/1.5 "Noto Sans Mono", "DejaVu Sans Mono", monospace; }
.box pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""

PAGE: Final = '<!doctype html><html lang="en"><meta charset="utf-8"><title>-</title><style>{style}</style><body>{body}'
MEASURE: Final = "<script>document.title = document.documentElement.offsetHeight</script>"


def main() -> int:
    """Remake texts and pictures; return 1 where a program is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or shutil.which(QUANTISER) is None:
        wanted = QUANTISER if browser else " or ".join(BROWSERS)
        sys.stderr.write(f"pictures: {wanted} is not on PATH; {__file__} says at its top how to install it.\n")
        return 1
    os.environ.update(pictured.SETTING)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        told = pictured.merged(Path(folder))
        for picture, (source, body) in pictures(told).items():
            shot = stamp(take(browser, body, Path(folder)), source)
            (FOLDER / picture).write_bytes(shot)
            sys.stdout.write(f"written: docs/pictures/{picture}, {len(shot) // 1000} kB\n")
    (FOLDER / "summary.md").write_text(told.summary, encoding="utf-8")
    (FOLDER / "annotations.txt").write_text(told.annotations, encoding="utf-8")
    for page, run_of in pictured.SAMPLES.items():
        with tempfile.TemporaryDirectory() as folder:
            put_sample(ROOT / page, run_of(Path(folder)).sample)
        sys.stdout.write(f"written: the sample in {page}\n")
    return 0


def put_sample(page: Path, sample: str) -> None:
    """Put what the gate printed into the page's block."""
    text = pictured.BLOCK.sub(lambda block: f"{block[1]}{sample}{block[3]}", page.read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")


def pictures(told: pictured.Told) -> dict[str, tuple[str, str]]:
    """Return by name the text that each picture shows, and the body of its page."""
    boxes = "".join(map(box, commands_in(told.annotations)))
    return {
        "denial.png": (told.summary, str(rendered(first_part(told.summary)))),
        "annotations.png": (told.annotations, boxes),
    }


def first_part(summary: str) -> str:
    """Return the verdict and what to change: what comes before the tables of the controls."""
    return re.split(r"\n### (?=.*<code>)", summary)[0]


def box(command: Command) -> str:
    """Return an annotation as a box: its title, its place in the change, its words."""
    place = ":".join(command.properties[key] for key in ("file", "line") if key in command.properties)
    title = html.escape(command.properties.get("title", command.name))
    words = html.escape(command.data)
    return f'<div class="box {command.name}"><b>{title}<small>{html.escape(place)}</small></b><pre>{words}</pre></div>'


def take(browser: str, body: str, folder: Path) -> bytes:
    """Return the picture of a page, as PNG, as high as the page is."""
    page, shot = folder / "page.html", folder / "shot.png"
    page.write_text(PAGE.format(style=STYLE, body=body + MEASURE), encoding="utf-8")
    dom = browse(browser, "--dump-dom", f"--window-size={WIDTH},{TALLEST}", page.as_uri())
    height = int(re.findall(r"<title>(\d+)</title>", dom)[0])
    browse(browser, f"--screenshot={shot}", f"--window-size={WIDTH},{height}", page.as_uri())
    command = [QUANTISER, "--force", "--strip", "--nofs", "--speed", "1", "--output", str(shot), COLOURS, str(shot)]
    subprocess.run(command, check=True, timeout=120)
    return shot.read_bytes()


def browse(browser: str, *arguments: str) -> str:
    """Run the browser with a new profile and return what it prints."""
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, *FLAGS, f"--user-data-dir={profile}", f"--force-device-scale-factor={SCALE}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def stamp(png: bytes, source: str) -> bytes:
    """Return the picture with the digest of its source in a text chunk before its end (PNG specification, 11.3.4.3)."""
    body = b"tEXtSource\0sha256:" + hashlib.sha256(source.encode()).hexdigest().encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-12] + chunk + png[-12:]


if __name__ == "__main__":
    sys.exit(main())
