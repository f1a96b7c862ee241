"""A keeper of deliveries in a process of its own, to be killed: python -m tests.load.keeper_process DATABASE_URL FOLDER."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from groundcrew.domain import delivery as rules
from groundcrew.gateway.webhook_client import WebhookClient
from groundcrew.jobs.delivery_keeper import DeliveryKeeper
from groundcrew.jobs.delivery_senders import Senders
from groundcrew.services.bundle import open_services
from groundcrew.settings import Settings

#: What a receiver's silence and a dead process cost the test.
LEASE_S = 1.0
SENDS_MAX = 16


async def main(url: str, folder: Path) -> None:
    rules.BACKOFF_S, rules.BACKOFF_S_MAX = 0.05, 0.5
    services = await open_services(url, folder)
    keeper = DeliveryKeeper(
        services, Senders(WebhookClient(), Settings()), poll_s=0.02, lease_s=LEASE_S, channel_sends_max=SENDS_MAX
    )
    await keeper.run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
