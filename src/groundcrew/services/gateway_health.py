"""What each server says of its own gateway, so that whichever server looks at alert rules knows how all of them do."""

from __future__ import annotations

import socket

import msgspec

from groundcrew.services.processes import ended, machine, process_started
from groundcrew.services.propagation import running_gateways
from groundcrew.store import alerts as stored
from groundcrew.store import operations
from groundcrew.store.database import Connection, Database

#: A server that has said nothing for so long is not asked any more, unless its gateway is registered: then its last word stands.
HEARD_S = 120.0


class GatewayHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How one gateway does: age of its snapshot, why it can not record calls ("" where it can), age of the oldest call that is
    not shipped yet, calls without a record since its start."""

    snapshot_age_s: float
    spool_problem: str = ""
    spool_oldest_s: float = 0.0
    missed: int = 0


class ServerHealth(msgspec.Struct, frozen=True, kw_only=True):
    """A server's word of its gateway, which server it is, and for how long it has said nothing since (seconds)."""

    server: str
    host: str
    process_id: int
    health: GatewayHealth
    silent_s: float

    @property
    def snapshot_age_s(self) -> float:
        """Age of its snapshot now: what it said, and the time since, in which nobody knows of a newer one."""
        return self.health.snapshot_age_s + self.silent_s

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
    """What the servers that run have said last. One that has fallen silent counts as long as its gateway is registered: it may
    still answer, by what it knew then."""
    registered = {(each.host, each.process_id) for each in await running_gateways(connection)}
    found, now_s = [], await operations.now_s(connection)
    for row in await stored.health(connection):
        silent_s = max(0.0, now_s - row["seen_at_s"])
        if ended(on=row["machine"], process_id=row["process_id"], started=row["process_started"]):
            continue
        if silent_s > HEARD_S and (row["host"], row["process_id"]) not in registered:
            continue
        health = msgspec.json.decode(row["document"], type=GatewayHealth)
        found.append(
            ServerHealth(server=row["id"], host=row["host"], process_id=row["process_id"], health=health, silent_s=silent_s)
        )
    return found
