"""The demo's report says by kind how many planted inventions were caught, and shows a fee, an offer and a wrong date in full."""

from __future__ import annotations

import os
import signal

import pytest

from groundcrew.cli import demo_report
from groundcrew.cli.demo import Answer, Invention, unwound_by_sigterm

KINDS = ("invented_fee", "car_for_one_dollar", "wrong_date", "wrong_date")
INVENTIONS = [
    Invention(id=f"i{number}", question=f"question {number}", answer=f"answer {number}", kind=kind, why=f"why {number}")
    for number, kind in enumerate(KINDS)
]


def test_inventions_are_counted_and_shown_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    got = [Answer(id=each.id, question=each.question, status="fallback", text="a quote") for each in INVENTIONS[:3]]
    got.append(Answer(id="i3", question="question 3", status="answered", text="answer 3"))
    result = demo_report.inventions(got, INVENTIONS, [], [])
    assert (result["inventions"], result["caught"]) == (4, 3)
    assert result["caught_by_kind"] == {
        "invented_fee": {"caught": 1, "planted": 1},
        "car_for_one_dollar": {"caught": 1, "planted": 1},
        "wrong_date": {"caught": 1, "planted": 2},
    }
    shown = capsys.readouterr().out
    for words in ("invented fee: question 0", "car for one dollar: question 1", "wrong date: question 2", "1 of 2", "MISSED i3"):
        assert words in shown


def test_a_demo_that_is_told_to_end_ends_its_server_too() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, unwound_by_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM, "as any exit does, so that what was entered is left"
    assert signal.getsignal(signal.SIGTERM) is before
