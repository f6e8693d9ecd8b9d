"""The words of `secret-free`: every requirement with its kind, its reason and how each platform satisfies it."""

from __future__ import annotations

from typing import Final

from ci_guard.controls.cited import CIS, OSPS, OWASP
from ci_guard.model.judgement import Severity
from ci_guard.model.kinds import Flag
from ci_guard.model.meta import Meta, Requirement

REVOKE: Final = (
    "Revoke the secret where it was issued first. Removing it from the history comes second: it has been read by then."
)
CLONE: Final = "No token is needed beyond the checkout's."

META: Final = Meta(
    id="secret-free",
    title="Secret-free repository",
    summary=(
        "Is the judged commit, with the work tree and what the change brought, free of secrets, and was all of it read?"
    ),
    local=True,
    requirements=(
        Requirement(
            id="no-secrets",
            kind=Flag(),
            finds=True,
            title="no secret is found in what was read",
            why="Whoever can read the repository, now or in any old clone, holds the secret.",
            notes=(
                "Archives and encoded text are read as well, and so are messages of commits and tags and names of "
                "branches and tags. A secret is one finding, with all of its places. "
                "A made-up token in a test or in a document is found like a real one, only a step less severe, save "
                "those that vendors print in their own documentation. Put it together at run time, or suppress it, "
                "which every report counts. What was removed before this push or change is not read; it has to be "
                "revoked all the same."
            ),
            severity=Severity.CRITICAL,
            github=f"{REVOKE} Keep it as an Actions secret. {CLONE}",
            gitlab=f"{REVOKE} Keep it as a masked and protected CI/CD variable. {CLONE}",
            source="https://cwe.mitre.org/data/definitions/798.html",
            references=OSPS.supports("OSPS-BR-07.01")
            + CIS.supports("1.5.1", "2.3.8", "5.1.3")
            + OWASP.supports("CICD-SEC-6"),
        ),
        Requirement(
            id="no-key-files",
            kind=Flag(),
            finds=True,
            title="no file is a private key or a store of credentials",
            why="Such files are secrets as a whole, whatever their text looks like to a scanner.",
            notes=(
                "Public keys, keys with a passphrase, ciphertext and examples are told apart by what the file "
                "holds. A test's key without a passphrase is a finding like any other: make it at run time, or "
                "suppress it."
            ),
            severity=Severity.HIGH,
            github=f"Revoke the key, remove the file and name it in `.gitignore`. {CLONE}",
            gitlab=f"Revoke the key, remove the file and keep it as a secure file or a variable of type file. {CLONE}",
            source="https://www.rfc-editor.org/rfc/rfc7468",
            references=OSPS.supports("OSPS-BR-07.01") + CIS.supports("1.5.1") + OWASP.supports("CICD-SEC-6"),
        ),
        Requirement(
            id="complete-scan",
            kind=Flag(),
            title="everything that should be read was read",
            why="A shallow clone or a skipped file makes a clean result worth nothing.",
            notes=(
                "The checkout's default depth of 1 leaves out the commits between two pushes, so this is unknown "
                "wherever they have to be read. An archive that is encrypted, damaged, of a format that is not read or "
                "beyond a limit fails this; images, fonts, audio and video do not. Git LFS contents count once they "
                "are fetched. Submodules are "
                "other repositories: they are named, not read."
            ),
            severity=Severity.HIGH,
            github="Check out with `fetch-depth: 0`, without a sparse checkout; what is missing is not fetched.",
            gitlab="Set `GIT_DEPTH: 0`; what is missing is not fetched.",
            source="https://git-scm.com/docs/shallow",
            references=OSPS.supports("OSPS-BR-07.01") + CIS.supports("1.5.1", "2.3.8"),
        ),
        Requirement(
            id="reviewed-suppressions",
            kind=Flag(),
            title="every suppression that took effect was reviewed before",
            why="Whoever adds a secret could add the line that hides it in the same change.",
            notes=(
                "In a change, suppressions count as the target branch has them, on a push as the commit before it has "
                "them; where that commit is not known, the pushed one's count and this is unknown. On other events the "
                "commit's own count, as its policy does. One that would hide something and that the change brings "
                "itself is named here and hides nothing."
            ),
            severity=Severity.MEDIUM,
            github=f"Merge a suppression in a reviewed change of its own, before it is needed. {CLONE}",
            gitlab=f"Merge a suppression in a reviewed change of its own, before it is needed. {CLONE}",
            source="https://cwe.mitre.org/data/definitions/693.html",
            references=OSPS.supports("OSPS-BR-07.01") + CIS.supports("1.5.1"),
        ),
    ),
)
