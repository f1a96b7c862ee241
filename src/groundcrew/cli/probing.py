"""Probes with made-up protected health information, sent over HTTP to a running gateway, as an app would send them."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from groundcrew.domain.exposure import exposed_user
from groundcrew.errors import InputError

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

PROBE_TIMEOUT_S = 30.0
PROBE_KEY_S = 600.0
#: Half of the probes declare their data class, the other half only contain what a guard must find. All persons are invented.
_TEXTS = (
    "Patient Jonas Ambühl, MRN 4471902, was admitted with acute pancreatitis.",
    "Please summarise: Lena Wyss, medical record number 88-20417, HbA1c 9.1 %, type 2 diabetes.",
    "Health plan ID HPX-3390-1187: is chemotherapy for Marta Iselin covered?",
    "MRN: 5520981. Findings: 14 mm nodule in the left upper lobe, biopsy advised.",
    "Patient Urs Camenisch, born 03.02.1958, MRN 6120045, takes warfarin after a pulmonary embolism.",
    "Write to insurance member ID 77-410-2293 that her depression treatment was approved.",
    "Medical record no. 3301876: HIV test of Beat Rominger is positive.",
    "Patient MRN 90021 asks whether her pregnancy affects the epilepsy medication.",
    "Referral for Nina Bortoluzzi, MRN 7718820, suspected multiple sclerosis.",
    "Discharge letter, patient ID MRN-200913: fracture of the right femur, rivaroxaban 10 mg.",
)


async def send_probes(services: Services, use_case: str, url: str, *, actor: str) -> dict[str, Any]:
    """Send the probes with a short-lived key, record the result as evidence, revoke the key. InputError if nothing answers, and
    for a use case that declares phi: that is let through to providers that may see it, which the gate looks at."""
    item = await services.use_cases.get(use_case)
    if "phi" in item.data_classes:
        raise InputError(
            f"{use_case} declares phi, so that there is nothing to deny; that every provider may see it is looked at by "
            f"`groundcrew gate {use_case} --to pilot`",
            field="use_case",
        )
    created = await services.keys.create(
        use_case, actor=actor, expires_in_s=PROBE_KEY_S, label="probes: calls that must be denied"
    )
    # Whom the use case may serve: a probe that is refused for its user would prove nothing.
    user = exposed_user(item)
    allowed: list[str] = []
    sent = 0
    try:
        await wait_for_key(url, created.secret)
        for declared in (True, False):
            for number, text in enumerate(_TEXTS, start=1):
                sent += 1
                status, code = await asyncio.to_thread(_send, url, created.secret, item.model, text, declared, user)
                if (status, code) not in ((403, "data_class_not_allowed"), (403, "guard_blocked")):
                    allowed.append(f"probe {number} ({'declared' if declared else 'undeclared'} phi): HTTP {status} {code}")
    finally:
        await services.keys.revoke(created.key.id, actor=actor, reason="probes are done")
    await services.evidence.record_phi_probe(use_case, actor=actor, sent=sent, denied=sent - len(allowed), details=allowed)
    return {"sent": sent, "denied": sent - len(allowed), "allowed_probes": allowed}


def no_gateway(url: str, error: OSError) -> InputError:
    """What to say where nothing answers at `url`."""
    told = f"no gateway answers at {url}: {error}; start one with `groundcrew up`, or name its address with --url"
    return InputError(told, field="url")


async def wait_for_key(url: str, secret: str) -> None:
    """Wait until the gateway knows the key, as it hears of changes within its polling interval."""
    request = urllib.request.Request(f"{url.rstrip('/')}/v1/models", headers={"Authorization": f"Bearer {secret}"})
    for _ in range(50):
        try:
            status, _ = await asyncio.to_thread(_answer, request)
        except OSError as error:
            raise no_gateway(url, error) from None
        if status != 401:
            return
        await asyncio.sleep(0.1)
    raise InputError(f"the gateway at {url} does not know this data folder's keys: is it another one?", field="url")


def _send(url: str, secret: str, model: str, text: str, declared: bool, user: str | None) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    if user is not None:
        headers["groundcrew-user-id"] = user
    if declared:
        headers["groundcrew-data-class"] = "phi"
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()
    return _answer(urllib.request.Request(f"{url.rstrip('/')}/v1/chat/completions", data=body, headers=headers, method="POST"))


def _answer(request: urllib.request.Request) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_S) as response:
            return response.status, ""
    except urllib.error.HTTPError as error:
        with error:
            try:
                return error.code, str(json.loads(error.read())["error"]["code"])
            except (ValueError, KeyError, TypeError):
                return error.code, ""
