"""PyGithub's requester by itself: the package's own front page loads a class for each of GitHub's objects first."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

if "github" not in sys.modules and (_spec := importlib.util.find_spec("github")) is not None and _spec.loader:
    # The package without its `__init__`: 150 modules, and with them cryptography for apps' keys, took 60 % of what
    # starts up before the first request. What asks the package for more than its submodules gets all of it.
    _loader, _package = _spec.loader, importlib.util.module_from_spec(_spec)

    def _load_all(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        del _package.__dict__["__getattr__"]
        _loader.exec_module(_package)
        return getattr(_package, name)

    _package.__dict__["__getattr__"] = _load_all
    sys.modules["github"] = _package

from github.Requester import Requester

__all__ = ["Requester", "Token"]


class Token:
    """A constant token, as the requester wants it; PyGithub's own would load what reads the keys of apps."""

    def __init__(self, token: str) -> None:
        """Remember the token."""
        self._token = token

    def authentication(self, headers: dict[str, str]) -> None:
        """Add the token to a request."""
        headers["Authorization"] = f"token {self._token}"

    def mask_authentication(self, headers: dict[str, str]) -> None:
        """Keep the token out of PyGithub's log."""
        headers["Authorization"] = "token ***"
