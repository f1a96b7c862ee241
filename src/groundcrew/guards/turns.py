"""Which text of a call a guard judges: of a request only what the user says newest, of an answer only what it says itself."""

from __future__ import annotations

from groundcrew.guards.registry import Context

#: Parts of an answer, as `context["role"]`: its text, text beside it (a refusal, reasoning), its tool calls as JSON.
ANSWER, BESIDE, TOOL_CALLS = "assistant", "beside", "tool_calls"


def is_judged(text: str, context: Context) -> bool:
    """Whether `text` is said by whom the guard judges, told by `context["place"]`, `context["role"]` and `context["newest"]`
    (what the user says newest, on a request). Instructions of the owner, earlier turns, text beside an answer and its tool calls
    are not; what nobody is named for, passages and results of tools are.

    Earlier turns were judged when they were new. Judged again, one message that was refused would spoil the conversation for
    good, since clients send their history with every request.
    """
    role, newest = context.get("role"), context.get("newest")
    if role is None or context.get("place") in ("passages", "tool_results"):
        return True
    if newest is None:
        return role in ("user", ANSWER)
    return role == "user" and (not newest or text in newest)
