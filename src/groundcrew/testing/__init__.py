"""Public fakes for whoever tests against groundcrew: a scripted provider on a real socket, a clock to turn, a gateway in memory.

Nothing here is imported by the product itself, but for the demo's scripted provider.
"""

from __future__ import annotations

from groundcrew.testing.fine_tuning import FakeFineTuning
from groundcrew.testing.grounding import FakeGrounding
from groundcrew.testing.memory import (
    TEST_KEY,
    FakeClock,
    FakeSnapshots,
    MemoryGateway,
    memory_gateway,
    memory_snapshot,
    memory_use_case,
)
from groundcrew.testing.server import Response, chat, request, serve
from groundcrew.testing.upstream import FakeUpstream, ReceivedRequest, Reply

__all__ = [
    "TEST_KEY",
    "FakeClock",
    "FakeFineTuning",
    "FakeGrounding",
    "FakeSnapshots",
    "FakeUpstream",
    "MemoryGateway",
    "ReceivedRequest",
    "Reply",
    "Response",
    "chat",
    "memory_gateway",
    "memory_snapshot",
    "memory_use_case",
    "request",
    "serve",
]
