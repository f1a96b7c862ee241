"""The whole way of the medical-coding use case on this machine: from an export of notes to codes that a certified coder released.

    python blueprints/medical-coding/run.py

Every command is shown as one would type it. Nothing leaves the machine. The certified coder is played: the notes' own codes are
known, so that what they would accept, change and reject is, too. `--serve` leaves the server and its console up at the end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import statistics
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from groundcrew.testing.walk import Clock, Shell, fresh, interval, say, server

BLUEPRINT = Path(__file__).parent
DATA = BLUEPRINT / "data"
USE_CASE, DATA_SET, MODEL = "medical-coding", "encounters", "encounter-coder"
#: Architecture → its settings: the coder reads the titles of the code system, too.
SETTINGS = {"coder": ("--set", "code_system=icd-10-cm"), "classifier": ()}
CODER, DESK, PASSWORD_BYTES = "ms-lindqvist", "coding-desk-1", 18
#: What a coder takes for an encounter today, in seconds (`coding-time.yaml`).
HUMAN_S = 1_500
#: Encounters of the test split that are sent, and how long a record may take to be stored.
ENCOUNTERS, STORED_S_MAX = 12, 60.0
PORT = 8400
#: Of `--quick`: the share of patients whose notes are taken, what learns, and how many encounters are sent.
QUICK_SHARE, QUICK_ENCOUNTERS = 0.35, 4
QUICK_SETTINGS = {
    "coder": ("--set", "folds=2", "--set", "trees=30"),
    "classifier": ("--set", "folds=3", "--set", "costs=[0.5]"),
}
#: Which reason each planted fault is dropped for.
EXPECTED = {
    "copy": "duplicate",
    "near copy": "near-duplicate",
    "near copy in another chart": "near-duplicate",
    "contradiction": "contradictory label",
    "unknown code": "unknown code",
    "misspelt code": "unknown code",
    "heading, not a usable code": "code is a heading",
    "no text": "missing field",
    "no codes": "missing field",
    "no patient": "missing field",
    "no date": "wrong type",
    "too short": "too short",
    "too long": "too long",
    "evidence outside the text": "misplaced evidence",
    "wrong language": "wrong language",
    "broken encoding": "damaged encoding",
    "broken line": "unreadable",
}


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file; those that are none are left out, as the export has some."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def shortened(source: Path, target: Path) -> Path:
    """The export with all planted faults and the notes that they were made from, and of the others those of some patients, drawn
    by a hash. What is left out is an empty line, so that lines keep their numbers."""
    planted = [each for each in rows(DATA / "planted.jsonl") if each["kind"] != "personal data"]
    wanted = {each.get(name) for each in planted for name in ("id", "of")}
    lines = source.read_text(encoding="utf-8").splitlines()
    kept = []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            kept.append(line)
            continue
        drawn = int.from_bytes(hashlib.sha256(str(row.get("patient")).encode()).digest()[:4]) < QUICK_SHARE * 2**32
        kept.append(line if drawn or row["id"] in wanted else "")
    target.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return target


def caught(planted: list[dict[str, Any]], dropped: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """By kind of planted fault: records that were dropped for the reason that it should be, of how many. Of a pair that agrees in
    its text either one may stay, so that of copies the original counts as well."""
    reasons = {each["id"]: each["reason"] for each in dropped if each["id"]}
    lines = {each["source"].rpartition(":")[2]: each["reason"] for each in dropped}
    found: dict[str, tuple[int, int]] = {}
    for each in planted:
        if each["kind"] == "personal data":
            continue
        wanted = EXPECTED.get(each["kind"])
        told = [lines.get(str(each["line"]))] if "line" in each else [reasons.get(each["id"]), reasons.get(each.get("of", ""))]
        right, total = found.get(each["kind"], (0, 0))
        found[each["kind"]] = (right + (wanted is not None and wanted in told), total + 1)
    return found


class Story:
    """What is known from step to step."""

    def __init__(self, shell: Shell, work: Path, clock: Clock, architecture: str, *, quick: bool) -> None:
        self.shell, self.work, self.clock, self.architecture, self.quick = shell, work, clock, architecture, quick
        self.summary: dict[str, Any] = {}
        self.test_ids: list[str] = []

    def curate(self) -> None:
        """1: the export becomes a data set, and the planted faults are looked for among what was dropped."""
        import pyarrow.parquet as parquet

        self.clock.heading("1. Curate the export")
        output = self.work / DATA_SET
        source = DATA / "encounters.jsonl"
        if self.quick:
            source = shortened(source, self.work / "encounters.jsonl")
        self.shell.curate(BLUEPRINT / "recipe.yaml", source, output)
        dropped = parquet.read_table(output / "dropped.parquet").to_pylist()
        kept = parquet.read_table(output / "records.parquet").to_pylist()
        splits = Counter(each["split"] for each in kept)
        self.test_ids = sorted(each["id"] for each in kept if each["split"] == "test")
        found = caught(rows(DATA / "planted.jsonl"), dropped)
        say(f"{len(kept)} of {len(kept) + len(dropped)} records are good enough: {dict(splits)}")
        for reason, count in Counter(each["reason"] for each in dropped).most_common():
            say(f"  {count:>4} dropped: {reason}")
        missed = {kind: total - right for kind, (right, total) in found.items() if right < total}
        right, total = (sum(each) for each in zip(*found.values(), strict=True))
        say(f"of {total} planted faults {right} were found")
        for kind, count in missed.items():
            say(f"  {count:>4} were not: {kind}")
        self.summary["curation"] = {"kept": len(kept), "dropped": len(dropped), "splits": dict(splits), "missed": missed}

    def tune(self) -> None:
        """2 and 3: the data set is registered, a run learns from it, and the use case is declared that the model is for."""
        self.clock.heading("2. Register the data set")
        say(self.shell.type("dataset", "register", self.work / DATA_SET, "--data-class", "phi"))
        self.clock.heading("3. Tune")
        learning = ("--architecture", self.architecture, "--seed", "7", *SETTINGS[self.architecture])
        learning += QUICK_SETTINGS[self.architecture] if self.quick else ()
        say(self.shell.type("tune", "start", MODEL, DATA_SET, *learning).splitlines()[0])
        self.clock.heading("4. Declare the use case and its people")
        say(self.shell.type("apply", BLUEPRINT).splitlines()[-1])
        self.shell.type("user", "add", CODER, "--role", "reviewer", "--qualification", "certified-coder")
        self.shell.type("hypothesis", "register", USE_CASE)

    def evaluate(self) -> None:
        """5: figures on the test split, recorded as evidence for the gate."""
        self.clock.heading("5. Evaluate on the test split, which nothing has learned from or chosen on")
        report = self.work / "evaluation.html"
        asked = ("--data-set", DATA_SET, "--human-seconds", str(HUMAN_S), "--report", report)
        found = self.shell.json("tune", "evaluate", f"{MODEL}@1", *asked)
        figures = found["report"]["figures"]
        for name in ("micro_f1", "micro_precision", "micro_recall", "macro_f1", "precision_at_5"):
            if name in figures:
                say(f"{name:<16} {interval(figures[name])}")
        spent = found["report"].get("time")
        if spent:
            say(f"seconds a case     {spent['p50_s']['estimate']:.4f} (median), beside {HUMAN_S} s of a coder without it")
        person = found["report"]["person"]
        say(f"cases that the model leaves to a person {interval(person['to_person'])}")
        say(f"exactly right, of the others            {interval(person['kept_subset_accuracy'])}")
        for each in found["report"]["chapters"]:
            say(f"chapter {each['name']:<4} {each['title'][:58]:<58} F1 {interval(each['f1'])}")
        self.summary["evaluation"] = figures

    def earn_pilot(self) -> None:
        """6: what the pilot gate asks for, and the gate."""
        self.clock.heading("6. Earn the pilot")
        self.shell.type("overlap", USE_CASE)
        self.shell.type("drill", f"use-case:{USE_CASE}")
        gate = self.shell.gate(USE_CASE, "pilot")
        self._criteria(gate)
        if gate["passed"]:
            say(self.shell.type("advance", USE_CASE, "--to", "pilot", "--reason", "all criteria are met").splitlines()[-1])
        self.summary["pilot"] = {"passed": gate["passed"], "missing": missing(gate)}

    def code(self, url: str) -> None:
        """7 to 9: notes are sent, every answer waits, the certified coder decides, what was signed is fetched."""
        self.clock.heading("7. Send notes to /v1/chat/completions with the official openai package")
        key = self.shell.type("key", "create", USE_CASE)
        by_id = {each["id"]: each for each in rows(DATA / "encounters.jsonl")}
        notes = [by_id[each] for each in self.test_ids[: QUICK_ENCOUNTERS if self.quick else ENCOUNTERS]]
        foreign = next(each["id"] for each in rows(DATA / "planted.jsonl") if each["kind"] == "wrong language")
        held, took_s = send(url, key, [*notes, by_id[foreign]])
        say(f"{len(held)} notes sent, {len(held)} answers are HTTP 202: none has left; median {statistics.median(took_s):.2f} s")
        self.clock.heading(f"8. {CODER}, a certified coder, decides")
        self._wait_for(len(held))
        decisions = [self._decide(sign_off, by_id[note], reject=note == foreign) for note, sign_off in held.items()]
        say(f"{dict(Counter(decisions))}")
        self.clock.heading("9. What was released")
        states = Counter(self._released(url, key, sign_off) for sign_off in held.values())
        say(f"polled with the key: {dict(states)}")
        self.summary["decisions"] = dict(Counter(decisions))
        self.summary["states"] = dict(states)

    def _wait_for(self, count: int) -> None:
        end_s = time.monotonic() + STORED_S_MAX
        while len(self.shell.json("sign-off", "list", USE_CASE, shown=False)) < count:
            if time.monotonic() > end_s:
                raise SystemExit("the held answers do not arrive in the queue")
            time.sleep(0.2)

    def _decide(self, sign_off: str, note: dict[str, Any], *, reject: bool) -> str:
        """Accept, edit or reject one draft, as somebody does who knows the right codes."""
        from groundcrew.tuned.answer import read_answer

        answer = read_answer(self.shell.json("sign-off", "show", sign_off, shown=False)["text"])
        assert answer is not None
        signed = ("--as", CODER)
        if reject:
            self.shell.type("sign-off", "reject", sign_off, "--comment", "not in English: coded by hand", *signed)
            return "rejected"
        wrong, absent = sorted(set(answer.labels) - set(note["codes"])), sorted(set(note["codes"]) - set(answer.labels))
        changes = [word for code in wrong for word in ("--remove", code)] + [word for code in absent for word in ("--add", code)]
        self.shell.type("sign-off", "labels", sign_off, *changes, *signed)
        return "edited" if changes else "accepted"

    def _released(self, url: str, key: str, sign_off: str) -> str:
        from groundcrew.client import Client

        return str(Client(url, key=key).sign_off(sign_off).state)

    def report(self) -> None:
        """10: what the people made of it, and how far the next gate is."""
        self.clock.heading("10. What the record says")
        for each in self.shell.json("metrics", USE_CASE, "--no-meanings")["figures"]:
            if each["name"] in ("suggestion_acceptance", "suggestion_precision", "suggestion_recall", "label_edits"):
                say(f"{each['title']:<36} {interval(each['interval'])}")
        gate = self.shell.gate(USE_CASE, "production_readiness")
        self._criteria(gate)
        path = self.work / "gate.html"
        self.shell.type("gate", "report", USE_CASE, "--to", "production_readiness", "--output", path)
        self.shell.bare("gate", "verify", path)
        say(self.shell.type("audit", "verify").splitlines()[-1])
        self.summary["production_readiness"] = {"passed": gate["passed"], "missing": missing(gate)}

    def _criteria(self, gate: dict[str, Any]) -> None:
        for each in gate["results"]:
            why = f": {each['missing']}" if each["status"] != "pass" and each.get("missing") else ""
            say(f"{each['status']:<8} {each['title']}{why}")
        say(f"the gate to {gate['stage']} {'opens' if gate['passed'] else 'stays closed'}")


def missing(gate: dict[str, Any]) -> list[str]:
    """The criteria that are not met."""
    return [each["key"] for each in gate["results"] if each["status"] != "pass"]


def send(url: str, key: str, notes: list[dict[str, Any]]) -> tuple[dict[str, str], list[float]]:
    """Send each note as an application would; the id of each one's sign-off, and the seconds that each answer took."""
    import openai

    held: dict[str, str] = {}
    took_s: list[float] = []
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, timeout=60, max_retries=2) as client:
        for note in notes:
            began_s = time.monotonic()
            answer = client.chat.completions.with_raw_response.create(
                model=USE_CASE,
                messages=[{"role": "user", "content": note["text"]}],
                extra_headers={"groundcrew-case-id": note["id"], "groundcrew-user-id": DESK},
            )
            took_s.append(time.monotonic() - began_s)
            if answer.status_code != 202:
                raise SystemExit(f"{note['id']}: HTTP {answer.status_code}, and an answer has left unsigned")
            held[note["id"]] = json.loads(answer.text)["groundcrew"]["sign_off_id"]
    return held, took_s


def main() -> None:
    """Go the whole way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(".groundcrew/medical-coding"), help="folder to work in; cleared")
    parser.add_argument("--architecture", choices=sorted(SETTINGS), default="coder", help="what learns")
    parser.add_argument(
        "--quick", action="store_true", help="a third of the notes, a smaller model: shows the way, not the figures"
    )
    parser.add_argument("--serve", action="store_true", help="leave the server up, with its console, until Ctrl+C")
    parser.add_argument("--summary", type=Path, help="write the figures there, as JSON")
    arguments = parser.parse_args()
    clock, work = Clock(), fresh(arguments.work, ".medical-coding")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    data = work / "data"
    data.mkdir()
    story = Story(Shell(data, password), work, clock, arguments.architecture, quick=arguments.quick)
    story.curate()
    story.tune()
    story.evaluate()
    with server(data, PORT if arguments.serve else 0) as (url, admin_password):
        story.earn_pilot()
        story.code(url)
        story.report()
        clock.heading(f"Done. {work / 'evaluation.html'} and {work / 'gate.html'} say it at length.")
        if arguments.summary:
            arguments.summary.write_text(json.dumps(story.summary, indent=2), encoding="utf-8")
        if arguments.serve:
            say(f"{url}: sign in as {CODER} with {password}" + (f", or as admin with {admin_password}" if admin_password else ""))
            wait_for_interrupt()


def wait_for_interrupt() -> None:
    """Until Ctrl+C."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("\nstopping")


if __name__ == "__main__":
    main()
