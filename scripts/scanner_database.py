"""Makes the scanner's database for this platform, which ships so that no scan has to compile it."""

from __future__ import annotations

import json

from ci_guard.secrets import database
from ci_guard.secrets.rule import load
from ci_guard.secrets.triggers import expressions_of, triggers_of


def files() -> dict[str, str | bytes]:
    """Return the database and its pins by their paths from the root, or nothing on a platform that none ships for."""
    here = database.platform()
    if here not in database.PLATFORMS:
        return {}
    import hyperscan

    expressions = expressions_of(triggers_of(load()))
    content: bytes = hyperscan.dumpb(database.compiled(expressions, hyperscan))
    pins = database.pins_of(expressions, hyperscan, database.sha256(content))
    file = database.FOLDER / database.PINS
    known = json.loads(file.read_text("ascii")) if file.exists() else {}
    return {
        f"ci_guard/secrets/database/{database.file_of(here)}": content,
        f"ci_guard/secrets/database/{database.PINS}": json.dumps({**known, here: pins}, indent=2, sort_keys=True)
        + "\n",
    }
