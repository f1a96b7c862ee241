"""`groundcrew spend`, and keys with limits of their own."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Run


def test_spending_adds_up_by_every_group(run: Run, bank: Path) -> None:
    report = run("spend", "--since", "2020-01-01", "--json").json()
    assert [row["name"] for row in report["rows"]] == ["assistant"]
    total = report["total"]
    assert total["calls"] > 0
    assert total["usd"] > 0
    for by in ("unit", "model", "key", "user", "day"):
        found = run("spend", "--by", by, "--since", "2020-01-01", "--use-case", "assistant", "--json").json()
        assert sum(row["calls"] for row in found["rows"]) == total["calls"]
    table = run("spend", "--by", "user", "--since", "2020-01-01").out
    assert "no user named" in table
    assert any(line.startswith("total") for line in table.splitlines())
    assert run("spend", "--since", "1d").out.startswith("no calls from ")


def test_a_period_that_is_none_and_a_use_case_that_is_none_are_named(run: Run, bank: Path) -> None:
    assert "is no day: use YYYY-MM-DD" in run("spend", "--since", "yesterday", status=2).err
    assert "the first before the last" in run("spend", "--since", "2026-03-02", "--until", "2026-03-01", status=2).err
    assert "did you mean 'assistant'?" in run("spend", "--use-case", "asistant", status=2).err


def test_a_key_is_created_with_limits_of_its_own(run: Run, bank: Path) -> None:
    limits = ("--usd-per-month", "50", "--requests-per-minute", "60", "--concurrent", "2")
    assert run("key", "create", "assistant", *limits).out.startswith("gc_")
    run("key", "create", "assistant", "--usd-per-day", "0", status=2)
    run("key", "create", "assistant", "--concurrent", "0", status=2)
