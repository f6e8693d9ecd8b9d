"""Makes tokens that fit a rule, from nothing but the rule's own pattern and a seed; none of them was ever issued."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import random
import re
import string
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ci_guard.secrets.rule import Rule, load
from ci_guard.secrets.triggers import BY_NAME

try:
    from re import _parser as sre  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_parse as sre

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
BASE64 = string.ascii_letters + string.digits + "+/"


@functools.cache
def rules() -> dict[str, Rule]:
    """Return the rules whose secrets have a format; those that go by a name have cases of their own."""
    return {rule.id: rule for rule in load() if rule.check not in BY_NAME}


@functools.cache
def text_for(rule: Rule, seed: int = 0, *, longest: bool = False) -> str:
    """Return a text that holds one secret of the rule's kind, and all that belongs to it."""
    chance = random.Random(f"{rule.id} {seed}")
    armoured = ARMOURED.get(rule.id)
    if armoured:
        return armoured(chance)
    while True:
        maker = MADE.get(rule.check)
        text = maker(rule, chance) if maker else _from_pattern(sre.parse(rule.pattern), chance, longest=longest)
        if rule.check == "crc32-base62":
            text = with_checksum(text)
        if _plausible(rule, text):
            return text


def secret_in(rule: Rule, text: str) -> str:
    """Return the part of a text made by `text_for` that must never be shown."""
    match = rule.regex.search(text.encode())
    assert match
    return text if rule.id in ARMOURED else match.group("secret" if "secret" in rule.regex.groupindex else 0).decode()


def windows_of(rule: Rule, text: str, size: int = 5) -> set[str]:
    """Return every part of that many characters of what must not be shown: the secret without what its format says."""
    secret = secret_in(rule, text)
    if rule.id in ARMOURED:  # the lines between BEGIN and END
        bodies = [line for line in re.split(r"[\n<>]", secret) if len(line) >= 24 and not re.search(r"[ -]", line)]
    else:
        bodies = [secret[len(rule.public_prefix(secret.encode())) :]]
    windows = {body[start : start + size] for body in bodies for start in range(len(body) - size + 1)}
    return {window for window in windows if window not in rule.pattern}


def with_checksum(token: str) -> str:
    """Return a token of the form of GitHub's whose last six characters are the checksum of the thirty before."""
    head, _, body = token.rpartition("_")
    return f"{head}_{body[:-6]}{_base62(zlib.crc32(body[:-6].encode()))}" if len(body) == 36 else token


def with_wrong_checksum(token: str) -> str:
    return token[:-1] + ("1" if token[-1] != "1" else "2")


def github_token(seed: int = 0) -> str:
    return text_for(rules()["github-pat"], seed)


def private_key(kind: str = "RSA ", seed: int = 0, *, lines: int = 12, encrypted: bool = False) -> str:
    """Return an armoured key of random bytes."""
    body = base64.b64encode(b"\x30\x82" + random.Random(seed).randbytes(48 * lines - 2)).decode()
    headers = (
        ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF", ""] if encrypted else []
    )
    return _armour(f"{kind}PRIVATE KEY", headers, body)


def openssh_key(seed: int = 0, cipher: bytes = b"none") -> str:
    raw = b"openssh-key-v1\0" + len(cipher).to_bytes(4, "big") + cipher + b"\0\0\0\4none\0\0\0\0\0\0\0\1"
    return _armour("OPENSSH PRIVATE KEY", [], base64.b64encode(raw + random.Random(seed).randbytes(240)).decode())


def _armour(label: str, headers: Sequence[str], body: str) -> str:
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    dashes = "-" * 5
    return "\n".join([f"{dashes}BEGIN {label}{dashes}", *headers, *lines, f"{dashes}END {label}{dashes}"])


def _pgp_key(chance: random.Random) -> str:
    body = base64.b64encode(b"\x95\x03" + chance.randbytes(400)).decode()
    return _armour("PGP PRIVATE KEY BLOCK", ["Version: 1", ""], body).replace(
        "\n-----END", "\n=" + "abcd" + "\n-----END"
    )


def _putty_key(cipher: str, chance: random.Random) -> str:
    body = base64.b64encode(chance.randbytes(96)).decode()
    public = base64.b64encode(chance.randbytes(48)).decode()
    head = f"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: {cipher}\nComment: key\nPublic-Lines: 1\n{public}\n"
    return f"{head}Private-Lines: 2\n{body[:64]}\n{body[64:]}"


def _xml_key(chance: random.Random) -> str:
    parts = {name: base64.b64encode(chance.randbytes(128)).decode() for name in ("Modulus", "P", "D")}
    return "<RSAKeyValue>" + "".join(f"<{name}>{value}</{name}>" for name, value in parts.items()) + "</RSAKeyValue>"


def _openvpn_key(chance: random.Random) -> str:
    lines = "\n".join(chance.randbytes(16).hex() for _ in range(16))
    dashes = "-" * 5
    return f"{dashes}BEGIN OpenVPN Static key V1{dashes}\n{lines}\n{dashes}END OpenVPN Static key V1{dashes}"


ARMOURED: dict[str, Callable[[random.Random], str]] = {
    "private-key": lambda chance: private_key(seed=chance.randrange(1 << 30)),
    "encrypted-private-key": lambda chance: private_key("ENCRYPTED ", seed=chance.randrange(1 << 30)),
    "pgp-private-key": _pgp_key,
    "putty-private-key": functools.partial(_putty_key, "none"),
    "encrypted-putty-private-key": functools.partial(_putty_key, "aes256-cbc"),
    "xml-rsa-private-key": _xml_key,
    "openvpn-static-key": _openvpn_key,
}
"""Kinds that hold more than their pattern says."""


def _url(rule: Rule, chance: random.Random) -> str:
    return f"{chance.choice(rule.keywords)}app:{password(chance)}@db{chance.randrange(90)}.corp.io:5432/x"


def password(chance: random.Random) -> str:
    """Return a password as a machine makes it."""
    return "".join(chance.choice(BASE62) for _ in range(14)) + "7q"


def _basic(rule: Rule, chance: random.Random) -> str:
    encoded = base64.b64encode(f"ci:{password(chance)}".encode()).decode()
    before = {"npmrc-auth": "_auth=", "docker-config-auth": '"auth": "'}.get(rule.id, "Authorization: Basic ")
    return before + encoded + ('"' if rule.id == "docker-config-auth" else "")


def _with_password(rule: Rule, chance: random.Random) -> str:
    before, behind = {
        "netrc-password": ("machine git.corp.io login ci password ", ""),
        "curl-user": ("curl -u ci:", " "),
        "jdbc-password": ("jdbc:mysql://db.corp.io/x?password=", ""),
        "sql-user-password": ("identified by '", "'"),
        "connection-string-password": ("Server=db.corp.io;User ID=ci;Password=", ";"),
        "gradle-credentials": ("credentials { username 'ci' password '", "' }"),
        "react-app-password": ("REACT_APP_PASSWORD=", ""),
        "windows-command-password": (r"net use \\files\share ", " /user:ci"),
        "command-password": ("docker login -u ci -p ", " r.corp.io"),
        "mysql-command-password": ("mysql -u ci -p", " shop"),
        "ldap-command-password": ("ldapsearch -x -D cn=ci -w ", " -b dc=io"),
        "database-command-password": ("sqlcmd -S db.corp.io -U ci -P ", " -i a.sql"),
        "putty-command-password": ("plink.exe -pw ", " ci@corp.io"),
        "redis-command-password": ("redis-cli -h db.corp.io -a ", " ping"),
        "redis-config-password": ("requirepass ", ""),
        "keytool-password": ("keytool -genkey -storepass ", " -alias x"),
        "openssl-pass-phrase": ("openssl rsa -passin pass:", " -in k"),
        "gpg-pass-phrase": ("gpg --batch --passphrase ", " -d f"),
        "samba-command-password": ("smbclient //h/s -U ci%", " -c ls"),
        "htpasswd-command-password": ("htpasswd -bc users ci ", ""),
        "sudo-password": ("echo ", " | sudo -S ls"),
        "powershell-secure-string": ('ConvertTo-SecureString "', '" -AsPlainText -Force'),
        "oracle-login": ("sqlplus ci/", "@db"),
        "wifi-pass-phrase": ('psk="', '"'),
        "pgpass-password": ("db.corp.io:5432:shop:ci:", ""),
        "snmp-community": ("snmp-server community ", " RW"),
        "lftp-command-password": ("lftp -u ci,", " ftp.corp.io"),
        "remote-desktop-command-password": ("xfreerdp /u:ci /p:", " /v:corp.io"),
        "tuple-password": ("auth=('ci', '", "')"),
    }[rule.id]
    return before + password(chance) + behind


def encoded_json(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def jwt(chance: random.Random, *, header: Mapping[str, object] | None = None, **claims: object) -> str:
    """Return a signed JSON Web Token of random bytes."""
    head = {"alg": "RS256", "typ": "JWT"} if header is None else header
    body = {"iss": "https://id.corp.io/", "sub": str(chance.randrange(1 << 60)), **claims}
    signature = base64.urlsafe_b64encode(chance.randbytes(64)).decode().rstrip("=")
    return f"{encoded_json(head)}.{encoded_json(body)}.{signature}"


def _with_json(rule: Rule, chance: random.Random) -> str:
    body = encoded_json(
        {"a": chance.randbytes(16).hex(), "t": chance.randbytes(16).hex(), "s": chance.randbytes(64).hex()}
    )
    before, behind = {
        "mapbox-secret-token": ("sk.", "." + base64.urlsafe_b64encode(chance.randbytes(16)).decode().rstrip("=")),
        "onepassword-service-token": ("ops_", ""),
    }.get(rule.id, ("", ""))
    return before + body[: 200 if behind else 260] + behind


def _discord(_rule: Rule, chance: random.Random) -> str:
    user = base64.b64encode(str(chance.randrange(2 * 10**17, 9 * 10**17)).encode()).decode()
    rest = [base64.urlsafe_b64encode(chance.randbytes(30)).decode()[:size] for size in (6, 38)]
    return ".".join([user, *rest])


def _base58(_rule: Rule, chance: random.Random) -> str:
    raw = bytes.fromhex("0488ade4") + chance.randbytes(74)
    raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return text


def nkey(_rule: Rule, chance: random.Random) -> str:
    raw = bytes((0x95, 0x00)) + chance.randbytes(32)
    return base64.b32encode(raw + binascii.crc_hqx(raw, 0).to_bytes(2, "little")).decode().rstrip("=")


def _jwk(_rule: Rule, chance: random.Random) -> str:
    parts = [base64.urlsafe_b64encode(chance.randbytes(32)).decode().rstrip("=") for _ in range(3)]
    return json.dumps(dict(zip(("kty", "x", "y", "d"), ("EC", *parts), strict=True)))


MADE: dict[str, Callable[[Rule, random.Random], str]] = {
    "url-password": _url,
    "basic-auth": _basic,
    "password": _with_password,
    "argument": _with_password,
    "jwt": lambda _rule, chance: jwt(chance),
    "base64-json": _with_json,
    "discord-token": _discord,
    "base58check": _base58,
    "nkey": nkey,
    "jwk": _jwk,
}
"""Makers for checks that ask for more than a pattern says, by the check's name."""


def _plausible(rule: Rule, text: str) -> bool:
    """Return whether chance has not made something that looks invented, or that goes on where the token should end."""
    from ci_guard.secrets.checks import entropy, is_invented
    from ci_guard.secrets.generic import judge_argument

    secret = secret_in(rule, text).encode()
    body = secret[len(rule.public_prefix(secret)) :]
    if rule.check == "near" and not (re.search(rb"[0-9]", secret) and re.search(rb"[A-Za-z]", secret)):
        return False
    if rule.check == "argument" and not judge_argument(secret, 0, len(secret)):
        return False
    return entropy(body) >= rule.entropy and not is_invented(body)


def _base62(number: int) -> str:
    digits = ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


def _from_pattern(parsed: Any, chance: random.Random, *, longest: bool) -> str:
    return "".join(_from_part(str(operator), value, chance, longest=longest) for operator, value in parsed)


def _from_part(operator: str, value: Any, chance: random.Random, *, longest: bool) -> str:
    if operator == "LITERAL":
        return chr(value)
    if operator == "NOT_LITERAL":
        return "x"
    if operator == "IN":
        return chance.choice(_signs(tuple(value)))
    if operator == "BRANCH":
        return _from_pattern(chance.choice(value[1]), chance, longest=longest)
    if operator == "SUBPATTERN":
        return _from_pattern(value[-1], chance, longest=longest)
    if operator in ("MAX_REPEAT", "MIN_REPEAT"):
        low, high, inner = value
        times = high if longest else chance.randint(low, min(high, low + 12))
        return "".join(_from_pattern(inner, chance, longest=longest) for _ in range(times))
    if operator == "ASSERT_NOT":
        return ""
    raise NotImplementedError(operator)


@functools.cache
def _signs(members: tuple[Any, ...]) -> list[str]:
    if str(members[0][0]) == "NEGATE":
        return [*BASE62]
    signs: list[str] = []
    for operator, value in members:
        if str(operator) == "LITERAL":
            signs.append(chr(value))
        elif str(operator) == "RANGE":
            signs += [chr(code) for code in range(value[0], value[1] + 1)]
        elif str(operator) == "CATEGORY":
            signs.append(" ")
        else:
            raise NotImplementedError(operator)
    return signs
