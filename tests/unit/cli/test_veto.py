"""`veto` and `authority` on the command line: the whole way of an objection, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run

GROUND = "It names wrong fees"
FILE = (
    *("veto", "file", "assistant", "--function", "ethics", "--ground", GROUND, "--need", "remediation"),
    *("--explanation", "Seven of forty drafts did."),
)
LIFT = ("--lift", "evidence_valid:attestation:impact_assessment")


@pytest.fixture
def people(run: Run, ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "correct horse battery")
    for name, role in {"eva": "ethics", "emil": "ethics", "root": "admin", "rita": "reviewer", "lena": "legal"}.items():
        run("user", "add", name, "--role", role)


def test_a_veto_from_filing_to_withdrawal(run: Run, people: None) -> None:
    assert "no veto is active" in run("veto", "list").out
    assert "under their account" in run(*FILE, *LIFT, status=2).err
    assert "does not hold the function ethics" in run(*FILE, *LIFT, "--as", "root", status=2).err
    day = ("--lift", "date_reached:2099-01-31", "--review", "2099-01-01")
    assert "a veto is reviewed within 90 days" in run(*FILE, *LIFT, *day, "--as", "eva", status=2).err
    filed = json.loads(run(*FILE, *LIFT, "--lift", "date_reached:2099-01-31", "--gate", "pilot", "--as", "eva", "--json").out)
    assert [each["kind"] for each in filed["conditions"]] == ["evidence_valid", "date_reached"]
    listed = run("veto", "list", "--use-case", "assistant").out
    assert GROUND in listed
    shown = run("veto", "show", filed["id"]).out
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d UTC", shown), "a time says its zone"
    for text in (GROUND, "not met", "2099-01-31 has come", "who may withdraw it: eva", "filed by user:eva"):
        assert text in shown
    assert "not met" in run("veto", "check", filed["id"], status=1).out
    assert "held" in run("advance", "assistant", "--to", "pilot", "--reason", "now", "--as", "root", status=2).err
    gone = ("veto", "withdraw", filed["id"], "--reason", "it is put right")
    for name in ("emil", "root", "lena"):
        assert "eva filed this veto" in run(*gone, "--as", name, status=2).err
    assert "not satisfied yet" in run(*gone, "--satisfied", "--as", "eva", status=2).err
    assert run(*gone, "--as", "eva").out == f"veto {filed['id']} is withdrawn\n"
    assert "it is put right" in run("veto", "show", filed["id"]).out
    assert "withdrawn" in run("veto", "list", "--all").out
    assert json.loads(run("veto", "list", "--all", "--json").out)[0]["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("lift", "words"),
    [
        ("luck", "expected one of resource_allocated"),
        ("criterion_passes:pilot", "expected criterion_passes:stage:key"),
        ("criterion_passes:moon:key", "stage: expected one of pilot, production_readiness"),
        ("metric_bound:stars:at_least:many", "value: expected a number, found 'many'"),
        ("version_changed:now", "expected version_changed"),
        ("resource_allocated:measure=usd", "say how much at least"),
        ("date_reached:soon", "at: expected a day or a time"),
        ("approval_given:ethics:pilott", "stage: expected one of pilot"),
        ("metric_bound:zq:at_least:4", "has no metric 'zq'; measured of it: "),
        ("metric_bound:stars:above:4", "side: expected one of at_least, at_most"),
    ],
)
def test_conditions_that_can_not_be_read(run: Run, people: None, lift: str, words: str) -> None:
    assert words in run(*FILE, "--lift", lift, "--as", "eva", status=2).err


def test_authorities_and_deputies(run: Run, people: None) -> None:
    assert "no authority was granted" in run("authority", "list").out
    ask = ("authority", "request", "rita", "--function", "legal", "--right", "veto", "--reason", "knows the law")
    assert "waits for the Stream" in run(*ask, "--as", "rita").out
    assert "knows the law" in run("authority", "list", "--json").out
    name = ("authority", "deputies", "ethics", "emil", "--reason", "in case of need")
    assert "does not hold the function" in run(*name, "--as", "lena", status=2).err
    assert run(*name, "--as", "eva").out == "emil stands in for ethics\n"
    assert "emil stands in for ethics, named by user:eva" in run("authority", "list").out
