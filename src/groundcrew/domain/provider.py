"""Providers (who answers), model aliases (what use cases name) and their targets."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

import msgspec

from groundcrew.domain.data_class import DataClass

Api = Literal["openai", "anthropic", "gemini", "bedrock", "extractive", "tuned"]

#: Providers that answer inside the gateway: no address, no key, no price, nothing to try again.
EMBEDDED_APIS: frozenset[Api] = frozenset({"extractive", "tuned"})

#: primary answers; canary answers a small share of callers first; shadow gets copies, and what it answers is never sent.
Role = Literal["primary", "canary", "shadow"]

TARGET_TIMEOUT_S_MAX = 600.0
RETRIES_MAX = 3
BREAKER_FAILURES_MAX = 1_000
BREAKER_OPEN_S_MAX = 3_600.0

#: Recorded calls that one rehearsal of an alternate asks, unless declared otherwise, and at most [D].
REHEARSAL_CALLS_DEFAULT, REHEARSAL_CALLS_MAX = 300, 2_000

#: What stands in the path of a `base_url` for the target's model, where a provider has a path of its own for each.
MODEL_PLACE = "{model}"


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A place that answers. `api_key` is a reference (env:NAME or file:PATH), never the secret itself.

    `query` and `headers` go with every request to it. `api_key_header` names the header that carries the key where it is not the
    usual one of the api; the key stands in it as it is, in `authorization` after the word Bearer. `region` is Bedrock's.
    """

    name: str
    api: Api
    base_url: str | None = None
    api_key: str | None = None
    api_key_header: str | None = None
    headers: dict[str, str] = {}
    query: dict[str, str] = {}
    region: str | None = None
    data_classes: tuple[DataClass, ...] = ("public",)
    baa: bool = False
    #: Who stands behind it, where that is not told by the host: two addresses of one vendor are one vendor.
    vendor: str | None = None

    @property
    def embedded(self) -> bool:
        """Whether it answers inside the gateway, without a request to anybody."""
        return self.api in EMBEDDED_APIS


class Price(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a target charges, in USD per million tokens.

    Tokens of a kind without a price of its own cost what the kind that they are part of costs: cached and cache-writing input
    as input, reasoning as output.
    """

    input_usd: float
    output_usd: float
    cached_input_usd: float | None = None
    cache_write_usd: float | None = None
    reasoning_usd: float | None = None


class BreakerRule(msgspec.Struct, frozen=True, kw_only=True):
    """When a target is left alone: after `failures` in a row, for `open_s`; then one call tries it again."""

    failures: int = 5
    open_s: float = 30.0


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's model behind an alias.

    `weight`: its share of first tries among the primaries that declare one; 0 turns it off; None leaves it to the declared order.
    `share_percent` is for canaries (of callers) and shadows (of calls), 0..100. `timeout_s` bounds all tries of one call
    together, `first_byte_s` the first event of a stream within them. `retries` are further tries after the first.
    """

    provider: str
    model: str
    role: Role = "primary"
    weight: int | None = None
    share_percent: float | None = None
    timeout_s: float = 60.0
    first_byte_s: float | None = None
    retries: int = 1
    breaker: BreakerRule = BreakerRule()
    price: Price | None = None


class SwapRule(msgspec.Struct, frozen=True, kw_only=True):
    """How alternates are rehearsed: the loss that each guardrail may show (by its name, in its unit), how often a rehearsal is
    due (None: only when somebody asks), on how many recorded calls, and what one may cost."""

    margins: dict[str, float] = {}
    rehearse_every_s: int | None = None
    calls: int = REHEARSAL_CALLS_DEFAULT
    cost_max_usd: float | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The alias that use cases name: its targets, tried in turn before the first byte.

    `alternates` stand by to take over and answer nobody; `swap` says how they are rehearsed.
    """

    name: str
    targets: tuple[Target, ...]
    alternates: tuple[Target, ...] = ()
    swap: SwapRule = msgspec.field(default_factory=SwapRule)

    @property
    def primaries(self) -> tuple[Target, ...]:
        """The targets that any call may be answered by; without one of them the alias answers nothing."""
        return tuple(each for each in self.targets if each.role == "primary")

    @property
    def answering(self) -> frozenset[tuple[str, str]]:
        """(provider, model) of all that may answer somebody: primaries that are not turned off, and canaries."""
        return frozenset(
            (each.provider, each.model)
            for each in self.targets
            if each.role != "shadow" and (each.role, each.weight) != ("primary", 0)
        )

    @property
    def stand_ins(self) -> tuple[Target, ...]:
        """What may take over: the alternates, and shadows that are none of them."""
        named = {(each.provider, each.model) for each in self.alternates}
        shadows = (each for each in self.targets if each.role == "shadow" and (each.provider, each.model) not in named)
        return (*self.alternates, *shadows)


#: Where each api is served by its own vendor when a provider declares no address.
VENDOR_HOSTS: dict[str, str] = {
    "anthropic": "api.anthropic.com",
    "gemini": "generativelanguage.googleapis.com",
    "bedrock": "amazonaws.com",
    "extractive": "embedded",
    "tuned": "embedded",
}


def vendor_of(provider: Provider) -> str:
    """Who stands behind a provider: what it declares, else the host and port that it is reached at."""
    if provider.vendor:
        return provider.vendor
    if provider.base_url:
        return urlsplit(provider.base_url).netloc
    return VENDOR_HOSTS.get(provider.api, provider.api)


def address_of(provider: Provider) -> str:
    """What of a provider a rehearsal is about: another address is another alternate."""
    return f"{provider.api} {provider.base_url or vendor_of(provider)}"
