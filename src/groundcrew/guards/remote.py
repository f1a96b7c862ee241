"""Guards that are asked over HTTP: what they are told, and what counts as an answer.

Their texts leave this machine. They get them only as the enforced rules of local guards have masked them, and only where the
call is of a class that the rule declares. Whatever is late, malformed, redirected or no 200 is a failed scan.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from groundcrew.domain.data_class import DataClass, provider_may_see
from groundcrew.domain.guard import Finding, GuardRule, Place, RemoteGuard, Verdict, VerdictKind
from groundcrew.errors import GroundcrewError, InputError
from groundcrew.guards.judging import NOTHING, RuleRun, conclude, failed, nonsense_in
from groundcrew.guards.redaction import OffsetMap
from groundcrew.guards.registry import FINDINGS_MAX, Context, guard

QUESTION_BYTES_MAX = 8 * 1024 * 1024
ANSWER_BYTES_MAX = 512 * 1024
#: Texts of one rule that are asked about at a time, and questions of one process; beyond the latter a scan fails at once.
TOGETHER_MAX = 8
QUESTIONS_MAX = 256
#: What of a call a guard on another machine is told besides the text, where the gateway knows it.
TOLD = ("request", "knowledge", "today")


class Poster(Protocol):
    """Sends a question. Implemented by the gateway, over its own HTTP client."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout_s: float, bytes_max: int) -> bytes:
        """The body of an answer that is 200 and JSON. `headers` may hold references to secrets (env:NAME, file:PATH), which are
        resolved here. GroundcrewError, without a secret in it, for everything else."""
        ...


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A rule, and what its guard is told besides the texts."""

    rule: GuardRule
    place: Place
    roles: Sequence[str] | None = None
    context: Mapping[str, Any] = {}


class RemoteTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of one place as other machines may see them: masked, with how the offsets moved, and their class. `is_unmasked`
    where something may have been left that a rule wants masked."""

    texts: list[str]
    offsets: list[OffsetMap]
    data_class: DataClass
    is_unmasked: bool = False


class _AnswerFinding(msgspec.Struct, frozen=True, kw_only=True):
    start: int
    end: int
    type: str
    score: float


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    verdict: VerdictKind
    score: float
    findings: list[_AnswerFinding] = []
    complete: bool = True


_ANSWER = msgspec.json.Decoder(_Answer)


class RemoteCall:
    """Asks guards on other machines."""

    def __init__(self, poster: Poster | None) -> None:
        self._poster = poster
        self._asking = 0

    async def run(self, question: Question, outside: RemoteTexts) -> RuleRun:
        """What the rule of `question` leads to. Offsets of findings count in the texts as they are, not as they were sent."""
        started_s = time.perf_counter()
        rule, problem = question.rule, ""
        verdicts: list[Verdict] = []
        try:
            remote = self._check(rule, outside)
            async with asyncio.timeout(rule.timeout_ms / 1000):
                verdicts = await self._ask_all(question, remote, outside.texts)
        except TimeoutError:
            problem = f"no verdict within {rule.timeout_ms} ms"
        except GroundcrewError as error:
            problem = str(error)
        except Exception as error:
            problem = f"the guard failed ({type(error).__name__})"
        latency_ms = round((time.perf_counter() - started_s) * 1000, 3)
        if problem:
            return failed(rule, question.place, problem, latency_ms)
        pairs = zip(verdicts, outside.offsets, strict=True)
        return conclude(rule, question.place, [_unmasked(verdict, offsets) for verdict, offsets in pairs], latency_ms)

    def _check(self, rule: GuardRule, outside: RemoteTexts) -> RemoteGuard:
        """Where the rule's guard is. GroundcrewError unless it may get the texts."""
        remote = rule.remote
        if self._poster is None:
            raise GroundcrewError("guards over HTTP are asked by a gateway only")
        if remote is None:
            raise GroundcrewError("the guard's address is not declared")
        if problem := address_problem(remote.url, plain_http=remote.plain_http):
            raise GroundcrewError(f"the guard's address: {problem}")
        if not provider_may_see(outside.data_class, remote.data_classes, baa=remote.baa):
            raise GroundcrewError(f"the guard may not see {outside.data_class} data")
        if outside.is_unmasked:
            raise GroundcrewError("the text could not be masked before it would leave")
        return remote

    async def _ask_all(self, question: Question, remote: RemoteGuard, texts: Sequence[str]) -> list[Verdict]:
        places = asyncio.Semaphore(TOGETHER_MAX)
        tasks = [asyncio.create_task(self._ask(question, remote, index, text, places)) for index, text in enumerate(texts)]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, question: Question, remote: RemoteGuard, index: int, text: str, places: asyncio.Semaphore) -> Verdict:
        if not text:
            return NOTHING
        assert self._poster is not None
        rule, roles = question.rule, question.roles
        told = {name: question.context[name] for name in TOLD if question.context.get(name)}
        body = msgspec.json.encode(
            {
                "text": text,
                "place": question.place,
                "role": roles[index] if roles is not None else None,
                "context": {**told, **_own_settings(rule)},
            }
        )
        if len(body) > QUESTION_BYTES_MAX:
            raise GroundcrewError(f"the text and what belongs to it are larger than {QUESTION_BYTES_MAX} bytes")
        async with places:
            if self._asking >= QUESTIONS_MAX:
                raise GroundcrewError("too many texts wait to be scanned")
            self._asking += 1
            try:
                answer = await self._poster.post(
                    remote.url, remote.headers, body, timeout_s=rule.timeout_ms / 1000, bytes_max=ANSWER_BYTES_MAX
                )
            finally:
                self._asking -= 1
        return read_answer(answer, text)


def _own_settings(rule: GuardRule) -> dict[str, Any]:
    return {name: value for name, value in rule.settings.items() if name not in ("block_at", "text")}


def read_answer(body: bytes, text: str) -> Verdict:
    """The verdict on `text` that a guard answered with; GroundcrewError where it is none. Reasons are not taken over, since they
    might repeat the text."""
    try:
        str(body, "utf-8")
        answer = _ANSWER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GroundcrewError("the guard's answer is no verdict") from None
    if len(answer.findings) > FINDINGS_MAX:
        raise GroundcrewError(f"the guard gave more than {FINDINGS_MAX} findings")
    verdict = Verdict(
        verdict=answer.verdict,
        score=answer.score,
        findings=tuple(Finding(start=each.start, end=each.end, type=each.type, score=each.score) for each in answer.findings),
        complete=answer.complete,
    )
    if wrong := nonsense_in(verdict, text):
        raise GroundcrewError(f"the guard {wrong}")
    return verdict


def _unmasked(verdict: Verdict, offsets: OffsetMap) -> Verdict:
    """`verdict` on a masked text as one on the text itself: a finding that touches a tag covers all that the tag stands for."""
    if not verdict.findings or not offsets.starts:
        return verdict
    tags = [start + shift for start, shift in zip(offsets.starts, offsets.shifts, strict=True)]

    def place(masked: int, *, is_end: bool) -> int:
        index = bisect_right(tags, masked - is_end) - 1
        if index < 0:
            return masked
        into = masked - tags[index]
        if into < offsets.tag_lengths[index] or (is_end and into == offsets.tag_lengths[index]):
            return offsets.ends[index] if is_end else offsets.starts[index]
        return offsets.ends[index] + into - offsets.tag_lengths[index]

    return msgspec.structs.replace(
        verdict,
        findings=tuple(
            msgspec.structs.replace(each, start=place(each.start, is_end=False), end=place(each.end, is_end=True))
            for each in verdict.findings
        ),
    )


def address_problem(url: str, *, plain_http: bool) -> str:
    """Why a guard may not be asked at `url`, "" where it may: https, or, with `plain_http`, http to this machine or to a private
    address given as a number. The URL is not repeated: it may hold what nobody should read."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "is not a valid URL"
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        return "expected a URL that begins with https:// and names a host"
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        return "must not hold a user name, password, query or fragment; a secret is declared under headers"
    if parts.scheme == "https":
        return ""
    if not plain_http:
        return "expected https; http needs `plain_http: true`, and goes to this machine or a private address only"
    if host == "localhost":
        return ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "http goes to localhost or to a private address given as a number only: what a name leads to may change"
    if address.is_loopback or (address.is_private and not address.is_unspecified and not address.is_link_local):
        return ""
    return "http goes to this machine or to a private address only"


@guard("http")
def check(text: str, context: Context) -> Verdict:
    """Stands for guards on other machines, which only a gateway asks."""
    raise InputError("a guard that is asked over HTTP runs in a gateway, as a policy's rule with a url")
