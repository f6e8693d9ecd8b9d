"""Files that are secrets by their name, unless what they hold shows an example, a public part or ciphertext."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final

from ci_guard import late
from ci_guard.model.judgement import Severity
from ci_guard.records import dataclass
from ci_guard.secrets.content import HEAD, ContentKind, classify

MARK: Final = b'"service_account"'
"""Without which a file of the commonest name that key files have, `*.json`, is none."""
_ARMOUR: Final = late.pattern(rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_DER_KEY: Final = late.pattern(rb"\x30[\x80-\x84]?[\x00-\xff]{1,4}?\x02\x01[\x00\x01][\x02\x04\x30]")
_ASSIGNMENT: Final = late.pattern(
    rb"^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*[=:][ \t]*(?![ \t]*#)(\S[^\r\n]*)", re.MULTILINE
)
_EMPTY_VALUES: Final = (b'""', b"''")
_CIPHER_VALUES: Final = (b"ENC[", b'"ENC[', b"encrypted:", b'"encrypted:', b"'encrypted:")
_CIPHER_NAMES: Final = (b"sops_", b"dotenv_public_key", b"dotenv_vault")
_ATTRIBUTE: Final = late.pattern(rb'"([A-Za-z_][\w.-]{0,80})"\s{0,8}:\s{0,8}"([^"\r\n]{1,4000})"')
_SENSITIVE: Final = late.pattern(
    rb'"sensitive_attributes"\s{0,8}:\s{0,8}\[\s{0,80}[^\]\s]|"sensitive"\s{0,8}:\s{0,8}true'
)
"""Source: HashiCorp's `statefile` package, version 4: paths of sensitive attributes, and outputs that are sensitive."""
_USER_INFO: Final = late.pattern(rb"://[^\s/:@]{0,64}:[^\s/@$]{1,100}@")
_NO_SECRET: Final = late.pattern(rb"[$%{<].*|true|false|null|none|[0-9]{1,5}", re.IGNORECASE | re.DOTALL)
_PUBLIC_SSH_KEY: Final = late.pattern(rb"\s*(?:ssh-|ecdsa-|sk-|---- BEGIN SSH2 PUBLIC KEY)")
_SOPS: Final = late.pattern(rb"^[ \t]*\"?sops\"?[ \t]*:", re.MULTILINE)


def _holding(pattern: str) -> Callable[[bytes], bool]:
    held = late.pattern(pattern.encode("ascii"), re.IGNORECASE | re.MULTILINE)
    return lambda content: bool(held.search(content))


def _keys(content: bytes) -> list[bool]:
    """Return, for each armoured private key, whether a passphrase protects it; the body may be no real key."""
    from ci_guard.secrets.checks import key_text

    found = []
    for armour in _ARMOUR.finditer(content):
        text = key_text(content, armour.group(), armour.end(), len(content))
        found.append(text.encrypted if text else b"ENCRYPTED" in content[armour.start() : armour.end() + 40])
    return found


def _has_plain_key(content: bytes) -> bool:
    return not all(_keys(content)) or bool(_DER_KEY.match(content))


def _has_encrypted_key(content: bytes) -> bool:
    return any(_keys(content))


def _is_no_public_key(content: bytes) -> bool:
    keys = _keys(content)
    return _is_anything(content) and not _PUBLIC_SSH_KEY.match(content) and (not keys or not all(keys))


def _is_openpgp_key(content: bytes) -> bool:
    """Return whether a file begins with a secret-key packet (RFC 9580 4.2), in the old or in the new form."""
    return content.startswith((b"\x94", b"\x95", b"\xc5"))


def _assigns_secrets(content: bytes) -> bool:
    """
    Return whether a dotenv file gives a variable a secret: by the variable's name, or by the look of the value.

    What is ciphertext of sops or dotenvx is none.
    """
    return any(
        _is_secret(name, value.strip().strip(b"\"'"))
        for name, value in _ASSIGNMENT.findall(content)
        if value.strip() not in _EMPTY_VALUES
        and not value.startswith(_CIPHER_VALUES)
        and not name.lower().startswith(_CIPHER_NAMES)
    )


def _is_state_with_secrets(content: bytes) -> bool:
    """
    Return whether a Terraform state holds a secret: an attribute of such a name, or one that is marked as sensitive.

    OpenTofu's encrypted state has `encrypted_data`. One without its end may hold one beyond.
    """
    if b'"encrypted_data"' in content or not content.strip():
        return False
    return (
        not content.rstrip().endswith(b"}")
        or bool(_SENSITIVE.search(content) or _ARMOUR.search(content))
        or any(_is_secret(name, value) for name, value in _ATTRIBUTE.findall(content))
    )


def _is_secret(name: bytes, value: bytes) -> bool:
    """Return whether a variable or attribute with a value is a secret."""
    from ci_guard.secrets import lexical  # with its vocabulary, which few contents need

    if _USER_INFO.search(value):
        return True
    topic = lexical.topic(name.decode("latin-1"))
    return topic not in (None, "plain-key", "salt") and not _NO_SECRET.fullmatch(value)


def _is_service_account(content: bytes) -> bool:
    return MARK in content and bool(_ARMOUR.search(content))


def _is_anything(content: bytes) -> bool:
    return bool(content.strip())


@dataclass(frozen=True, kw_only=True)
class KeyFile:
    """A kind of key file."""

    id: str
    title: str
    names: tuple[str, ...]
    """For the end of the path, in lower case; the last part is a plain name, `*.` and an extension, or `.env.*`."""
    holds: Callable[[bytes], bool]
    """Whether the content makes it one."""
    marked: bool = False
    """Whether only a content that has `MARK` can be one."""
    remedy: str = "Revoke what it holds"
    severity: Severity = Severity.HIGH
    documentation: str = ""

    @property
    def advice(self) -> str:
        """What to do about a finding."""
        act = f"{self.remedy}, keep it in the CI's secret store, and take the file out."
        return f"{act} History, forks and caches keep it even then."


_NEW_KEY: Final = "Make a new key pair"
_SSH_NAMES: Final = tuple(
    pattern.format(kind)
    for kind in ("rsa", "dsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk")
    for pattern in ("id_{}", "ssh_host_{}_key")
)
_KEY_NAMES: Final = ("*.pem", "*.key", "*.p8", "*.pk8", "*.der", "*.asc", "identity")

KEY_FILES: Final = (
    KeyFile(
        id="key-file-dotenv",
        title="Environment file with a secret",
        names=(".env", ".env.*"),
        holds=_assigns_secrets,
    ),
    KeyFile(
        id="key-file-ssh",
        title="SSH private key",
        names=_SSH_NAMES,
        holds=_is_no_public_key,
        remedy=_NEW_KEY,
        severity=Severity.CRITICAL,
        documentation="https://man.openbsd.org/ssh-keygen",
    ),
    KeyFile(
        id="key-file-pem",
        title="Private key file",
        names=_KEY_NAMES,
        holds=_has_plain_key,
        remedy=_NEW_KEY,
        severity=Severity.CRITICAL,
        documentation="https://www.rfc-editor.org/rfc/rfc7468",
    ),
    KeyFile(
        id="key-file-encrypted",
        title="Private key file behind a passphrase",
        names=_SSH_NAMES + _KEY_NAMES,
        holds=_has_encrypted_key,
        remedy=_NEW_KEY,
        severity=Severity.LOW,
        documentation="https://www.rfc-editor.org/rfc/rfc7468",
    ),
    KeyFile(
        id="key-file-putty",
        title="PuTTY private key",
        names=("*.ppk",),
        holds=_holding(r"\APuTTY-User-Key-File-"),
        remedy=_NEW_KEY,
        severity=Severity.CRITICAL,
    ),
    KeyFile(
        id="key-file-keystore",
        title="Key store",
        names=("*.p12", "*.pfx", "*.jks", "*.jceks", "*.bks", "*.keystore", "*.kdb", "*.kdbx"),
        holds=_is_anything,
        remedy="Replace the keys in it",
    ),
    KeyFile(
        id="key-file-openpgp",
        title="OpenPGP secret key",
        names=("*.gpg", "*.pgp"),
        holds=_is_openpgp_key,
        remedy=_NEW_KEY,
        severity=Severity.CRITICAL,
    ),
    KeyFile(
        id="key-file-gpg-keyring",
        title="OpenPGP secret key",
        names=("private-keys-v1.d/*.key",),
        holds=_is_anything,
        remedy=_NEW_KEY,
    ),
    KeyFile(
        id="key-file-npmrc",
        title="npm configuration with a credential",
        names=(".npmrc",),
        holds=_holding(r"(?:^|:)_(?:authToken|auth|password)[ \t]*=[ \t]*[^\s${]"),
    ),
    KeyFile(
        id="key-file-yarnrc",
        title="Yarn configuration with a credential",
        names=(".yarnrc.yml",),
        holds=_holding(r"npmAuth(?:Token|Ident):[ \t]*[\"']?[^\s\"'${]"),
    ),
    KeyFile(
        id="key-file-pypirc",
        title="Python upload configuration with a password",
        names=(".pypirc",),
        holds=_holding(r"^[ \t]*password[ \t]*[=:][ \t]*\S"),
    ),
    KeyFile(
        id="key-file-netrc",
        title="netrc with a password",
        names=(".netrc", "_netrc"),
        holds=_holding(r"\bpassword[ \t\r\n]+[^\s$]"),
    ),
    KeyFile(
        id="key-file-git-credentials",
        title="Stored git credentials",
        names=(".git-credentials", ".config/git/credentials"),
        holds=_holding(r"://[^\s/:@]*:[^\s/@$]+@"),
    ),
    KeyFile(
        id="key-file-cargo",
        title="Cargo credentials",
        names=(".cargo/credentials", ".cargo/credentials.toml"),
        holds=_holding(r"^[ \t]*token[ \t]*=[ \t]*[\"']?[^\s\"']"),
    ),
    KeyFile(
        id="key-file-gem",
        title="RubyGems credentials",
        names=(".gem/credentials",),
        holds=_holding(r"^[ \t]*:?\w*api_key:[ \t]*\S"),
    ),
    KeyFile(
        id="key-file-docker",
        title="Docker configuration with a login",
        names=(".dockercfg", ".dockerconfigjson", ".docker/config.json"),
        holds=_holding(r'"(?:auth|identitytoken)"\s*:\s*"[^"]+"'),
    ),
    KeyFile(
        id="key-file-aws",
        title="AWS credentials file",
        names=(".aws/credentials",),
        holds=_holding(r"^[ \t]*aws_secret_access_key[ \t]*=[ \t]*\S"),
    ),
    KeyFile(
        id="key-file-service-account",
        title="Google service account key",
        names=("*.json",),
        holds=_is_service_account,
        marked=True,
        remedy="Delete this key of the service account",
        severity=Severity.CRITICAL,
        documentation="https://docs.cloud.google.com/iam/docs/keys-create-delete",
    ),
    KeyFile(
        id="key-file-kubeconfig",
        title="kubeconfig with a credential",
        names=(
            "kubeconfig",
            "kubeconfig.yaml",
            "kubeconfig.yml",
            "*.kubeconfig",
            ".kube/config",
            "admin.conf",
            "kubelet.conf",
        ),
        holds=_holding(r"^[ \t-]*(?:client-key-data|token|password):[ \t]*[\"']?[^\s\"'${]"),
    ),
    KeyFile(
        id="key-file-terraform-state",
        title="Terraform state with a secret",
        names=("*.tfstate", "*.tfstate.backup"),
        holds=_is_state_with_secrets,
        remedy="Replace every secret of its resources",
    ),
    KeyFile(
        id="key-file-rails-master",
        title="Rails master key",
        names=("config/master.key", "config/credentials/*.key"),
        holds=_holding(r"\A\s*[0-9a-f]{32}(?:[0-9a-f]{32})?\s*\Z"),
    ),
    KeyFile(
        id="key-file-htpasswd",
        title="Password hashes of a web server",
        names=(".htpasswd",),
        holds=_holding(r"^[^\s:#]+:\S"),
        severity=Severity.MEDIUM,
    ),
    KeyFile(
        id="key-file-pgpass",
        title="PostgreSQL password file",
        names=(".pgpass", "pgpass.conf"),
        holds=_holding(r"^(?:[^\s:#][^:\n]*:){4}\S"),
    ),
    KeyFile(
        id="key-file-mysql",
        title="MySQL client configuration with a password",
        names=(".my.cnf", ".mylogin.cnf"),
        holds=_holding(r"^[ \t]*password[ \t]*=[ \t]*\S|\A\0"),
    ),
    KeyFile(
        id="key-file-s3cfg",
        title="s3cmd configuration with a secret key",
        names=(".s3cfg",),
        holds=_holding(r"^[ \t]*secret_key[ \t]*=[ \t]*\S"),
    ),
    KeyFile(
        id="key-file-github-cli",
        title="GitHub CLI login",
        names=(".config/gh/hosts.yml",),
        holds=_holding(r"^[ \t]*oauth_token:[ \t]*\S"),
    ),
    KeyFile(id="key-file-vault-token", title="Vault token", names=(".vault-token",), holds=_is_anything),
)

_EXAMPLE_ENV: Final = late.pattern(
    r"/\.env\.(?:.*[._-])?(?:examples?|sample|template|tmpl|tpl|dist|defaults?|schema)(?:[._-][^/]*)?\Z"
)
# Android's debug key is the same everywhere and public; a trust store holds certificates.
_PUBLIC_STORE: Final = late.pattern(r"/(?:debug\.keystore|[^/]*trust[_-]?store[^/]*)\Z")

_BY_LAST_PART: Final[dict[str, list[tuple[KeyFile, str]]]] = defaultdict(list)
for _kind in KEY_FILES:
    for _name in _kind.names:
        _last = _name.rpartition("/")[2]
        _BY_LAST_PART[f"*.{_last.rpartition('.')[2]}" if _last.startswith("*") else _last].append((_kind, f"*/{_name}"))


_NONE: Final[Sequence[tuple[KeyFile, str]]] = ()


def kinds_of(path: str) -> tuple[KeyFile, ...]:
    """Return the kinds that a path could be by its name, so that only such files are looked at."""
    candidates = _candidates(path[path.rfind("/") + 1 :].lower())
    if not candidates:
        return ()
    whole = f"/{path.lower()}"
    if _EXAMPLE_ENV.search(whole) or _PUBLIC_STORE.search(whole):
        return ()
    return tuple(kind for kind, pattern in candidates if fnmatchcase(whole, pattern))


def is_suspect_name(name: str) -> bool:
    """Return whether the last part of a path could make a file a key file, whatever its folder, and without `MARK`."""
    return any(not kind.marked for kind, _ in _candidates(name.lower()))


@lru_cache(maxsize=4096)
def _candidates(name: str) -> Sequence[tuple[KeyFile, str]]:
    """Return what one look at the last part of a path leaves; thousands of paths have the same."""
    whole = _BY_LAST_PART.get(name, _NONE)
    ending = _BY_LAST_PART.get(f"*{name[name.rfind('.') :]}", _NONE)
    beginning = _BY_LAST_PART[".env.*"] if name.startswith(".env.") else _NONE
    return [*whole, *ending, *beginning] if whole or ending or beginning else _NONE


def judge(kinds: tuple[KeyFile, ...], content: bytes) -> KeyFile | None:
    """Return the first kind that the beginning of the content bears out, or None."""
    if classify(content[:HEAD]) is ContentKind.ENCRYPTED or (b"ENC[AES256_GCM," in content and _SOPS.search(content)):
        return None
    return next((kind for kind in kinds if kind.holds(content)), None)
