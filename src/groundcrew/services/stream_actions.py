"""Action items of the Stream: one owner, one due date; what is overdue comes back to the agenda by itself and keeps the
optimization gate shut."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from groundcrew.domain.identifiers import new_id
from groundcrew.domain.meeting import ACTIONS_MAX, TEXT_LENGTH_MAX, TITLE_LENGTH_MAX, ActionItem, ActionState
from groundcrew.errors import Conflict, InputError, NotAllowed, NotFound
from groundcrew.services.agenda import ensure_item
from groundcrew.services.lookups import person_of, require, require_use_case
from groundcrew.services.meeting_records import account_of, cleaned, overdue_items, require_open, require_present, text_of
from groundcrew.store import catalog, deciding, meetings
from groundcrew.store.database import Connection, Database, Writer

#: Actions that are open at once; who has more has no list.
OPEN_MAX = 2_000


class StreamActions:
    """Action items of the Stream of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(
        self, *, state: ActionState | None = None, owner: str | None = None, use_case: str | None = None, limit: int = 500
    ) -> list[ActionItem]:
        """The most urgent first: open ones by their day, then those that are done, the newest first."""
        equal: dict[str, Any] = {"state": state} if state is not None else {}
        async with self._database.read() as connection:
            found = await deciding.ACTION_ITEMS.find(connection, **equal)
        chosen = [
            each
            for each in found
            if (owner is None or person_of(each.owner) == person_of(owner)) and (use_case is None or each.use_case == use_case)
        ]
        waiting = sorted((each for each in chosen if each.state == "open"), key=lambda each: (each.due, each.id))
        done = sorted((each for each in chosen if each.state == "done"), key=lambda each: each.id, reverse=True)
        return [*waiting, *done][:limit]

    async def overdue(self) -> list[ActionItem]:
        """Those past their day, the longest overdue first."""
        async with self._database.read() as connection:
            return await overdue_items(connection, self._database.clock.now().date())

    async def get(self, action_id: str) -> ActionItem:
        """One action; NotFound."""
        async with self._database.read() as connection:
            return await require(connection, deciding.ACTION_ITEMS, action_id)

    async def add(
        self,
        title: str,
        *,
        owner: str,
        due: date,
        actor: str,
        use_case: str = "",
        meeting: str = "",
        item: str = "",
        decision: str = "",
    ) -> ActionItem:
        """Add something to do: one account that owns it, one day by which it is done. In a meeting by who is there."""
        title = text_of(title, "title", TITLE_LENGTH_MAX)
        (title,) = await cleaned(title)
        async with self._database.write(actor) as writer:
            connection = writer.connection
            if due < writer.clock.now().date():
                raise InputError(f"{due} is past", field="due")
            name = await _owner(connection, owner)
            if use_case:
                await require_use_case(connection, use_case)
            await _check_place(writer, meeting, item, decision)
            if await deciding.ACTION_ITEMS.count(connection, state="open") >= OPEN_MAX:
                raise Conflict(f"{OPEN_MAX} actions are open: finish some first")
            made = ActionItem(
                id=new_id(),
                title=title,
                owner=name,
                due=due,
                created_at=writer.clock.now(),
                created_by=actor,
                use_case=use_case,
                meeting=meeting,
                item=item,
                decision=decision,
            )
            await deciding.ACTION_ITEMS.put(writer, made, "add", reason=title)
            if meeting:
                await meetings.pulse(connection, meeting)
        return made

    async def done(self, action_id: str, result: str, *, actor: str) -> ActionItem:
        """Say that an action is done, and what came of it. Its owner says so, nobody else."""
        result = text_of(result, "result", TEXT_LENGTH_MAX)
        (result,) = await cleaned(result)
        async with self._database.write(actor) as writer:
            action = await require(writer.connection, deciding.ACTION_ITEMS, action_id)
            user = await account_of(writer.connection, actor)
            if person_of(action.owner) != person_of(user.name):
                raise NotAllowed(f"{action.owner} owns this action and says when it is done")
            if action.state == "done":
                raise Conflict(f"action {action_id} is done already")
            finished = msgspec.structs.replace(action, state="done", done_at=writer.clock.now(), done_by=actor, result=result)
            await deciding.ACTION_ITEMS.put(writer, finished, "done", reason=result)
            if action.meeting:
                await meetings.pulse(writer.connection, action.meeting)
        return finished


async def _owner(connection: Connection, owner: str) -> str:
    """The name of the account that will own an action; InputError where it is none of a person that is open."""
    name = text_of(owner, "owner", 254)
    user = await catalog.USERS.get(connection, name)
    if user is None:
        raise InputError(f"an action's owner is an account, and there is none called {name!r}", field="owner")
    if user.disabled or user.kind == "agent":
        raise InputError(f"{name} can not own an action: the account is closed, or a program's", field="owner")
    return user.name


async def _check_place(writer: Writer, meeting: str, item: str, decision: str) -> None:
    if not meeting:
        if item or decision:
            raise InputError("name the meeting too", field="meeting")
        return
    await require_open(writer.connection, meeting)
    await require_present(writer.connection, meeting, writer.actor)
    if await deciding.ACTION_ITEMS.count(writer.connection, meeting=meeting) >= ACTIONS_MAX:
        raise Conflict(f"a meeting has at most {ACTIONS_MAX} actions")
    if item:
        await ensure_item(writer, meeting, item)
    if decision:
        found = await require(writer.connection, deciding.DECISIONS, decision)
        if found.meeting != meeting:
            raise NotFound(f"no decision {decision!r} of this meeting")
