"""Every knob of the product: type, default, environment name and one line of help. The command line overrides them.

Knobs of the data plane's limits are in `gateway.settings`; the deployment-level ones are here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec

from groundcrew.errors import InputError

ENVIRONMENT_PREFIX = "GROUNDCREW_"
SPOOL_BYTES_MIN = 1024 * 1024
BODY_BYTES_MIN, BODY_BYTES_MAX = 64 * 1024, 64 * 1024 * 1024
#: Names of this machine.
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
SECRET_FILE_BYTES_MAX = 16 * 1024


def secret_behind(reference: str) -> str:
    """The secret behind env:NAME or file:PATH; "" where it can not be had, or is none that could be sent."""
    kind, _, name = reference.partition(":")
    secret = ""
    if kind == "env":
        secret = os.environ.get(name, "").strip()
    elif kind == "file":
        try:
            with Path(name).open("rb") as file:
                secret = file.read(SECRET_FILE_BYTES_MAX).decode().strip()
        except (OSError, UnicodeDecodeError, ValueError):
            secret = ""
    return secret if secret.isprintable() else ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Deployment settings; `HELP` has a line for each. Read from the environment by `load`."""

    host: str = "127.0.0.1"
    port: int = 8400
    data: Path = Path(".groundcrew")
    database_url: str = ""
    snapshot_poll_ms: int = 200
    snapshot_age_s_max: float = 60.0
    stale_refuses: Literal["high_tier", "all"] = "high_tier"
    pause_s_max: float = 1.0
    body_bytes_max: int = 4 * 1024 * 1024
    ship_every_ms: int = 200
    ship_batch_max: int = 1_000
    kill_confirm_s_max: float = 5.0
    spool_bytes_max: int = 1024 * 1024 * 1024
    spool_free_bytes_min: int = 64 * 1024 * 1024
    retention_days: int = 0
    job_slots: int = 1
    job_lease_s: float = 15.0
    secure_cookies: bool = False
    audit_key: str = ""
    audit_channel: str = ""
    log_format: Literal["text", "json"] = "text"
    otlp_endpoint: str = ""
    otlp_content: Literal["off", "spans", "events"] = "off"
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_from: str = ""
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_starttls: bool = True

    @property
    def database(self) -> str:
        """The database URL: the given one, or the embedded database in the data folder."""
        return self.database_url or f"sqlite:///{self.data / 'groundcrew.db'}"

    @property
    def spool(self) -> Path:
        """The spool file of the gateway in this data folder."""
        return self.data / "spool" / "spool.db"


HELP: dict[str, str] = {
    "host": "address that the server listens on",
    "port": "port that the server listens on",
    "data": "folder for the embedded database, the spool and the knowledge indexes",
    "database_url": "postgresql://… to use PostgreSQL; empty for the embedded database in the data folder",
    "snapshot_poll_ms": "how often a gateway asks the database whether anything changed",
    "snapshot_age_s_max": "past this age of its snapshot a gateway refuses calls of use cases that fail closed",
    "stale_refuses": "whose calls that is: high_tier, or all for every use case, so that a stop that can not be told holds too",
    "pause_s_max": "longest silence of a gateway's process that is no pause; after one it serves nothing before it has looked",
    "body_bytes_max": "largest body of a call, up to 64 MiB: images and files are in it, and each call under way holds its own",
    "ship_every_ms": "how often recorded calls are shipped from the spool to the database",
    "ship_batch_max": "most calls shipped in one transaction",
    "kill_confirm_s_max": "how long a trip waits for every gateway to acknowledge before it reports stop_failed",
    "spool_bytes_max": "size of the spool's file past which calls can not be recorded; 1 GiB holds about 300,000 calls",
    "spool_free_bytes_min": "free space of the spool's disk below which calls can not be recorded",
    "retention_days": "days after which the texts of recorded calls are removed, unless a use case says otherwise; 0 keeps them",
    "job_slots": "jobs that this server has done at once, each in a process of its own; 0 leaves them to `groundcrew jobs work`",
    "job_lease_s": "seconds after which a job whose worker says nothing any more goes to another worker",
    "secure_cookies": "set behind TLS: cookies are sent over https only",
    "audit_key": "env:NAME or file:PATH of the Ed25519 key that signs the audit log; empty for one made in the data folder",
    "audit_channel": "channel that gets each signed checkpoint of the audit log, as a witness outside; empty for none",
    "log_format": "how a server writes what it logs, to its standard error: text, or json for one object a line",
    "otlp_endpoint": "base URL of an OpenTelemetry collector (OTLP over HTTP); empty for what OTEL_EXPORTER_OTLP_ENDPOINT says",
    "otlp_content": "whether the masked texts of calls are exported too: off, on spans, or as events",
    "smtp_host": "mail server that channels of kind email send through; empty for none",
    "smtp_port": "port of the mail server",
    "smtp_from": "address that e-mails come from",
    "smtp_user": "user of the mail server; empty for none",
    "smtp_password": "env:NAME or file:PATH of the user's password at the mail server, never the password itself",
    "smtp_starttls": "whether the mail server must take STARTTLS; without it a password goes to this machine only",
}


def load(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Settings from the environment (GROUNDCREW_HOST, GROUNDCREW_PORT, …), overridden by `given` values that are not None.

    InputError names the variable whose value does not fit.
    """
    source = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        name = ENVIRONMENT_PREFIX + field.name.upper()
        text = source.get(name)
        if text is None or text == "":
            continue
        try:
            values[field.name] = Path(text) if field.type is Path else msgspec.convert(text, field.type, strict=False)
        except msgspec.ValidationError as error:
            known = get_args(field.type) if get_origin(field.type) is Literal else ()
            told = f"use one of {', '.join(known)}, not {text[:40]!r}" if known else str(error)
            raise InputError(told, field=name) from None
    values.update({name: value for name, value in given.items() if value is not None})
    settings = Settings(**values)
    if not 0 <= settings.port <= 65_535:
        raise InputError(f"{settings.port} is not a port: 0 to 65535", field="port")
    for name in (
        "snapshot_poll_ms",
        "snapshot_age_s_max",
        "pause_s_max",
        "ship_every_ms",
        "ship_batch_max",
        "kill_confirm_s_max",
        "job_lease_s",
    ):
        # Without an end a stale snapshot would never be refused, and not-a-number compares with nothing.
        if not 0 < getattr(settings, name) < float("inf"):
            raise InputError("must be more than 0, and finite", field=name)
    for name, low in (("spool_bytes_max", SPOOL_BYTES_MIN), ("spool_free_bytes_min", 0), ("retention_days", 0), ("job_slots", 0)):
        if getattr(settings, name) < low:
            raise InputError(f"must be at least {low}", field=name)
    if not BODY_BYTES_MIN <= settings.body_bytes_max <= BODY_BYTES_MAX:
        raise InputError(f"must be from {BODY_BYTES_MIN} to {BODY_BYTES_MAX}", field="body_bytes_max")
    _check_mail(settings)
    if settings.audit_key and not settings.audit_key.startswith(("env:", "file:")):
        raise InputError("expected env:NAME or file:PATH, never the key itself (the value is not shown)", field="audit_key")
    return settings


def _check_mail(settings: Settings) -> None:
    if not 0 < settings.smtp_port <= 65_535:
        raise InputError(f"{settings.smtp_port} is not a port: 1 to 65535", field="smtp_port")
    if settings.smtp_password and not settings.smtp_password.startswith(("env:", "file:")):
        raise InputError(
            "expected env:NAME or file:PATH, never the password itself (the value is not shown)", field="smtp_password"
        )
    if bool(settings.smtp_user) != bool(settings.smtp_password):
        raise InputError("a user needs a password and a password a user", field="smtp_user")
    if settings.smtp_host and "@" not in settings.smtp_from:
        raise InputError("a mail server needs the address that e-mails come from", field="smtp_from")
    if settings.smtp_password and not settings.smtp_starttls and settings.smtp_host not in LOCAL_HOSTS:
        raise InputError("a password goes to another machine over STARTTLS only", field="smtp_starttls")
