"""500 released sign-offs through all that goes wrong on the way, and keepers that are killed between sending and noting: each
id has exactly one effect at a receiver that looks at it, with the very text that was signed, and none is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from tests.receiver import SECRET, Behaviour, Receiver
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared, prepared

from groundcrew.domain.delivery import Channel
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.sign_off import SignOff, text_digest
from groundcrew.services.bundle import Services
from groundcrew.services.sign_off_deliveries import tell
from groundcrew.store import catalog

__all__ = ["prepared"]

SIGN_OFFS, KILLS, KEEPERS = 500, 2, 2
#: The share of requests that meet each misfortune.
MISFORTUNES: tuple[tuple[Behaviour, float], ...] = (("drop before", 0.05), ("drop after", 0.08), (500, 0.08), (503, 0.04))


async def test_each_of_500_released_texts_arrives_exactly_once(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    prepared.copy("declared", sqlite_url)
    random = Random(7)

    def behave(_number: int) -> Behaviour:
        drawn = random.random()
        for behaviour, share in MISFORTUNES:
            if drawn < share:
                return behaviour
            drawn -= share
        return 200

    async with bank.opened(sqlite_url, tmp_path, None, bare=True) as services, Receiver() as receiver:
        receiver.behave = behave
        texts = await released(services, receiver.url)
        keepers = [start(sqlite_url, tmp_path) for _ in range(KEEPERS)]
        try:
            for round_ in range(KILLS):
                # Killed while answers that were acted upon have not been noted yet.
                receiver.delay_s = 0.02
                wanted = (round_ + 1) * SIGN_OFFS // (KILLS + 2)
                await bank.until(lambda wanted=wanted: arrived(receiver, wanted), within_s=60, every_s=0.01)
                keepers[0].send_signal(signal.SIGKILL)
                keepers[0].wait()
                if round_ == 0:
                    await receiver.stop()
                    await asyncio.sleep(0.3)
                    await receiver.start()
                keepers = [*keepers[1:], start(sqlite_url, tmp_path)]
            receiver.delay_s = 0.0

            async def all_noted() -> bool:
                (counted,) = await services.deliveries.channels()
                return counted.delivered == SIGN_OFFS

            await bank.until(all_noted, within_s=60, every_s=0.1)
        finally:
            for each in keepers:
                each.kill()
                each.wait()
        assert dict(receiver.effects) == {f"sign-off/{each}/released": 1 for each in texts}
        assert {each.data["id"]: each.data["text"] for each in receiver.messages} == texts
        assert all(each.data["sha256"] == text_digest(each.data["text"]) for each in receiver.messages)
        assert receiver.refused == []
        assert len(receiver.bodies) > SIGN_OFFS, "some came more than once, and were no second effect"
        assert (await services.audit.verify()).problems == ()


async def released(services: Services, url: str) -> dict[str, str]:
    """Signed sign-offs, each with the message that tells of it; their texts by id."""
    now, texts = services.database.clock.now(), dict[str, str]()
    async with services.database.write("user:anna") as writer:
        made = Channel(name="hook", kind="webhook", url=url, secret="env:HOOK_SECRET", networks=("127.0.0.0/8",))
        await catalog.CHANNELS.put(writer, made, "apply")
        for number in range(SIGN_OFFS):
            text = f"Answer number {number}: wir erstatten CHF {number}."
            sign_off = SignOff(
                id=new_id(),
                use_case=bank.NAME,
                call_id=new_id(),
                qualification="service-agent",
                draft=text,
                reason="held",
                requested_at=now,
                expires_at=now + timedelta(days=7),
                state="approved",
                signer="anna",
                signed_at=now,
                final_text=text,
                signed_sha256=text_digest(text),
            )
            await catalog.SIGN_OFFS.put(writer, sign_off, "approve")
            await tell(writer, sign_off, "released", channel="hook")
            texts[sign_off.id] = text
    return texts


async def arrived(receiver: Receiver, number: int) -> bool:
    return len(receiver.effects) >= number and receiver.open > 0


def start(url: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.load.keeper_process", url, str(folder)]
    return subprocess.Popen(command, env={**os.environ, "HOOK_SECRET": SECRET}, cwd=Path(__file__).parents[2])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
