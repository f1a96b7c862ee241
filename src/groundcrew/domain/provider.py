"""Providers (who answers), model aliases (what use cases name) and their targets."""

from __future__ import annotations

from typing import Literal

import msgspec

from groundcrew.domain.data_class import DataClass

Api = Literal["openai", "anthropic", "gemini", "bedrock", "extractive"]

TARGET_TIMEOUT_S_MAX = 600.0


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """A place that answers. `api_key` is a reference (env:NAME or file:PATH), never the secret itself."""

    name: str
    api: Api
    base_url: str | None = None
    api_key: str | None = None
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


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One provider's model behind an alias."""

    provider: str
    model: str
    weight: int = 100
    timeout_s: float = 60.0
    price: Price | None = None


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The alias that use cases name: ordered targets, tried in turn before the first byte."""

    name: str
    targets: tuple[Target, ...]
