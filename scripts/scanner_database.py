"""Makes the scanner's databases for this platform, which ship so that no scan has to compile it."""

from __future__ import annotations

from ci_guard.secrets import database
from ci_guard.secrets.rule import load
from ci_guard.secrets.signs import SIGNS
from ci_guard.secrets.triggers import Searched


def files() -> dict[str, str | bytes]:
    """Return the databases and their pins by their paths from the root; nothing on a platform that none ships for."""
    here = database.platform()
    if here not in database.PLATFORMS:
        return {}
    import hyperscan

    rules = load()
    variants = (Searched(rules, SIGNS), Searched(rules, ()))
    pins = database.pins_in(database.FOLDER)
    made: dict[str, str | bytes] = {}
    for name, searched in zip(database.names_of(here), variants, strict=True):
        content: bytes = hyperscan.dumpb(database.compiled(searched.expressions(), hyperscan))
        pins[name] = (*database.made_of(searched.sources, hyperscan), database.digest_of(content))
        made[f"ci_guard/secrets/database/{database.file_of(name)}"] = content
    made[f"ci_guard/secrets/database/{database.PINS}"] = "".join(
        f"{' '.join((name, *pins[name]))}\n" for name in sorted(pins)
    )
    return made
