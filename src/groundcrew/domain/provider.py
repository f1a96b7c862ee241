"""Providers (who answers), model aliases (what use cases name) and their targets."""

from __future__ import annotations

from typing import Literal

import msgspec

from groundcrew.domain.data_class import DataClass

Api = Literal["openai", "anthropic", "gemini", "bedrock", "extractive"]

TARGET_TIMEOUT_S_MAX = 600.0


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


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a target charges, in USD per million tokens."""

    input_usd: float
    output_usd: float


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
