"""The inputs of the GitLab templates: what each means, and what its value has to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ci_guard.model import project

OWN_COMMIT: Final = "commit"
"""The input that a component does not need: GitLab tells it the commit that it was taken from."""

IMAGE: Final = (
    "docker.io/library/python:3.12.14-bookworm@sha256:80f5d259a5969c86f6c92145d572de4a68c68e0edd28d4367dec0fb411b42af3"
)
"""Python, git, bash and certificates, for several machines."""

REPORTS_FOLDER: Final = ".ci-guard-reports"
"""The job makes it anew, so nothing of the checkout lies in it, and leaves it as an artifact."""

HOST: Final = r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?"
FILE: Final = "[A-Za-z0-9_@+./ -]"
NO_BLANK: Final = FILE.replace(" ", "")
KEPT: Final = f"[.]{REPORTS_FOLDER[1:]}/[A-Za-z0-9_][A-Za-z0-9_.-]*"
"""A file that the job leaves."""
VARIABLE: Final = "^[A-Za-z_][A-Za-z0-9_]*$"

PLACES: Final = (
    KEPT,
    f"/{NO_BLANK}+",
    rf"(cloudevents\+)?https?://{HOST}(/[A-Za-z0-9_.~-]+)*/?",
    rf"git\+(https?://|ssh://([A-Za-z0-9_][A-Za-z0-9._-]*@)?){HOST}(/[A-Za-z0-9_.~-]+)+#[A-Za-z0-9_][A-Za-z0-9._/-]*",
)
"""Where a run can be recorded."""
PLACE: Final = rf"({'|'.join(PLACES)})(,/{NO_BLANK}+)?"


@dataclass(frozen=True, kw_only=True)
class Input:
    """
    One input.

    GitLab puts a value into the text of the job before any shell sees it, so each is an option of a list or held by an
    expression (RE2) that lets no quote, dollar sign, backslash or line end through.
    """

    name: str
    description: str
    regex: str = ""
    options: tuple[str, ...] = ()
    default: str | None = ""
    """None for one that has to be given."""
    type: str = "string"
    to_program: bool = True
    """Whether it reaches the program, or what starts it, as `CI_GUARD_INPUT_…`."""
    pointless_for: tuple[str, ...] = ()
    """Controls whose own template does not offer it."""

    @property
    def variable(self) -> str:
        """Return its name behind `CI_GUARD_INPUT_`."""
        return self.name.upper().replace("-", "_")


NAME: Final = r"[A-Za-z0-9_](\.?[A-Za-z0-9_-])*"
"""A part of a path that leads nowhere up: RE2 has no word for `not ..`."""

INPUTS: Final = (
    Input(
        name=OWN_COMMIT,
        description="Commit id of the ci-guard that runs, of 40 digits - the one that this file was included at.",
        regex="^[0-9a-f]{40}$",
        default=None,
    ),
    Input(
        name="server",
        description="Address of this GitLab. A job that finds itself on another one is denied.",
        regex=f"^https?://{HOST}(/[A-Za-z0-9_.~-]+)*$",
        default="https://gitlab.com",
    ),
    Input(
        name="stage",
        description="Stage of the job; .pre comes before all others.",
        regex="^[A-Za-z0-9_.][A-Za-z0-9_. -]*$",
        default=".pre",
        to_program=False,
    ),
    Input(
        name="tags",
        description="Tags of the runners that may take the job.",
        type="array",
        to_program=False,
    ),
    Input(
        name="policy",
        description="Path of the policy in the trusted ref - in a merge request the target branch, otherwise the "
        "judged commit (default .ci-guard.yml, else the baseline profile).",
        regex=rf"^(\.?{NAME}(/\.?{NAME})*)?$",
    ),
    Input(
        name="floor",
        description="An organisation's policy by immutable reference, such as gitlab:acme/security//ci-guard.yml@ and "
        "a whole commit id, or an address with #sha256= and the digest; it lies below the project's own, which can "
        "only tighten it.",
        # Where it is put, in single quotes within a block of text, its sign # begins a comment neither of YAML nor of
        # the shell.
        regex=rf"^((github:{NAME}/{NAME}|gitlab:{NAME}(/{NAME})+)//\.?{NAME}(/{NAME})*@([0-9a-f]{{40}}|[0-9a-f]{{64}})"
        rf"|https://[A-Za-z0-9](\.?-*[A-Za-z0-9])*(:[0-9]{{1,5}})?(/{NAME})+#sha256=[0-9a-f]{{64}})?$",
    ),
    Input(
        name="floor-signature",
        description="Whose signature the floor needs besides, as signature in a policy says it, on one line and "
        "without quotes.",
        regex=r"^(\{ssh: \{signer: [A-Za-z0-9_.@+-]+, allowed-signers: \[[A-Za-z0-9_.@+/=, -]+\]\}\})?$",
    ),
    Input(
        name="controls",
        description="Run only these controls, separated by commas (default all that the policy enables).",
        regex="^[a-z, -]*$",
    ),
    Input(
        name="mode",
        description="enforce, or report to let a denied pipeline proceed; enforce wins wherever it is said.",
        options=("", "enforce", "report"),
    ),
    Input(
        name="environment",
        description="Name of the environment that is about to be deployed to, for the report.",
        regex="^[A-Za-z0-9_./ -]*$",
    ),
    Input(
        name="token-variable",
        description="Name of the CI/CD variable that holds a stronger token (read_api), used only where the job token "
        "cannot answer.",
        regex=VARIABLE,
        default="CI_GUARD_TOKEN",
        to_program=False,
        pointless_for=("secret-free",),  # whatever it asks of the platform, the job token may read
    ),
    Input(
        name="id-token-audience",
        description="Audience of the job's ID token, by which the program proves who runs what.",
        regex="^[A-Za-z0-9_.:/@-]+$",
        default="ci-guard",
        to_program=False,
    ),
    Input(
        name="report-facts",
        description="File of the job's artifacts to write the facts of this run to, to be judged again by check "
        "--facts. Whoever may read the artifacts may read them.",
        regex=f"^({KEPT})?$",
    ),
    Input(
        name="audit-log",
        description="Record the run in these places, separated by blanks - a file of the job's artifacts, of the image "
        "or runner, an address with or without cloudevents+ in front, or git+https:// or git+ssh://HOST/REPOSITORY and "
        "#BRANCH. A run that is not recorded is stopped.",
        regex=f"^({PLACE}( |$))*$",
    ),
    Input(
        name="audit-key-variable",
        description="Name of the CI/CD variable that holds the key by which records are signed - whsec_ and Base64, or "
        "a key of ci-guard audit keygen.",
        regex=VARIABLE,
        default="CI_GUARD_AUDIT_KEY",
    ),
    Input(
        name="audit-token-variable",
        description="Name of the CI/CD variable that holds a token, or a private key for SSH, which may push to the "
        "branch of audit-log, and to nothing else.",
        regex=VARIABLE,
        default="CI_GUARD_AUDIT_TOKEN",
    ),
    Input(
        name="audit-known-hosts",
        description="The key by which the server of a branch over SSH is known, as a line of known_hosts.",
        regex="^([A-Za-z0-9.:,[\\]-]+ [a-z0-9@.-]+ [A-Za-z0-9+/]+=*)?$",
    ),
    Input(
        name="audit-on-failure",
        description="deny stops a run that is not recorded also where its policy says warn.",
        options=("", "deny"),
    ),
    Input(
        name="audit-spool",
        description="Folder of the runner that outlives the job, in which records wait that audit-log did not take.",
        regex=f"^(/{FILE}+)?$",
    ),
    Input(
        name="artifacts",
        description="Files whose SHA-256 the record holds, separated by commas; of the checkout or the image, because "
        "nothing of other jobs reaches this one.",
        regex="^[A-Za-z0-9_@+./, -]*$",
    ),
    Input(
        name="proxy",
        description="HTTP proxy for the requests to this GitLab; variables of the environment are ignored.",
        regex=f"^(https?://{HOST})?$",
    ),
    Input(
        name="ca-bundle",
        description="File of the image or runner with the certificate authorities to trust for this GitLab; variables "
        "of the environment are ignored.",
        regex=f"^(/{FILE}+)?$",
    ),
    Input(
        name="image",
        description="Image that the job runs in, pinned by its digest. It needs bash, git, and Python 3.10 to 3.13 "
        "with pip.",
        regex="^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$",
        default=IMAGE,
        to_program=False,
    ),
    Input(
        name="source",
        description="Git repository that has the commit, such as a mirror on this GitLab; or a folder of the image "
        "that holds ci-guard.",
        regex=rf"^(https?://{HOST}(/[A-Za-z0-9_.~-]+)+|/{FILE}+)$",
        default=f"{project.HOME}.git",
    ),
    Input(
        name="index-url",
        description="Package index to fetch the locked packages from (default pip's); each is checked by its hash.",
        regex=f"^(https?://{HOST}(/[A-Za-z0-9_.~-]+)*/?)?$",
    ),
    Input(
        name="wheels",
        description="Folder with the locked packages as wheels, for machines without a package index; each must have "
        "a hash that the lock of this version names.",
        regex=f"^({FILE}+)?$",
    ),
    Input(
        name="cache",
        description="Folder of the image or runner in which environments are kept for later jobs; each is verified "
        "before use.",
        regex=f"^(/{FILE}+)?$",
    ),
)
