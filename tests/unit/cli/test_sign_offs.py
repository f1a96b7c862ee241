"""`sign-off`: people decide from a shell under their own accounts, and no shell signs for them."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.services import bank as a_bank

from groundcrew.cli import common
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.use_case import SignOffRule
from groundcrew.services.bundle import open_services
from groundcrew.store import catalog
from groundcrew.tuned.answer import Answer, Evidence, Suggested, read_answer


@pytest.fixture
def held(request: pytest.FixtureRequest, ready: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Drafts that take two people, and two who may sign them."""
    monkeypatch.setenv("GROUNDCREW_PASSWORD", "correct horse battery")
    for name in ("nora", "olaf"):
        run("user", "add", name, "--role", "business", "--qualification", "clerk")
    run("user", "add", "tool", "--role", "it", "--agent")

    async def hold() -> list[str]:
        services = await open_services(f"sqlite:///{ready / 'groundcrew.db'}", ready)
        try:
            rule = SignOffRule(when="always", qualification="clerk", readers=2, second_review_share=1.0)
            use_case = a_bank.use_case(sign_off=rule, data_classes=("internal",), mask="patterns")
            async with services.database.write("test") as writer:
                await catalog.USE_CASES.put(writer, use_case, "declare")
            now = services.database.clock.now()
            calls = [
                a_bank.call(status="held", answer="", withheld_answer=draft, sign_off_id=new_id(), received_at=now)
                for draft in getattr(request, "param", ("Draft 0.", "Draft 1.", "Draft 2."))
            ]
            await services.calls.ship(calls, gateway="gateway-1")
            return [str(each.sign_off_id) for each in calls]
        finally:
            await services.database.close()

    return asyncio.run(hold())


def test_two_people_sign_from_a_shell(run: Run, held: list[str], tmp_path: Path) -> None:
    first, second, third = held
    assert "under their own account" in run("sign-off", "approve", first, status=2).err
    assert "is an agent" in run("sign-off", "approve", first, "--as", "tool", status=2).err
    listed = run("sign-off", "list").out
    assert all(each in listed for each in held)
    assert "0 of 2" in listed
    assert run("sign-off", "claim", "--as", "nora").out == f"claimed {first}\n"
    assert "nora has sign-off" in run("sign-off", "approve", first, "--as", "olaf", status=2).err
    (tmp_path / "text.txt").write_text("Another text.")
    (tmp_path / "personal.txt").write_text("Another text for anna@bank.example.")
    masked = run("sign-off", "edit", first, "--text-file", "personal.txt", "--as", "nora", status=2)
    assert masked.out == "Another text for [EMAIL]."
    assert "sign this text instead" in masked.err
    said = run("sign-off", "edit", first, "--text-file", "text.txt", "--as", "nora").out
    assert "signed by 1 of 2" in said
    shown = json.loads(run("sign-off", "show", first, "--json").out)["sign_off"]
    assert shown["proposed_text"] == "Another text."
    assert json.loads(run("sign-off", "show", first, "--json").out)["text"] == "Another text."
    digest = run("sign-off", "show", first).out.partition("sha256 ")[2].split()[0]
    assert f"edited, sha256 {digest}" in run("sign-off", "approve", first, "--sha256", digest, "--as", "olaf").out
    assert "rejected" in run("sign-off", "reject", second, "--comment", "wrong fee", "--as", "nora").out
    assert "wrong fee" in run("sign-off", "show", second).out
    assert second in run("sign-off", "list", "--state", "rejected").out
    assert second in run("sign-off", "judge", "--as", "olaf").out
    judged = run("sign-off", "judge", second, "--decision", "reject", "--comment", "the fee", "--as", "olaf")
    assert json.loads(judged.out) == {"sign_off_id": second, "agrees": True}
    assert "1.000" in run("sign-off", "agreement").out
    assert run("sign-off", "claim", third, "--release", "--as", "nora").out == f"let go of {third}\n"


DRAFT = Answer(
    model="coder@1",
    digest="d" * 64,
    labels=("J15.9", "R50.9"),
    trust=0.5,
    needs_person=True,
    reason="the trust is below 0.70",
    suggestions=(
        Suggested(label="J15.9", score=0.91, title="pneumonia", evidence=(Evidence(start=0, end=10, text="infiltrate"),)),
        Suggested(label="R50.9", score=0.57, title="fever"),
        Suggested(label="R05.9", score=0.34, title="cough", kept=False),
    ),
).text


@pytest.mark.parametrize("held", [(DRAFT,) * 2], indirect=True)
def test_labels_are_taken_out_and_added_from_a_shell(run: Run, held: list[str]) -> None:
    first, second = held
    said = run("sign-off", "show", first).out
    assert all(each in said for each in ("J15.9", "infiltrate", "0.34", "not kept", "a person: the trust is below"))
    assert "signed" not in said
    wrong = run("sign-off", "labels", first, "--remove", "I10", "--as", "nora", status=2).err
    assert "none of the labels that stand: J15.9, R50.9" in wrong
    run("sign-off", "labels", first, "--remove", "R50.9", "--add", "R05.9", "--add", "I10", "--as", "nora")
    shown = json.loads(run("sign-off", "show", first, "--json").out)
    stands = read_answer(shown["text"])
    assert stands is not None
    assert stands.labels == ("J15.9", "R05.9", "I10")
    assert [each.label for each in stands.suggestions if each.added_by_person] == ["I10"]
    # The second person names the text that they saw, and signs its very bytes.
    assert "name its sha256" in run("sign-off", "labels", first, "--as", "olaf", status=2).err
    assert "edited" in run("sign-off", "labels", first, "--sha256", shown["sha256"], "--as", "olaf").out
    for who in ("nora", "olaf"):
        said = run("sign-off", "labels", second, "--as", who).out
    assert "approved" in said


def test_a_draft_without_labels_has_none_to_change(run: Run, held: list[str]) -> None:
    assert "holds no suggested labels" in run("sign-off", "labels", held[0], "--add", "I10", "--as", "nora", status=2).err


def test_who_is_away_says_so_from_a_shell(run: Run, held: list[str], tmp_path: Path) -> None:
    assert "nobody is away" in run("sign-off", "absent").out
    away = ("sign-off", "absent", "--until", "2099-01-02", "--as", "nora")
    assert "at most 366 days" in run(*away, status=2).err
    assert "expected a time" in run("sign-off", "absent", "--until", "soon", "--as", "nora", status=2).err
    made = json.loads(
        run(
            "sign-off", "absent", "--from", "2099-01-01", "--until", "2099-01-02", "--delegate", "olaf", "--as", "nora", "--json"
        ).out
    )
    assert (made[0]["person"], made[0]["starts_at"]) == ("nora", "2099-01-01T00:00:00Z")
    assert "olaf" in run("sign-off", "absent").out
    run("sign-off", "absent", "--end", made[0]["id"], "--as", "nora")
    assert "nobody is away" in run("sign-off", "absent").out
    assert "is not UTF-8" in run("sign-off", "edit", held[0], "--text-file", binary(tmp_path), "--as", "nora", status=2).err


def binary(folder: Path) -> Path:
    (folder / "text.bin").write_bytes(b"\xff\xfe\x00")
    return folder / "text.bin"


def test_without_a_terminal_and_a_password_the_variable_is_named(run: Run, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROUNDCREW_PASSWORD", raising=False)
    monkeypatch.setattr(common, "has_terminal", lambda: False)
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    assert "set GROUNDCREW_PASSWORD" in run("user", "add", "coda", "--role", "reviewer", status=2).err
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    run("user", "add", "coda", "--role", "reviewer")
