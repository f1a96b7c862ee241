"""What a call costs: declared before published, unknown where neither is known, each kind of token at its own rate."""

from __future__ import annotations

import json
from datetime import date
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.domain.canonical import canonical_json
from groundcrew.domain.prices import TokenCount, assumed_price, cost_usd, highest_usd, price_of, table_version
from groundcrew.domain.provider import Price, Provider, Target

OPENAI = Provider(name="openai", api="openai", base_url="https://api.openai.com/v1")


def test_a_declared_price_wins_and_an_unknown_one_is_none() -> None:
    declared = Price(input_usd=7, output_usd=9)
    known = price_of(OPENAI, Target(provider="openai", model="gpt-4o-mini", price=declared))
    assert known is not None
    assert (known.price, known.source) == (declared, "declared")
    public = price_of(OPENAI, Target(provider="openai", model="gpt-4o-mini"))
    assert public is not None
    assert (public.price.input_usd, public.price.cached_input_usd, public.price.output_usd) == (0.15, 0.075, 0.6)
    assert public.source == table_version()
    assert price_of(OPENAI, Target(provider="openai", model="gpt-of-tomorrow")) is None
    elsewhere = Provider(name="proxy", api="openai", base_url="https://llm.example/v1")
    assert price_of(elsewhere, Target(provider="proxy", model="gpt-4o-mini")) is None, "the same name elsewhere costs anything"
    anthropic = Provider(name="a", api="anthropic")
    assert price_of(anthropic, Target(provider="a", model="claude-haiku-4-5")) is not None
    embedded = price_of(Provider(name="q", api="extractive"), Target(provider="q", model="extractive"))
    assert embedded is not None
    assert cost_usd(embedded.price, TokenCount(input=10**6, output=10**6)) == 0.0


def test_every_kind_of_token_has_its_rate() -> None:
    price = Price(input_usd=10, output_usd=20, cached_input_usd=1, cache_write_usd=12, reasoning_usd=30)
    count = TokenCount(input=1_000_000, cached_input=400_000, cache_write=100_000, output=500_000, reasoning=200_000)
    assert cost_usd(price, count) == pytest.approx(500_000e-6 * 10 + 0.4 * 1 + 0.1 * 12 + 0.3 * 20 + 0.2 * 30)
    plain = Price(input_usd=10, output_usd=20)
    assert cost_usd(plain, count) == pytest.approx(10 + 10), "without rates of their own they cost what they are part of"
    assert cost_usd(None, count) is None


@given(
    counts=st.tuples(*(st.integers(-10, 10**7) for _ in range(5))),
    rates=st.tuples(*(st.floats(0, 100) for _ in range(5))),
)
def test_no_cost_is_negative_or_above_the_upper_bound(counts: tuple[int, ...], rates: tuple[float, ...]) -> None:
    price = Price(
        input_usd=rates[0], output_usd=rates[1], cached_input_usd=rates[2], cache_write_usd=rates[3], reasoning_usd=rates[4]
    )
    count = TokenCount(input=counts[0], output=counts[1], cached_input=counts[2], cache_write=counts[3], reasoning=counts[4])
    cost = cost_usd(price, count)
    assert cost is not None
    assert 0 <= cost <= highest_usd(price, max(0, counts[0]), max(0, counts[1])) + 1e-6


def test_the_shipped_table_has_a_date_sources_and_sane_rates() -> None:
    table = json.loads(resources.files("groundcrew.domain").joinpath("prices.json").read_bytes())
    assert date.fromisoformat(table["version"]) >= date(2026, 1, 1)
    for vendor in table["vendors"].values():
        assert vendor["hosts"]
        assert all(source.startswith("https://") for source in vendor["sources"])
        for rates in vendor["models"].values():
            assert 0 < rates["input"] < rates["output"] <= assumed_price().output_usd
            assert rates.get("cached_input", 0) <= rates["input"] <= rates.get("cache_write", rates["input"])


def test_prices_that_name_no_new_rate_keep_their_version_digest() -> None:
    assert (
        canonical_json(Price(input_usd=1, output_usd=2)) == b'{"input_usd":1.0,"output_usd":2.0}'
        or canonical_json(Price(input_usd=1.0, output_usd=2.0)) == b'{"input_usd":1.0,"output_usd":2.0}'
    )
