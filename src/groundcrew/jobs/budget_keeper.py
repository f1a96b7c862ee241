"""Keeps a gateway's budgets in step with the other gateways': every second it tells what it holds and hears what they spent.

While the database is away a gateway that is alone goes on as before, and one of several keeps to its last share.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from groundcrew.domain.clock import Clock
from groundcrew.domain.spending import BudgetWarning, Held, Spent
from groundcrew.services.spending import Spending

EXCHANGE_S = 1.0

logger = logging.getLogger(__name__)


class BudgetLedger(Protocol):
    """What the keeper needs of a gateway's ledger."""

    warnings: deque[BudgetWarning]

    def held(self) -> list[Held]:
        """What is held for calls in flight."""
        ...

    def learn(self, spent: Iterable[Spent], held: Iterable[Held], *, processes: int, now: datetime) -> None:
        """Take in what the others spent and hold."""
        ...

    def take_warnings(self) -> list[BudgetWarning]:
        """The warnings since the last time."""
        ...


class BudgetKeeper:
    """Exchanges spending for one gateway."""

    def __init__(
        self, ledger: BudgetLedger, spending: Spending, *, gateway: str, clock: Clock, every_s: float = EXCHANGE_S
    ) -> None:
        self._ledger, self._spending, self._gateway = ledger, spending, gateway
        self._clock, self._every_s = clock, every_s
        self._position = 0
        self._alone = True

    async def seed(self) -> None:
        """Learn what was spent before this gateway started. Everything that it has itself shipped so far counts as before."""
        now = self._clock.now()
        found = await self._spending.seed(now)
        self._ledger.learn(found.spent, found.held, processes=1, now=now)
        self._position = found.position

    async def exchange(self) -> None:
        """Tell and hear once, and store the warnings that came up. Raises what the database raises; nothing is lost then."""
        was_alone = self._alone
        await self._exchange()
        if was_alone and not self._alone:
            await self._exchange()  # the newcomer is to know what is held here
        warnings = self._ledger.take_warnings()
        try:
            await self._spending.warn(warnings)
        except BaseException:
            self._ledger.warnings.extendleft(reversed(warnings))
            raise

    async def _exchange(self) -> None:
        held = self._ledger.held() if not self._alone else []
        heard = await self._spending.exchange(self._gateway, after=self._position, held=held, alone=self._alone)
        self._ledger.learn(heard.spent, heard.held, processes=heard.gateways, now=self._clock.now())
        self._position, self._alone = heard.position, heard.gateways == 1

    async def run(self) -> None:
        """Exchange for ever; ends when cancelled."""
        while True:
            try:
                await self.exchange()
            except Exception as error:
                logger.warning("budgets could not be shared with the other gateways: %s", type(error).__name__)
            await asyncio.sleep(self._every_s)
