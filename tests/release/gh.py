"""
Stands for GitHub's command `gh release`: keeps one release in a file, and refuses what GitHub refuses.

Source: GitHub, "Immutable releases": once published, neither assets nor tag can be changed; a draft can.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

STATE = Path(os.environ["GH_STATE"])


def main(command: str, tag: str, *options: str) -> str:
    releases = json.loads(STATE.read_text()) if STATE.exists() else {}
    release = releases.get(tag)
    if command == "create":
        assert release is None, "a release with that tag exists"
        assert "--verify-tag" in options
        last = options.index("--notes-file") + 1
        assets = {Path(name).name: Path(name).read_text() for name in options[last + 1 :]}
        draft = "--draft" in options
        releases[tag] = {"isDraft": draft, "notes": Path(options[last]).read_text(), "assets": assets}
    elif release is None:
        sys.exit("release not found")
    elif command == "view":
        immutable = not release["isDraft"] and "GH_MUTABLE" not in os.environ
        return json.dumps({**release, "isImmutable": immutable}[options[options.index("--json") + 1]])
    elif command == "delete":
        assert "--yes" in options
        assert release["isDraft"], "an immutable release's tag is used up for ever"
        del releases[tag]
    elif command == "edit":
        assert options == ("--draft=false",)
        assert release["isDraft"]
        release["isDraft"] = False
    else:
        sys.exit(f"unknown command {command}")
    STATE.write_text(json.dumps(releases))
    return ""


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[2:]) + "\n")
