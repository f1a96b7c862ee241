"""Which kill switches keep a use case from working: what is refused to calls is refused to signatures and releases too."""

from __future__ import annotations

from collections.abc import Sequence

from groundcrew.domain.kill_switch import KillSwitch, Scope, stops_whole
from groundcrew.domain.use_case import UseCase
from groundcrew.store import catalog, operations
from groundcrew.store.calls import CALLS
from groundcrew.store.database import Connection


async def stopping(
    connection: Connection, use_case: UseCase, switches: Sequence[KillSwitch] | None = None
) -> tuple[KillSwitch, ...]:
    """The switches, of `switches` or of all that deny, that keep all calls of a use case from being answered."""
    denying = await operations.denying(connection) if switches is None else switches
    if not denying:
        return ()
    model = await catalog.MODELS.get(connection, use_case.model)
    providers = {each.provider for each in model.primaries} if model else set()
    return tuple(each for each in denying if stops_whole(each.scope, use_case, providers))


async def stop_reason(connection: Connection, use_case_name: str, call_id: str | None = None) -> str:
    """Why nothing of a use case may be signed or released now, in words that follow "is"; empty where it may. A use case that is
    not known is stopped where everything is; one that is off may still decide what waits. With `call_id` what that call went
    through counts as well: its key, and the model and provider that wrote its answer, whatever the use case has now."""
    denying = await operations.denying(connection)
    use_case = await catalog.USE_CASES.get(connection, use_case_name)
    found: tuple[KillSwitch, ...] = ()
    if denying:
        if use_case is not None:
            found = await stopping(connection, use_case, denying)
        else:
            found = tuple(each for each in denying if each.scope.kind == "all")
        call = await CALLS.get(connection, call_id) if call_id is not None and not found else None
        if call is not None:
            written = {Scope("key", call.key_id), Scope("model", call.model)}
            written |= {Scope("provider", call.provider)} if call.provider is not None else set()
            found = tuple(each for each in denying if each.scope in written)
    if found:
        return f"stopped by the kill switch {found[0].scope} ({found[0].state.replace('_', ' ')})"
    if use_case is not None and use_case.run_state == "suspended":
        return f"suspended ({use_case.run_reason})" if use_case.run_reason else "suspended"
    return ""
