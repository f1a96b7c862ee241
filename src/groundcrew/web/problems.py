"""Turns every error into an answer: JSON under /api, a page elsewhere, and never a stack trace to a client."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException

from groundcrew.domain.identifiers import new_id
from groundcrew.errors import (
    AuditBroken,
    Conflict,
    GateNotPassed,
    InputError,
    NotAllowed,
    NotFound,
    RecorderUnavailable,
    WouldBeMasked,
)
from groundcrew.services.declared import DeclarationErrors
from groundcrew.web.authentication import NotAuthenticated
from groundcrew.web.throttle import TooManyAttempts

logger = logging.getLogger(__name__)

#: HTTP status → code, for errors of the framework itself.
FRAMEWORK_CODES = {
    400: "invalid_input",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
DECLARATION_ERRORS_SHOWN_MAX = 50


class UnsupportedBody(InputError):
    """The body is not of the type that the route takes; HTTP 415."""


class ForeignRequest(NotAllowed):
    """An unsafe request that did not come from one of our own pages."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is told. `evaluation` comes with a gate that is not passed, `errors` with several things wrong at once,
    `text` with one that would be masked: what may be signed instead."""

    status: int
    code: str
    message: str
    field: str | None = None
    evaluation: Any = None
    errors: list[dict[str, Any]] | None = None
    text: str | None = None
    headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """``{"error": {"code", "message", …}}`` with what is there."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        for name in ("field", "evaluation", "errors", "text"):
            value = getattr(self, name)
            if value is not None:
                error[name] = value
        return {"error": error}


def problem_of(error: Exception) -> Problem:
    """What `error` means to a client. Anything not raised on purpose is logged and answered with a reference only."""
    if isinstance(error, HTTPException):
        return _framework_problem(error)
    if isinstance(error, NotAllowed):
        return _refusal(error)
    if isinstance(error, InputError):
        return _input_problem(error)
    if isinstance(error, NotFound):
        return Problem(status=404, code="not_found", message=str(error))
    if isinstance(error, GateNotPassed):
        return Problem(status=409, code="gate_not_passed", message=str(error), evaluation=error.evaluation)
    if isinstance(error, Conflict | AuditBroken):
        code = "conflict" if isinstance(error, Conflict) else "audit_broken"
        return Problem(status=409, code=code, message=str(error))
    if isinstance(error, RecorderUnavailable):
        return Problem(status=503, code="recorder_unavailable", message=str(error))
    reference = new_id()
    logger.error("unexpected error, reference %s", reference, exc_info=error)
    message = f"something went wrong on our side; the log has it under {reference}"
    return Problem(status=500, code="internal_error", message=message)


def _refusal(error: NotAllowed) -> Problem:
    if isinstance(error, TooManyAttempts):
        headers = {"Retry-After": str(error.retry_after_s)}
        return Problem(status=429, code="too_many_attempts", message=str(error), headers=headers)
    if isinstance(error, NotAuthenticated):
        # Never `Basic`: a browser that remembers a password would send it with foreign requests too.
        headers = {"WWW-Authenticate": "Bearer"}
        return Problem(status=401, code="not_authenticated", message=str(error), headers=headers)
    return Problem(status=403, code="not_allowed", message=str(error))


def _input_problem(error: InputError) -> Problem:
    if isinstance(error, UnsupportedBody):
        return Problem(status=415, code="unsupported_media_type", message=error.message)
    if isinstance(error, DeclarationErrors):
        errors = [
            {"message": each.message, "file": each.file, "line": each.line, "field": each.field}
            for each in error.errors[:DECLARATION_ERRORS_SHOWN_MAX]
        ]
        return Problem(status=400, code="invalid_input", message=str(error), field=error.field, errors=errors)
    if isinstance(error, WouldBeMasked):
        return Problem(status=400, code="would_be_masked", message=error.message, field=error.field, text=error.text)
    message = str(error) if error.file or error.line else error.message
    return Problem(status=400, code="invalid_input", message=message, field=error.field)


def _framework_problem(error: HTTPException) -> Problem:
    status = error.status_code
    message, field = error.detail, None
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first = error.extra[0]
        if isinstance(first, dict):
            message, field = str(first.get("message", message)), first.get("key")
    elif status == 404:
        message = "there is nothing at this address"
    elif status == 413:
        message = "the body is larger than this route takes"
    elif status >= 500:
        logger.error("the framework failed", exc_info=error)
        message = "something went wrong on our side"
    code = FRAMEWORK_CODES.get(status, "invalid_input" if status < 500 else "internal_error")
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return Problem(status=status, code=code, message=message, field=field, headers=headers)


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The answer to a request that ended in `error`."""
    problem = problem_of(error)
    path = request.url.path
    if path.startswith("/api/") or request.headers.get("accept", "").startswith("application/json"):
        return Response(problem.body(), status_code=problem.status, headers=problem.headers, media_type="application/json")
    from groundcrew.web.console.page import problem_page

    return problem_page(request, problem)
