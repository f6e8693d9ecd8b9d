"""`ci-guard scan --init-baseline` and `--import`: write down what shall not count, and say what was written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ci_guard.entrypoints import files
from ci_guard.entrypoints.commands import Said
from ci_guard.entrypoints.screen import counted
from ci_guard.errors import UsageError
from ci_guard.git import Repository, locate
from ci_guard.model.scan import SecretFinding, SecretScan, Suppressed, SuppressionKind
from ci_guard.reporters import escape
from ci_guard.secrets import keyfiles, rule
from ci_guard.secrets.scan import ScanRequest, scan
from ci_guard.secrets.suppression_files import (
    DETECT_SECRETS_BASELINE,
    GITLEAKS_CONFIG,
    GITLEAKS_IGNORE,
    OWN,
    OWN_BASELINE,
    baseline,
    gitleaks,
)
from ci_guard.secrets.suppression_files.allowlist import Allowlist
from ci_guard.secrets.suppression_files.context import Context
from ci_guard.secrets.suppression_files.gitleaks import Config
from ci_guard.secrets.tree_files import FolderFiles, NoPlainFile

FOUND_AT_START: Final = "found when the baseline was made"
LISTED: Final = {
    SuppressionKind.GITLEAKS_IGNORE: GITLEAKS_IGNORE,
    SuppressionKind.DETECT_SECRETS_BASELINE: DETECT_SECRETS_BASELINE,
}
"""What becomes fingerprints, by kind."""


def init_baseline(path: str) -> Said:
    """
    Write the fingerprints of what is found now.

    Raises: `UsageError` for a path that is no root of a repository or folder of its own; `PolicyError` as a scan does.
    """
    root = root_of(path)
    check_free(root, OWN_BASELINE)
    found = scanned(root)
    findings = [*found.findings, *found.key_files]
    entries = ((one, one.location.path or "", FOUND_AT_START, None) for one in findings)
    written = write(root, {OWN_BASELINE: baseline.render(entries)})
    lines = [*written, *tally("  ", (one.rule for one in findings))]
    if not found.complete:
        lines.append(
            "The scan was not complete: what it did not read is not in the baseline. `ci-guard scan` says why."
        )
    lines.append("Revoke what is real; a baseline only keeps it from being reported. Have the file reviewed and merged")
    lines.append("on its own: in a change it counts once the target branch has it.")
    return said(lines)


def carry_over(path: str) -> Said:
    """
    Write in ci-guard's own files what those of gitleaks and detect-secrets say.

    Allowlists and rules become `.ci-guard-secrets.yml`. Lines and hashes become fingerprints of what they cover now.

    Raises: `UsageError` where there is nothing to take over, or a file is there already; `PolicyError` as a scan does.
    """
    root = root_of(path)
    config = config_of(root)
    present = [name for name in (GITLEAKS_CONFIG, *LISTED.values()) if (root / name).is_file()]
    if not present:
        names = f"{GITLEAKS_CONFIG}, {GITLEAKS_IGNORE} and {DETECT_SECRETS_BASELINE}"
        raise UsageError(f"There is nothing to take over in {path!r}.", hint=f"What is read are {names}.")
    found = scanned(root)
    listed = [one for one in found.suppressed if one.kind in LISTED]
    texts = {}
    if config and (config.allowlists or config.rules):
        texts[OWN] = render(config)
    if listed:
        texts[OWN_BASELINE] = baseline.render(map(entry_of, listed))
    for name in texts:
        check_free(root, name)
    lines = write(root, texts)
    if config:
        allowlists, rules = counted(len(config.allowlists), "allowlist"), counted(len(config.rules), "rule")
        lines.append(f"  {GITLEAKS_CONFIG}: {allowlists}, {rules}")
    lines += [
        f"  {name}: {counted(sum(one.kind is kind for one in listed), 'finding')} that it covers now"
        for kind, name in LISTED.items()
        if name in present
    ]
    if config and any(one.matches for one in config.allowlists):
        lines.append('  `regexTarget = "match"` became `lines`, which looks at the whole line')
    if found.remarks:
        lines += ["Not carried over:", *(f"  {remark}" for remark in found.remarks)]
    names = ", ".join(present)
    if texts:
        lines.append(f"What stands in {names} counts besides; remove that once what was written is merged.")
    else:
        lines.append(f"Nothing was written: nothing in {names} covers anything that ci-guard finds.")
    return said(lines)


def root_of(path: str) -> Path:
    """Return the folder in whose root suppressions lie."""
    root = Path(path)
    if path == "-" or not root.is_dir():
        raise UsageError(f"{path!r} is no folder.", hint="Name the root of a checkout.")
    if locate(root.absolute()) is not None:
        top = Repository.open(root).work_tree
        if top is None:
            raise UsageError(f"{path!r} is bare, and has no files to write.", hint="Run it in a checkout.")
        return Path(top)
    return root.resolve()


def scanned(root: Path) -> SecretScan:
    """Return the scan of the commit and the files of a folder."""
    return scan(ScanRequest(root=root, tree=locate(root) is not None, work_tree=True))


def check_free(root: Path, name: str) -> None:
    """Raise `UsageError` where a file cannot be written because something is there."""
    try:
        files.check_new(root, name)
    except (files.Kept, files.Refused) as error:
        hint = "Nothing is ever overwritten: move it away first, or add to it by hand."
        raise UsageError(f"{error}.", hint=hint) from None


def write(root: Path, texts: Mapping[str, str]) -> list[str]:
    """Write files and return what to say of them."""
    lines = []
    for name, text in texts.items():
        try:
            files.write_new(root, name, text)
        except (files.Kept, files.Refused) as error:
            raise UsageError(f"{error}.", hint="Nothing is ever overwritten.") from None
        lines.append(f"Written: {name}")
    return lines


def config_of(root: Path) -> Config | None:
    """Return what gitleaks' configuration says, or None where there is none that can be read."""
    known = frozenset((*(one.id for one in rule.known()), *(kind.id for kind in keyfiles.KEY_FILES)))
    try:
        content = FolderFiles(root).read(GITLEAKS_CONFIG)
    except NoPlainFile:
        return None
    return None if content is None else gitleaks.parse(content, GITLEAKS_CONFIG, Context(known=lambda: known))


def entry_of(one: Suppressed) -> tuple[SecretFinding, str, str, Any]:
    """Return an entry of the baseline for a finding that another scanner's file covers."""
    return one.finding, one.finding.location.path or "", f"{one.reason}: {one.place}", one.until


def render(config: Config) -> str:
    """Return `.ci-guard-secrets.yml`, in which every text is quoted as JSON, which YAML reads as it is."""
    lines = ["version: 1"]
    own = {each.rule.id for each in config.rules}
    if config.allowlists:
        lines.append("allow:")
        lines += (f"  - {quoted(entry)}" for allowlist in config.allowlists for entry in entries_of(allowlist))
    if own:
        lines.append("rules:")
    for each in config.rules:
        lines.append(f"  - {quoted(rule_entry(each.rule, config.paths.get(each.rule.id)))}")
    return "\n".join(lines) + "\n"


def entries_of(allowlist: Allowlist) -> Iterable[dict[str, Any]]:
    """Yield an entry of `allow` for each condition of which one is enough, or one for all that must hold."""
    head = {"rules": sorted(allowlist.rules)} if allowlist.rules is not None else {}
    parts = {
        "path-patterns": list(allowlist.paths),
        "commits": sorted(allowlist.commits),
        "secrets": list(allowlist.secrets),
        "lines": [*allowlist.lines, *allowlist.matches],
        "words": list(allowlist.stopwords),
    }
    named = {key: value for key, value in parts.items() if value}
    groups = [named] if allowlist.every or allowlist.everything else [{key: value} for key, value in named.items()]
    yield from ({**head, **group, "reason": allowlist.reason} for group in groups)


def rule_entry(one: rule.Rule, path: str | None) -> dict[str, Any]:
    """Return an entry of `rules`."""
    entry = {"id": one.id, "title": one.title, "severity": one.severity.value, "pattern": one.pattern}
    return {**entry, **({"entropy": one.entropy} if one.entropy else {}), **({"path-pattern": path} if path else {})}


def quoted(entry: Mapping[str, Any]) -> str:
    """Return a map on one line."""
    return "{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in entry.items()) + "}"


def tally(indent: str, rules: Iterable[str]) -> list[str]:
    """Return how many of each rule, most first."""
    return [
        f"{indent}{count} {name}"
        for name, count in sorted(Counter(rules).items(), key=lambda item: (-item[1], item[0]))
    ]


def said(lines: Sequence[str]) -> Said:
    """Return the lines, in which nothing of the repository's can be more than text."""
    return Said("\n".join(escape.plain(line) for line in lines) + "\n")
