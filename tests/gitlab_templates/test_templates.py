"""The templates are what GitLab accepts, their inputs let no code through, and nothing of a project reaches the job."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from ci_guard.controls.registry import CONTROLS
from ci_guard.entrypoints.options import FORMATS
from ci_guard.model import layer_reference
from tests.gitlab_templates import reading
from tests.gitlab_templates.reading import COMMIT, ROOT, TEMPLATES, Refused

ALL = ROOT / "gitlab-templates/ci-guard.yml"

each_template = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())

HOSTILE = (
    "'",
    '"',
    "$",
    "`",
    "\\",
    "\n",
    "\r",
    ";",
    "&",
    "|",
    "(",
    "<",
    "#",
    "$(id)",
    "'\nscript: [id]\nx: '",
    "%0a\n",
)
"""What would end a quote, a line or a command, or begin one."""

STRINGS = sorted((name, asked) for name, asked in reading.inputs_of(ALL).items() if asked.get("type") != "array")

SAMPLES = {
    "commit": COMMIT,
    "server": "https://gitlab.example.com:8443/git",
    "stage": "guard",
    "policy": "security/ci-guard.yml",
    "floor": "gitlab:acme/security//ci-guard.yml@0123456789abcdef0123456789abcdef01234567",
    "floor-signature": "{ssh: {signer: sec@acme.example, allowed-signers: [sec@acme.example ssh-ed25519 AAAA/b+c=]}}",
    "controls": "secret-free, branch-protection",
    "mode": "report",
    "environment": "production/eu 1",
    "token-variable": "READ_API_TOKEN",
    "id-token-audience": "https://gitlab.example.com",
    "report-facts": ".ci-guard-reports/facts.json",
    "audit-log": "git+https://gitlab.example.com/audit/log.git#shop",
    "audit-key-variable": "AUDIT_SIGNING_KEY",
    "audit-token-variable": "AUDIT_PUSH_TOKEN",
    "audit-known-hosts": "[gitlab.example.com]:2222 ssh-ed25519 " + "A" * 68 + "=",
    "audit-on-failure": "deny",
    "audit-spool": "/var/spool/ci-guard",
    "artifacts": "dist/shop-1.0.whl, SHA256SUMS",
    "proxy": "http://[fd00::1]:3128",
    "ca-bundle": "/etc/ssl/certs/internal.pem",
    "image": "registry.example.com/ci/guard@sha256:" + "0" * 64,
    "source": "https://gitlab.example.com/security/ci-guard.git",
    "index-url": "https://packages.example.com/simple/",
    "wheels": "/opt/wheels",
    "cache": "/var/cache/ci-guard",
}
"""What people will want to say, one of each."""


def given(path: Path, **more: object) -> dict[str, object]:
    """Return inputs that suffice for a template."""
    return {"commit": COMMIT, **more} if "commit" in reading.inputs_of(path) else more


def job(path: Path, **more: object) -> dict[str, Any]:
    """Return the one job that a template makes."""
    (made,) = reading.render(path, given(path, **more)).values()
    return dict(made)


def test_there_is_a_template_for_all_controls_and_one_for_each_in_both_faces() -> None:
    names = {folder: sorted(path.stem for path in TEMPLATES if path.parent.name == folder) for folder in ("templates",)}
    names["gitlab-templates"] = sorted(path.stem for path in TEMPLATES if path.parent.name == "gitlab-templates")
    expected = ["actor-permissions", "admission", "branch-protection", "ci-guard", "guard-integrity"]
    expected += ["required-reviews", "secret-scan"]
    assert names == {"templates": expected, "gitlab-templates": expected}
    alone = [re.search(r"-- check (\S+) --platform", job(path)["script"][0]) for path in TEMPLATES]
    assert {found[1] for found in alone if found} == {control.META.id for control in CONTROLS}


@each_template
def test_gitlab_accepts_header_and_job(path: Path) -> None:
    header, _ = reading.header_and_jobs(path.read_text(encoding="utf-8"))
    assert list(reading.faults(header)) == []
    assert list(reading.faults(reading.render(path, given(path)))) == []


FAULTS = {
    "a keyword that no job has": ("  retry: 0\n", "  rerty: 0\n"),
    "a script that is no list of texts": ("  before_script: []\n", "  before_script: {}\n"),
    "a report that GitLab does not know": ("      junit: ", "      junitt: "),
    "a time that artifacts are not kept for": ("    when: always\n    expire", "    when: allways\n    expire"),
    "an ID token without audience": ("      aud: '$[[ inputs.id-token-audience ]]'", "      audience: x"),
    "rules that are no list": ("  rules:\n    - when: always\n", "  rules: {when: always}\n"),
    "a default that is neither all nor some": ("    default: false\n", "    default: no thanks\n"),
    "an image of no name": ("    name: '$[[ inputs.image ]]'\n", ""),
    "a number of retries that GitLab does not make": ("  retry: 0\n", "  retry: 3\n"),
}


@pytest.mark.parametrize(("before", "after"), FAULTS.values(), ids=FAULTS.keys())
def test_the_schema_finds_a_planted_fault(before: str, after: str) -> None:
    header, jobs = reading.header_and_jobs(ALL.read_text(encoding="utf-8"))
    assert jobs.count(before) == 1
    made = reading.rendered(header["spec"], jobs.replace(before, after), {"commit": COMMIT})
    assert list(reading.faults(made))


FAULTS_IN_HEADER = {
    "a type that no input has": ("type: array", "type: list"),
    "options that are no list": ("      options: [", "      options: one # ["),
    "a context that no component has": ("spec:\n", "spec:\n  component: [sha1]\n"),
}


@pytest.mark.parametrize(("before", "after"), FAULTS_IN_HEADER.values(), ids=FAULTS_IN_HEADER.keys())
def test_the_schema_finds_a_planted_fault_in_a_header(before: str, after: str) -> None:
    text = ALL.read_text(encoding="utf-8")
    assert before in text
    header, _ = reading.header_and_jobs(text.replace(before, after, 1))
    assert list(reading.faults(header))


@pytest.mark.parametrize("name", [name for name, _ in STRINGS])
def test_an_input_takes_what_people_want_to_say(name: str) -> None:
    text = str(job(ALL, **{name: SAMPLES[name]}))
    assert SAMPLES[name] in text


@pytest.mark.parametrize("name", [name for name, _ in STRINGS])
def test_no_input_lets_code_through(name: str) -> None:
    """GitLab puts a value into the text of the job before YAML or a shell reads it."""
    sample = SAMPLES[name]
    for sign in HOSTILE:
        for value in (sign, sample + sign, sign + sample, sample[:3] + sign + sample[3:]):
            with pytest.raises(Refused):
                reading.render(ALL, given(ALL, **{name: value}))


@pytest.mark.parametrize(
    "places",
    [
        ".ci-guard-reports/audit.jsonl",
        "git+ssh://git@gitlab.example.com:2222/acme/audit.git#shop",
        "/var/log/ci-guard/audit.jsonl,/etc/ci-guard/audit.key",
        "https://audit.example:8443/hook cloudevents+https://audit.example/events/ /var/log/audit.jsonl",
    ],
)
def test_a_run_can_be_recorded_in_places_of_every_kind(places: str) -> None:
    assert f"'AUDIT_LOG={places}'" in job(ALL, **{"audit-log": places})["script"][0]


@pytest.mark.parametrize(
    "floor",
    [
        f"github:acme/security//.github/ci-guard.yml@{COMMIT}",
        f"gitlab:acme/sub/security//ci-guard.yml@{'0f' * 32}",
        f"https://policies.example:8443/acme/ci-guard.yml#sha256={'0f' * 32}",
    ],
)
def test_a_floor_of_every_kind_reaches_the_program_whole_which_takes_it(floor: str) -> None:
    script = job(ALL, floor=floor)["script"][0]
    assert f"'FLOOR={floor}'" in script
    assert layer_reference.parse(floor).text == floor


FLOORS = str(reading.inputs_of(ALL)["floor"]["regex"])


@hypothesis.given(
    st.from_regex(FLOORS.rstrip("$") + r"\Z").filter(lambda text: 0 < len(text) <= layer_reference.LONGEST)
)
def test_no_floor_gets_through_the_template_that_the_program_refuses(floor: str) -> None:
    """Otherwise every pipeline of the organisation is denied by a slip that the editor could have shown."""
    assert layer_reference.parse(floor).text == floor


UNFIT_ADDRESSES = [
    "/p.yml",
    f"/p.yml#sha256={'0f' * 31}",
    f"/p.yml#sha256={'0F' * 32}",
    f"/p.yml#sha512={'0f' * 32}",
    f"/p.yml?a=b#sha256={'0f' * 32}",
    f"/p.yml #sha256={'0f' * 32}",
    f"/p.yml#sha256={'0f' * 32} #",
    f"/p.yml#sha256={'0f' * 32}\n",
    f"/$(id)#sha256={'0f' * 32}",
    f"/p'q.yml#sha256={'0f' * 32}",
    f"/p%27.yml#sha256={'0f' * 32}",
    f"@elsewhere.example/p.yml#sha256={'0f' * 32}",
    f"#sha256={'0f' * 32}",
]

UNFIT = [
    *(("policy", path) for path in ("../p.yml", "a/../p.yml", "/etc/p.yml", "a//p.yml", "./p.yml", "a/", "..")),
    *(("floor", f"https://policies.example{rest}") for rest in UNFIT_ADDRESSES),
    ("floor", f"http://policies.example/p.yml#sha256={'0f' * 32}"),
    ("floor", "gitlab:acme/security//p.yml@main"),
    *(("floor", f"{text}@{'0' * 40}") for text in ("gitlab:a/..//p.yml", "gitlab:a/b//../p.yml", "github:a/b//d/..")),
    ("floor", f"https://policies..example/p.yml#sha256={'0f' * 32}"),
    ("floor", f"https://policies.example/a/../p.yml#sha256={'0f' * 32}"),
    ("floor", f"gitlab:acme/security//p.yml@{'0' * 39}"),
    ("floor", f"gitlab:acme/security//p.yml@{'0' * 41}"),
    ("report-facts", "facts.json"),
    ("report-facts", ".ci-guard-reports/../facts.json"),
    ("audit-log", "audit.jsonl"),
    ("audit-log", ".ci-guard-reports/../audit.jsonl"),
    ("audit-log", "https://user:word@audit.example/"),
    ("audit-log", "https://audit.example/?key=1"),
    ("audit-log", "git+https://gitlab.example.com/audit/log.git"),
    ("audit-log", "/var/log/audit.jsonl /a b"),
    ("audit-key-variable", "a-b"),
    ("audit-on-failure", "warn"),
    ("audit-spool", "spool"),
    ("commit", "main"),
    ("commit", "0123456"),
    ("commit", COMMIT.upper()),
    ("commit", ""),
    ("server", "gitlab.example.com"),
    ("server", "file:///etc"),
    ("server", "https://user:word@gitlab.example.com"),
    ("image", "python:3.12"),
    ("image", "python@sha256:0"),
    ("token-variable", "1"),
    ("mode", "off"),
    ("ca-bundle", "relative.pem"),
    ("source", "git@gitlab.example.com:security/ci-guard.git"),
    ("source", "relative/folder"),
    ("index-url", "https://user:word@packages.example.com/simple"),
    ("cache", "relative"),
    ("tags", "one"),
    ("polcy", "ci-guard.yml"),
]


@pytest.mark.parametrize(("name", "value"), UNFIT)
def test_an_unfit_input_makes_no_pipeline(name: str, value: str) -> None:
    with pytest.raises(Refused, match=name):
        reading.render(ALL, given(ALL, **{name: value}))


def test_the_commit_has_to_be_said_and_a_component_knows_its_own() -> None:
    with pytest.raises(Refused, match="commit is required"):
        reading.render(ALL, {})
    assert f"'COMMIT={COMMIT}'" in job(ROOT / "templates/ci-guard.yml")["script"][0]


@each_template
def test_nothing_of_the_project_reaches_the_job(path: Path) -> None:
    made = job(path)
    assert made["inherit"] == {"default": False, "variables": False}
    for name in ("before_script", "after_script", "services", "cache", "dependencies", "needs"):
        assert made[name] == [], name
    assert (made["interruptible"], made["allow_failure"], made["retry"]) == (False, False, 0)
    assert made["rules"] == [{"when": "always"}]
    assert made["stage"] == ".pre"
    assert re.search(r"@sha256:[0-9a-f]{64}$", made["image"]["name"])
    assert made["image"]["entrypoint"] == [""]
    assert made["id_tokens"] == {"CI_GUARD_ID_TOKEN": {"aud": "ci-guard"}}


@each_template
def test_the_job_starts_one_program_by_its_path_with_platform_and_enforcement_fixed(path: Path) -> None:
    (script,) = job(path)["script"]
    lines = [line for line in script.splitlines() if line and not line.startswith((" ", "#"))]
    assert lines[0].startswith("unset BASH_ENV ENV ")
    assert lines[1] == "exec /bin/bash -p -euo pipefail -c '"
    assert lines[2] == "' ci-guard \\"
    assert len(lines) == 3, "nothing comes before or after"
    assert re.search(r"  -- check (\S+ )?--platform gitlab --enforce --inputs( |$)", script, re.MULTILINE)


@each_template
def test_values_stand_in_single_quotes_alone(path: Path) -> None:
    """Where a shell reads them; elsewhere they are scalars of YAML in single quotes, but for the list of tags."""
    for line in path.read_text(encoding="utf-8").partition("\n---\n")[2].splitlines():
        for found in reading.INTERPOLATION.finditer(line):
            before, after = line[: found.start()], line[found.end() :]
            assert found[2] == "tags" or (before.count("'") % 2 == 1 and "'" in after), line


@each_template
def test_every_knob_is_an_input_and_none_a_variable(path: Path) -> None:
    made = job(path)
    assert not [name for name in made["variables"] if not name.startswith("GIT_")]
    asked = reading.inputs_of(path)
    assert set(asked) >= {"stage", "policy", "mode", "image", "server", "environment", "id-token-audience", "ca-bundle"}
    assert ("controls" in asked) == (path.stem == "ci-guard")
    assert all(spec.keys() & {"regex", "options"} for spec in asked.values() if spec.get("type") != "array")


@each_template
def test_reports_are_kept_also_when_the_job_fails(path: Path) -> None:
    made = job(path)
    (script,) = made["script"]
    written = dict(re.findall(r"--report (\S+)=(\S+)", script))
    assert made["artifacts"]["when"] == "always"
    assert written["json"] == ".ci-guard-reports/report.json"
    assert set(written) <= set(FORMATS)
    assert set(made["artifacts"]["reports"].values()) <= set(written.values())
    assert all(file.startswith(made["artifacts"]["paths"][0]) for file in written.values())


def test_the_faces_differ_in_the_commit_alone() -> None:
    for path in ROOT.glob("gitlab-templates/*.yml"):
        assert job(path) == job(ROOT / "templates" / path.name)
