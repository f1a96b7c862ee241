"""`groundcrew drift` for use cases: how monitors stand, alarms, what they come to, and a reference by hand."""

from __future__ import annotations

from pathlib import Path

from tests.unit.cli.conftest import Run


def test_alarms_are_listed_and_acknowledged(run: Run, bank: Path) -> None:
    [alarm] = run("drift", "alarms", "--json").json()
    assert (alarm["use_case"], alarm["features"][0]["words"]) == ("assistant", "calls got slower")
    assert "calls got slower" in run("drift", "alarms", "assistant").out
    done = run("drift", "acknowledge", alarm["id"], "--as-what", "fixed", "--reason", "the provider is well again")
    assert done.out == "the alarm of assistant is acknowledged: fixed\n"
    assert "already" in run("drift", "acknowledge", alarm["id"], "--reason", "again", status=2).err
    assert "no drift alarm is open" in run("drift", "alarms").out
    assert "fixed" in run("drift", "alarms", "--all").out


def test_how_monitors_stand_and_a_reference_of_a_time_without_calls(run: Run, bank: Path) -> None:
    assert "not enough calls yet: 0 of 1000" in run("drift", "status").out
    status = run("drift", "status", "assistant", "--json").json()
    assert (status["use_case"], status["reference"], status["needed"]) == ("assistant", None, 1_000)
    assert "did you mean 'assistant'?" in run("drift", "status", "asistant", status=2).err
    refused = run("drift", "reference", "assistant", "--since", "2020-01-01", "--until", "2020-02-01", "--reason", "!", status=2)
    assert "only 0 calls" in refused.err
    assert "a reference is asked for" in run("drift", "reference", "assistant", "--reason", "from now on").out
