"""The pipeline of a run: its configuration put together, with the child pipelines that its jobs start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ci_guard.evidence.checkout import Checkout
from ci_guard.evidence.commit_files import CommitFiles
from ci_guard.evidence.gitlab import config_file, policy_file
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.includes import At, Includes
from ci_guard.evidence.gitlab.resolving import Resolver
from ci_guard.evidence.gitlab.sources import Sources
from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.fact import Fact, Known, Source, Unknown, apply, unavailable
from ci_guard.model.guard import Parts
from ci_guard.model.run import Run
from ci_guard.records import dataclass, field

MOST_CHILDREN: Final = 50
DEEPEST_CHILD: Final = 2
"""Source: "Downstream pipelines", "Nested child pipelines"."""

GLOBAL: Final = frozenset(
    {"default", "include", "stages", "types", "variables", "workflow", "spec", "image", "services", "cache"}
    | {"before_script", "after_script"}
)
"""Keys that are no job. Source: "CI/CD YAML syntax reference", "Global keywords"."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A configuration with all that it is made of."""

    at: At
    whole: Tree
    includes: Includes
    resolver: Resolver
    children: dict[str, Pipeline] = field(default_factory=dict)
    """By the job that starts one."""

    @property
    def jobs(self) -> dict[str, Tree]:
        """The jobs as they are written; those whose name begins with a dot only serve others."""
        entries = self.whole.entries.items()
        return {name: one for name, one in entries if name not in GLOBAL and one.entries and not name.startswith(".")}

    def family(self) -> Iterator[Pipeline]:
        """Yield this and all below."""
        yield self
        for child in self.children.values():
            yield from child.family()


def get_pipeline(client: Client, sources: Sources, run: Run, checkout: Checkout) -> Fact[Pipeline]:
    """Return the pipeline as the judged commit has it, or, where its file lies in another project, as that has it."""
    if isinstance(run.sha, Unknown):
        return run.sha
    commit = run.sha.value
    files = CommitFiles(commit, checkout, lambda path: policy_file.get_file(client, commit, path, checkout))
    named = config_file.get_config_file(client, sources, run)
    if isinstance(named, Unknown):
        return named
    if "://" in named.value.path:
        said = f"the pipeline's file is {named.value.path}, on another server, which no token opens"
        return unavailable(said, detail=named.detail)
    at = At(path=named.value.path, project=named.value.project, ref=named.value.ref)
    found = read_pipeline(client, files, run.repository, at)
    if isinstance(found, Unknown):
        return found
    source = max(named.source, found.source, key=list(Source).index)
    return Known(value=found.value, source=source, detail=found.detail)


def read_pipeline(client: Client, files: CommitFiles, repository: str, at: At) -> Fact[Pipeline]:
    """Return the pipeline that a file defines; `repository` is the project of these files, `group/project`."""
    includes = Includes(client, files, repository)
    return apply(includes.whole(at), lambda whole: _Family(client, files, repository).made(at, whole, includes))


def get_parts(pipeline: Fact[Pipeline]) -> Fact[Parts]:
    """Return which files of the project the pipeline is made of."""
    if isinstance(pipeline, Unknown):
        return pipeline
    all_of = [one.includes for one in pipeline.value.family()]
    parts = Parts(
        names=frozenset(name for one in all_of for name in one.names),
        patterns=frozenset(pattern for one in all_of for pattern in one.patterns),
        doubts=tuple(dict.fromkeys(doubt for one in all_of for doubt in one.unfollowed)),
    )
    return Known(value=parts, source=pipeline.source, detail=pipeline.detail)


class _Family:
    """Follows child pipelines, which are read as files that include what their job starts."""

    def __init__(self, client: Client, files: CommitFiles, repository: str) -> None:
        self.client, self.files, self.repository = client, files, repository
        self.left = MOST_CHILDREN

    def made(self, at: At, whole: Tree, includes: Includes, depth: int = 0) -> Pipeline:
        """Return a pipeline with its children."""
        resolver = Resolver(whole)
        found = Pipeline(at=at, whole=whole, includes=includes, resolver=resolver)
        for name in found.jobs:
            trigger = resolver.job(name).get("trigger")
            entries = trigger.get("include") if trigger else None
            if entries is None:
                continue
            self.left -= 1
            if self.left < 0 or depth >= DEEPEST_CHILD:
                includes.unread(unavailable(f"there are more than {MOST_CHILDREN} child pipelines, or too deep ones"))
                continue
            below = Includes(self.client, self.files, self.repository)
            start = Tree(value={"include": entries}, line=entries.line, lines={"include": entries.line})
            here = At(path=f"{name} ({at})")
            child = below.expanded(start, here)
            found.children[name] = self.made(here, child, below, depth + 1)
        return found
