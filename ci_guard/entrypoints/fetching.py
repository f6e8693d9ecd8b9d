"""Whether `ci-guard policy` reads organisation policies where they lie; by itself it asks nobody."""

from __future__ import annotations

import argparse
from pathlib import Path

from ci_guard.entrypoints.layers import Layers
from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.local import Local
from ci_guard.records import dataclass


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """Which layers are read beside those that are copies in the repository."""

    fetch: bool = False
    floor: str | None = None
    proxy: str | None = None
    ca_bundle: str | None = None

    def layers(self) -> Layers:
        """
        Return what loads policies: as anybody may, where it was asked to fetch.

        Raises: `UsageError` for a floor, a proxy or a bundle that cannot be used.
        """
        if not (self.fetch or self.floor):
            return Layers(None)
        return Layers(Local(Checkout(Path.cwd()), proxy=self.proxy, ca_bundle=self.ca_bundle), self.floor)


def add_options(part: argparse.ArgumentParser) -> None:
    """Add the options of an action that reads policies."""
    part.add_argument("--fetch", action="store_true", help="read organisation policies at their public addresses, too")
    part.add_argument("--floor", metavar="REFERENCE", help="a pinned organisation policy below all; it is fetched")
    part.add_argument("--proxy", metavar="URL", help="the proxy to ask through; variables are not heard")
    part.add_argument("--ca-bundle", metavar="FILE", help="the authorities to trust, instead of the public ones")


def options(arguments: argparse.Namespace) -> Fetching:
    """Return them; of an action that has none, what asks nobody."""
    return Fetching(
        fetch=getattr(arguments, "fetch", False),
        floor=getattr(arguments, "floor", None),
        proxy=getattr(arguments, "proxy", None),
        ca_bundle=getattr(arguments, "ca_bundle", None),
    )
