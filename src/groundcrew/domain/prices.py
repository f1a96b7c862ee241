"""What a call costs: by a target's declared price, or the public one in `prices.json`; without either it is unknown, never 0."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from urllib.parse import urlsplit

import msgspec

from groundcrew.domain.provider import EMBEDDED_APIS, Api, Price, Provider, Target

#: The address of a provider that declares none, as far as `prices.json` knows prices for it.
_DEFAULT_HOST = {"anthropic": "api.anthropic.com"}
#: Prices that are remembered by address and model.
PRICES_CACHED_MAX = 4_096


class TokenCount(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one call. `cached_input` and `cache_write` are part of `input`, `reasoning` is part of `output`."""

    input: int = 0
    output: int = 0
    cached_input: int = 0
    cache_write: int = 0
    reasoning: int = 0


class KnownPrice(msgspec.Struct, frozen=True, kw_only=True):
    """A price and where it comes from: `declared`, `embedded` (the provider is part of the gateway), or the table's version."""

    price: Price
    source: str


class _Rates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the table, in USD per million tokens."""

    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None


class _Vendor(msgspec.Struct, frozen=True, kw_only=True):
    hosts: tuple[str, ...]
    sources: tuple[str, ...]
    models: dict[str, _Rates]


class _Table(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    vendors: dict[str, _Vendor]


@lru_cache(maxsize=1)
def _table() -> _Table:
    text = resources.files("groundcrew.domain").joinpath("prices.json").read_bytes()
    return msgspec.json.decode(text, type=_Table)


def table_version() -> str:
    """The date of the shipped prices, YYYY-MM-DD."""
    return _table().version


@lru_cache(maxsize=PRICES_CACHED_MAX)
def _public(api: Api, base_url: str | None, model: str) -> KnownPrice | None:
    """The public price of a model at the vendor's own address. Elsewhere the same name may cost anything: unknown."""
    if api in EMBEDDED_APIS:
        return KnownPrice(price=Price(input_usd=0.0, output_usd=0.0), source="embedded")
    host = urlsplit(base_url).hostname if base_url else _DEFAULT_HOST.get(api)
    for vendor in _table().vendors.values():
        rates = vendor.models.get(model) if host in vendor.hosts else None
        if rates is not None:
            price = Price(
                input_usd=rates.input,
                output_usd=rates.output,
                cached_input_usd=rates.cached_input,
                cache_write_usd=rates.cache_write,
                reasoning_usd=rates.reasoning,
            )
            return KnownPrice(price=price, source=_table().version)
    return None


def price_of(provider: Provider, target: Target) -> KnownPrice | None:
    """What `target` charges: as declared, else as published, else None. Embedded answers cost nothing a token."""
    if target.price is not None:
        return KnownPrice(price=target.price, source="declared")
    return _public(provider.api, provider.base_url, target.model)


@lru_cache(maxsize=1)
def assumed_price() -> Price:
    """What budgets reckon with where a price is unknown: the highest rates of the table, so that they end too early rather than
    too late. The recorded cost of such a call stays unknown."""
    rates = [each for vendor in _table().vendors.values() for each in vendor.models.values()]
    return Price(
        input_usd=max(max(each.input, each.cached_input or 0.0, each.cache_write or 0.0) for each in rates),
        output_usd=max(max(each.output, each.reasoning or 0.0) for each in rates),
    )


def cost_usd(price: Price | None, tokens: TokenCount) -> float | None:
    """What `tokens` cost, in USD, 0 or more; None where the price is unknown.

    Parts that a provider counts as larger than the whole are cut to it, so that no cost is ever below 0.
    """
    if price is None:
        return None
    whole_input, whole_output = max(0, tokens.input), max(0, tokens.output)
    if not (tokens.cached_input or tokens.cache_write or tokens.reasoning):  # as almost always
        return (whole_input * price.input_usd + whole_output * price.output_usd) / 1_000_000
    cached = min(max(0, tokens.cached_input), whole_input)
    written = min(max(0, tokens.cache_write), whole_input - cached)
    reasoning = min(max(0, tokens.reasoning), whole_output)
    cached_usd = price.input_usd if price.cached_input_usd is None else price.cached_input_usd
    written_usd = price.input_usd if price.cache_write_usd is None else price.cache_write_usd
    reasoning_usd = price.output_usd if price.reasoning_usd is None else price.reasoning_usd
    return (
        (whole_input - cached - written) * price.input_usd
        + cached * cached_usd
        + written * written_usd
        + (whole_output - reasoning) * price.output_usd
        + reasoning * reasoning_usd
    ) / 1_000_000


def highest_usd(price: Price, input_tokens: int, output_tokens: int) -> float:
    """An upper bound of what so many tokens cost, whatever their kinds: for reserving before the kinds are known."""
    input_usd = max(price.input_usd, price.cached_input_usd or 0.0, price.cache_write_usd or 0.0)
    return (input_tokens * input_usd + output_tokens * max(price.output_usd, price.reasoning_usd or 0.0)) / 1_000_000
