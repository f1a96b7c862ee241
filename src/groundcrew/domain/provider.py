"""Providers (who answers), model aliases (what use cases name) and their targets."""

from __future__ import annotations

from typing import Literal

import msgspec

from groundcrew.domain.data_class import DataClass

Api = Literal["openai", "anthropic", "gemini", "bedrock", "extractive"]

#: primary answers; canary answers a small share of callers first; shadow gets copies, and what it answers is never sent.
Role = Literal["primary", "canary", "shadow"]

TARGET_TIMEOUT_S_MAX = 600.0
RETRIES_MAX = 3
BREAKER_FAILURES_MAX = 1_000
BREAKER_OPEN_S_MAX = 3_600.0


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


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The alias that use cases name: its targets, tried in turn before the first byte."""

    name: str
    targets: tuple[Target, ...]

    @property
    def primaries(self) -> tuple[Target, ...]:
        """The targets that any call may be answered by; without one of them the alias answers nothing."""
        return tuple(each for each in self.targets if each.role == "primary")
