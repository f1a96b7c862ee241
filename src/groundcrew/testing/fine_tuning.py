"""A provider's fine-tuning on a real socket: files, jobs with events and checkpoints, limits and lost answers, as tests want."""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

BODY_BYTES_MAX = 64 * 1024 * 1024
STOP_S_MAX = 10.0


class Trouble(msgspec.Struct, kw_only=True):
    """What goes wrong: the next `limited` requests are answered 429, the next `failing` 500, and of the next `lost` jobs that are
    asked for the answer is lost after they were made. `elsewhere`: every request is sent on to this base URL. `kept`: files are
    not removed."""

    limited: int = 0
    failing: int = 0
    lost: int = 0
    elsewhere: str = ""
    kept: bool = False


class FakeFineTuning:
    """Speaks the part of the OpenAI API that fine-tuning needs. Use it as a context manager; `url` is what goes into
    `Provider.base_url`.

    A job takes `looks` looks until it ends as `outcome`; None never ends. `files` (id → name and bytes) are those that are there,
    `uploaded` all that ever were; `jobs` are those that were made, `keys` the keys that were sent.
    """

    def __init__(self, *, looks: int | None = 2, outcome: str = "succeeded", trouble: Trouble | None = None) -> None:
        self.looks, self.outcome, self.trouble = looks, outcome, trouble or Trouble()
        self.files: dict[str, tuple[str, bytes]] = {}
        self.uploaded: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.keys: set[str] = set()
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """The base URL, `/v1` included."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> FakeFineTuning:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(STOP_S_MAX)

    def answer(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, Any] | None:
        """Status and JSON of an answer; None where it is lost."""
        with self._lock:
            if self.trouble.limited:
                self.trouble.limited -= 1
                return 429, _error("slow down", "rate_limit_exceeded")
            if self.trouble.failing:
                self.trouble.failing -= 1
                return 500, _error("out of order", "server_error")
            if path.startswith("/v1/files"):
                return self._of_files(method, path, body, kind)
            return self._of_jobs(method, path.removeprefix("/v1/fine_tuning/jobs").strip("/").split("/"), body)

    def _of_files(self, method: str, path: str, body: bytes, kind: str) -> tuple[int, Any]:
        file_id = path.removeprefix("/v1/files").strip("/")
        if method == "POST":
            file_id = f"file-{len(self.uploaded) + 1}"
            name, content = _first_file(body, kind)
            self.files[file_id] = (name, content)
            self.uploaded[name] = content
            return 200, self._file(file_id)
        if method == "DELETE":
            if self.trouble.kept:
                return 403, _error("not yours to remove", "forbidden")
            found = self.files.pop(file_id, None)
            return (200, {"id": file_id, "object": "file", "deleted": True}) if found else (404, _error("no such file", None))
        return 200, {"object": "list", "data": [self._file(each) for each in self.files], "has_more": False}

    def _of_jobs(self, method: str, parts: list[str], body: bytes) -> tuple[int, Any] | None:
        job_id, what = parts[0], parts[1] if len(parts) > 1 else ""
        if method == "POST" and not job_id:
            return self._made(json.loads(body))
        if not job_id:
            return 200, {"object": "list", "data": list(self.jobs.values()), "has_more": False}
        job = self.jobs.get(job_id)
        if job is None:
            return 404, _error("no such job", None)
        if what == "cancel":
            job["status"] = "cancelled"
        elif what == "events":
            return 200, {"object": "list", "data": self._events(job), "has_more": False}
        elif what == "checkpoints":
            return 200, {"object": "list", "data": self._checkpoints(job), "has_more": False}
        elif job["status"] in ("queued", "running"):
            self._look_at(job)
        return 200, job

    def _made(self, asked: dict[str, Any]) -> tuple[int, Any] | None:
        if missing := [asked[key] for key in ("training_file", "validation_file") if asked.get(key) not in self.files]:
            return 400, _error(f"no such file {missing[0]}", "invalid_file")
        job_id = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[job_id] = {
            "id": job_id,
            "object": "fine_tuning.job",
            "created_at": int(time.time()),
            "status": "queued",
            "model": asked["model"],
            "organization_id": "org-fake",
            "result_files": [],
            "seed": asked.get("seed", 0),
            "hyperparameters": {},
            "training_file": asked["training_file"],
            "validation_file": asked.get("validation_file"),
            "metadata": asked.get("metadata"),
            "fine_tuned_model": None,
            "suffix": asked.get("suffix"),
            "method": asked.get("method"),
        }
        if self.trouble.lost:
            self.trouble.lost -= 1
            return None
        return 200, self.jobs[job_id]

    def _look_at(self, job: dict[str, Any]) -> None:
        seen = self._seen[job["id"]] = self._seen.get(job["id"], 0) + 1
        job["status"] = "running"
        if self.looks is not None and seen >= self.looks:
            job["status"] = self.outcome
            if self.outcome == "succeeded":
                job["fine_tuned_model"] = f"ft:{job['model']}:org-fake:{job['suffix']}:{job['id']}"
            else:
                job["error"] = {"code": "bad_data", "message": "the data can not be learned", "param": None}

    def _events(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        seen = self._seen.get(job["id"], 0)
        total = self.looks or 100
        return [
            {
                "id": f"ftevent-{job['id']}-{step}",
                "object": "fine_tuning.job.event",
                "created_at": job["created_at"],
                "level": "info",
                "message": f"Step {step}/{total}",
                "type": "metrics",
                "data": {"step": step, "total_steps": total, "train_loss": 2.0 / step, "valid_loss": 3.0 / step},
            }
            for step in range(seen, 0, -1)
        ]

    def _checkpoints(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        if job["status"] != "succeeded":
            return []
        step = self._seen[job["id"]]
        return [
            {
                "id": f"ftckpt-{job['id']}",
                "object": "fine_tuning.job.checkpoint",
                "created_at": job["created_at"],
                "fine_tuned_model_checkpoint": f"{job['fine_tuned_model']}:ckpt-step-{step}",
                "fine_tuning_job_id": job["id"],
                "metrics": {"step": step, "train_loss": 2.0 / step, "full_valid_loss": 2.5 / step},
                "step_number": step,
            }
        ]

    def _file(self, file_id: str) -> dict[str, Any]:
        name, content = self.files[file_id]
        return {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": 0,
            "filename": name,
            "purpose": "fine-tune",
            "status": "processed",
        }


def _error(message: str, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "fake", "param": None, "code": code}}


def _first_file(body: bytes, kind: str) -> tuple[str, bytes]:
    """Name and bytes of the file in a multipart body."""
    boundary = re.search(r'boundary="?([^";]+)', kind)
    for part in body.split(b"--" + boundary[1].encode()) if boundary else []:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'filename="([^"]*)"', head)
        if name:
            return name[1].decode(), content.removesuffix(b"\r\n")
    return "", b""


def _handler(fake: FakeFineTuning) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = min(int(self.headers.get("content-length") or 0), BODY_BYTES_MAX)
            body = self.rfile.read(length)
            fake.keys.add((self.headers.get("authorization") or "").removeprefix("Bearer "))
            if fake.trouble.elsewhere:
                self.close_connection = True
                self.send_response(307)
                self.send_header("location", fake.trouble.elsewhere + self.path.removeprefix("/v1"))
                self.send_header("content-length", "0")
                self.end_headers()
                return
            told = fake.answer(self.command, self.path.partition("?")[0], body, self.headers.get("content-type") or "")
            self.close_connection = True
            if told is None:
                return
            content = json.dumps(told[1]).encode()
            self.send_response(told[0])
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _do

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is written."""

    return Handler
