"""The remote runner: a fine-tuning job of an OpenAI-style API. Files are uploaded, the job is asked for once, watched, and found
again by its id after a kill; the provider keeps what it makes, under a name of its own.

The API as of the pinned `openai` package: files (purpose ``fine-tune``), ``fine_tuning.jobs`` with events and checkpoints.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from groundcrew.domain.canonical import digest
from groundcrew.domain.provider import Provider, address_of
from groundcrew.domain.tuning import RunnerName
from groundcrew.errors import Conflict, InputError, NotAllowed, UpstreamError
from groundcrew.settings import secret_behind
from groundcrew.tuning.architecture import Step
from groundcrew.tuning.examples import fields_of, read_description, read_examples
from groundcrew.tuning.exports import PROMPT_CHARACTERS_MAX, default_prompt, row_of, write_jsonl
from groundcrew.tuning.runner import Made, Order, Reports, RunFailed

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.fine_tuning import FineTuningJob

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: A file that is uploaded may be so large (OpenAI's own limit, 2026-11), and there may be so many examples.
FILE_BYTES_MAX = 512 * 1024 * 1024
#: How long a job may take, waiting included; OpenAI expires nothing, so that somebody must.
JOB_S_MAX = 3 * 86_400.0
#: Looks at the job: the first ones close together, later ones apart.
POLL_S_MIN, POLL_S_MAX = 2.0, 30.0
#: A request that fails for a reason that passes is tried so often, with a pause that doubles up to the longest.
TRIES_MAX, PAUSE_S_MAX = 8, 60.0
#: A job that goes on at the provider is not lost because nobody could look at it for some hours.
WATCH_TRIES_MAX = 240
REQUEST_S_MAX, UPLOAD_S_MAX = 60.0, 900.0
#: Jobs and files that are looked through for one that this run asked for before it was killed.
LOOKED_THROUGH_MAX = 500
#: Tries to remove a file, and the status of one that is not there.
REMOVE_TRIES_MAX, GONE = 4, 404
CODE_LENGTH_MAX = 60
EVENTS_MAX, CHECKPOINTS_MAX = 1_000, 1_000
NAME_LENGTH_MAX = 200
SETTINGS = ("base_model", "epochs", "batch_size", "learning_rate_multiplier", "prompt", "keep_files")
_ENDED = ("succeeded", "failed", "cancelled")


class RemoteRunner:
    """Has a provider tune one of its models. Settings: `base_model` (required), `epochs`, `batch_size`,
    `learning_rate_multiplier`, `prompt` (the system message), `keep_files` (else uploads are removed at the end)."""

    name: RunnerName = "openai"

    def __init__(self, *, poll_s: float | None = None) -> None:
        self._poll_s = POLL_S_MIN if poll_s is None else poll_s

    def problem(self, architecture: str, settings: dict[str, Any]) -> str | None:
        """What is wrong with the settings, naming the key."""
        if architecture:
            return "architecture: the provider's models have their own; name one with the setting base_model"
        if unknown := sorted(settings.keys() - set(SETTINGS)):
            return f"{unknown[0]}: is not known; there are: {', '.join(SETTINGS)}"
        base = settings.get("base_model")
        if not isinstance(base, str) or not 1 <= len(base) <= NAME_LENGTH_MAX or not base.isprintable():
            return "base_model: expected the name of the provider's model"
        for key, low, high in (("epochs", 1, 50), ("batch_size", 1, 256)):
            value = settings.get(key, low)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                return f"{key}: expected a whole number from {low} to {high}"
        rate = settings.get("learning_rate_multiplier", 1.0)
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 10:
            return "learning_rate_multiplier: expected a number above 0, 10 at most"
        prompt = settings.get("prompt", "x")
        if not isinstance(prompt, str) or not 1 <= len(prompt) <= PROMPT_CHARACTERS_MAX:
            return f"prompt: expected 1 to {PROMPT_CHARACTERS_MAX:,} characters"
        return None if isinstance(settings.get("keep_files", False), bool) else "keep_files: expected true or false"

    async def run(self, order: Order, reports: Reports) -> Made:
        """Ask for the job, or find the one that was asked for; watch it to its end."""
        assert order.provider is not None
        async with _client(order.provider) as client:
            remote = _Remote(client, order, reports, self._poll_s)
            try:
                job = await remote.watch(await remote.begin())
                return await remote.made(job)
            except (RunFailed, InputError, UpstreamError, Conflict, NotAllowed):
                # Where the provider was stopped or may not see the records any more, most of all: its job must not go on.
                await remote.give_up()
                raise

    async def abandon(self, order: Order) -> None:
        """Cancel the job at the provider and remove what was uploaded."""
        if order.provider is None or not order.checkpoint:
            return
        async with _client(order.provider) as client:
            await _Remote(client, order, _Silent(), self._poll_s).give_up()


class _Remote:
    """One run at one provider. Its checkpoint: `files` (split → id), `asking` once a job may have been asked for, `job`."""

    def __init__(self, client: AsyncOpenAI, order: Order, reports: Reports, poll_s: float) -> None:
        self._client, self._order, self._reports, self._poll_s = client, order, reports, poll_s
        self._kept: dict[str, Any] = dict(order.checkpoint)
        self._told = 0

    async def begin(self) -> str:
        """The id of the job: found, or asked for. What is about to be asked for is noted first, so that a run that is killed in
        between finds the job by the run's id instead of paying for another one."""
        if found := await self.find():
            await self._keep(job=found, asking=True)
            return found
        files = dict(self._kept.get("files", {}))
        for split in ("train", "validation"):
            if split not in files:
                files[split] = await self._upload(split)
                await self._keep(files=files)
        await self._keep(asking=True)
        run, settings = self._order.run, self._order.run.settings
        given = {"n_epochs": "epochs", "batch_size": "batch_size", "learning_rate_multiplier": "learning_rate_multiplier"}
        hyper = {theirs: settings[ours] for theirs, ours in given.items() if ours in settings}
        method: Any = {"type": "supervised", "supervised": {"hyperparameters": hyper}}
        for attempt in range(1, TRIES_MAX + 1):
            try:
                job = await self._once(
                    self._client.fine_tuning.jobs.create(
                        model=settings["base_model"],
                        training_file=files["train"],
                        validation_file=files["validation"],
                        seed=run.seed,
                        suffix=run.model[:40],
                        metadata={"groundcrew_run": run.id},
                        method=method,
                    )
                )
                found = job.id
            except UpstreamError as error:
                if not _passes(error) or attempt == TRIES_MAX:
                    raise
                # A request whose answer was lost may have made a job all the same.
                await self._pause(_pause_s(error, self._poll_s, attempt))
                found = await self.find()
            if found:
                await self._keep(job=found)
                return found
        raise AssertionError("unreachable")

    async def find(self) -> str | None:
        """The job of this run: by its id, or, where an answer was lost, by the run that its metadata names."""
        if self._kept.get("job"):
            return str(self._kept["job"])
        if not self._kept.get("asking"):
            return None
        page = await self._patiently(lambda: self._client.fine_tuning.jobs.list(limit=100))
        seen = 0
        while True:
            for each in page.data:
                seen += 1
                if (each.metadata or {}).get("groundcrew_run") == self._order.run.id:
                    return each.id
            if not page.data or seen >= LOOKED_THROUGH_MAX or not page.has_next_page():
                return None
            following = page
            page = await self._patiently(following.get_next_page)

    async def watch(self, job_id: str) -> FineTuningJob:
        """Look at the job until it has ended, and tell of its figures. RunFailed where it does not end well."""
        end_s, pause_s = time.monotonic() + JOB_S_MAX, self._poll_s
        while True:
            await self._reports.alive()
            job = await self._patiently(lambda: self._client.fine_tuning.jobs.retrieve(job_id), tries=WATCH_TRIES_MAX)
            await self._tell(job)
            if job.status in _ENDED:
                break
            if time.monotonic() > end_s:
                await self.cancel(job_id)
                raise RunFailed(f"the job {job_id} took more than {JOB_S_MAX / 3_600:.0f} hours and was cancelled")
            await self._pause(pause_s)
            pause_s = min(pause_s * 1.5, max(self._poll_s, POLL_S_MAX))
        if job.status != "succeeded" or not job.fine_tuned_model:
            # Its message may repeat words of a record; it can be read where the provider shows the job.
            why = f" ({job.error.code[:CODE_LENGTH_MAX]})" if job.error and job.error.code else ""
            raise RunFailed(f"the job {job_id} ended as {job.status}{why}; the provider tells more about it")
        return job

    async def made(self, job: FineTuningJob) -> Made:
        """What the provider made. Its weights can not be seen: the digest is over where it is and how it is named."""
        assert self._order.provider is not None
        assert job.fine_tuned_model is not None
        figures = await self._checkpoints(job.id)
        last = max(figures, default=None)
        naming = {"address": address_of(self._order.provider), "reference": job.fine_tuned_model, "job": job.id}
        if left := await self.remove_files():
            why = f"{', '.join(left)} could not be removed at the provider: remove them there"
            await self._reports.step(Step(done=self._told, total=max(self._told, self._total), message=why))
        return Made(
            digest=digest({**naming, "data": self._order.run.data_revision, "base_model": job.model}),
            architecture="openai",
            metrics=figures[last] if last is not None else {},
            reference=job.fine_tuned_model,
            best_step=last,
        )

    async def cancel(self, job_id: str) -> None:
        """Cancel the job; one that has ended already stays as it is."""
        try:
            await self._patiently(lambda: self._client.fine_tuning.jobs.cancel(job_id))
        except UpstreamError as error:
            if error.status not in (400, 404, 409):
                raise

    async def give_up(self) -> None:
        """End what goes on at the provider, as far as it can be reached. Nothing of a record is sent for it, so that it is done
        at a provider that was stopped, too."""
        self._reports = _Silent()
        with contextlib.suppress(UpstreamError):
            if job := await self.find():
                await self.cancel(job)
        await self.remove_files()

    async def remove_files(self) -> list[str]:
        """Remove what was uploaded, unless the run is to keep it; those that the provider did not let go, after some tries."""
        left: list[str] = []
        files = {} if self._order.run.settings.get("keep_files") else self._kept.get("files", {})
        for file_id in files.values():
            try:
                await self._patiently(partial(self._client.files.delete, file_id), tries=REMOVE_TRIES_MAX)
            except UpstreamError as error:
                if error.status != GONE:
                    left.append(file_id)
        if left:
            logger.warning("run %s: %s could not be removed at the provider", self._order.run.id, ", ".join(left))
        return left

    async def _upload(self, split: str) -> str:
        name = f"groundcrew-{self._order.run.id}-{split}.jsonl"
        # One that was uploaded right before a kill is there already.
        page = await self._patiently(lambda: self._client.files.list(purpose="fine-tune", limit=100))
        for each in page.data:
            if each.filename == name:
                return each.id
        path = await asyncio.to_thread(self._write, split, name)
        try:
            content = await asyncio.to_thread(path.read_bytes)
            # The last look before records leave: whether the run may go on.
            await self._reports.alive()
            stored = await self._patiently(
                lambda: self._client.files.create(file=(name, content), purpose="fine-tune", timeout=UPLOAD_S_MAX)
            )
            return stored.id
        finally:
            path.unlink(missing_ok=True)

    def _write(self, split: str, name: str) -> Path:
        fields = fields_of(self._order.examples, read_description(self._order.examples))
        prompt = self._order.run.settings.get("prompt") or default_prompt(multiple=fields.multiple)
        self._order.work.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._order.work / name
        path.unlink(missing_ok=True)
        examples = read_examples(self._order.examples, split, sha256=self._order.data_set.described_sha256)
        write_jsonl(path, (row_of(each, "openai-chat", prompt, multiple=fields.multiple) for each in examples))
        if path.stat().st_size > FILE_BYTES_MAX:
            path.unlink()
            raise RunFailed(f"the split {split} is more than {FILE_BYTES_MAX:,} bytes: sample it in the recipe")
        return path

    async def _tell(self, job: FineTuningJob) -> None:
        """Tell of the figures that are new, and how far it is."""
        for step, metrics in sorted((await self._events(job.id)).items()):
            if step > self._told:
                self._told = step
                await self._reports.step(Step(done=step, total=max(step, self._total), metrics=metrics))
        if not self._told:
            await self._reports.step(Step(done=0, total=0, message=job.status.replace("_", " ")))

    _total = 0

    async def _events(self, job_id: str) -> dict[int, dict[str, float]]:
        """Step → figures, as the job's newest events tell them."""
        found: dict[int, dict[str, float]] = {}
        page = await self._patiently(lambda: self._client.fine_tuning.jobs.list_events(job_id, limit=100))
        for event in page.data[:EVENTS_MAX]:
            data = event.data if isinstance(event.data, dict) else {}
            if event.type == "metrics" and isinstance(data.get("step"), int) and not isinstance(data["step"], bool):
                found[data["step"]] = _figures(data)
                if isinstance(data.get("total_steps"), int):
                    self._total = max(self._total, data["total_steps"])
        return found

    async def _checkpoints(self, job_id: str) -> dict[int, dict[str, float]]:
        page = await self._patiently(lambda: self._client.fine_tuning.jobs.checkpoints.list(job_id, limit=100))
        return {each.step_number: _figures(each.metrics.model_dump()) for each in page.data[:CHECKPOINTS_MAX]}

    async def _keep(self, **changes: Any) -> None:
        self._kept = {**self._kept, **changes}
        await self._reports.keep(self._kept)

    async def _pause(self, pause_s: float) -> None:
        """Wait, and look at the lease meanwhile."""
        end_s = time.monotonic() + pause_s
        while (left_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, 1.0))
            await self._reports.alive()

    async def _once(self, asking: Awaitable[T]) -> T:
        import openai

        try:
            return await asking
        except openai.APIError as error:
            raise _told(error) from error

    async def _patiently(self, ask: Callable[[], Awaitable[T]], *, tries: int = TRIES_MAX) -> T:
        """Ask until there is an answer, `tries` times: a limit or a broken connection passes."""
        for attempt in range(1, tries + 1):
            try:
                return await self._once(ask())
            except UpstreamError as error:
                if not _passes(error) or attempt == tries:
                    raise
                await self._pause(_pause_s(error, self._poll_s, attempt))
        raise AssertionError("unreachable")


class _Silent:
    """Reports of nobody: a run that was cancelled has no lease any more."""

    async def step(self, step: Step) -> None: ...

    async def keep(self, checkpoint: dict[str, Any]) -> None: ...

    async def alive(self) -> None: ...


def _client(provider: Provider) -> AsyncOpenAI:
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    if not provider.api_key:
        raise InputError(f"provider {provider.name} declares no api_key", field="api_key")
    headers, secret = dict(provider.headers), secret_behind(provider.api_key)
    if not secret:
        raise InputError(f"{provider.api_key} holds no key that could be sent", field="api_key")
    if provider.api_key_header:
        bearer = provider.api_key_header.lower() == "authorization"
        headers[provider.api_key_header] = f"Bearer {secret}" if bearer else secret
    return AsyncOpenAI(
        api_key=secret,
        base_url=provider.base_url,
        default_headers=headers or None,
        default_query=dict(provider.query) or None,
        timeout=REQUEST_S_MAX,
        # Tries are counted here, with the lease looked at between them.
        max_retries=0,
        # Records and keys go to the declared address and nowhere else, whatever it answers.
        http_client=DefaultAsyncHttpxClient(follow_redirects=False),
    )


def _figures(data: dict[str, Any]) -> dict[str, float]:
    """Finite numbers of what a provider tells; step and total are no figures."""
    return {
        key: float(value)
        for key, value in data.items()
        if key not in ("step", "total_steps")
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < float("inf")
    }


def _passes(error: UpstreamError) -> bool:
    """Whether another try may get through: no answer, a limit, or the provider's own failure."""
    return error.status is None or error.status in (408, 409, 429) or error.status >= 500


def _pause_s(error: UpstreamError, first_s: float, attempt: int) -> float:
    """How long to wait before the next try: doubled each time, with jitter, and at least as long as the provider asked for."""
    backoff_s = min(first_s * 2.0 ** min(attempt - 1, 16), PAUSE_S_MAX) * random.uniform(0.5, 1.0)
    return max(_retry_after_s(error.__cause__), backoff_s)


def _retry_after_s(error: BaseException | None) -> float:
    response = getattr(error, "response", None)
    asked = str(response.headers.get("retry-after", "0")) if response is not None else "0"
    try:
        return min(max(float(asked), 0.0), PAUSE_S_MAX)
    except ValueError:
        return 0.0


def _told(error: Exception) -> UpstreamError:
    """An error of the provider without the words of its body, which may repeat what was sent."""
    status = getattr(error, "status_code", None)
    code = getattr(error, "code", None)
    why = f"the provider refused with status {status}" if status else f"the provider can not be reached: {type(error).__name__}"
    return UpstreamError(why + (f" ({str(code)[:CODE_LENGTH_MAX]})" if code else ""), status=status)
