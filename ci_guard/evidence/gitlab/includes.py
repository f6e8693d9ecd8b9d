"""A pipeline's configuration with all that it includes, as far as this token may read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from ci_guard.evidence.commit_files import CommitFiles, parsed
from ci_guard.evidence.gitlab.client import STRONGER, Client
from ci_guard.evidence.gitlab.include_pins import COMMIT, pin_of
from ci_guard.evidence.gitlab.repository_files import get_file_text
from ci_guard.evidence.gitlab.resolving import EMPTY, merged, place
from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.fact import Fact, Known, Unknown, apply, unavailable
from ci_guard.model.guard import Pin, Spot
from ci_guard.model.path_pattern import fits
from ci_guard.records import dataclass

MOST_FILES: Final = 150
"""Source: "Instance limits" of GitLab, "Maximum number of includes"."""

DEEPEST: Final = 20
"""Files that include each other; past it the rest is unknown."""

NEEDS: Final = f"{STRONGER}, of a member of the project that is included"

OR_WAIVER: Final = "(or a waiver of the requirement for a while)"
BY_LOCAL: Final = "(`include: local` or `project`; or a waiver of the requirement for a while)"
"""What helps where nothing more can be read: an unknown of the pipeline's own making does not go by itself."""

_SERVER: Final = re.compile(r"\$(?:\{CI_SERVER_(?:FQDN|HOST)\}|CI_SERVER_(?:FQDN|HOST)\b)")
_HTTP: Final = re.compile(r"https?://")


@dataclass(frozen=True, kw_only=True)
class At:
    """Where a file lies."""

    path: str
    project: str = ""
    """Empty for the judged commit itself."""
    ref: str = ""
    """Of a named project; empty for its default branch."""

    def __str__(self) -> str:
        """Return it for messages; that of another project holds `//`, as no path of a repository does."""
        return f"{self.project}//{self.path}" if self.project else self.path


class Includes:
    """Reads a configuration and what it includes: each file once, and merged as often as it is included."""

    def __init__(self, client: Client, files: CommitFiles, repository: str) -> None:
        """`repository` is the path of the project whose commit `files` are of."""
        self.client, self.files, self.repository = client, files, repository
        self.pins: dict[Pin, None] = {}
        self.doubts: dict[Unknown, None] = {}
        """What was not read, and may hold anything."""
        self.unfollowed: dict[Unknown, None] = {}
        """Those of them that may lead to a file of this project."""
        self.names: dict[str, None] = {}
        """Files of this project, those that are missing too."""
        self.patterns: dict[str, None] = {}
        self.conditional: dict[str, Spot] = {}
        """Jobs that only an include with `rules` brings."""
        self._sure: set[str] = set()
        self._within: list[At] = []
        self._left = MOST_FILES
        self._read: dict[At, Fact[Tree | None]] = {}

    def whole(self, at: At, condition: Spot | None = None) -> Fact[Tree]:
        """Return a file with what it includes below it: what stands in the file itself counts."""
        found = self._file(at)
        if isinstance(found, Unknown):
            return found
        if found.value is None:
            return unavailable(f"{at} is not there", detail=found.detail)
        tree = found.value
        return apply(found, lambda _: self.expanded(tree, at, condition))

    def expanded(self, tree: Tree, at: At, condition: Spot | None = None) -> Tree:
        """Return what stands in a file with what it includes below it."""
        made = EMPTY
        self._within.append(at)
        include = tree.get("include")
        for entry in include.items if include else ():
            for one, when in self._entry(entry, at):
                made = merged(made, self._included(one, condition or when))
        self._within.pop()
        self._note(tree, condition)
        return merged(made, tree)

    def _included(self, at: At, condition: Spot | None) -> Tree:
        if at in self._within:
            return EMPTY
        self._left -= 1
        if self._left < 0 or len(self._within) >= DEEPEST:
            self.unread(unavailable(f"the pipeline includes more than {MOST_FILES} files, or too deep"))
            return EMPTY
        found = self.whole(at, condition)
        if isinstance(found, Unknown):
            self.unread(found)
        return found.value if isinstance(found, Known) else EMPTY

    def _file(self, at: At) -> Fact[Tree | None]:
        own = at.project.lower() == self.repository.lower()
        if not at.project or (own and not COMMIT.fullmatch(at.ref)):
            self.names[at.path] = None
        if at not in self._read:
            self._read[at] = self._elsewhere(at) if at.project else self.files.tree(at.path)
        return self._read[at]

    def _elsewhere(self, at: At) -> Fact[Tree | None]:
        raw = get_file_text(self.client, at.ref or "HEAD", at.path, project=at.project, needs=NEEDS)
        return parsed(apply(raw, lambda text: None if text is None else text.encode()), str(at))

    def _note(self, tree: Tree, condition: Spot | None) -> None:
        """Remember which jobs are there in any case, and which only by an include with `rules`."""
        for name in tree.entries:
            if condition is None:
                self._sure.add(name)
                if spot := self.conditional.pop(name, None):
                    self._changes(name, spot)
            elif name not in self._sure:
                self.conditional[name] = condition
            elif name not in ("include", "spec", "stages", "variables"):
                self._changes(name, condition)

    def _changes(self, name: str, spot: Spot) -> None:
        said = f"whether {name} is changed by what line {spot.line} of {spot.path} includes is decided by rules"
        self.unread(unavailable(said), leads=False)

    def _entry(self, entry: Tree, at: At) -> Iterator[tuple[At, Spot | None]]:
        """Yield the files of one include that can be read; note what ci-guard is pinned to, and what is not read."""
        rules = entry.get("rules")
        when = Spot(text="rules", line=rules.line, path=rules.path) if rules else None
        local = entry.text("local")
        if isinstance(entry.value, str):
            local = "" if _HTTP.match(entry.value) else entry.value
        pin = None if local else pin_of(entry, when, self.client.server_url)
        if pin is not None:
            self.pins[pin] = None
        elif local:
            yield from ((one, when) for one in self._local(local, at, entry))
        elif entry.text("project") or entry.text("component"):
            yield from ((one, when) for one in self._project(entry))
        elif raw := self._raw(entry.text("remote") or (entry.value if isinstance(entry.value, str) else "")):
            yield raw, when
        elif entry.text("template"):
            # A file of GitLab itself, which includes nothing but others of its kind.
            said = f"what {place(entry)} includes of GitLab is a part of the server, which no token reads"
            self.unread(unavailable(said, needs=f"a copy of that template in the project {BY_LOCAL}"), leads=False)
        elif entry.text("artifact"):
            said = f"what {place(entry)} includes is made while it runs"
            self.unread(unavailable(said, needs=f"a pipeline that stands in a file {OR_WAIVER}"))
        else:
            said = f"what {place(entry)} includes lies on another server, or is no file that a token opens"
            self.unread(unavailable(said, needs=f"a copy in the project or on this server {BY_LOCAL}"))

    def _local(self, local: str, at: At, entry: Tree) -> Iterator[At]:
        path = local.lstrip("/")
        if "$" in path:
            said = f"which file {place(entry)} includes is decided while it runs"
            self.unread(unavailable(said, needs=f"a path without variables and inputs {OR_WAIVER}"))
        elif "*" not in path:
            yield At(path=path, project=at.project, ref=at.ref)
        elif at.project:
            said = f"the files that {place(entry)} includes of {at.project} are not listed"
            self.unread(unavailable(said, needs=f"their paths without wildcards {OR_WAIVER}"))
        else:
            self.patterns[path] = None
            listed = self.files.names(path.partition("*")[0].rpartition("/")[0])
            if isinstance(listed, Unknown):
                self.unread(listed)
            else:
                yield from (At(path=name) for name in sorted(listed.value) if fits(path, name))

    def _project(self, entry: Tree) -> Iterator[At]:
        """Yield the files of another project; a component is one of two by its name."""
        component, ref = entry.text("component"), entry.text("ref")
        if component:
            where, _, ref = _SERVER.sub("", component).partition("@")
            host, _, rest = where.partition("/")
            project, _, name = rest.rpartition("/")
            found = [f"templates/{name}.yml", f"templates/{name}/template.yml"]
            if host not in ("", urlsplit(self.client.server_url).netloc, urlsplit(self.client.server_url).hostname):
                project = ""
        else:
            project, files = entry.text("project"), entry.get("file")
            found = [str(one.value).lstrip("/") for one in files.items] if files else []
        if ref.startswith("~"):
            said = f"which version of a component {place(entry)} includes is decided while it runs"
            self.unread(unavailable(said, needs=f"a version or a commit in place of {ref[:20]} {OR_WAIVER}"))
            return
        if not project or not found or "$" in f"{project}{ref}{found}" or "*" in str(found):
            said = f"what {place(entry)} includes is decided while it runs, or not read"
            self.unread(unavailable(said, needs=f"project, file and ref of this server without variables {OR_WAIVER}"))
            return
        places = [At(path=path, project=project, ref=ref) for path in found]
        if component:
            there = [one for one in places if not (isinstance(seen := self._file(one), Known) and seen.value is None)]
            places = there[:1] or places[:1]
        yield from places

    def _raw(self, url: str) -> At | None:
        """
        Return which file of this server a URL is, None for any other.

        Source: GitLab, "Raw file" below `/-/raw/`. A branch with a slash in its name cannot be told from a folder; git
        allows no branch beside it that is named as its beginning.
        """
        base = f"{self.client.server_url}/"
        project, said, rest = url.removeprefix(base).partition("?")[0].partition("/-/raw/")
        ref, _, path = unquote(rest).partition("/")
        if not url.startswith(base) or not (project and said and ref and path) or "$" in url:
            return None
        return At(path=path, project=project, ref=ref)

    def unread(self, doubt: Unknown, *, leads: bool = True) -> None:
        """Note what was not read; unless `leads`, it leads to no file of this project."""
        self.doubts[doubt] = None
        if leads:
            self.unfollowed[doubt] = None
