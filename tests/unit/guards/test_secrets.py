"""Which keys, tokens and passwords the guard `secrets` finds, what only looks like one, how long it takes, and what it promises
for answers that stream."""

from __future__ import annotations

import json
import random
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.guards.settled import settled_keeps_its_word, texts_of

from groundcrew.guards.redaction import redact
from groundcrew.guards.registry import find_guard

WORD = string.ascii_letters + string.digits
URL_WORD, BASE64, HEX = WORD + "-_", WORD + "+/", "0123456789abcdef"
CAPITALS = string.ascii_uppercase + string.digits
Made = Callable[[random.Random], str]


def some(length: int, characters: str = WORD) -> Made:
    return lambda source: "".join(source.choice(characters) for _ in range(length))


def lines(kind: str, count: int) -> Made:
    def make(source: random.Random) -> str:
        body = "\n".join(some(64, BASE64)(source) for _ in range(count))
        return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"

    return make


#: What surrounds a secret, and the secret, which is all of a finding.
SECRETS: dict[str, tuple[str, str, Made]] = {
    "openai": ("", "", lambda source: "sk-proj-" + some(156, URL_WORD)(source)),
    "anthropic": ("key ", ".", lambda source: "sk-ant-api03-" + some(93, URL_WORD)(source) + "AA"),
    "groundcrew": ("", "", lambda source: "gc_" + some(43)(source)),
    "aws": ("id ", " and", lambda source: "AKIA" + some(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")(source)),
    "aws secret": ("aws_secret_access_key = ", "\n", lambda source: some(38, BASE64)(source) + "7k"),
    "github": ("", "", lambda source: "ghp_" + some(36)(source)),
    "github fine-grained": ("", "", lambda source: f"github_pat_{some(22)(source)}_{some(59)(source)}"),
    "gitlab": ("", "", lambda source: "glpat-" + some(18)(source) + "a7"),
    "langfuse": ("", "", lambda source: "sk-lf-" + "-".join(some(each, HEX)(source) for each in (8, 4, 4, 4, 12))),
    "slack": ("", "", lambda source: f"xoxb-{some(12, string.digits)(source)}-{some(24)(source)}"),
    "google": ("?key=", "&x=1", lambda source: "AIza" + some(35, URL_WORD)(source)),
    "stripe": ("", "", lambda source: "rk_live_" + some(24)(source)),
    "hugging face": ("", "", lambda source: "hf_" + some(34)(source)),
    "npm": ("", "", lambda source: "npm_" + some(36)(source)),
    "pypi": ("", "", lambda source: "pypi-AgEIcHlwaS5vcmc" + some(150, URL_WORD)(source)),
    "twilio": ("", "", lambda source: "SK" + some(32, HEX)(source)),
    "sendgrid": ("", "", lambda source: f"SG.{some(22, URL_WORD)(source)}.{some(43, URL_WORD)(source)}"),
    "azure": ("AccountName=firm;AccountKey=", ";EndpointSuffix=x", lambda source: some(86, BASE64)(source) + "=="),
    "token": ("", "", lambda source: f"eyJhbGciOiJIUzI1NiJ9.eyJ{some(60)(source)}.{some(43)(source)}"),
    "address": ("postgresql://app:", "@db.internal:5432/prod", some(14)),
    "word": ("Das Passwort lautet ", ".", lambda source: some(9, string.ascii_letters)(source) + "37"),
    "sentence": ("my password is ", ", sorry", lambda source: "Tk!" + some(8)(source) + "4"),
    "environment": ("export STRIPE_API_KEY=", "\n", lambda source: some(28)(source) + "a1"),
    "json": ('{"clientSecret": "', '"}', lambda source: some(32, HEX)(source)),
    "header": ("Authorization: Bearer ", "", lambda source: some(38)(source) + "a1"),
    "pem": ("", "\nthanks", lines("PRIVATE KEY", 12)),
    "openssh": ("", "", lines("OPENSSH PRIVATE KEY", 6)),
    "pgp": ("", "", lines("PGP PRIVATE KEY BLOCK", 6)),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_blocks_and_is_covered_from_end_to_end(name: str) -> None:
    before, after, make = SECRETS[name]
    for seed in range(20):
        secret = make(random.Random(seed))
        text = f"Hello, {before}{secret}{after}"
        verdict = find_guard("secrets").check(text, {})
        assert verdict.verdict == "block", text
        masked, _ = redact(text, verdict.findings)
        assert masked == f"Hello, {before}[SECRET]{after}"


@pytest.mark.parametrize(("name", "says"), [("aws", "looks like an AWS access key"), ("slack", "looks like a Slack token")])
def test_a_reason_says_what_it_looks_like(name: str, says: str) -> None:
    secret = SECRETS[name][2](random.Random(1))
    assert find_guard("secrets").check(secret, {}).findings[0].reason == says


def test_the_key_in_a_service_account_file_is_covered_as_it_is_written_there() -> None:
    key = lines("PRIVATE KEY", 20)(random.Random(1))
    text = json.dumps({"type": "service_account", "private_key": key + "\n", "client_id": "1"})
    masked, _ = redact(text, find_guard("secrets").check(text, {}).findings)
    assert masked == '{"type": "service_account", "private_key": "[SECRET]\\n", "client_id": "1"}'


@pytest.mark.parametrize(
    "text",
    [
        *("api_key: env:OPENAI_KEY", "OPENAI_API_KEY=sk-your-key-here-1234", "export API_KEY=YOUR_API_KEY_2", "sk-" + "x" * 24),
        *("secret: ${DB_SECRET_1}", 'password = os.environ["DB_PASSWORD_2"]', "api_key=settings.api_key_v2()"),
        *("commit 349a52996669695db9c3b4a8f333dd50e4cbbfa7", "id: 123e4567-e89b-12d3-a456-426614174000"),
        "sha256:9970712cfb81ea26c8658d378aaa5b8f6ff9146e5bb111d70497c164016cf598",
        *("postgres://user:password@localhost:5432/app", "https://user:$PASSWORD1@example.com", "AKIAIOSFODNN7EXAMPLE"),
        *("the class sk-folding-cube-animation-2-large", "gc_collect_generation_threshold_configuration_value"),
        *("password: str = Field(min_length=12)", "api_key: SecretStr1 | None = None", "password: file:/run/secrets/db2"),
        *("secret_name: projects/123/secrets/my-secret/versions/2", "the private_key: /etc/ssl/server2.key"),
        *(
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "Basic authentication2 is what the-long-named-topic2 does",
        ),
        *("My password is not working since version 2", "The passphrase is correct horse battery", "ASIA PACIFIC 2026"),
        *("hf_hub_download and hf_transfer", "glpat-something-like-this-name", "The token budget: 4096 tokens"),
        *("git@github.com:org/repo.git", "https://fonts.googleapis.com/css2?family=Inter:wght@400;600"),
        *("-----BEGIN", "://@:", "", "password:", "secret=", "eyJ.eyJ."),
    ],
)
def test_what_stands_for_a_secret_or_only_looks_like_one_passes(text: str) -> None:
    assert find_guard("secrets").check(text, {}).findings == ()


def test_a_second_name_before_the_secret_does_not_hide_it() -> None:
    assert find_guard("secrets").check("password: password: hunter2Secret9x", {}).verdict == "block"


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "-",
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\nAAAA",
            "-----BEGIN ",
            "eyJ-",
            "eyJaaaaaaaaaa.",
            "sk-a",
        ),
        *("password:", "password= ", "a://b:", "://a:bcdefgh", "a", "AKIA", "gc_", "bearer ", "secret_", "123456789:AA", " "),
    ],
)
def test_time_is_linear_in_the_text(piece: str) -> None:
    """Sixteen times the text must not take a hundred times as long: a comparison that holds on a busy machine too."""
    guard = find_guard("secrets")
    assert guard.settled is not None

    def spent_s(length: int) -> float:
        text = piece * (length // len(piece))
        best = 1e9
        for _ in range(3):
            started_s = time.thread_time()
            guard.check(text, {})
            guard.settled(text) if guard.settled else None
            best = min(best, time.thread_time() - started_s)
        return best

    assert spent_s(64_000) < 100 * max(spent_s(4_000), 1e-4)


SOURCE = random.Random(7)
test_settled = settled_keeps_its_word(
    "secrets",
    texts_of(
        *(before + make(SOURCE) + after for before, after, make in SECRETS.values()),
        *("password: ", "-----BEGIN", "-----END PRIVATE KEY-----", '"', "<", "://", "@", "bearer ", "\\n", "=", " is "),
        pieces_max=4,
    ),
)


@settings(max_examples=50, deadline=None)
@given(words=st.lists(st.sampled_from(["the", "fee", "is", "CHF", "5", "a-b", "x_y", "1.5"]), min_size=1, max_size=30))
def test_finished_words_are_judged_for_good(words: list[str]) -> None:
    settled = find_guard("secrets").settled
    assert settled is not None
    text = " ".join(words)
    assert settled(text) == len(text) - len(words[-1])
