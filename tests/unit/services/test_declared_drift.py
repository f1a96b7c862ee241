"""What a use case declares of drift: read with its defaults, and told with file, line and field where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundcrew.domain.use_case import DriftRule
from groundcrew.services import declarations
from groundcrew.services.declarations import DeclarationErrors

DECLARED = """kind: UseCase
name: assistant
title: Assistant
owner: maria@bank.example
business_unit: retail
purpose: Answer
affected_persons: customers
solution: product
autonomy: assist
data_classes: [internal]
model: writer
drift: {}
"""


def read(tmp_path: Path, drift: str) -> DriftRule | None:
    (tmp_path / "use_case.yaml").write_text(DECLARED.replace("{}", drift), encoding="utf-8")
    return declarations.load([tmp_path]).use_cases[0].value.drift


def test_windows_are_numbers_of_calls_or_times(tmp_path: Path) -> None:
    assert read(tmp_path, "{window: 50}") == DriftRule(window_calls=50)
    whole = "{window: 7d, reference: 300, alpha: 0.05, features: [trust, cost], owner: a@bank.example, enabled: false}"
    assert read(tmp_path, whole) == DriftRule(
        window_s=7 * 86_400, reference_calls=300, alpha=0.05, features=("trust", "cost"), owner="a@bank.example", enabled=False
    )
    assert read(tmp_path, "null") is None


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        ("{window: 3}", "drift.window: expected a whole number from 30 to 1000"),
        ("{window: 5m}", "drift.window: expected a duration from 1h"),
        ("{window: often}", "drift.window: expected a duration"),
        ("{reference: 10}", "drift.reference: expected a whole number from 50 to 2000"),
        ("{alpha: 0}", "drift.alpha: expected a number above 0"),
        ("{features: [mood]}", "drift.features"),
        ("{owner: somebody}", "drift.owner"),
        ("{windows: 50}", "unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, drift: str, said: str) -> None:
    with pytest.raises(DeclarationErrors) as raised:
        read(tmp_path, drift)
    assert said in str(raised.value)
    assert "use_case.yaml:12" in str(raised.value)
