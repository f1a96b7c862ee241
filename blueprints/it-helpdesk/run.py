"""The whole way of the help desk's use cases on this machine: from an export of tickets to a triage that is measured, and answer
drafts that an agent sends.

    python blueprints/it-helpdesk/run.py [--work FOLDER] [--summary FILE] [--quick] [--serve]

Every command is shown as one would type it. Nothing leaves the machine, and no key is needed. The agent who reads the drafts is
played: the article that answers a ticket is known, so that a draft from another one is rejected. `itsm.py` goes the first half
of the way with somebody else's tickets.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import secrets
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from groundcrew.testing.walk import Clock, Failed, Shell, fresh, interval, say, server

BLUEPRINT = Path(__file__).parent
DATA = BLUEPRINT / "data"
TRIAGE, DRAFTS = "it-helpdesk-triage", "it-helpdesk-drafts"
DATA_SET, MODEL, BASE = "helpdesk-tickets", "helpdesk-triage", "helpdesk-articles"
AGENT, SETTLER, DESK, PASSWORD_BYTES = "agent-roth", "legal-frei", "desk-pilot", 18
SEED, PORT = 7, 8400
#: Tickets of the test split that are triaged, questions that are drafted, and how long a record may take to be stored.
TRIAGED, DRAFTED, STORED_S_MAX = 40, 12, 60.0
#: Of `--quick`: the share of people whose tickets are taken, what learns, tickets that are triaged, questions that are drafted.
QUICK_SHARE, QUICK_TRIAGED, QUICK_DRAFTED = 0.35, 12, 4
QUICK_SETTINGS = ("--set", "folds=3", "--set", "costs=[0.5]", "--set", "wanted_accuracy=0.7")
#: Characters by which a quoted line is looked for in its article.
QUOTED = 60
#: The reasons for which each planted fault may be dropped. A ticket that went to the wrong team looks like any other: where the
#: words speak clearly against its team, its label is doubtful.
EXPECTED = {
    "no body": {"missing field"},
    "too short": {"too short"},
    "unknown team": {"label not allowed"},
    "broken letters": {"damaged encoding"},
    "copied": {"duplicate", "near-duplicate"},
    "nearly copied": {"duplicate", "near-duplicate"},
    "contradicted": {"contradictory label"},
    "wrong team": {"doubtful label"},
}


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def shortened(source: Path, target: Path) -> Path:
    """The export with all planted faults and the tickets that they were made from, and of the others those of some people, drawn
    by a hash."""
    tickets = rows(source)
    planted = {name for names in json.loads((DATA / "planted.json").read_text(encoding="utf-8")).values() for name in names}
    faulty = {(each["requester"], each["subject"]) for each in tickets if each["id"] in planted}
    kept = []
    for each in tickets:
        drawn = int.from_bytes(hashlib.sha256(each["requester"].encode()).digest()[:4]) < QUICK_SHARE * 2**32
        if drawn or (each["requester"], each["subject"]) in faulty:
            kept.append(json.dumps(each, ensure_ascii=False) + "\n")
    target.write_text("".join(kept), encoding="utf-8")
    return target


def text_of(ticket: dict[str, Any]) -> str:
    """A ticket as the model learned it: subject, a blank line, body."""
    return f"{ticket['subject']}\n\n{ticket['body']}"


class Story:
    """What is known from step to step."""

    def __init__(self, shell: Shell, work: Path, clock: Clock, *, quick: bool) -> None:
        self.shell, self.work, self.clock, self.quick = shell, work, clock, quick
        self.summary: dict[str, Any] = {}
        self.test: list[str] = []

    def curate(self) -> None:
        """1: the export becomes a data set; the planted faults are looked for among what was dropped."""
        import pyarrow.parquet as parquet

        self.clock.heading("1. Curate the export")
        output = self.work / DATA_SET
        source = DATA / "tickets.jsonl"
        if self.quick:
            source = shortened(source, self.work / "tickets.jsonl")
        self.shell.curate(BLUEPRINT / "recipe.yaml", source, output)
        kept = parquet.read_table(output / "records.parquet").to_pylist()
        dropped = parquet.read_table(output / "dropped.parquet").to_pylist()
        splits = Counter(each["split"] for each in kept)
        self.test = sorted(each["id"] for each in kept if each["split"] == "test")
        say(f"{len(kept)} of {len(kept) + len(dropped)} tickets are good enough: {dict(sorted(splits.items()))}")
        for reason, count in Counter(each["reason"] for each in dropped).most_common():
            say(f"  {count:>4} dropped: {reason}")
        found = self._found(dropped)
        for kind, (caught, planted) in found.items():
            say(f"planted: {kind:<15} {caught} of {planted} found")
        self.summary["curation"] = {"kept": len(kept), "dropped": len(dropped), "splits": dict(splits), "planted": found}

    def _found(self, dropped: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
        """By kind of fault: found, and planted. Of two copies either may stay: found is a fault where either is gone."""
        reasons = {each["id"]: each["reason"] for each in dropped if each["id"]}
        copies: dict[tuple[str, str], list[str]] = {}
        for ticket in rows(DATA / "tickets.jsonl"):
            copies.setdefault((ticket["requester"], ticket["subject"]), []).append(ticket["id"])
        same = {name: names for names in copies.values() for name in names}
        planted = json.loads((DATA / "planted.json").read_text(encoding="utf-8"))
        found = {}
        for kind, names in planted.items():
            pair = kind in ("copied", "nearly copied", "contradicted")
            gone = [any(reasons.get(each) in EXPECTED[kind] for each in (same[name] if pair else [name])) for name in names]
            found[kind] = (sum(gone), len(names))
        return found

    def tune(self) -> None:
        """2 to 4: the data set is registered, a run learns from it, the use cases and the knowledge are declared and approved."""
        self.clock.heading("2. Register the data set")
        say(self.shell.type("dataset", "register", self.work / DATA_SET, "--data-class", "pii").splitlines()[0])
        self.clock.heading("3. Tune")
        learning = ("--architecture", "classifier", "--seed", str(SEED), *(QUICK_SETTINGS if self.quick else ()))
        for line in self.shell.type("tune", "start", MODEL, DATA_SET, *learning).splitlines():
            say(line)
        self.clock.heading("4. Declare the use cases, and approve the knowledge")
        say(self.shell.type("apply", BLUEPRINT).splitlines()[-1])
        revision = self.shell.json("knowledge", "add", BASE, BLUEPRINT / "knowledge")["id"]
        say(self.shell.type("knowledge", "approve", BASE, revision).splitlines()[-1])
        self.shell.type("user", "add", AGENT, "--role", "reviewer", "--qualification", "helpdesk-agent")
        for use_case in (TRIAGE, DRAFTS):
            self.shell.type("hypothesis", "register", use_case)

    def evaluate(self) -> None:
        """5: figures on the test split, recorded as evidence for the gate; and what the drafts hold."""
        self.clock.heading("5. Evaluate: triage on the test split, drafts on their suite")
        report = self.work / "evaluation.html"
        found = self.shell.json("tune", "evaluate", f"{MODEL}@1", "--data-set", DATA_SET, "--report", report)["report"]
        for name in ("subset_accuracy", "macro_f1", "micro_f1"):
            say(f"{name:<16} {interval(found['figures'][name])}")
        person = found["person"]
        say(f"left to a person {interval(person['to_person'])}")
        say(f"right of the rest {interval(person['kept_subset_accuracy'])}")
        self.summary["evaluation"] = {name: each["estimate"] for name, each in found["figures"].items()}
        self.summary["to_person"] = person["to_person"]["estimate"]
        self.summary["answered_right"] = person["kept_subset_accuracy"]["estimate"]
        suite = self.shell.json("eval", "run", DRAFTS)["report"]
        figures = {each["name"]: each["interval"] for each in suite["figures"]["figures"]}
        for name in ("behaves", "contains", "grounded"):
            say(f"drafts: {name:<9} {interval(figures[name])}")
        self.summary["drafts"] = {name: figures[name]["estimate"] for name in ("behaves", "contains", "grounded")}

    def earn_pilot(self, url: str) -> None:
        """6: what the pilot gates ask for, and the gates."""
        self.clock.heading("6. Earn the pilot")
        self.summary["pilot"] = {}
        for use_case in (TRIAGE, DRAFTS):
            found = self.shell.json("overlap", use_case)["overlaps"]
            for each in found:
                if each["overlap"]["state"] == "open":
                    self._settle(each["overlap"]["id"])
            self.shell.type("probe", use_case, "--url", url)
            self.shell.type("drill", f"use-case:{use_case}")
        for use_case in (TRIAGE, DRAFTS):
            gate = self.shell.gate(use_case, "pilot")
            self._criteria(gate)
            self.summary["pilot"][use_case] = missing(gate)
            if gate["passed"]:
                why = ("--reason", "all criteria are met")
                say(self.shell.type("advance", use_case, "--to", "pilot", *why).splitlines()[-1])

    def _settle(self, overlap: str) -> None:
        reason = "one says who gets a ticket, the other drafts its answer: they work on one ticket one after the other"
        until = (datetime.now(UTC) + timedelta(days=180)).date().isoformat()
        terms = ("justified_build", "--reason", reason, "--until", until)
        self.shell.type("settle-overlap", overlap, *terms, "--as", SETTLER)

    def triage(self, url: str) -> None:
        """7: tickets of the test split go through the gateway; outcomes are sent back with the call."""
        import openai

        from groundcrew.client import Client

        self.clock.heading("7. Triage tickets with the official openai package, and say what became of them")
        key = self.shell.type("key", "create", TRIAGE, shown=False)
        by_id = {each["id"]: each for each in rows(DATA / "tickets.jsonl")}
        seen: Counter[str] = Counter()
        took_ms: list[float] = []
        feedback = Client(url, key)
        with openai.OpenAI(base_url=f"{url}/v1", api_key=key, timeout=60, max_retries=2) as client:
            for name in self.test[: QUICK_TRIAGED if self.quick else TRIAGED]:
                began_s = time.perf_counter()
                answer = client.chat.completions.with_raw_response.create(
                    model=TRIAGE,
                    messages=[{"role": "user", "content": text_of(by_id[name])}],
                    extra_headers={"groundcrew-case-id": name, "groundcrew-user-id": DESK},
                )
                took_ms.append((time.perf_counter() - began_s) * 1000)
                body = json.loads(answer.text)
                said = json.loads(body["choices"][0]["message"]["content"])
                right = said["labels"] == [by_id[name]["team"]]
                seen["to a person" if said["needs_person"] else "right" if right else "wrong"] += 1
                if not said["needs_person"]:
                    # What the team that got it says, and whether it kept the ticket.
                    feedback.rate(body["groundcrew"]["call_id"], 5 if right else 1, rater=AGENT, case_id=name)
                feedback.outcome("resolved", 0.0 if said["needs_person"] or not right else 1.0, name)
        took_ms.sort()
        say(f"{dict(seen)} of {sum(seen.values())}; median {took_ms[len(took_ms) // 2]:.0f} ms a ticket")
        self.summary["triaged"] = dict(seen)

    def draft(self, url: str) -> None:
        """8: questions are drafted; nothing leaves before the agent has read, edited or rejected it."""
        self.clock.heading("8. Draft answers; the agent reads each one before it is sent")
        key = self.shell.type("key", "create", DRAFTS, shown=False)
        asked = rows(DATA / "questions.jsonl")[: QUICK_DRAFTED if self.quick else DRAFTED]
        held, declined = drafts(url, key, asked)
        self._wait_for(len(held))
        decided: Counter[str] = Counter()
        for each in asked:
            sign_off = held.get(each["id"])
            if sign_off is None:
                continue
            draft = self.shell.json("sign-off", "show", sign_off, shown=False)["sign_off"]["draft"]
            article = (BLUEPRINT / "knowledge" / each["article"]).read_text(encoding="utf-8") if each["article"] else ""
            fits = bool(article) and any(part.strip() and part.strip()[:QUOTED] in article for part in draft.splitlines())
            how = ("approve",) if fits else ("reject", "--comment", "quotes an article that does not answer it")
            self.shell.type("sign-off", how[0], sign_off, *how[1:], "--as", AGENT, shown=False)
            decided["sent" if fits else "rejected"] += 1
        say(f"{len(asked)} asked, {len(held)} held for the agent, {declined} without a verified answer: {dict(decided)}")
        self.summary["drafted"] = {"asked": len(asked), "held": len(held), "declined": declined, **decided}

    def _wait_for(self, count: int) -> None:
        end_s = time.monotonic() + STORED_S_MAX
        while len(self.shell.json("sign-off", "list", DRAFTS, shown=False)) < count:
            if time.monotonic() > end_s:
                raise Failed("the held drafts do not arrive in the queue")
            time.sleep(0.2)

    def report(self) -> None:
        """9: how far the next gate is, and why."""
        self.clock.heading("9. The gate to production")
        gate = self.shell.gate(TRIAGE, "production_readiness")
        self._criteria(gate)
        self.summary["production_readiness"] = missing(gate)
        for line in self.shell.type("tune", "lineage", f"{MODEL}@1").splitlines():
            say(line)
        say(self.shell.type("audit", "verify").splitlines()[-1])

    def _criteria(self, gate: dict[str, Any]) -> None:
        for each in gate["results"]:
            why = f": {each['missing']}" if each["status"] != "pass" and each.get("missing") else ""
            say(f"{each['status']:<8} {each['title']}  {each.get('figure') or ''}{why}")
        say(f"{gate['use_case']}: the gate to {gate['stage']} {'opens' if gate['passed'] else 'stays closed'}")


def missing(gate: dict[str, Any]) -> list[str]:
    """The criteria that are not met."""
    return [each["key"] for each in gate["results"] if each["status"] != "pass"]


def drafts(url: str, key: str, asked: list[dict[str, Any]]) -> tuple[dict[str, str], int]:
    """Ask for a draft of each; sign-off by question, and how many had no verified answer."""
    import openai

    held: dict[str, str] = {}
    declined = 0
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, timeout=60, max_retries=2) as client:
        for each in asked:
            answer = client.chat.completions.with_raw_response.create(
                model=DRAFTS,
                messages=[{"role": "user", "content": each["text"]}],
                extra_headers={"groundcrew-case-id": each["id"], "groundcrew-user-id": DESK},
            )
            sign_off = json.loads(answer.text).get("groundcrew", {}).get("sign_off_id")
            if answer.status_code == 202 and sign_off:
                held[each["id"]] = sign_off
            else:
                declined += 1
    return held, declined


def main() -> None:
    """Go the whole way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".groundcrew/it-helpdesk"), help="folder to work in; cleared")
    parser.add_argument(
        "--quick", action="store_true", help="some of the tickets, a smaller model: shows the way, not the figures"
    )
    parser.add_argument("--serve", action="store_true", help="leave the server up, with its console, until Ctrl+C")
    parser.add_argument("--summary", type=Path, help="write the figures there, as JSON")
    options = parser.parse_args()
    clock, work = Clock(), fresh(options.work, ".it-helpdesk")
    data = work / "data"
    data.mkdir()
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    story = Story(Shell(data, password), work, clock, quick=options.quick)
    story.curate()
    story.tune()
    story.evaluate()
    with server(data, PORT if options.serve else 0) as (url, _):
        story.earn_pilot(url)
        story.triage(url)
        story.draft(url)
        story.report()
        clock.heading(f"Done. {work / 'evaluation.html'} says it at length.")
        if options.summary:
            options.summary.write_text(json.dumps(story.summary, indent=2), encoding="utf-8")
        if options.serve:
            say(f"{url}: sign in as {AGENT} with {password}; Ctrl+C stops it")
            with contextlib.suppress(KeyboardInterrupt):
                threading.Event().wait()


if __name__ == "__main__":
    main()
