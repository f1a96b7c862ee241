"""The small SDK that an application uses: ratings, outcomes, arms of an experiment, and waiting for a sign-off. Only the
standard library.

    from groundcrew.client import Client

    client = Client("http://127.0.0.1:8400", key="gc_…")
    client.rate(call_id, 5, rater="agent-07")
    arm = client.assign("mail-2041").arm
    client.outcome("handle_time", 412, case_id="mail-2041", unit="s", arm="treatment", unit_id="mail-2041")
    released = client.wait_for_sign_off(sign_off_id, timeout_s=3_600)

Errors are those of `groundcrew.errors`: InputError (with `field`), NotAllowed, NotFound, Conflict; besides them

GroundcrewError
├── ServerFailed   the server answered with an error of its own, or with something that is not an answer
├── Unreachable    no answer came, after ATTEMPTS_MAX attempts
└── StillWaiting   nobody decided within the time given
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from groundcrew.client.answers import ServerFailed, StillWaiting, Unreachable, problem_in, read_object
from groundcrew.client.event_stream import SILENCE_S_MAX, events, events_at
from groundcrew.client.webhooks import Webhook, WebhookRefused, verify_webhook
from groundcrew.errors import InputError

__all__ = [
    "Assigned",
    "AsyncClient",
    "Client",
    "Outcome",
    "RatingLink",
    "Recorded",
    "ServerFailed",
    "SignOff",
    "StillWaiting",
    "Unreachable",
    "Webhook",
    "WebhookRefused",
    "verify_webhook",
]

ATTEMPTS_MAX = 4
RETRY_S_MIN, RETRY_S_MAX = 0.2, 5.0
RETRIED_STATUS = frozenset({429, 502, 503, 504})
POLL_S_MIN, POLL_S_MAX = 0.5, 30.0
POLL_GROWTH = 1.5
#: A sign-off expires after seven days; waiting longer makes no sense.
WAIT_S_MAX = 7 * 86_400.0
RESPONSE_BYTES_MAX = 8 * 1024 * 1024
OUTCOMES_PER_REQUEST_MAX = 10_000
FILE_TYPES = {
    ".csv": "text/csv",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
}
JSON = "application/json"
#: How long one request with a file may take.
UPLOAD_S_MAX = 600.0

UNITS_PER_REQUEST_MAX = 10_000

Arm = Literal["control", "treatment"]


class SignOff(NamedTuple):
    """A sign-off as an application may see it. `text` is what a person released; None until then, and after a rejection."""

    id: str
    state: Literal["pending", "approved", "edited", "rejected", "expired"]
    text: str | None
    sha256: str | None
    comment: str | None

    @property
    def released(self) -> bool:
        """Whether `text` may be used."""
        return self.state in ("approved", "edited")


class Recorded(NamedTuple):
    """How many outcomes were new or corrected, and how many said nothing new: there already, or older than what is known."""

    recorded: int
    unchanged: int


class Outcome(NamedTuple):
    """A business result of one case: `value` of `metric`, in `unit`. `arm` and `unit_id` make it count in an experiment.

    `at` is when it happened, `as_of` when you knew the value: given, deliveries that come twice or out of order end the same.
    """

    metric: str
    value: float
    case_id: str
    unit: str = ""
    unit_id: str | None = None
    arm: Arm | None = None
    cluster: str | None = None
    call_id: str | None = None
    at: datetime | None = None
    as_of: datetime | None = None


class RatingLink(NamedTuple):
    """A link by which one person rates one call without signing in, until it expires. Who has it can rate: never log it."""

    url: str
    expires_at: datetime


class Assigned(NamedTuple):
    """The arm of a unit in the running experiment; `name` is what the plan calls it. Where `enrolled` is false the unit is on the
    control and no part of the comparison, `why` says what for: send its outcomes without `arm`."""

    unit_id: str
    arm: Arm
    name: str
    enrolled: bool
    why: str = ""


class Client:
    """Talks to the control plane with one use case's key. Safe to use from several threads."""

    def __init__(self, base_url: str, key: str, *, timeout_s: float = 10.0) -> None:
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InputError("give the server's address, such as https://groundcrew.example", field="base_url")
        # The same address as an OpenAI client takes is fine.
        self._base_url = base_url.rstrip("/").removesuffix("/v1") + "/api/v1"
        self._key, self._timeout_s = key, timeout_s
        self._opener = urllib.request.build_opener(_NoRedirect())

    def rate(
        self,
        call_id: str | None,
        stars: int,
        *,
        rater: str,
        case_id: str | None = None,
        comment: str = "",
        corrected_text: str = "",
        critical_harm: bool | None = None,
        grounded: bool | None = None,
    ) -> str:
        """Record 1–5 stars for a call, or for a business case where `call_id` is None; returns the rating's id."""
        body = {
            "id": str(uuid.uuid4()),
            "stars": stars,
            "rater": rater,
            "call_id": call_id,
            "case_id": case_id,
            "comment": comment,
            "corrected_text": corrected_text,
            "critical_harm": critical_harm,
            "grounded": grounded,
        }
        return str(self._request("POST", "/ratings", body)["id"])

    def outcome(self, metric: str, value: float, case_id: str, **more: Any) -> Recorded:
        """Record one outcome; `more` are the other fields of `Outcome`. The newest value of a metric and case counts."""
        return self.outcomes([Outcome(metric, value, case_id, **more)])

    def outcomes(self, rows: Iterable[Outcome]) -> Recorded:
        """Record outcomes, in batches of at most OUTCOMES_PER_REQUEST_MAX; sending them again changes nothing."""
        waiting, counts = iter(rows), Recorded(0, 0)
        while batch := [_outcome_body(row) for row in islice(waiting, OUTCOMES_PER_REQUEST_MAX)]:
            counts = _added(counts, self._request("POST", "/outcomes", {"outcomes": batch}))
        return counts

    def import_outcomes(self, path: str | os.PathLike[str], *, timeout_s: float = 3_600.0) -> Recorded:
        """Import a file of outcomes (.csv or .jsonl, each also with .gz, or .parquet) and wait until it is recorded.

        InputError names the line and field of a bad row, and then nothing of the file is recorded. StillWaiting after
        `timeout_s` (at most WAIT_S_MAX): the import goes on. Importing the same file again changes nothing.
        """
        ends, wait_s = _deadline(timeout_s), POLL_S_MIN
        job = self._upload(Path(path))
        while True:
            view = self._request("GET", f"/outcomes/imports/{_segment(job)}")
            if view["phase"] == "done":
                return _added(Recorded(0, 0), view["job"]["result"])
            if view["phase"] in ("failed", "cancelled"):
                raise InputError(f"the import {view['phase']}: {view['job']['error']}")
            wait_s = _next_wait(wait_s, ends, f"the import {job} has not ended yet")
            time.sleep(wait_s)

    def rating_link(self, call_id: str, *, expires_s: float = 30 * 86_400.0) -> RatingLink:
        """A link by which one person, whoever has it, rates this call; each is for one person and call."""
        answer = self._request("POST", "/rating-links", {"call_id": call_id, "expires_s": expires_s})
        return RatingLink(answer["url"], datetime.fromisoformat(answer["expires_at"]))

    def put_up_for_rating(self, call_ids: Iterable[str], *, raters: int | None = None) -> int:
        """Put calls into the rating queue; how many were not in it yet. `raters` people rate each, blind to one another."""
        answer = self._request("POST", "/rating-queue", {"call_ids": list(call_ids), "raters": raters})
        return int(answer["put_up"])

    def call(self, call_id: str) -> dict[str, Any]:
        """One recorded call of the key's use case, as JSON."""
        return self._request("GET", f"/calls/{_segment(call_id)}")

    def sign_off(self, sign_off_id: str) -> SignOff:
        """The state of one sign-off now."""
        answer = self._request("GET", f"/sign-offs/{_segment(sign_off_id)}")
        return SignOff(answer["id"], answer["state"], answer.get("text"), answer.get("sha256"), answer.get("comment"))

    def wait_for_sign_off(self, sign_off_id: str, *, timeout_s: float) -> SignOff:
        """Wait until a person has decided or the sign-off expired; StillWaiting after `timeout_s` (at most WAIT_S_MAX).

        By the event stream where the server has one to give, which tells at once, and by polling where it has not. A timeout
        never means approval: use `text` only where `released` says so.
        """
        ends, wait_s, streams = _deadline(timeout_s), POLL_S_MIN, True
        while True:
            streams = streams and self._follow(sign_off_id, ends)
            found = self.sign_off(sign_off_id)
            if found.state != "pending":
                return found
            # A stream that was open to its end has waited already.
            wait_s = _next_wait(POLL_S_MIN / POLL_GROWTH if streams else wait_s, ends, _undecided(sign_off_id))
            time.sleep(wait_s)

    def _follow(self, sign_off_id: str, ends: float) -> bool:
        """Wait at the event stream for as long as it is open, `ends` at the latest; whether there is one."""
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "text/event-stream"}
        request = urllib.request.Request(self._events_url(sign_off_id), headers=headers)
        began = False
        try:
            with self._opener.open(request, timeout=max(0.01, min(SILENCE_S_MAX, ends - time.monotonic()))) as response:
                for event in events(response):
                    began = True
                    if event == "decision" or time.monotonic() >= ends:
                        break
        except urllib.error.HTTPError as error:
            error.close()
        except (OSError, http.client.HTTPException):
            pass
        return began

    def _events_url(self, sign_off_id: str) -> str:
        return f"{self._base_url}/sign-offs/{_segment(sign_off_id)}/events"

    def assign(self, unit_id: str, *, cluster: str | None = None) -> Assigned:
        """The arm of one unit in the use case's running experiment; its first time is logged as its exposure before this returns.

        Where the server can not be reached the unit is on the control and not enrolled, which `why` says and nobody logs: a case
        must not wait for an experiment. There is one attempt, of the client's `timeout_s`. Conflict where no experiment is
        registered.
        """
        return self.assign_many([unit_id], clusters=None if cluster is None else {unit_id: cluster})[0]

    def assign_many(self, unit_ids: Iterable[str], *, clusters: Mapping[str, str] | None = None) -> list[Assigned]:
        """The arms of many units, in their order, in batches of at most UNITS_PER_REQUEST_MAX; `clusters` by unit."""
        waiting, found = list(unit_ids), list[Assigned]()
        for start in range(0, len(waiting), UNITS_PER_REQUEST_MAX):
            batch = waiting[start : start + UNITS_PER_REQUEST_MAX]
            units = [{"unit_id": each, "cluster": (clusters or {}).get(each)} for each in batch]
            try:
                answer = self._send("POST", "/experiments/assign", _encoded({"units": units}), JSON, {}, self._timeout_s)
                found += [_assigned(row) for row in answer["assignments"]]
            except ServerFailed as error:
                found += [_on_control(each, f"the server failed: {error}") for each in batch]
            except (urllib.error.URLError, OSError) as error:
                reason = getattr(error, "reason", error)
                found += [_on_control(each, f"the server can not be reached: {reason}") for each in batch]
        return found

    def _upload(self, path: Path) -> str:
        """Send a file to be imported; the id of its job."""
        ending = path.name.lower().removesuffix(".gz")
        kind = next((kind for name, kind in FILE_TYPES.items() if ending.endswith(name)), None)
        if kind is None or (kind.endswith("parquet") and ending != path.name.lower()):
            raise InputError("name the file .csv, .jsonl (each also with .gz) or .parquet", file=str(path))
        try:
            size = path.stat().st_size
        except OSError as error:
            raise InputError(error.strerror or "can not be read", file=str(path)) from None

        def send() -> dict[str, Any]:
            with path.open("rb") as file:
                return self._send("POST", "/outcomes/file", file, kind, {"Content-Length": str(size)}, UPLOAD_S_MAX)

        return str(self._tried(send)["id"])

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        content = None if body is None else _encoded(body)
        return self._tried(lambda: self._send(method, path, content, JSON, {}, self._timeout_s))

    def _tried(self, send: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        problem: Exception | None = None
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                time.sleep(min(RETRY_S_MAX, RETRY_S_MIN * 2**attempt) * random.uniform(0.5, 1.0))
            try:
                return send()
            except ServerFailed as error:
                if error.status not in RETRIED_STATUS:
                    raise
                problem = error
            except (urllib.error.URLError, OSError) as error:
                problem = Unreachable(f"{self._base_url}: {getattr(error, 'reason', error)}")
        assert problem is not None
        raise problem

    def _send(
        self, method: str, path: str, content: bytes | IO[bytes] | None, kind: str, more: Mapping[str, str], timeout_s: float
    ) -> dict[str, Any]:
        request = urllib.request.Request(
            self._base_url + path,
            method=method,
            data=content,
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": kind, "Accept": "application/json", **more},
        )
        try:
            with self._opener.open(request, timeout=timeout_s) as response:
                return read_object(response.read(RESPONSE_BYTES_MAX), response.status)
        except urllib.error.HTTPError as error:
            with error:
                raise problem_in(error.code, error.read(RESPONSE_BYTES_MAX)) from None


class AsyncClient:
    """The same for asyncio: requests run in threads, and waiting holds none."""

    def __init__(self, base_url: str, key: str, *, timeout_s: float = 10.0) -> None:
        self._client = Client(base_url, key, timeout_s=timeout_s)

    async def rate(self, call_id: str | None, stars: int, *, rater: str, **more: Any) -> str:
        """As `Client.rate`."""
        return await asyncio.to_thread(self._client.rate, call_id, stars, rater=rater, **more)

    async def outcome(self, metric: str, value: float, case_id: str, **more: Any) -> Recorded:
        """As `Client.outcome`."""
        return await asyncio.to_thread(self._client.outcome, metric, value, case_id, **more)

    async def outcomes(self, rows: Iterable[Outcome]) -> Recorded:
        """As `Client.outcomes`."""
        return await asyncio.to_thread(self._client.outcomes, list(rows))

    async def import_outcomes(self, path: str | os.PathLike[str], *, timeout_s: float = 3_600.0) -> Recorded:
        """As `Client.import_outcomes`."""
        return await asyncio.to_thread(self._client.import_outcomes, path, timeout_s=timeout_s)

    async def rating_link(self, call_id: str, *, expires_s: float = 30 * 86_400.0) -> RatingLink:
        """As `Client.rating_link`."""
        return await asyncio.to_thread(self._client.rating_link, call_id, expires_s=expires_s)

    async def put_up_for_rating(self, call_ids: Iterable[str], *, raters: int | None = None) -> int:
        """As `Client.put_up_for_rating`."""
        return await asyncio.to_thread(self._client.put_up_for_rating, list(call_ids), raters=raters)

    async def call(self, call_id: str) -> dict[str, Any]:
        """As `Client.call`."""
        return await asyncio.to_thread(self._client.call, call_id)

    async def sign_off(self, sign_off_id: str) -> SignOff:
        """As `Client.sign_off`."""
        return await asyncio.to_thread(self._client.sign_off, sign_off_id)

    async def wait_for_sign_off(self, sign_off_id: str, *, timeout_s: float) -> SignOff:
        """As `Client.wait_for_sign_off`."""
        ends, wait_s, streams = _deadline(timeout_s), POLL_S_MIN, True
        while True:
            streams = streams and await self._follow(sign_off_id, ends)
            found = await self.sign_off(sign_off_id)
            if found.state != "pending":
                return found
            wait_s = _next_wait(POLL_S_MIN / POLL_GROWTH if streams else wait_s, ends, _undecided(sign_off_id))
            await asyncio.sleep(wait_s)

    async def _follow(self, sign_off_id: str, ends: float) -> bool:
        began = False
        with contextlib.suppress(OSError, EOFError, ValueError, TimeoutError):
            async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                stream = events_at(self._client._events_url(sign_off_id), self._client._key)
                async with contextlib.aclosing(stream):
                    async for event in stream:
                        began = True
                        if event == "decision":
                            break
        return began

    async def assign(self, unit_id: str, *, cluster: str | None = None) -> Assigned:
        """As `Client.assign`."""
        return await asyncio.to_thread(self._client.assign, unit_id, cluster=cluster)

    async def assign_many(self, unit_ids: Iterable[str], *, clusters: Mapping[str, str] | None = None) -> list[Assigned]:
        """As `Client.assign_many`."""
        return await asyncio.to_thread(self._client.assign_many, list(unit_ids), clusters=clusters)


def _encoded(body: Mapping[str, Any]) -> bytes:
    """`body` as JSON, without what is None."""
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key never follows a redirect to another place."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


def _deadline(timeout_s: float) -> float:
    if not 0 < timeout_s <= WAIT_S_MAX:
        raise InputError(f"wait for more than 0 and at most {WAIT_S_MAX:.0f} seconds", field="timeout_s")
    return time.monotonic() + timeout_s


def _undecided(sign_off_id: str) -> str:
    return f"nobody has decided on sign-off {sign_off_id} yet"


def _next_wait(wait_s: float, ends: float, waiting: str) -> float:
    """How long to wait before the next look; StillWaiting, which says for what, where the time is over."""
    left = ends - time.monotonic()
    if left <= 0:
        raise StillWaiting(waiting)
    return min(wait_s * POLL_GROWTH, POLL_S_MAX, left)


def _added(counts: Recorded, answer: Mapping[str, Any]) -> Recorded:
    unchanged = int(answer["unchanged"]) + int(answer.get("outdated", 0))
    return Recorded(counts.recorded + int(answer["recorded"]), counts.unchanged + unchanged)


def _outcome_body(row: Outcome) -> dict[str, Any]:
    body = {name: value for name, value in row._asdict().items() if value not in (None, "")}
    for name, moment in (("at", row.at), ("as_of", row.as_of)):
        if moment is not None:
            if moment.tzinfo is None:
                raise InputError("a time needs its offset from UTC", field=name)
            body[name] = moment.astimezone(UTC).isoformat()
    return {**body, "value": float(row.value)}


def _segment(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _assigned(row: Mapping[str, Any]) -> Assigned:
    arm: Arm = "treatment" if row["arm"] == "treatment" else "control"
    return Assigned(str(row["unit_id"]), arm, str(row["name"]), bool(row["enrolled"]), str(row.get("why", "")))


def _on_control(unit_id: str, why: str) -> Assigned:
    return Assigned(unit_id, "control", "control", False, why)
