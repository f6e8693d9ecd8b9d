"""What is inside of a token decides: checksums, encoded JSON, users and passwords, keys that belong together."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import zlib

import pytest

from ci_guard.model.judgement import Severity
from ci_guard.model.scan import Confidence
from ci_guard.secrets.formats import in_base, judged_password
from ci_guard.secrets.matcher import Match, Matcher
from tests.secrets.made_up import encoded_json, jwt, nkey, password, rules, text_for

CHANCE = random.Random(11)
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(rules().values())


def names(matcher: Matcher, text: str) -> list[str]:
    return [match.rule.id for match in matcher.scan(text.encode())]


def one(matcher: Matcher, text: str) -> Match:
    (match,) = matcher.scan(text.encode())
    return match


def altered(text: str, place: int) -> str:
    return text[:place] + ("b" if text[place] != "b" else "c") + text[place + 1 :]


class TestChecksums:
    def test_a_routable_token_of_gitlab_proves_itself(self, matcher: Matcher) -> None:
        payload = base64.urlsafe_b64encode(b"o:1\nu:7f" + CHANCE.randbytes(19)).decode()
        head = f"glpat-{payload}.01.{in_base(len(payload), BASE36, 2)}"
        token = head + in_base(zlib.crc32(head.encode()), BASE36, 7)
        assert one(matcher, token).detail == "format and checksum fit"
        assert one(matcher, altered(token, 12)).detail == "the format fits"

    def test_a_token_of_synapse_proves_itself(self, matcher: Matcher) -> None:
        head = "syt_Ym9i_" + "kVbQzLwXyTnHsPqRdFgJ"
        token = f"{head}_{in_base(zlib.crc32(head.encode()), BASE62, 6)}"
        assert one(matcher, token).detail == "format and checksum fit"

    @pytest.mark.parametrize("name", ["nats-seed", "bip32-private-key"])
    def test_a_key_with_a_checksum_is_none_without_it(self, matcher: Matcher, name: str) -> None:
        text = text_for(rules()[name])
        assert names(matcher, text) == [name]
        assert names(matcher, altered(text, len(text) // 2).replace("b", "B")) == []

    def test_a_public_key_of_nats_is_none(self, matcher: Matcher) -> None:
        assert names(matcher, "U" + nkey(rules()["nats-seed"], CHANCE)[2:]) == []


class TestJsonWebTokens:
    def test_says_when_it_ends_without_judging_the_day(self, matcher: Matcher) -> None:
        match = one(matcher, jwt(CHANCE, exp=1_600_000_000))
        assert (match.rule.id, match.severity, match.detail) == (
            "jwt",
            Severity.MEDIUM,
            "it decodes, and ends 2020-09-13",
        )
        assert one(matcher, jwt(CHANCE)).detail == "it decodes, and names no end"

    def test_one_that_is_not_signed_is_low(self, matcher: Matcher) -> None:
        match = one(matcher, jwt(CHANCE, header={"alg": "none"}).rpartition(".")[0] + ".")
        assert (match.severity, match.detail) == (Severity.LOW, "it decodes, and is not signed (alg: none)")

    def test_in_a_header_it_is_judged_as_what_it_is(self, matcher: Matcher) -> None:
        token = jwt(CHANCE, header={"alg": "none"}).rpartition(".")[0] + "."
        match = one(matcher, f"Authorization: Bearer {token}")
        assert (match.rule.id, match.severity) == ("jwt", Severity.LOW)

    def test_a_service_role_is_critical_and_a_public_role_is_nothing(self, matcher: Matcher) -> None:
        assert one(matcher, jwt(CHANCE, iss="supabase", role="service_role")).severity is Severity.CRITICAL
        assert names(matcher, jwt(CHANCE, iss="supabase", role="anon")) == []

    @pytest.mark.parametrize("key", [b"secret", b"your-256-bit-secret"])
    def test_one_that_a_tutorials_key_signed_is_nothing(self, matcher: Matcher, key: bytes) -> None:
        head, body, _ = jwt(CHANCE, header={"alg": "HS256", "typ": "JWT"}).split(".")
        signature = hmac.digest(key, f"{head}.{body}".encode(), "sha256")
        token = f"{head}.{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        assert names(matcher, token) == []

    @pytest.mark.parametrize("claims", ["[]", "7", "nan", "", '{"exp": 1e999}', "[" * 5000])
    def test_one_whose_inside_is_no_object_is_nothing_or_read(self, matcher: Matcher, claims: str) -> None:
        body = base64.urlsafe_b64encode(b'{"' + claims.encode()).decode().rstrip("=")
        assert names(matcher, f"{encoded_json({'alg': 'RS256'})}.{body}.{'Zk3' * 30}") == []

    def test_an_end_beyond_all_time_is_not_told(self, matcher: Matcher) -> None:
        assert one(matcher, jwt(CHANCE, exp=10**300)).detail == "it decodes, and names no end"
        assert one(matcher, jwt(CHANCE, exp=True)).detail == "it decodes, and names no end"


class TestPasswords:
    @pytest.mark.parametrize(
        "url",
        [
            "postgres://user:password@localhost/db",
            "postgresql://postgres:postgres@db:5432/app",
            "mysql://root:root@127.0.0.1/x",
            "mongodb+srv://<user>:<password>@cluster0.example.net",
            "redis://:${REDIS_PASSWORD}@cache:6379",
            "amqp://guest:guest@rabbitmq:5672//",
            "postgres://app:%s@host/db",
            "postgres://app:{{ password }}@host/db",
            "mysql://user:xxxxxxxx@db.corp.io/x",
            "postgres://user:mysecretpassword@db/x",
        ],
    )
    def test_a_url_of_a_manual_is_nothing(self, matcher: Matcher, url: str) -> None:
        assert names(matcher, url) == []

    def test_a_host_of_the_readers_own_makes_it_less_sure(self, matcher: Matcher) -> None:
        secret = password(CHANCE)
        assert one(matcher, f"postgres://app:{secret}@db.corp.io/x").confidence is Confidence.HIGH
        match = one(matcher, f"postgres://app:{secret}@localhost/x")
        assert (match.confidence, match.severity) == (Confidence.LOW, Severity.MEDIUM)

    def test_only_the_password_is_the_secret(self, matcher: Matcher) -> None:
        first = one(matcher, f"redis://:{password(random.Random(1))}@cache.corp.io")
        again = one(matcher, f"mysql://app:{password(random.Random(1))}@other.corp.io/x")
        assert first.identity == again.identity

    def test_basic_credentials_of_a_manual_are_nothing(self, matcher: Matcher) -> None:
        for pair in ("user:password", "aladdin:${SECRET}", "admin:admin", ":x", "no colon in it"):
            assert names(matcher, f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}") == []

    def test_a_login_of_a_manual_in_source_code_is_nothing(self, matcher: Matcher) -> None:
        assert names(matcher, r'f.write("machine example.com login user password pass\ndefault\n")') == []

    @pytest.mark.parametrize(
        "command",
        [
            "sshpass -p $PASSWORD ssh ci@corp.io",
            "docker login -u ci -p ${{ secrets.REGISTRY }} r.corp.io",
            "docker login -u ci -p <password>",
            "mysql -uroot -ppassword shop",
            "mysql -u root -p shop",
            "mysqldump --protocol tcp -u root shop",
            "htpasswd -bc {{ users | quote }} {{ user | quote }} {{ password | quote }}",
            "redis-cli -a mypassword ping",
            "sqlcmd -S host -U sa -P your_password",
            "auth = HTTPDigestAuth('user', 'wrongpass')",
            "wrong_auth = ('wronguser', 'wrongpass')",
            'ConvertTo-SecureString "$plain" -AsPlainText',
            "requirepass foobared",
            "echo test | sudo -S ls",
            "curl -u ${TOKEN}: https://api.corp.io",
            "curl -u your-api-key-goes-in-here: https://api.corp.io",
            "Authorization: ApiKey your-api-key-goes-in-here",
            "Authorization: Digest username=Mufasa, realm=testrealm1@host.com",
            "https://hooks.zapier.com/hooks/catch/123456/abcdef/",
            "https://your-subdomain-name-of-32-signs.corp.io/",
        ],
    )
    def test_a_command_or_address_of_a_manual_is_nothing(self, matcher: Matcher, command: str) -> None:
        assert names(matcher, f"{command}\n") == []

    def test_a_word_that_stands_for_a_password_is_none(self) -> None:
        assert [judged_password(word) for word in (b"password123", b"$PW", b"changeme", b"12345")] == [None] * 4
        assert judged_password(b"sunflower") is Confidence.LOW
        assert judged_password(b"-".join((b"t7Kq", b"9vX2m"))) is Confidence.HIGH


class TestKeysThatBelongTogether:
    def test_an_access_key_of_aws_is_worse_with_its_secret_near(self, matcher: Matcher) -> None:
        key = text_for(rules()["aws-access-key"])
        secret = base64.b64encode(hashlib.sha256(b"made up").digest())[:40].decode()
        alone = one(matcher, f"id: {key}")
        assert (alone.severity, alone.detail) == (Severity.MEDIUM, "the format fits; no secret key stands near it")
        assert one(matcher, f'["{key}", "{secret}"]').severity is Severity.CRITICAL
        assert one(matcher, f"{key} {hashlib.sha1(b'a commit').hexdigest()}").severity is Severity.MEDIUM

    def test_the_member_d_alone_is_no_key(self, matcher: Matcher) -> None:
        text = text_for(rules()["jwk-private-key"])
        assert names(matcher, text) == ["jwk-private-key"]
        assert names(matcher, text.replace('"kty"', '"kind"')) == []
        assert names(matcher, text.replace('"d"', '"k"')) == []

    def test_an_xml_key_without_its_exponent_is_public(self, matcher: Matcher) -> None:
        text = text_for(rules()["xml-rsa-private-key"])
        assert names(matcher, text.replace("<D>", "<E>")) == []

    def test_a_bot_token_begins_with_a_user(self, matcher: Matcher) -> None:
        text = text_for(rules()["discord-bot-token"])
        assert names(matcher, text) == ["discord-bot-token"]
        assert names(matcher, text.replace(text[4:12], "zzQ1kP9v")) == []

    def test_a_vendors_name_with_a_word_is_no_finding(self, matcher: Matcher) -> None:
        for text in (
            "datadog_trace_id = 0f3a9c5e1b7d2f4a6c8e0b1d3f5a7c9e",
            "github_token = ${{ secrets.GITHUB_TOKEN }}",
            "heroku_api_key = os.environ['HEROKU_API_KEY']",
            "snyk-token: <your token>",
            "spotify_client_secret = configuration_of_the_client_here",
        ):
            assert names(matcher, text) == []
