"""Seeded personal and health data go through the whole process on every path that is known, and then every byte that it wrote,
exported or told a collector is searched for them. All names, numbers and addresses are invented."""

from __future__ import annotations

import base64
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from tests.unit.gateway.collector import Collector

from groundcrew.app import App
from groundcrew.errors import WouldBeMasked
from groundcrew.guards.registry import find_guard
from groundcrew.services import declarations
from groundcrew.services.audit_export import export_audit
from groundcrew.services.exports import export_calls
from groundcrew.settings import Settings
from groundcrew.testing import FakeUpstream, Reply, Response, request
from groundcrew.testing.upstream import ReceivedRequest

DECLARATION = """
kind: Provider
name: clinic-ai
api: openai
base_url: {url}
data_classes: [public, internal, pii, phi]
baa: true
---
kind: Provider
name: elsewhere
api: openai
base_url: {url}
data_classes: [public, internal, pii]
---
kind: Model
name: writer
targets:
  - {{provider: clinic-ai, model: big, timeout_s: 20}}
  - {{provider: clinic-ai, model: trial, role: shadow, share_percent: 100}}
---
kind: Model
name: outside
targets: [{{provider: elsewhere, model: big}}]
---
kind: Policy
name: tags
guards:
  - {{guard: pii, on: [input, tool_results], action: redact, restore: true}}
  - {{guard: secrets, on: [input, tool_results], action: redact, restore: true}}
---
kind: Policy
name: strict
guards:
  - {{guard: pii, on: [input], action: refuse}}
"""
USE_CASE = """
---
kind: UseCase
name: {name}
title: A use case
owner: owner@clinic.example
business_unit: clinic
purpose: Answer questions
affected_persons: patients
solution: product
autonomy: assist
data_classes: [internal, pii, phi]
model: {model}
budget: {{tokens_per_day: 100000000}}
{more}
"""
USE_CASES = {
    "open": ("writer", ""),
    "tagged": ("writer", "policy: tags"),
    "cached": ("writer", "policy: tags\ncache: {ttl: 1h}"),
    "strict": ("writer", "policy: strict"),
    "held": ("writer", "sign_off: {when: always, qualification: admin}"),
    "outside": ("outside", ""),
}
BATCH = 11


def _iban(country: str, account: str) -> str:
    """An IBAN with the right check digits (ISO 13616)."""
    digits = "".join(str(int(each, 36)) for each in account + country + "00")
    return f"{country}{98 - int(digits) % 97:02d}{account}"


def _card(start: str) -> str:
    """A card number with the right last digit (Luhn)."""
    doubled = [int(each) * 2 if place % 2 == 0 else int(each) for place, each in enumerate(reversed(start))]
    return start + str(-sum(each - 9 if each > 9 else each for each in doubled) % 10)


def _ahv(start: str) -> str:
    """A Swiss social security number with the right check digit (EAN-13)."""
    total = sum(int(each) * (3 if place % 2 else 1) for place, each in enumerate(start))
    whole = start + str(-total % 10)
    return f"{whole[:3]}.{whole[3:7]}.{whole[7:11]}.{whole[11:]}"


#: A sentence that holds a value, and the values. What patterns find is looked for always.
SEEDS: dict[str, tuple[str, ...]] = {
    "Write to {} please.": (
        *("j.abegglen@post.example", "petra+labor@klinik.example", "o'neil.k@health.example", "zoe_widmer@mail.example"),
        *("DR.HAAS@praxis.example", "t.ammann@kanton.example", "nadia.frei@spital.example", "x.y.zbinden@uni.example"),
    ),
    "Call {} after six.": (
        *("+41 79 214 66 03", "+41 44 668 18 92", "+49 30 901820", "+1 415 555 2671", "044 271 39 55"),
        *("+39 06 6982 0199", "+33 1 42 68 53 00", "079 330 41 87"),
    ),
    "Pay it to {} today.": (
        _iban("CH", "00762011623852957"),
        _iban("DE", "370400440532013000"),
        _iban("LI", "088100002324013AA"),
        _iban("AT", "1904300234573201"),
        _iban("CH", "08390037224410052"),
        _iban("NL", "ABNA0417164300"),
    ),
    "My card is {} if needed.": (
        *(_card("453957804127316"), _card("543009182736450"), _card("601100099013942"), _card("448523907715520")),
        _card("37144963539843"),
    ),
    "The social security number is {} as before.": ("536-22-8704", "412-09-7731", _ahv("756921704463"), _ahv("756301188247")),
    "His MRN: {} was merged.": (
        *("48210977", "A4471902", "90031277", "QX-7741902", "00912847", "88-402139", "5512093", "77120045"),
    ),
    "The member number {} is active.": ("W883104725", "XKQ4471920", "WQ-1190342", "HP-448120-7", "88104417", "ZT5520914"),
    "She was born on {} in a small town.": (
        *("14.03.1961", "1958-11-02", "7 June 1979", "03/22/1984", "29 February 1972", "31.12.1949"),
    ),
    "The api_key = {} works.": ("kP9x-Vt4q7Lm2-Zr81Bd", "Wd8s_Qe52-Mn6yTr4x", "sk-proj-4hT9xLq2Vb7Nz1Rk8Wd3Ys6P"),
    "Their address is https://portal.example/p?patient_id={} now.": ("ab-55120-xy", "zz-90817-qq", "mm-33471-rt"),
    "The login came from {} at night.": ("203.0.113.77", "198.51.100.23", "2001:db8:85a3::8a2e:370:7334"),
}
#: What only the network can find.
NETWORK_SEEDS: dict[str, tuple[str, ...]] = {
    "My name is {} and I have a question.": (
        *("Verena Hugentobler", "Thomas Ackermann", "Giulia Ferrari", "Rachel Goldberg", "Michael O'Connor", "Jürg Müller"),
    ),
    "She lives at {} since May.": ("Seestrasse 112, 8002 Zürich", "48 Maple Avenue, Springfield", "Bahnhofstrasse 7, 5000 Aarau"),
}


def seeds() -> list[tuple[str, str]]:
    """Sentences with their values."""
    chosen = {**SEEDS, **(NETWORK_SEEDS if find_guard("pii").quick is not None else {})}
    return [(sentence.format(value), value) for sentence, values in chosen.items() for value in values]


def forms(value: str) -> set[bytes]:
    """How a value may stand in a file: as it is, in JSON, in a URL, in base64 (wherever it begins in a longer text), in lower
    case."""
    found = {value, json.dumps(value)[1:-1], json.dumps(json.dumps(value))[3:-3], quote(value), quote_plus(value), value.lower()}
    raw = {each.encode() for each in found}
    data = value.encode()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + data)
        core = encoded[(0, 2, 3)[shift] : len(encoded) - 4]
        if len(core) >= 10:
            raw.add(core)
    return raw


def script(asked: ReceivedRequest) -> Reply | str:
    """A model that repeats what it hears: in texts, in tool calls, in errors."""
    said = asked.last_user_text()
    if said.startswith("fail:"):
        return Reply(status=400, error_message=f"can not do this: {said}")
    if said.startswith("tool:"):
        arguments = json.dumps({"note": said})
        return Reply(
            text="I note it.", tool_calls=({"id": "c1", "type": "function", "function": {"name": "n", "arguments": arguments}},)
        )
    return Reply(text=f"I heard this. {said}", reasoning=f"They say: {said}")


class Bench:
    """The process under test and the ways into it."""

    def __init__(self, app: App, keys: dict[str, str]) -> None:
        self.app, self._keys = app, keys

    async def send(
        self, use_case: str, path: str, body: Any, headers: dict[str, str] | None = None, method: str = "POST"
    ) -> Response:
        """One request with the key of a use case."""
        given = {"authorization": f"Bearer {self._keys[use_case]}", "content-type": "application/json", **(headers or {})}
        return await request(self.app, path, method=method, headers=given, body=json.dumps(body).encode())

    async def chat(self, use_case: str, *messages: Any, headers: dict[str, str] | None = None, **more: Any) -> Response:
        """One chat completion; texts are messages of the user."""
        said = [{"role": "user", "content": each} if isinstance(each, str) else each for each in messages]
        return await self.send(use_case, "/v1/chat/completions", {"messages": said, **more}, headers)


async def plant(bench: Bench, text: str, value: str) -> None:
    """Send `text` along every path; `value` is one of its values, for what takes no sentence."""
    tool_call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    result = [
        {"role": "assistant", "content": None, "tool_calls": [tool_call]},
        {"role": "tool", "tool_call_id": "c", "content": text},
    ]
    escaped = json.dumps({"row": text})
    for use_case in ("open", "tagged", "cached", "strict", "outside", "held"):
        await bench.chat(use_case, text)
    for stream in (False, True):
        await bench.chat("open", {"role": "system", "content": text}, "hello", stream=stream)
        await bench.chat("open", "go", *result, stream=stream)
        await bench.chat("open", f"tool: {text}", stream=stream)
        await bench.chat("tagged", f"fail: {text}", stream=stream)
        await bench.chat("open", f"fail: {text}", stream=stream)
        await bench.send("open", "/v1/responses", {"input": text, "stream": stream})
        body = {"messages": [{"role": "user", "content": text}], "max_tokens": 99, "stream": stream}
        await bench.send("tagged", "/v1/messages", body)
    await bench.chat("open", escaped, {"role": text, "content": "hi"})
    await bench.send("open", "/v1/embeddings", {"input": [text, "b"]})
    # What alone is no more than an identifier is recorded as one; with a word beside it, it may be anything.
    await bench.chat("open", f"{text} hello", user=f"user {value}", stop=[value], metadata={"note": text})
    await bench.chat("open", f"{text} hello", metadata={"user_id": f"{value} (user)"})
    await bench.chat("open", "hello", headers={"groundcrew-user-id": f"user {value.encode('ascii', 'ignore').decode()}"})
    await bench.send("open", f"/v1/models/{quote(value)}", None, method="GET")
    answered = (await bench.chat("open", "hello again")).json()["groundcrew"]["call_id"]
    rating = {"call_id": answered, "stars": 4, "rater": "desk-1", "comment": text, "corrected_text": f"Better: {text}"}
    assert (await bench.send("open", "/api/v1/ratings", rating)).status < 300
    await bench.send("open", "/api/v1/ratings", {**rating, "rater": f"by {value}"})
    outcome = {"metric": "solved", "value": 1.0, "case_id": "case-1"}
    await bench.send("open", "/api/v1/outcomes", {"outcomes": [outcome]})
    services = bench.app.services
    held = (await bench.chat("held", text)).json()["groundcrew"]["sign_off_id"]
    await services.flush()  # type: ignore[misc]
    (admin,) = await services.users.find()
    draft = (await services.sign_offs.get(held)).draft
    with pytest.raises(WouldBeMasked) as offered:
        await services.sign_offs.decide(held, "edit", signer=admin, text=f"{draft} And: {text}", comment=text)
    signed = await services.sign_offs.decide(held, "edit", signer=admin, text=offered.value.text, comment=text)
    assert signed.final_text is not None
    assert signed.final_text.startswith(draft), "what was masked stays as the reviewer saw it"


async def run_calls(bench: Bench, planted: Sequence[tuple[str, str]]) -> None:
    """Every value on every path, some together."""
    for start in range(0, len(planted), BATCH):
        batch = planted[start : start + BATCH]
        await plant(bench, " ".join(text for text, _ in batch), batch[start // BATCH % len(batch)][1])
    assert await bench.app.gateway.shadows.drained(5.0)


def rows_of(path: Path) -> Iterator[bytes]:
    """All cells of a database, as they read."""
    with sqlite3.connect(path) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield from (each if isinstance(each, bytes) else str(each).encode() for each in row)


@pytest.mark.slow
async def test_seeded_personal_data_are_written_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Search the data folder (database, journal, spool), logs, telemetry with contents, exports and metrics."""
    caplog.set_level(logging.INFO)
    data = tmp_path / "data"
    planted = seeds()
    assert len({value for _, value in planted}) >= 60
    found: list[tuple[str, bytes]] = []
    with FakeUpstream(script) as upstream, Collector() as collector:
        page = tmp_path / "clinic.yaml"
        parts = [USE_CASE.format(name=name, model=model, more=more) for name, (model, more) in USE_CASES.items()]
        page.write_text(DECLARATION.format(url=upstream.url) + "".join(parts))
        settings = Settings(data=data, otlp_endpoint=collector.url, otlp_content="spans", ship_every_ms=50)
        async with App(settings) as app:
            services = app.services
            await services.registry.apply(declarations.load([page]), actor="cli:test")
            keys = {name: (await services.keys.create(name, actor="cli:test")).secret for name in USE_CASES}
            await app.keeper.refresh()
            await run_calls(Bench(app, keys), planted)
            metrics = await request(app, "/metrics", method="GET")
            found.append(("metrics", metrics.body + app.metrics.render()))
            found += [(str(each.relative_to(data)), each.read_bytes()) for each in data.rglob("*") if each.is_file()]
            await app.shipper.flush()
            calls = await services.calls.latest(limit=5_000, shadows=True)
            for name in ("calls.jsonl", "calls.parquet", "audit.jsonl"):
                into = tmp_path / name
                if name.startswith("calls"):
                    await export_calls(services.calls, into, use_case=None, progress=lambda _rows, _of: None)
                else:
                    await export_audit(services.database, services.checkpoints, into)
                found.append((name, into.read_bytes()))
        found += [(f"closed {each.relative_to(data)}", each.read_bytes()) for each in data.rglob("*") if each.is_file()]
        found += [(f"rows of {each.name}", b"\n".join(rows_of(each))) for each in data.rglob("*.db")]
        found += [("telemetry", b"\n".join(message.SerializeToString() for _, message in collector.requests))]
        found += [("parquet rows", _parquet(tmp_path / "calls.parquet"))]
    output = capfd.readouterr()
    found.append(("logs", "\n".join((caplog.text, output.out, output.err)).encode()))

    assert len(calls) > 150, "the calls were recorded, not dropped"
    assert sum(len(call.request) + len(call.answer) + len(call.withheld_answer) for call in calls) > 100_000
    assert any(call.shadow_of for call in calls)
    assert any(b"[MRN]" in body for where, body in found if where == "telemetry"), "contents were exported"
    assert not [(value, where) for where, value in leaks(found, [value for _, value in planted])]


def leaks(found: Sequence[tuple[str, bytes]], values: Sequence[str]) -> list[tuple[str, str]]:
    """Where which value stands."""
    result: list[tuple[str, str]] = []
    for where, body in found:
        lowered = body.lower()
        result += [
            (where, value)
            for value in values
            if any(each in body or (each == each.lower() and each in lowered) for each in forms(value))
        ]
    return result


def _parquet(path: Path) -> bytes:
    import pyarrow.parquet as parquet

    return json.dumps(parquet.read_table(path).to_pylist(), default=str, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "written",
    [
        str,
        str.lower,
        json.dumps,
        quote,
        lambda value: base64.b64encode(b"x" + value.encode() + b"yz").decode(),
        lambda value: base64.b64encode(b"xy" + value.encode() + b"z").decode(),
        lambda value: base64.b64encode(value.encode() + b"xyz").decode(),
    ],
)
def test_the_search_finds_what_it_looks_for(written: Callable[[str], str]) -> None:
    """A search that finds nothing proves nothing unless it would have found it."""
    value = "Jürg Müller, Seestrasse 112"
    assert leaks([("file", b"before " + written(value).encode() + b" after")], [value]) == [("file", value)]
