"""How a provider is addressed, as it is declared: what is read, what is refused, and that no secret gets in or is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundcrew.domain.provider import Provider
from groundcrew.services.declarations import DeclarationErrors, load


def read(folder: Path, text: str) -> Provider:
    path = folder / "provider.yaml"
    path.write_text("kind: Provider\nname: p\n" + text)
    return load([path]).providers[0].value


def complaints(folder: Path, text: str) -> dict[str, str]:
    """Field → message."""
    with pytest.raises(DeclarationErrors) as caught:
        read(folder, text)
    return {each.field or "": str(each) for each in caught.value.errors}


def test_every_field(tmp_path: Path) -> None:
    provider = read(
        tmp_path,
        "api: openai\nbase_url: https://x.example/deployments/{model}/\napi_key: env:K\napi_key_header: API-Key\n"
        "headers: {X-Team: ops, OpenAI-Project: proj-1}\nquery: {api-version: '2024-10-21'}\n",
    )
    assert provider.base_url == "https://x.example/deployments/{model}"
    assert provider.api_key_header == "api-key"
    assert provider.headers == {"x-team": "ops", "openai-project": "proj-1"}
    assert provider.query == {"api-version": "2024-10-21"}


def test_what_is_left_out_is_empty(tmp_path: Path) -> None:
    provider = read(tmp_path, "api: anthropic\napi_key: env:K\n")
    assert (provider.headers, provider.query, provider.api_key_header, provider.region) == ({}, {}, None, None)


@pytest.mark.parametrize(
    "text",
    [
        "api: bedrock\nregion: eu-central-1\n",
        "api: bedrock\nregion: us-gov-west-1\napi_key: env:K\n",
        "api: bedrock\nbase_url: https://vpce.example\napi_key: env:K\n",
        "api: bedrock\nbase_url: https://vpce.example\nregion: eu-central-1\n",
    ],
)
def test_bedrock(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).api == "bedrock"


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("api: bedrock\n", "region", "is required for bedrock"),
        ("api: bedrock\nbase_url: https://vpce.example\n", "region", "where there is no api_key"),
        ("api: bedrock\nregion: eu-central-1/../x\n", "region", "expected a region"),
        ("api: gemini\nregion: eu-central-1\n", "region", "only the api bedrock"),
        ("api: gemini\napi_key_header: x-key\n", "api_key_header", "there is no api_key"),
        ("api: gemini\napi_key: env:K\napi_key_header: 'x key'\n", "api_key_header", "no name of a header"),
        ("api: gemini\napi_key: env:K\napi_key_header: Host\n", "api_key_header", "set by the gateway"),
        ("api: gemini\nheaders: [x]\n", "headers", "expected a mapping"),
        ("api: gemini\nheaders: {'a b': x}\n", "headers.a b", "no name of a header"),
        ("api: gemini\nheaders: {host: x}\n", "headers.host", "set by the gateway"),
        ("api: gemini\nheaders: {X-Amz-Date: x}\n", "headers.X-Amz-Date", "set by the gateway"),
        ("api: gemini\nheaders: {a: x, A: y}\n", "headers.A", "given twice"),
        ('api: gemini\nheaders: {a: "x\\r\\nb: y"}\n', "headers.a", "printable ASCII"),
        ("api: gemini\nheaders: {a: \u00fc}\n", "headers.a", "printable ASCII"),
        ("api: gemini\nheaders: {a: 7}\n", "headers.a", "quote it"),
        ("api: gemini\nheaders: {a: ''}\n", "headers.a", "1 to 1000 characters"),
        ("api: gemini\nquery: {alt: json}\n", "query.alt", "set by the gateway"),
        ("api: gemini\nquery: {'a&b': x}\n", "query.a&b", "no name of a query parameter"),
        ('api: gemini\nquery: {a: "x\\ny"}\n', "query.a", "printable"),
        ("api: extractive\nquery: {a: b}\n", "query", "embedded"),
        ("api: extractive\nheaders: {a: b}\n", "headers", "embedded"),
        ("api: tuned\nbase_url: https://x.example\n", "base_url", "the tuned provider is embedded"),
        ("api: tuned\napi_key: env:K\n", "api_key", "the tuned provider is embedded"),
        ("api: tuned\nquery: {a: b}\n", "query", "the tuned provider is embedded"),
        ("api: openai\nbase_url: https://{model}.example/v1\n", "base_url", "braces"),
        ("api: openai\nbase_url: https://x.example/{model}/{model}\n", "base_url", "braces"),
        ("api: openai\nbase_url: https://x.example/{other}\n", "base_url", "braces"),
        ("api: gemini\nbase_url: https://x.example/{model}\n", "base_url", "braces"),
        ("api: openai\nbase_url: https://x.example/v1?api-version=1\n", "base_url", "declared under query"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, field: str, message: str) -> None:
    found = complaints(tmp_path, text)
    assert message in found.get(field, str(found))


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Proxy-Authorization",
        "x-api-key",
        "api-key",
        "apikey",
        "X-Goog-Api-Key",
        "x-auth-token",
        "Cookie",
        "my-secret",
    ],
)
@pytest.mark.parametrize("place", ["headers", "query"])
def test_a_secret_by_its_name_is_refused_and_never_shown(tmp_path: Path, name: str, place: str) -> None:
    found = complaints(tmp_path, f"api: gemini\n{place}: {{{name}: hunter22-hunter22}}\n")
    assert "hunter22" not in str(found)
    assert "api_key" in found[f"{place}.{name}"]


def test_a_secret_by_its_looks_is_refused_and_never_shown(tmp_path: Path) -> None:
    looks = "sk-" + "proj-" + "a1B2" * 8
    for place in ("headers", "query"):
        found = complaints(tmp_path, f"api: gemini\n{place}: {{x-note: {looks}}}\n")
        assert looks not in str(found)
        assert "looks like a secret" in found[f"{place}.x-note"]


def test_too_many_headers(tmp_path: Path) -> None:
    many = ", ".join(f"x-{index}: a" for index in range(17))
    assert "more than 16" in complaints(tmp_path, f"api: gemini\nheaders: {{{many}}}\n")["headers"]


@pytest.mark.parametrize("model", ["..", ".", '"a\\nb"'])
def test_what_is_no_name_of_a_model(tmp_path: Path, model: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(f"kind: Model\nname: m\ntargets: [{{provider: p, model: {model}}}]\n")
    with pytest.raises(DeclarationErrors, match="no model's name"):
        load([path])
