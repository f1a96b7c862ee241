"""Stands in for a generating model in the demo: answers each dictation of this blueprint with the draft that was prepared for it,
and those that `--plant` names with an error in it. Speaks OpenAI's chat completions; needs nothing but Python."""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
#: Largest request that is read.
BODY_BYTES_MAX = 1024 * 1024
UNKNOWN = "I have no draft for this dictation."


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a data file."""
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def drafts(planted: list[str]) -> dict[str, str]:
    """Dictation → what is answered to it. KeyError for a planted error that does not exist."""
    texts = {row["id"]: row["text"] for row in rows("dictations.jsonl")}
    found = {row["text"]: row["draft"] for row in rows("dictations.jsonl")}
    errors = {row["id"]: row for row in rows("planted.jsonl")}
    for each in planted:
        found[texts[errors[each]["dictation"]]] = errors[each]["answer"]
    return found


def handler(answers: dict[str, str]) -> type[BaseHTTPRequestHandler]:
    """What serves requests with `answers`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            if not 0 < length <= BODY_BYTES_MAX:
                self.send_error(413)
                return
            asked = json.loads(self.rfile.read(length))
            said = str(next(each["content"] for each in reversed(asked["messages"]) if each["role"] == "user"))
            dictation = said.partition("<source>")[2].partition("</source>")[0].strip() or said.strip()
            answer = answers.get(dictation, UNKNOWN)
            message = {"role": "assistant", "content": answer}
            words = [len(said.split()), len(answer.split())]
            usage = {"prompt_tokens": words[0], "completion_tokens": words[1], "total_tokens": sum(words)}
            body = {"id": "scripted", "object": "chat.completion", "created": 0, "model": asked.get("model"), "usage": usage}
            self._send({**body, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

        def _send(self, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Requests hold dictations: nothing of them is logged."""

    return Handler


def main() -> None:
    """Serve until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8498)
    parser.add_argument("--plant", nargs="*", default=["ct-chest-01-1"], metavar="ID", help="errors of planted.jsonl to make")
    arguments = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", arguments.port), handler(drafts(arguments.plant)))
    print(f"scripted writer on http://127.0.0.1:{server.server_port}/v1, with errors in {arguments.plant}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
