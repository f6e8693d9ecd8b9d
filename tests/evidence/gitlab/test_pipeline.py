"""A pipeline's configuration put together as GitLab does, from files of one project, of others, and of none."""

from __future__ import annotations

from typing import Any

import pytest

from ci_guard.evidence.gitlab import pipeline
from ci_guard.evidence.gitlab.client import Client
from ci_guard.evidence.gitlab.includes import At
from ci_guard.evidence.gitlab.pipeline import Pipeline
from ci_guard.evidence.rest.transport import Transport
from ci_guard.evidence.yaml_tree import Tree
from ci_guard.model.fact import Cause, Known, Source
from ci_guard.model.guard import Parts
from tests.evidence.files_of import commit_files
from tests.evidence.gitlab.scene import Scene, known, source_of, unknown

CI = ".gitlab-ci.yml"
SHA = "c" * 40


def read(files: dict[str, str | None]) -> Pipeline:
    """Return the pipeline of these files; nothing is asked of any server."""
    client = Client(server_url="https://gitlab.example", project="1", tokens=(), transport=Transport())
    return known(pipeline.read_pipeline(client, commit_files(files), "acme/shop", At(path=CI)))


def parts(files: dict[str, str | None]) -> Parts:
    found = pipeline.get_parts(Known(value=read(files), source=Source.GIT))
    return known(found)


def plain(tree: Tree | None) -> Any:
    """Return a tree as a literal."""
    if tree is None or isinstance(tree.value, str):
        return tree.value if tree else None
    if isinstance(tree.value, tuple):
        return [plain(one) for one in tree.value]
    return {key: plain(one) for key, one in tree.value.items()}


def job(files: dict[str, str | None], name: str = "a", *keys: str) -> dict[str, Any]:
    found = read(files)
    made = {key: plain(found.resolver.settled(one)) for key, one in found.resolver.job(name).items()}
    assert not found.resolver.doubts, found.resolver.doubts
    return {key: one for key, one in made.items() if not keys or key in keys}


# Merging


def test_what_stands_in_a_file_counts_more_than_what_it_includes_and_maps_are_merged_deep() -> None:
    files: dict[str, str | None] = {
        CI: "include: [one.yml, two.yml]\na: {script: own, variables: {C: '3'}}",
        "one.yml": "a: {script: [x, y], stage: one, variables: {A: '1', B: '1'}}",
        "two.yml": "include: three.yml\na: {stage: two, variables: {B: '2'}}",
        "three.yml": "a: {stage: three, image: z}",
    }
    found = job(files)
    assert found == {
        "script": "own",
        "stage": "two",
        "image": "z",
        "variables": {"A": "1", "B": "2", "C": "3"},
    }


def test_extends_is_merged_deep_from_the_first_to_the_last_and_lists_are_replaced() -> None:
    text = """
.base: {stage: x, rules: [{when: never}], variables: {A: '1', B: '1'}}
.more: {extends: .base, needs: [b], variables: {B: '2'}}
.last: {needs: []}
a: {extends: [.more, .last], variables: {C: '3'}}
"""
    found = job({CI: text}, "a", "stage", "rules", "needs", "variables")
    assert found == {
        "stage": "x",
        "rules": [{"when": "never"}],
        "needs": [],
        "variables": {"A": "1", "B": "2", "C": "3"},
    }


def test_references_are_followed_and_lists_of_lists_are_one() -> None:
    text = """
.b: {script: [one, !reference [.c, script]], rules: [{if: x, when: never}]}
.c: {script: [two, three]}
a: {script: [zero, !reference [.b, script], [four]], rules: !reference [.b, rules]}
"""
    assert job({CI: text}, "a", "script", "rules") == {
        "script": ["zero", "one", "two", "three", "four"],
        "rules": [{"if": "x", "when": "never"}],
    }


@pytest.mark.parametrize(
    ("inherit", "before"),
    [
        ("", ["x"]),
        ("inherit: {default: false}", None),
        ("inherit: {default: [image]}", None),
        ("inherit: {default: [before_script]}", ["x"]),
        ("before_script: [own]", ["own"]),
    ],
)
def test_a_job_has_the_defaults_that_it_inherits_and_does_not_say_itself(
    inherit: str, before: list[str] | None
) -> None:
    text = "default: {before_script: [x]}\na:\n  script: y\n" + (f"  {inherit}\n" if inherit else "")
    assert job({CI: text}).get("before_script") == before


@pytest.mark.parametrize(
    "text",
    [
        "a: {extends: .gone}",
        "a: {extends: a}",
        ".b: {extends: .c}\n.c: {extends: .b}\na: {extends: .b}",
        "a: {script: !reference [.gone, script]}",
        "a: {script: !reference [a, script]}",
        "a: {script: [!reference [.b]]}",
        "\n".join(f".b{at}: {{extends: [.b{at + 1}, .b{at + 1}]}}" for at in range(30))
        + "\n.b30: {x: y}\na: {extends: .b0}",
    ],
)
def test_what_cannot_be_put_together_is_a_doubt(text: str) -> None:
    found = read({CI: text})
    for one in found.resolver.job("a").values():
        found.resolver.settled(one)
    assert found.resolver.doubts


def test_lists_that_refer_to_others_again_and_again_do_not_explode() -> None:
    rows = [f".b{at}: {{script: [{', '.join([f'!reference [.b{at + 1}, script]'] * 20)}]}}" for at in range(9)]
    found = read({CI: "\n".join([*rows, ".b9: {script: [x]}", "a: {script: !reference [.b0, script]}"])})
    assert found.resolver.settled(found.resolver.job("a")["script"]) is None
    assert "too many" in next(iter(found.resolver.doubts)).reason


# What of the project it is made of


def test_files_of_the_project_are_followed_however_deep_and_once() -> None:
    found = parts(
        {
            CI: "include: [{local: /ci/a.yml}, 'ci/*.yml', {project: Acme/Shop, file: [d.yml], ref: main}]",
            "ci/a.yml": "include: [{local: b/c.yml, rules: [{if: $X}]}, /.gitlab-ci.yml]",
            "ci/e.yml": "include: gone.yml",
            "b/c.yml": "c: {script: x}",
        }
    )
    assert found.names == {CI, "ci/a.yml", "ci/e.yml", "b/c.yml", "gone.yml", "d.yml"}
    assert found.patterns == {"ci/*.yml"}


def test_a_raw_file_of_the_project_is_its_own() -> None:
    assert (
        "d e.yml" in parts({CI: "include: https://gitlab.example/acme/shop/-/raw/main/d%20e.yml?ref_type=heads"}).names
    )


def test_child_pipelines_are_made_of_the_projects_files_too() -> None:
    found = parts(
        {
            CI: "a: {trigger: {include: ci/child.yml}}\nb: {extends: .t}\n"
            ".t: {trigger: {include: [{local: ci/x.yml}]}}\nc: {trigger: other/project}",
            "ci/child.yml": "include: ci/deep.yml\nd: {trigger: {include: ci/grandchild.yml}}",
            "ci/deep.yml": "",
            "ci/grandchild.yml": "",
            "ci/x.yml": "",
        }
    )
    assert found == Parts(names=frozenset({CI, "ci/child.yml", "ci/deep.yml", "ci/grandchild.yml", "ci/x.yml"}))


@pytest.mark.parametrize(
    ("include", "reason"),
    [
        ("{local: $FILE}", "decided while it runs"),
        ("{local: 'ci/$[[ inputs.which ]].yml'}", "decided while it runs"),
        ("{local: gone.yml}", "is not there"),
        ("{remote: https://x.example/y.yml}", "lies on another server"),
        ("https://x.example/y.yml", "lies on another server"),
        ("{remote: https://gitlab.example/other/one/-/raw/main/x.yml}", "no token was given"),
        ("https://gitlab.example/other/one/-/blob/main/x.yml", "lies on another server"),
        ("{remote: https://gitlab.example/other/one/-/raw/$REF/x.yml}", "lies on another server"),
        ("{project: other/one, file: x.yml}", "no token was given"),
        ("{project: $WHICH, file: x.yml}", "decided while it runs"),
        ("{project: other/one}", "decided while it runs"),
        ("{component: $CI_SERVER_FQDN/other/one/deploy@~latest}", "decided while it runs"),
        ("{component: $CI_SERVER_FQDN/other/one/deploy@1.0.0}", "no token was given"),
        ("{component: elsewhere.example/other/one/deploy@1.0.0}", "decided while it runs"),
        ("{a: b}", "lies on another server"),
    ],
)
def test_what_cannot_be_followed_is_a_doubt(include: str, reason: str) -> None:
    (doubt,) = parts({CI: f"include: [{include}]"}).doubts
    assert reason in doubt.reason
    assert doubt.needs or "not there" in reason, "whoever reads it has to know what to do"


def test_a_pipeline_that_a_job_writes_is_a_doubt() -> None:
    (doubt,) = parts({CI: "a: {trigger: {include: [{artifact: made.yml, job: b}]}}"}).doubts
    assert "made while it runs" in doubt.reason


@pytest.mark.parametrize(
    "include",
    [
        "{template: Jobs/SAST.gitlab-ci.yml}",
        f"{{remote: 'https://raw.example/ci-guard/ci-guard/{SHA}/gitlab-templates/ci-guard.yml'}}",
    ],
)
def test_a_template_of_gitlab_or_ci_guard_leads_to_no_file_of_the_project(include: str) -> None:
    assert parts({CI: f"include: [{include}]"}) == Parts(names=frozenset({CI}))


def test_too_many_files_are_a_doubt() -> None:
    files: dict[str, str | None] = {f"ci/{number}.yml": "" for number in range(200)}
    assert "more than 150" in parts({CI: "include: 'ci/**.yml'", **files}).doubts[0].reason


def test_files_that_include_one_another_twice_do_not_explode() -> None:
    """What is included again overrides again, so that nothing is left out but what exceeds GitLab's own limit."""
    files: dict[str, str | None] = {f"{at}.yml": f"include: [{at + 1}.yml, {at + 1}.yml]" for at in range(18)}
    assert "more than 150" in parts({CI: "include: 0.yml", **files, "18.yml": ""}).doubts[0].reason


# Other projects, and which file it is


def other(scene: Scene, text: str) -> None:
    ci = scene.gitlab.project("other/one")
    ci.commit(
        author="olivia", on="main", files={"x.yml": text, "templates/deploy.yml": text, "deep.yml": "z: {script: d}"}
    )


@pytest.mark.parametrize(
    "include",
    [
        "{project: other/one, file: x.yml}",
        "{component: $CI_SERVER_FQDN/other/one/deploy@main}",
        "{remote: '%s/other/one/-/raw/main/x.yml'}",
    ],
)
def test_a_file_of_another_project_is_read_where_the_token_may(scene: Scene, include: str) -> None:
    include = include.replace("%s", scene.gitlab.url)
    other(scene, "include: {local: /deep.yml}\na: {script: theirs, allow_failure: true}")
    scene.shop.commit(author="alice", on="main", files={CI: f"include: [{include}]\na: {{script: ours}}"})
    wiring = known(
        scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader).adapter.guard(frozenset({"wiring"})).wiring
    )
    jobs = {job.name: job for job in wiring.jobs}
    assert set(jobs) == {"a", "z"}
    assert [spot.text for spot in jobs["a"].tolerated] == ["true"]
    assert jobs["a"].tolerated[0].path.startswith("other/one//")
    assert wiring.doubts == ()


def test_a_file_of_another_project_is_unknown_with_what_would_show_it(scene: Scene) -> None:
    other(scene, "a: {script: x}")
    scene.shop.commit(author="alice", on="main", files={CI: "include: [{project: other/one, file: x.yml}]"})
    found = scene.start(scene.shop.run()).adapter.guard(frozenset({"wiring", "parts"}))
    (doubt,) = known(found.wiring).doubts
    assert (doubt.cause, "read_api" in (doubt.needs or "")) == (Cause.INVISIBLE, True)
    assert known(found.parts).doubts == (doubt,)


def test_a_file_that_the_settings_name_elsewhere_is_read_there(scene: Scene) -> None:
    other(scene, "guard: {script: ci-guard check}")
    scene.shop.settings["ci_config_path"] = "x.yml@other/one:main"
    found = scene.start(scene.shop.run(), CI_GUARD_TOKEN=scene.reader).adapter.guard(frozenset({"wiring", "parts"}))
    assert [job.guard for job in known(found.wiring).jobs] == [True]
    assert known(found.parts) == Parts(names=frozenset())


@pytest.mark.parametrize("setting", ["x.yml@other/one", "https://x.example/y.yml"])
def test_a_file_elsewhere_that_no_token_opens_is_unknown(scene: Scene, setting: str) -> None:
    scene.shop.commit(author="alice", on="main", files={CI: "guard: {script: ci-guard check}"})
    found = scene.start(scene.shop.run(), CI_CONFIG_PATH=setting).adapter.guard(frozenset({"wiring"})).wiring
    assert unknown(found).reason


def test_which_file_it_is_a_variable_says_last_and_counts_as_its_word(scene: Scene) -> None:
    scene.shop.commit(author="alice", on="main", files={"own.yml": "guard: {script: ci-guard check}"})
    found = scene.start(scene.shop.run(), CI_CONFIG_PATH="own.yml").adapter.guard(frozenset({"parts"})).parts
    assert (set(known(found).names), source_of(found)) == ({"own.yml"}, Source.ENV)
