"""What each server says of its own gateway, so that whichever server looks at alert rules knows how all of them do."""

from __future__ import annotations

import socket

import msgspec

from groundcrew.services.processes import ended, machine, process_started
from groundcrew.store import alerts as stored
from groundcrew.store import operations
from groundcrew.store.database import Connection, Database

#: A server that has said nothing for so long is not asked any more: whether its gateway is silent is another question.
HEARD_S = 120.0


class GatewayHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one gateway does: age of its snapshot, why it can not record calls ("" where it can), age of the oldest call that is
    not shipped yet, calls without a record since its start."""

    snapshot_age_s: float
    spool_problem: str = ""
    spool_oldest_s: float = 0.0
    missed: int = 0


class ServerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A server's word of its gateway, and which server it is."""

    server: str
    host: str
    process_id: int
    health: GatewayHealth

    @property
    def name(self) -> str:
        """As a person finds it."""
        return f"process {self.process_id} on {self.host}"


async def say(database: Database, server: str, process_id: int, health: GatewayHealth) -> None:
    """Note how the gateway of this server does."""
    async with database.operate() as connection:
        await stored.say_health(
            connection,
            server=server,
            host=socket.gethostname(),
            process_id=process_id,
            document=msgspec.json.encode(health).decode(),
            machine=machine(),
            process_started=process_started(process_id),
        )


async def forget(database: Database, server: str) -> None:
    """The server stops."""
    async with database.operate() as connection:
        await stored.forget_health(connection, server)


async def heard(connection: Connection) -> list[ServerHealth]:
    """What the servers that run have said lately."""
    found, now_s = [], await operations.now_s(connection)
    for row in await stored.health(connection):
        gone = ended(on=row["machine"], process_id=row["process_id"], started=row["process_started"])
        if gone or now_s - row["seen_at_s"] > HEARD_S:
            continue
        health = msgspec.json.decode(row["document"], type=GatewayHealth)
        found.append(ServerHealth(server=row["id"], host=row["host"], process_id=row["process_id"], health=health))
    return found
