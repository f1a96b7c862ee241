"""Clients at once against a real server: what each of them received in full, by call id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import msgspec
import openai
from tests.integration.server import groundcrew

CLIENTS = 32
#: One call in so many goes through the official package, which costs the client ten times the work.
OFFICIAL_EVERY = 10
TIMEOUT_S = 60.0

DECLARATION = """
kind: Provider
name: fake
api: openai
base_url: {url}
data_classes: [public, internal, pii]
---
kind: Model
name: writer
targets: [{{provider: fake, model: fake-1, timeout_s: 20, price: {{input_usd: 1, output_usd: 2}}}}]
---
kind: UseCase
name: load
title: Load
owner: owner@bank.example
business_unit: operations
purpose: Take the load of a test
affected_persons: nobody
solution: product
autonomy: assist
data_classes: [internal]
model: writer
budget: {{tokens_per_day: 10000000}}
"""


def declare(upstream_url: str, data: Path, *storage: str) -> str:
    """Declare the use case on the database behind `data`; returns a key's secret."""
    data.mkdir(parents=True, exist_ok=True)
    page = data / "load.yaml"
    page.write_text(DECLARATION.format(url=upstream_url))
    where = ("--data", data, *storage)
    applied = groundcrew("apply", page, *where)
    assert applied.status == 0, applied.err
    created = groundcrew("key", "create", "load", *where)
    assert created.status == 0, created.err
    return created.out.strip()


class Received(msgspec.Struct, kw_only=True):
    """Complete answers by call id, calls that broke off, and refusals with their text."""

    answers: dict[str, str] = {}
    broken: int = 0
    errors: list[str] = []


class Load:
    """`calls` calls from `CLIENTS` clients; `enough` is set once `enough_at` answers have arrived."""

    def __init__(self, url: str, secret: str, calls: int, *, enough_at: int | None = None) -> None:
        self._url, self._secret, self._enough_at = f"{url}/v1", secret, enough_at
        self._numbers: Iterator[int] = iter(range(calls))
        self.received = Received()
        self.enough = asyncio.Event()

    async def run(self) -> Received:
        """Ask until every call is made, or the server is gone."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=CLIENTS)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            openai.AsyncOpenAI(base_url=self._url, api_key=self._secret, max_retries=0, timeout=TIMEOUT_S) as official,
        ):
            await asyncio.gather(*(self._client(session, official) for _ in range(CLIENTS)))
        return self.received

    async def _client(self, session: aiohttp.ClientSession, official: openai.AsyncOpenAI) -> None:
        for number in self._numbers:
            try:
                if number % OFFICIAL_EVERY == 0:
                    answer = await self._official(official, number)
                else:
                    answer = await self._raw(session, number, stream=number % 2 == 1)
            except (aiohttp.ClientError, openai.APIConnectionError, OSError):
                self.received.broken += 1
                return
            except openai.APIStatusError as error:
                self.received.errors.append(str(error))
                continue
            if answer is None:
                continue
            identifier, text = answer
            assert identifier not in self.received.answers
            self.received.answers[identifier] = text
            if self._enough_at is not None and len(self.received.answers) >= self._enough_at:
                self.enough.set()

    async def _raw(self, session: aiohttp.ClientSession, number: int, *, stream: bool) -> tuple[str, str] | None:
        body = {"messages": [{"role": "user", "content": f"question {number}"}], "stream": stream}
        headers = {"Authorization": f"Bearer {self._secret}", "groundcrew-case-id": f"case-{number}"}
        async with session.post(f"{self._url}/chat/completions", json=body, headers=headers) as response:
            content = await response.read()
            if response.status != 200:
                self.received.errors.append(content.decode(errors="replace"))
                return None
            identifier = response.headers["groundcrew-call-id"]
        if not stream:
            return identifier, msgspec.json.decode(content)["choices"][0]["message"]["content"]
        if b"data: [DONE]" not in content:
            # The server was killed in the middle of the stream.
            self.received.broken += 1
            return None
        events = [msgspec.json.decode(line[6:]) for line in content.split(b"\n") if line.startswith(b"data: {")]
        if failed := [each["error"] for each in events if "error" in each]:
            self.received.errors.append(str(failed))
            return None
        return identifier, "".join(choice["delta"].get("content") or "" for each in events for choice in each["choices"])

    async def _official(self, client: openai.AsyncOpenAI, number: int) -> tuple[str, str]:
        raw = await client.chat.completions.with_raw_response.create(
            model="load", messages=[{"role": "user", "content": f"question {number}"}]
        )
        return raw.headers["groundcrew-call-id"], raw.parse().choices[0].message.content or ""
