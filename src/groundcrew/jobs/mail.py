"""E-mail over one mail server, in a few threads of its own: the standard library's client waits, and nothing else may wait for
it. An attempt has an end: its connection is cut when its time is up."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage

from groundcrew.domain.delivery import NotTaken
from groundcrew.settings import Settings

THREADS_MAX = 4


class Mail:
    """The mail server of the settings. `secret` resolves env:NAME and file:PATH."""

    def __init__(self, settings: Settings, secret: Callable[[str], str]) -> None:
        self._settings, self._secret = settings, secret
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="mail")

    async def send(self, make: Callable[[str], EmailMessage], *, timeout_s: float) -> None:
        """Send what `make` makes for the sender's address; NotTaken where the server does not take it for every recipient."""
        settings = self._settings
        if not settings.smtp_host:
            raise NotTaken("no mail server is set: GROUNDCREW_SMTP_HOST and GROUNDCREW_SMTP_FROM")
        password = self._secret(settings.smtp_password) if settings.smtp_password else ""
        if settings.smtp_password and not password:
            raise NotTaken(f"the mail server's password ({settings.smtp_password}) can not be resolved")
        try:
            message = make(settings.smtp_from)
        except (ValueError, IndexError):
            raise NotTaken("an address of the channel or GROUNDCREW_SMTP_FROM can not be written into an e-mail") from None
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._send, message, password, timeout_s)

    def _send(self, message: EmailMessage, password: str, timeout_s: float) -> None:
        settings = self._settings
        host = settings.smtp_host
        try:
            with smtplib.SMTP(timeout=timeout_s) as server, _cut_after(timeout_s, server):
                server.connect(host, settings.smtp_port)
                if settings.smtp_starttls:
                    server._host = host  # type: ignore[attr-defined]  # whom TLS must find there; connect() does not set it
                    server.starttls(context=ssl.create_default_context())
                if password:
                    server.login(settings.smtp_user, password)
                refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise NotTaken(f"the mail server refused every recipient ({_codes(error.recipients)})") from None
        except smtplib.SMTPResponseException as error:
            raise NotTaken(f"the mail server answered with {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError, ssl.SSLError, ValueError) as error:
            raise NotTaken(f"the mail server {host} can not be used ({type(error).__name__})") from None
        if refused:
            # The others have it: sending to all of them again would be a second effect.
            raise NotTaken(f"the mail server refused {len(refused)} of the recipients ({_codes(refused)})", is_final=True)

    def close(self) -> None:
        """Start no further attempt; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _cut_after(contextlib.AbstractContextManager["_cut_after"]):
    """Cuts the server's connection when the time is up: a server that says a little now and then would hold a thread for ever."""

    def __init__(self, timeout_s: float, server: smtplib.SMTP) -> None:
        self._server = server
        self._timer = threading.Timer(timeout_s, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _cut_after:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()

    def _cut(self) -> None:
        connection = getattr(self._server, "sock", None)
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _codes(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(sorted({str(code) for code, _ in refused.values()}))
