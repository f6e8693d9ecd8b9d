"""Which files are key files by their name, and which content takes the name's word back."""

from __future__ import annotations

import base64
import time

import pytest

from ci_guard.model.judgement import Severity
from ci_guard.secrets.keyfiles import KEY_FILES, judge, kinds_of
from tests.secrets.made_up import openssh_key, private_key

CERTIFICATE = private_key().replace("RSA PRIVATE KEY", "CERTIFICATE")
PUBLIC_KEY = private_key().replace("RSA PRIVATE", "PUBLIC")
DER_KEY = bytes.fromhex("308204be020100300d06092a864886f70d0101010500048204a8") + bytes(range(256))
DER_CERTIFICATE = bytes.fromhex("308203753082025da003020102021409") + bytes(range(256))
LOGIN = base64.b64encode(b"user:password").decode()

CASES: list[tuple[str, str, str | bytes]] = [
    ("key-file-dotenv", ".env", "DATABASE_PASSWORD=hunter2\n"),
    ("key-file-dotenv", "deploy/.env.production", "# settings\nexport TOKEN='abc'\n"),
    ("key-file-dotenv", ".ENV", "A_TOKEN: b\n"),
    ("key-file-dotenv", ".env", "DOTENV_PUBLIC_KEY=abc\nA=encrypted:xyz\nB_TOKEN=plain\n"),
    ("key-file-ssh", "id_rsa", openssh_key()),
    ("key-file-ssh", "home/.ssh/id_ed25519", "whatever somebody keeps here\n"),
    ("key-file-ssh", "etc/ssh/ssh_host_ecdsa_key", openssh_key()),
    ("key-file-pem", "server.pem", f"{CERTIFICATE}\n{private_key()}\n"),
    ("key-file-pem", "tls/Server.KEY", private_key("")),
    ("key-file-pem", "AuthKey.p8", private_key("")),
    ("key-file-pem", "key.der", DER_KEY),
    ("key-file-pem", "signing.asc", private_key("PGP ").replace("PRIVATE KEY", "PRIVATE KEY BLOCK")),
    ("key-file-encrypted", "server.pem", private_key("ENCRYPTED ")),
    ("key-file-encrypted", "id_rsa", openssh_key(cipher=b"aes256-ctr")),
    ("key-file-encrypted", "old.key", private_key(encrypted=True)),
    ("key-file-putty", "login.ppk", "PuTTY-User-Key-File-3: ssh-rsa\n"),
    ("key-file-keystore", "app/release.keystore", b"\xfe\xed\xfe\xed"),
    ("key-file-keystore", "cert.p12", b"0\x82"),
    ("key-file-keystore", "passwords.kdbx", b"\x03\xd9\xa2\x9a"),
    ("key-file-openpgp", "secring.gpg", b"\x95\x03"),
    ("key-file-gpg-keyring", ".gnupg/private-keys-v1.d/0A1B.key", b"(protected-private-key"),
    ("key-file-npmrc", ".npmrc", "//registry.example/:_authToken=abc\n"),
    ("key-file-npmrc", ".npmrc", "_auth = abc\n"),
    ("key-file-yarnrc", ".yarnrc.yml", 'npmAuthToken: "abc"\n'),
    ("key-file-pypirc", ".pypirc", "[pypi]\nusername = __token__\npassword = abc\n"),
    ("key-file-netrc", ".netrc", "machine host\n  login me\n  password abc\n"),
    ("key-file-git-credentials", ".git-credentials", "https://me:abc@host.example\n"),
    ("key-file-cargo", ".cargo/credentials.toml", '[registry]\ntoken = "abc"\n'),
    ("key-file-gem", ".gem/credentials", "---\n:rubygems_api_key: abc\n"),
    ("key-file-docker", ".docker/config.json", f'{{"auths": {{"host": {{"auth": "{LOGIN}"}}}}}}'),
    ("key-file-docker", ".dockercfg", f'{{"host": {{"auth": "{LOGIN}"}}}}'),
    ("key-file-aws", ".aws/credentials", "[default]\naws_secret_access_key = abc\n"),
    ("key-file-service-account", "sa.json", f'{{"type": "service_account", "private_key": "{private_key("")}"}}'),
    ("key-file-kubeconfig", "kubeconfig", "users:\n- name: a\n  user:\n    token: abc\n"),
    ("key-file-kubeconfig", ".kube/config", "    client-key-data: abc\n"),
    (
        "key-file-terraform-state",
        "terraform.tfstate",
        '{"version": 4, "resources": [{"instances": [{"attributes": {"password": "hunter2"}}]}]}',
    ),
    ("key-file-terraform-state", "a.tfstate", '{"outputs": {"a": {"value": "b", "sensitive": true}}}'),
    ("key-file-terraform-state", "b.tfstate", '{"instances": [{"sensitive_attributes": [[{"type": "get_attr"}]]}]}'),
    ("key-file-terraform-state", "c.tfstate", '{"a": "bbbb'),
    ("key-file-dotenv", ".env", "DATABASE_URL=postgres://app:hunter2@db/x\n"),
    ("key-file-terraform-state", "env/prod.tfstate.backup", '{"auth_token": "abc"}'),
    ("key-file-rails-master", "config/master.key", "0123456789abcdef" * 2),
    ("key-file-rails-master", "config/credentials/production.key", "0123456789abcdef" * 2 + "\n"),
    ("key-file-htpasswd", ".htpasswd", "me:$apr1$abc\n"),
    ("key-file-pgpass", ".pgpass", "host:5432:db:me:abc\n"),
    ("key-file-mysql", ".my.cnf", "[client]\npassword=abc\n"),
    ("key-file-s3cfg", ".s3cfg", "secret_key = abc\n"),
    ("key-file-github-cli", ".config/gh/hosts.yml", "github.com:\n    oauth_token: abc\n"),
    ("key-file-vault-token", ".vault-token", "abc"),
]

NONE: list[tuple[str, str | bytes]] = [
    (".env", ""),
    (".env", "# nothing here\nA=\nB=''\nC=   # later\n"),
    (".env", "FOO=bar\nHOST=db\nPORT=5432\nTOKEN_TYPE=bearer\nTOKEN=$OTHER\nUSE_PASSWORD=false\n"),
    ("terraform.tfstate", '{"version": 4, "resources": [], "sensitive_attributes": [], "token_type": "x"}'),
    (".env", "A=ENC[AES256_GCM,data:x]\nsops_version=3\nsops_mac=ENC[AES256_GCM,data:y]\n"),
    (".env", 'DOTENV_PUBLIC_KEY="02ab"\nA="encrypted:BEx"\n'),
    (".env", b"\0GITCRYPT\0abc=def\n"),
    (".env.example", "A=b\n"),
    (".env.local.sample", "A=b\n"),
    (".env.dist", "A=b\n"),
    (".env.template.production", "A=b\n"),
    (".envrc", "use flake\n"),
    ("environment", "A=b\n"),
    ("id_rsa.pub", "ssh-rsa AAAA\n"),
    ("id_rsa", "ssh-rsa AAAA\n"),
    ("id_rsa", "age-encryption.org/v1\n-> X25519\n"),
    ("id_rsa", ""),
    ("server.pem", CERTIFICATE),
    ("public.pem", PUBLIC_KEY),
    ("dh.pem", private_key().replace("RSA PRIVATE KEY", "DH PARAMETERS")),
    ("server.der", DER_CERTIFICATE),
    ("slides.key", b"PK\x03\x04 Keynote"),
    ("translations.key", "key = value\n"),
    ("id_rsa.py", private_key()),
    ("release.asc", "-----BEGIN PGP " + "SIGNATURE-----\nabc\n"),
    ("archive.gpg", b"\x85\x02\x0c"),
    ("debug.keystore", b"\xfe\xed\xfe\xed"),
    ("src/truststore.jks", b"\xfe\xed\xfe\xed"),
    ("client-trust-store.p12", b"0\x82"),
    (".npmrc", "//registry.example/:_authToken=${NPM_TOKEN}\nalways-auth=true\nsave-exact=true\n"),
    (".yarnrc.yml", 'npmAuthToken: "${NPM_TOKEN}"\n'),
    (".pypirc", "[distutils]\nindex-servers = pypi\n"),
    (".netrc", "machine host login me password $TOKEN\n"),
    (".docker/config.json", '{"credsStore": "desktop", "auths": {"host": {}}}'),
    ("config.json", f'{{"auth": "{LOGIN}"}}'),
    ("package.json", '{"name": "service_account"}'),
    ("kubeconfig", "users:\n- name: a\n  user:\n    exec:\n      command: aws\n"),
    ("kubeconfig", "token: ENC[AES256_GCM,data:x]\nsops:\n  mac: ENC[AES256_GCM,data:y]\n"),
    ("terraform.tfstate", '{"serial": 1, "encrypted_data": "x", "encryption_version": "v0"}'),
    ("terraform.tfstate", ""),
    ("main.tf", "resource {}\n"),
    ("config/master.key", "<%= ENV['KEY'] %>"),
    ("other/master.key", "0123456789abcdef" * 2),
]


def kind(path: str, content: str | bytes) -> str | None:
    found = judge(kinds_of(path), content.encode() if isinstance(content, str) else content)
    return found.id if found else None


@pytest.mark.parametrize(
    ("expected", "path", "content"), CASES, ids=[f"{number} {path}" for number, (_, path, _) in enumerate(CASES)]
)
def test_is_a_key_file(expected: str, path: str, content: str | bytes) -> None:
    assert kind(path, content) == expected
    assert kind(f"any/where/{path}", content) == expected


@pytest.mark.parametrize(("path", "content"), NONE, ids=[f"{number} {path}" for number, (path, _) in enumerate(NONE)])
def test_is_no_key_file(path: str, content: str | bytes) -> None:
    assert kind(path, content) is None


def test_every_kind_has_a_case() -> None:
    assert {name for name, _, _ in CASES} == {kind.id for kind in KEY_FILES}


def test_a_key_behind_a_passphrase_is_less_severe() -> None:
    severities = {kind.id: kind.severity for kind in KEY_FILES}
    assert severities["key-file-pem"] is Severity.CRITICAL
    assert severities["key-file-encrypted"] is Severity.LOW


def test_a_hostile_name_or_content_takes_no_age() -> None:
    started = time.monotonic()
    kinds_of("/".join([".env.example.sample" * 200] * 20))
    for path in (".env", "id_rsa", "a.pem", ".npmrc", "kubeconfig", ".pgpass", ".htpasswd", "a.json"):
        header = "-----BEGIN RSA PRIVATE KEY" + "-----"
        for content in (header * 3000, "a=" * 50_000, " " * 100_000, "a:" * 50_000, "sops " * 20_000, "\\n" * 50_000):
            judge(kinds_of(path), content.encode())
    assert time.monotonic() - started < 20, "a pattern backtracks"
