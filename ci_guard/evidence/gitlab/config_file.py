"""Which file defines the pipelines of a project: by the ID token, the project's settings, or what a variable claims."""

from __future__ import annotations

from typing import Final

from ci_guard.evidence import id_token
from ci_guard.evidence.gitlab.client import STRONGER, Client, Sight
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.rest.shape import ShapeError, checked, optional, text
from ci_guard.model.fact import Fact, Known, Source
from ci_guard.model.run import Run
from ci_guard.records import dataclass

DEFAULT: Final = ".gitlab-ci.yml"
VARIABLE: Final = "CI_CONFIG_PATH"
REPORTER: Final = f"{STRONGER}, with the role Reporter"


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """Where the file lies."""

    path: str
    """A URL where it lies in no project."""
    project: str = ""
    """`group/project`, empty for the one whose pipelines it defines."""
    ref: str = ""
    """Of that other project; empty for its default branch."""

    def __str__(self) -> str:
        """Return it as the setting is written, without the ref."""
        return f"{self.path}@{self.project}" if self.project else self.path

    @property
    def elsewhere(self) -> bool:
        """Whether it lies in another project."""
        return bool(self.project)


def get_config_file(client: Client, sources: Sources, run: Run) -> Fact[ConfigFile]:
    """Return where it lies. A pipeline variable can hide what the setting is, so that the variable counts last."""
    if signed := read_token(sources):
        return Known(value=signed, source=Source.SIGNED, detail=id_token.DETAIL)
    if client.stronger:
        answer = client.get("", sight=Sight.BY_STRONGER, needs=REPORTER)
        shown = checked(answer, lambda body: read_project(body, run))
        if isinstance(shown, Known):
            return shown
    claimed = sources.variables.get(VARIABLE)
    return Known(value=read_setting(claimed, run), source=Source.ENV, detail=VARIABLE)


def read_project(body: object, run: Run) -> ConfigFile:
    """
    Read the setting of a project as the API shows it.

    Raises: `ShapeError`.
    """
    if not isinstance(body, dict) or "ci_config_path" not in body:
        raise ShapeError("'ci_config_path' is not shown")
    return read_setting(optional(body, "ci_config_path", text) or "", run)


def read_setting(setting: str, run: Run) -> ConfigFile:
    """
    Read `file`, `file@group/project`, `file@group/project:ref` or a URL; empty is the default.

    Source: "Customize pipeline configuration", "Specify a custom CI/CD configuration file".
    """
    path, said, rest = setting.partition("@")
    home, _, ref = rest.partition(":")
    if not said or "://" in setting:
        return ConfigFile(path=setting or DEFAULT)
    return ConfigFile(path=path, project="" if home.lower() == run.repository.lower() else home, ref=ref)


def read_token(sources: Sources) -> ConfigFile | None:
    """
    Read what the ID token says: `host/group/project//file@ref`.

    Source: "OpenID Connect (OIDC) Authentication Using ID Tokens", `ci_config_ref_uri`, `ci_config_sha`: null where it
    is not a file of a project.
    """
    if not isinstance(sources.identity, Known) or not sources.identity.value.own:
        return None
    token = sources.identity.value
    where, said, rest = (token.text("ci_config_ref_uri") or "").partition("//")
    path = token.text("project_path")
    if not said or not path:
        return None
    home = where.partition("/")[2]
    name, _, ref = rest.rpartition("@")
    # Below a relative root, the project's path stands behind that of the instance.
    own = home.lower() == path.lower() or home.lower().endswith(f"/{path.lower()}")
    return ConfigFile(path=name, project="" if own else home, ref=token.text("ci_config_sha") or ref)
