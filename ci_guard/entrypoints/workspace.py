"""Files that an input names inside of the workspace, where a checkout can hold links of a stranger's."""

from __future__ import annotations

import os

from ci_guard.errors import UsageError


def file_in_workspace(path: str, name: str, *, expected: str = "", hint: str = "") -> str:
    """
    Return the real path of a file that may be there or not, in a folder that is there.

    Raises: `UsageError` for one outside of the workspace, links followed, and for anything that is no plain file.
    """
    root = os.path.realpath(".")
    folder = os.path.realpath(os.path.dirname(path) or ".")
    file = os.path.join(folder, os.path.basename(path))
    inside = folder == root or folder.startswith(f"{root}{os.sep}")
    if not (inside and os.path.isdir(folder) and os.path.basename(path) not in ("", ".", "..")):
        wanted = f"{expected} or a file" if expected else "a file"
        raise UsageError(
            f"{name} {path[:200]!r} was refused: expected {wanted} in a folder of the workspace.", hint=hint
        )
    if os.path.lexists(file) and (os.path.islink(file) or not os.path.isfile(file)):
        raise UsageError(f"{name} {path[:200]!r} was refused: it is there, and no file.", hint="Name another.")
    return file
