"""Where a clone came from, by the addresses of its remotes: which platform, which server, which repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from ci_guard.model.run import Platform
from ci_guard.records import dataclass

GITHUB: Final = "github.com"
GITLAB: Final = "gitlab.com"
RESIDENCE: Final = ".ghe.com"
"""Under it lie GitHub's servers with data residency, each with its API at `api.<name>.ghe.com`."""

ALIASES: Final[Mapping[str, str]] = {
    "ssh.github.com": GITHUB,
    "www.github.com": GITHUB,
    "altssh.gitlab.com": GITLAB,
}
"""Other names of the same servers: SSH through the HTTPS port."""

PREFERRED: Final = ("origin", "upstream")
"""Which of several remotes counts."""

_SCP: Final = re.compile(r"(?:[^@/\s]+@)?(\[[^\]\s]+\]|[^:/\[\]@\s]{2,}):(?!:|//)(.+)", re.DOTALL)
"""The short form of ssh; a single letter in front of the colon is a drive. Source: git-fetch(1), "GIT URLS"."""
_SCHEMES: Final = frozenset({"https", "http", "ssh", "git", "git+ssh", "ssh+git", "git+https", "git+http"})
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A remote on a server. The address that it was read from is not kept: it may hold credentials."""

    name: str
    host: str
    """In lower case, without a port."""
    path: str
    """`owner/name`, or on GitLab `group/subgroup/name`; without `.git`."""

    @property
    def shown(self) -> str:
        """The repository, for people."""
        return f"{self.host}/{self.path}"


def choose(addresses: Mapping[str, str]) -> Remote | None:
    """Return the remote that counts: `origin`, `upstream`, else the first by name of those on a server."""
    found = {name: remote for name in sorted(addresses) if (remote := parse(name, addresses[name]))}
    for name in PREFERRED:
        if name in found:
            return found[name]
    return next(iter(found.values()), None)


def parse(name: str, address: str) -> Remote | None:
    """Return the remote of that address, None for a folder on this machine or what is no address."""
    host, path = split(address)
    path = path.strip("/").removesuffix(".git").rstrip("/")
    # No server has an @ in a repository's path: it is the end of credentials that a malformed address holds.
    if not host or not path or "@" in path:
        return None
    host = host.strip("[]").lower().rstrip(".")
    return Remote(name=name, host=ALIASES.get(host, host), path=path)


def split(address: str) -> tuple[str, str]:
    """Return host and path of an address; an empty host where it has none."""
    if "://" in address:
        try:
            parts = urlsplit(address)
            return (parts.hostname or "", parts.path) if parts.scheme.lower() in _SCHEMES else ("", "")
        except ValueError:
            return "", ""
    found = _SCP.fullmatch(address)
    return (found[1], found[2]) if found else ("", "")


def platform_of(remote: Remote, environ: Mapping[str, str]) -> tuple[Platform | None, str]:
    """Return the platform that a remote lies on, None where nothing says it, and how that is known."""
    host = remote.host
    if host == GITHUB or host.endswith(RESIDENCE):
        return Platform.GITHUB, f"{host} is GitHub"
    if host == GITLAB:
        return Platform.GITLAB, f"{host} is GitLab"
    for variable, platform in (
        ("GITHUB_SERVER_URL", Platform.GITHUB),
        ("CI_SERVER_URL", Platform.GITLAB),
    ):
        if host == host_of(environ.get(variable, "")):
            return platform, f"{variable} names {host}"
    for word, platform in (("github", Platform.GITHUB), ("ghe", Platform.GITHUB), ("gitlab", Platform.GITLAB)):
        if word in re.split(r"[.-]", host):
            return platform, f"guessed from the name {host}"
    return None, f"nothing says what runs on {host}"


def api_of(remote: Remote, environ: Mapping[str, str]) -> str | None:
    """
    Return the address of GitHub's API for a remote, None where nobody vouches for its server.

    A token goes to GitHub's own servers and to the one that the environment names, never to a host only because a
    clone's configuration has it.
    """
    if remote.host == host_of(environ.get("GITHUB_SERVER_URL", "")):
        if environ.get("GITHUB_API_URL"):
            return environ["GITHUB_API_URL"]
        if remote.host != GITHUB and not remote.host.endswith(RESIDENCE):
            return f"{environ['GITHUB_SERVER_URL'].rstrip('/')}/api/v3"
    if remote.host == GITHUB:
        return f"https://api.{GITHUB}"
    return f"https://api.{remote.host}" if remote.host.endswith(RESIDENCE) else None


def is_repository(path: str) -> bool:
    """Tell whether a path can be a repository on GitHub."""
    return _NAME.fullmatch(path) is not None and {".", ".."}.isdisjoint(path.split("/"))


def host_of(url: str) -> str:
    """Return the host of a web address in lower case, empty for anything else."""
    try:
        return (urlsplit(url).hostname or "") if url.startswith(("https://", "http://")) else ""
    except ValueError:
        return ""
