"""Every error that groundcrew raises on purpose, in one tree, for the person who must catch it.

GroundcrewError
├── InputError            what was given is wrong: names file, line and field; exit code 2, HTTP 400
│   ├── DeclarationError  a YAML declaration is wrong
│   └── WouldBeMasked     a text that a person is about to sign holds personal data: carries it masked
├── NotFound              no such thing; HTTP 404
├── Conflict              the thing exists in a state that does not allow this; HTTP 409
│   └── ReleaseRefused    what would leave is not what people signed
├── NotAllowed            the actor may not do this; HTTP 403
├── GateNotPassed         a gate's entry criteria are not met: carries the evaluation; exit code 1, HTTP 409
├── AuditBroken           the audit chain does not verify; exit code 1
├── RefusedCall           the gateway refuses a call: carries the contract's code and HTTP status
├── UpstreamError         the provider failed or answered nonsense
│   ├── UpstreamTimeout   the provider did not answer in time
│   ├── UpstreamUnreachable  no connection, or it broke before the answer was whole: worth another try
│   └── CircuitOpen       nobody was asked: every target failed so often that it is left alone for a while
└── RecorderUnavailable   the call could not be made durable, so its answer must not leave
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groundcrew.domain.gate import GateEvaluation

#: `error.code` of the data plane → HTTP status, as fixed in the contracts.
REFUSAL_STATUS: dict[str, int] = {
    "invalid_request": 400,
    "invalid_key": 401,
    "use_case_not_running": 403,
    "model_not_allowed": 403,
    "data_class_not_allowed": 403,
    "guard_blocked": 403,
    "not_grounded": 403,
    "not_in_exposure": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "assigned_to_control": 409,
    "body_too_large": 413,
    "budget_exceeded": 429,
    "rate_limited": 429,
    "internal_error": 500,
    "upstream_error": 502,
    "kill_switch": 503,
    "stale_policy": 503,
    "recorder_unavailable": 503,
    "upstream_timeout": 504,
}


#: How the message of an InputError begins that says that there is no database to work on.
CAN_NOT_BE_OPENED = "the database can not be opened"


class GroundcrewError(Exception):
    """Root of all errors that groundcrew raises on purpose."""


class InputError(GroundcrewError):
    """What was given is wrong. `str()` is one line: ``file:line: field: message``, parts that are unknown left out."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None, field: str | None = None) -> None:
        self.message, self.file, self.line, self.field = message, file, line, field
        place = (file or "") + (f":{line}" if line is not None else "") if file else (f"line {line}" if line is not None else "")
        super().__init__(": ".join(part for part in (place, field, message) if part))


class DeclarationError(InputError):
    """A YAML declaration is wrong."""


class WouldBeMasked(InputError):
    """A text that a person is about to sign holds what must not leave. Nothing was signed; `text` is what it is masked, and
    `kinds` is what was found in it. Signing `text` as it is passes."""

    def __init__(self, text: str, kinds: tuple[str, ...]) -> None:
        self.text, self.kinds = text, kinds
        found = f" ({', '.join(kinds)})" if kinds else ""
        super().__init__(
            f"the text holds personal data or secrets{found}, which do not leave, so that it was not signed: "
            "read it as it is masked, and sign this text instead",
            field="text",
        )


class NotFound(GroundcrewError):
    """No such thing."""


class Conflict(GroundcrewError):
    """The thing exists in a state that does not allow this."""


class ReleaseRefused(Conflict):
    """What would leave is not what people signed: nothing leaves, and somebody must look at it."""


class NotAllowed(GroundcrewError):
    """The actor may not do this."""


class GateNotPassed(GroundcrewError):
    """A gate's entry criteria are not all met; `evaluation` says which and what is missing."""

    def __init__(self, message: str, evaluation: GateEvaluation) -> None:
        self.evaluation = evaluation
        super().__init__(message)


class AuditBroken(GroundcrewError):
    """The audit chain does not verify."""


class RefusedCall(GroundcrewError):
    """The gateway refuses a call. `code` is a key of `REFUSAL_STATUS`."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.status, self.message = code, REFUSAL_STATUS[code], message
        super().__init__(f"{code}: {message}")


class UpstreamError(GroundcrewError):
    """The provider failed or answered nonsense. `status` is its HTTP status, where it gave one; `is_sent` is False where nothing
    of the request has left, so that it can have cost nothing."""

    def __init__(self, message: str, *, status: int | None = None, is_sent: bool = True) -> None:
        self.status, self.is_sent = status, is_sent
        super().__init__(message)


class UpstreamTimeout(UpstreamError):
    """The provider did not answer in time."""


class UpstreamUnreachable(UpstreamError):
    """No connection to the provider, or one that broke before the answer was whole."""


class CircuitOpen(UpstreamError):
    """The target failed too often and is left alone for another `retry_after_s`."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(message, is_sent=False)


class RecorderUnavailable(GroundcrewError):
    """The call could not be made durable, so its answer must not leave."""
