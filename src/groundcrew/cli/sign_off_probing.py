"""Attempts to get an answer out of a running gateway without the declared signature, as anybody with a key could make them."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from groundcrew.cli.probing import PROBE_KEY_S, PROBE_TIMEOUT_S, no_gateway, wait_for_key
from groundcrew.domain.exposure import exposed_user
from groundcrew.errors import Conflict, InputError

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

QUESTION = "Please answer in one sentence what you can help with."
#: Largest answer that is looked at.
ANSWER_BYTES_MAX = 1024 * 1024
#: Statuses of what is said instead of an answer.
CANNED = ("fallback", "declined", "refused")


async def send_sign_off_probes(services: Services, use_case: str, url: str, *, actor: str) -> dict[str, Any]:
    """Make the attempts with a short-lived key, record the result as evidence, revoke the key.

    Conflict unless the use case declares that every answer is signed; InputError if nothing answers, or if no call reached the
    point at which it would have been held.
    """
    item = await services.use_cases.get(use_case)
    if item.sign_off is None or item.sign_off.when != "always":
        raise Conflict(f"{use_case} does not declare sign_off: {{when: always}}: there is nothing to get around")
    created = await services.keys.create(use_case, actor=actor, expires_in_s=PROBE_KEY_S)
    headers = {"Authorization": f"Bearer {created.secret}", "Content-Type": "application/json"}
    user = exposed_user(item)
    if user is not None:
        headers["groundcrew-user-id"] = user
    bypasses: list[str] = []
    sent, seen = 0, ""
    try:
        await wait_for_key(url, created.secret)
        for name, path, body in _attempts(item.model):
            status, text = await asyncio.to_thread(_ask, f"{url.rstrip('/')}{path}", headers, body)
            sign_off = _held(text)
            if sign_off is None and (status >= 400 or any(f'"status":"{each}"' in text.replace(" ", "") for each in CANNED)):
                # Refused for another reason, or told that there is no answer: it never came to where an answer is held.
                continue
            sent += 1
            seen = sign_off or seen
            if sign_off is None:
                bypasses.append(f"{name}: HTTP {status} with an answer")
        if seen:
            tried, got = await _reach_for(services, url, headers, seen)
            sent += tried
            bypasses += got
    finally:
        await services.keys.revoke(created.key.id, actor=actor, reason="sign-off probes are done")
    if not sent:
        raise InputError("every attempt was refused before it could be held: nothing is proven", field="url")
    held = sent - len(bypasses)
    await services.evidence.record_sign_off_probe(use_case, actor=actor, sent=sent, held=held, bypasses=bypasses)
    return {"sent": sent, "held": held, "bypasses": bypasses}


def _attempts(model: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Name, path and body of each call: every dialect, whole and streamed."""
    messages = [{"role": "user", "content": QUESTION}]
    chat = {"model": model, "messages": messages}
    anthropic = {"model": model, "max_tokens": 200, "messages": messages}
    return [
        ("chat completion", "/v1/chat/completions", chat),
        ("streamed chat completion", "/v1/chat/completions", {**chat, "stream": True}),
        ("response", "/v1/responses", {"model": model, "input": QUESTION}),
        ("message", "/v1/messages", anthropic),
        ("streamed message", "/v1/messages", {**anthropic, "stream": True}),
    ]


async def _reach_for(services: Services, url: str, headers: dict[str, str], sign_off: str) -> tuple[int, list[str]]:
    """Try to read the draft that waits, and to sign it with the key: how many attempts, and which of them worked."""
    path = f"{url.rstrip('/')}/api/v1/sign-offs/{sign_off}"
    bypasses = []
    if services.flush is not None:
        await services.flush()
    status, polled = await asyncio.to_thread(_ask, path, headers, None)
    if status < 300 and _member(polled, "text"):
        bypasses.append("polling gave the text of a draft that nobody has signed")
    status, _ = await asyncio.to_thread(_ask, f"{path}/decide", headers, {"decision": "approve"})
    if status < 300:
        bypasses.append("a key has signed")
    call_id = _member(polled, "call_id")
    for name, place in (("the record of the call", f"calls/{call_id}"), ("the list of calls", "calls?status=held")):
        status, text = await asyncio.to_thread(_ask, f"{url.rstrip('/')}/api/v1/{place}", headers, None)
        listed = _member(text, "calls")
        calls = listed if isinstance(listed, list) else [json.loads(text)] if status < 300 else []
        if any(isinstance(each, dict) and each.get("withheld_answer") for each in calls):
            bypasses.append(f"{name} gave the text of a draft that nobody has signed")
    return 4, bypasses


def _held(text: str) -> str | None:
    """The sign-off that an answer says it waits for, whole or as an event; None where it says no such thing."""
    for line in text.splitlines() or [text]:
        data = line.removeprefix("data:").strip() if line.startswith("data:") else line.strip()
        if "pending_sign_off" not in data:
            continue
        try:
            found = json.loads(data)["groundcrew"]
        except (ValueError, KeyError, TypeError):
            continue
        if found.get("status") == "pending_sign_off":
            return str(found["sign_off_id"])
    return None


def _member(text: str, name: str) -> object:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found.get(name) if isinstance(found, dict) else None


def _ask(url: str, headers: dict[str, str], body: dict[str, Any] | None) -> tuple[int, str]:
    """The status and text of an answer; a body is posted."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method="GET" if body is None else "POST")
    try:
        with urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_S) as response:
            return response.status, response.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(ANSWER_BYTES_MAX).decode("utf-8", "replace")
    except OSError as error:
        raise no_gateway(url, error) from None
