"""Verifiers for files: the declared ones that `trust score --declarations` names, loaded here or asked from here."""

from __future__ import annotations

import asyncio
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from groundcrew.domain.prices import TokenCount, cost_usd, price_of
from groundcrew.domain.provider import Provider, Target
from groundcrew.domain.use_case import Grounding
from groundcrew.domain.verifier import ACCEPT_DEFAULT, REJECT_DEFAULT
from groundcrew.domain.verifier import Verifier as Declared
from groundcrew.errors import GroundcrewError, InputError
from groundcrew.grounding.cascade import Bounds, Cascade, Stage
from groundcrew.grounding.verifiers.http import HttpVerifier
from groundcrew.grounding.verifiers.judge import Answered, JudgeVerifier, Prompt
from groundcrew.grounding.verifiers.local import load_local
from groundcrew.grounding.verifiers.protocol import Verifier, VerifierFailure
from groundcrew.grounding.verifiers.threaded import ThreadedVerifier
from groundcrew.services.declared import Declarations
from groundcrew.services.lookups import nearest

ANSWER_BYTES_MAX = 8 * 1024 * 1024
SECRET_BYTES_MAX = 16 * 1024
_REFERENCE = re.compile(r"(?:([A-Za-z][A-Za-z0-9-]{0,31}) )?(env|file):(.+)")


def cascade_of(declarations: Declarations, names: Sequence[str]) -> Cascade:
    """The cascade over the verifiers `names`; without names that of the only use case that declares some. InputError where one is
    not declared, can not be loaded, or is a judge at a provider that only a gateway can ask."""
    declared = {each.value.name: each.value for each in declarations.verifiers}
    rules = [each.value.grounding for each in declarations.use_cases if each.value.grounding and each.value.grounding.verifiers]
    rule: Grounding | None = None
    if not names:
        if len(rules) != 1:
            raise InputError(f"{len(rules)} use cases declare verifiers: name those to use with --verifier", field="--verifier")
        rule = rules[0]
        names = rule.verifiers
    stages = []
    for name in names:
        if name not in declared:
            raise InputError(f"no verifier named {name!r} is declared{nearest(name, declared)}", field="--verifier")
        own = declared[name]
        stages.append(Stage(verifier=_verifier(own, declarations), bounds=_bounds(own), timeout_s=own.timeout_ms / 1000))
    return Cascade(_bounds(rule) if rule is not None else Bounds(), stages)


def _bounds(given: Declared | Grounding) -> Bounds:
    return Bounds(
        accept=ACCEPT_DEFAULT if given.accept is None else given.accept,
        reject=REJECT_DEFAULT if given.reject is None else given.reject,
        veto=given.veto if isinstance(given, Grounding) else True,
    )


def _verifier(declared: Declared, declarations: Declarations) -> Verifier:
    if declared.api == "http":
        return HttpVerifier(declared, UrlPoster())
    if declared.api == "judge":
        return JudgeVerifier(declared, _asker(declared, declarations))
    model = load_local(declared)  # a model that can not be loaded is said at once, not after a file of unknown claims
    return ThreadedVerifier(declared.name, lambda: model)


def _asker(declared: Declared, declarations: Declarations) -> OpenAiAsker:
    models = {each.value.name: each.value for each in declarations.models}
    providers = {each.value.name: each.value for each in declarations.providers}
    model = models.get(declared.model or "")
    for target in model.primaries if model is not None else ():
        provider = providers.get(target.provider)
        if provider is not None and provider.api == "openai" and provider.base_url:
            return OpenAiAsker(declared, provider, target)
    raise InputError(
        f"files are judged at providers with api: openai that are declared in the same files; {declared.model!r} has none: "
        "other providers are asked by a gateway",
        field="--verifier",
    )


class UrlPoster:
    """Sends one request at a time, in a thread."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float, bytes_max: int) -> bytes:
        """The body of an answer that is 200 and JSON; GroundcrewError, without a secret in it, for everything else."""
        resolved = {name: _resolved(value) for name, value in headers.items()}
        return await asyncio.to_thread(self._post, url, resolved, body, timeout_s, bytes_max)

    @staticmethod
    def _post(url: str, headers: Mapping[str, str], body: bytes, timeout_s: float, bytes_max: int) -> bytes:
        sent = {"content-type": "application/json", "accept": "application/json", **headers}
        request = urllib.request.Request(url, body, sent)
        opener = urllib.request.build_opener(_NoRedirects)
        try:
            with opener.open(request, timeout=timeout_s) as answer:
                found: bytes = answer.read(bytes_max + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise GroundcrewError(f"the server answered with HTTP {error.code}") from None
        except (OSError, ValueError) as error:
            raise GroundcrewError(f"the server can not be asked ({type(error).__name__})") from None
        if len(found) > bytes_max:
            raise GroundcrewError(f"the server's answer is larger than {bytes_max} bytes")
        return found


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class OpenAiAsker:
    """Asks a judge at a provider that speaks OpenAI's API, up to the ceiling for an answer. No budget counts here."""

    def __init__(self, declared: Declared, provider: Provider, target: Target) -> None:
        self._declared, self._provider, self._target = declared, provider, target
        self._poster = UrlPoster()

    async def ask(self, prompt: Prompt) -> Answered:
        """As the protocol says."""
        body = {
            "model": self._target.model,
            "messages": [
                {"role": "system", "content": prompt.system},
                {"role": "user", "content": "\n\n".join(prompt.messages)},
            ],
            "temperature": 0,
            "max_tokens": prompt.output_tokens_max,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdicts", "strict": True, "schema": prompt.schema},
            },
        }
        headers = dict(self._provider.headers)
        if self._provider.api_key:
            headers["authorization"] = f"Bearer {self._provider.api_key}"
        answer = await self._poster.post(
            f"{self._provider.base_url}/chat/completions",
            headers,
            msgspec.json.encode(body),
            timeout_s=min(self._target.timeout_s, self._declared.timeout_ms / 1000),
            bytes_max=ANSWER_BYTES_MAX,
        )
        try:
            found = msgspec.json.decode(answer)
            text, usage = str(found["choices"][0]["message"]["content"]), found.get("usage") or {}
            tokens = TokenCount(input=int(usage["prompt_tokens"]), output=int(usage["completion_tokens"])) if usage else None
        except (msgspec.DecodeError, LookupError, TypeError, ValueError):
            raise VerifierFailure("the judge's answer is not what the API gives") from None
        price = price_of(self._provider, self._target)
        known = cost_usd(price.price, tokens) if price is not None and tokens is not None else None
        return Answered(text=text, cost_usd=known)


def _resolved(value: str) -> str:
    """A header's value with the secret in the place of its reference."""
    found = _REFERENCE.fullmatch(value)
    if found is None:
        return value
    if found[2] == "env":
        secret = os.environ.get(found[3], "")
    else:
        try:
            secret = Path(found[3]).read_bytes()[:SECRET_BYTES_MAX].decode().strip()
        except (OSError, ValueError):
            secret = ""
    if not secret:
        raise GroundcrewError(f"the secret {found[2]}:{found[3]} can not be resolved")
    return f"{found[1]} {secret}" if found[1] else secret
