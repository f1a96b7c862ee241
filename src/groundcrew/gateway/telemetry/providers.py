"""Which `gen_ai.provider.name` a declared provider has, and where its server is."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from groundcrew.domain.provider import EMBEDDED_APIS, Api

#: Embedded providers are ours; the conventions allow names of one's own.
EMBEDDED = "groundcrew"
_BY_API: dict[Api, str] = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "gcp.gemini",
    "bedrock": "aws.bedrock",
    "extractive": EMBEDDED,
    "tuned": EMBEDDED,
}
#: The end of a host's name → the convention's name: many services speak OpenAI's API.
_BY_HOST = (
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("inference.ai.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=1_024)
def server_of(base_url: str | None) -> tuple[str, int] | None:
    """The host and port of a base URL; None for none."""
    if not base_url:
        return None
    try:
        parts = urlsplit(base_url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


@lru_cache(maxsize=1_024)
def provider_name(api: Api, base_url: str | None) -> str:
    """The service behind a provider: known by its host, or else by the API that it speaks."""
    server = server_of(base_url)
    host = server[0] if server is not None and api not in EMBEDDED_APIS else ""
    for end, name in _BY_HOST:
        if host == end or host.endswith(("." + end, "-" + end)):
            return name
    if host.startswith("bedrock-runtime.") and host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return "aws.bedrock"
    return _BY_API[api]
