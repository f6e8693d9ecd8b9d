"""The immutable name of an organisation's policy: a commit or a digest says which text is meant."""

from __future__ import annotations

import re
from typing import Final

from ci_guard.records import dataclass, replace

_NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_PATH: Final = rf"(?P<path>{_NAME}(?:/{_NAME})*|\.[A-Za-z0-9_][A-Za-z0-9._-]*(?:/{_NAME})*)"
_COMMIT: Final = r"(?P<commit>[0-9a-f]{40}|[0-9a-f]{64})"
_FORMS: Final = {
    "github": re.compile(rf"github:(?P<project>{_NAME}/{_NAME})//{_PATH}@{_COMMIT}"),
    "gitlab": re.compile(rf"gitlab:(?P<project>{_NAME}(?:/{_NAME})+)//{_PATH}@{_COMMIT}"),
    "https": re.compile(
        rf"(?P<url>https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{{1,5}})?/{_NAME}(?:/{_NAME})*)"
        r"#sha256=(?P<digest>[0-9a-f]{64})"
    ),
}
LONGEST: Final = 500
EXPECTED: Final = "github:OWNER/REPO//PATH@COMMIT, gitlab:GROUP/PROJECT//PATH@COMMIT or https://HOST/PATH#sha256=DIGEST"
HINT: Final = (
    "A branch, a tag or a short commit can be moved: write the whole commit id (40 or 64 digits) or the SHA-256."
)


@dataclass(frozen=True, kw_only=True)
class LayerReference:
    """Where a layer lies, and which text it is."""

    text: str
    """As it is written."""
    host: str
    """`github`, `gitlab` or `https`."""
    project: str = ""
    path: str = ""
    commit: str = ""
    url: str = ""
    sha256: str = ""
    """Of the text, in hex; empty where the commit alone says which text it is."""

    @property
    def public_url(self) -> str:
        """Where anybody may read it, if anybody may."""
        if self.host == "github":
            return f"https://raw.githubusercontent.com/{self.project}/{self.commit}/{self.path}"
        if self.host == "gitlab":
            return f"https://gitlab.com/{self.project}/-/raw/{self.commit}/{self.path}"
        return self.url

    def beside(self, suffix: str) -> LayerReference:
        """Return the file that lies beside it, such as its signature, whose digest nobody says."""
        path, url = (each and each + suffix for each in (self.path, self.url))
        text = url or f"{self.host}:{self.project}//{path}@{self.commit}"
        return replace(self, text=text, path=path, url=url, sha256="")


def parse(text: str) -> LayerReference:
    """Return a reference; raise `ValueError` for one that is none, or that can mean another text tomorrow."""
    if len(text) <= LONGEST:
        for host, form in _FORMS.items():
            if (found := form.fullmatch(text)) and ".." not in text:
                said = found.groupdict()
                return LayerReference(
                    text=text,
                    host=host,
                    project=said.get("project") or "",
                    path=said.get("path") or "",
                    commit=said.get("commit") or "",
                    url=said.get("url") or "",
                    sha256=said.get("digest") or "",
                )
    raise ValueError(EXPECTED)
