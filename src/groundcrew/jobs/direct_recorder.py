"""Records calls in the database itself, for processes that have one at hand and serve nobody: what is recorded needs no spool."""

from __future__ import annotations

import logging

from groundcrew.domain.call import Call
from groundcrew.errors import RecorderUnavailable
from groundcrew.services.calls import Calls

logger = logging.getLogger(__name__)


class DirectRecorder:
    """A recorder without a spool; implements `gateway.protocols.Recorder`. `gateway` is the enforcement point that records."""

    def __init__(self, calls: Calls, *, gateway: str) -> None:
        self._calls, self._gateway = calls, gateway

    async def opened(self, call: Call) -> None:
        """As the protocol says. Nothing that is recorded here streams."""
        raise RecorderUnavailable("a stream is recorded by a server")

    async def record(self, call: Call) -> None:
        """As the protocol says: one transaction a call."""
        try:
            await self._calls.ship([call], gateway=self._gateway)
        except Exception as error:
            raise RecorderUnavailable(f"the call could not be recorded ({type(error).__name__})") from error

    def later(self, call: Call) -> None:
        """As the protocol says. Nothing that is recorded here streams."""
        logger.warning("call %s has no record", call.id)

    def missed(self, call: Call, *, answered: bool) -> None:
        """As the protocol says: the call failed, and whoever asked knows it."""
        logger.warning("call %s of use case %s has no record", call.id, call.use_case)
