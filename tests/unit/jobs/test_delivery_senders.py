"""What leaves for each kind of channel, over real sockets: Slack, Teams, and a mail server as good or bad as they come."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.receiver import Receiver
from tests.unit.jobs.mail_server import MailServer

from groundcrew.domain.delivery import Channel, Delivery, NotTaken
from groundcrew.errors import InputError
from groundcrew.gateway.webhook_client import WebhookClient
from groundcrew.jobs import delivery_senders
from groundcrew.jobs.delivery_senders import Senders
from groundcrew.settings import Settings, load

DELIVERY = Delivery(
    id="alert/1",
    channel="c",
    event="alert.raised",
    subject="alert/1",
    body={"title": "Errors"},
    created_at=datetime(2026, 3, 2, tzinfo=UTC),
)
EMAIL = Channel(name="c", kind="email", to=("a@bank.example", "b@bank.example"))


@pytest.fixture
async def made() -> AsyncIterator[list[Senders]]:
    """The senders that a test makes; closed at the end."""
    found: list[Senders] = []
    yield found
    for each in found:
        await each.close()


async def said() -> dict[str, Any]:
    return DELIVERY.body


def senders(made: list[Senders], server: MailServer | None = None, **more: Any) -> Senders:
    settings: dict[str, Any] = {"smtp_starttls": False} | more
    if server is not None:
        settings |= {"smtp_host": "localhost", "smtp_port": server.port, "smtp_from": "groundcrew@bank.example"}
    made.append(Senders(WebhookClient(), Settings(**settings)))
    return made[-1]


@pytest.mark.parametrize(("kind", "member"), [("slack", "blocks"), ("teams", "attachments")])
async def test_a_shaped_webhook(made: list[Senders], monkeypatch: pytest.MonkeyPatch, kind: Any, member: str) -> None:
    async with Receiver(secrets=()) as receiver:
        monkeypatch.setenv("ROOM_URL", receiver.url)
        channel = Channel(name="c", kind=kind, url="env:ROOM_URL", networks=("127.0.0.1/32",))
        sender = senders(made)
        await sender.send(DELIVERY, channel, said)
        assert member in json.loads(receiver.bodies[0])
        receiver.behave = lambda _number: 404
        with pytest.raises(NotTaken, match="HTTP 404"):
            await sender.send(DELIVERY, channel, said)


async def test_an_email_goes_to_everyone_at_once(made: list[Senders]) -> None:
    with MailServer() as server:
        await senders(made, server).send(DELIVERY, EMAIL, said)
    ((to, content),) = server.mails
    assert to == ["a@bank.example", "b@bank.example"]
    assert b"Subject: Errors" in content
    assert server.logins == []


async def test_a_mail_server_that_does_not_take_it(made: list[Senders], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotTaken, match="no mail server is set"):
        await senders(made).send(DELIVERY, EMAIL, said)
    with MailServer() as server:
        sender = senders(made, server)
        server.answers = {"MAIL": "451 later"}
        with pytest.raises(NotTaken, match="answered with 451") as later:
            await sender.send(DELIVERY, EMAIL, said)
        assert not later.value.is_final
        server.answers, server.refuse = {}, {"a@bank.example", "b@bank.example"}
        with pytest.raises(NotTaken, match="refused every recipient"):
            await sender.send(DELIVERY, EMAIL, said)
        server.refuse = {"b@bank.example"}
        with pytest.raises(NotTaken, match="refused 1 of the recipients") as some:
            await sender.send(DELIVERY, EMAIL, said)
        assert some.value.is_final, "the others have it: sending again would be a second effect"
        server.refuse = set()
        with pytest.raises(NotTaken, match="SMTPNotSupportedError"):
            await senders(made, server, smtp_starttls=True).send(DELIVERY, EMAIL, said)
        with pytest.raises(NotTaken, match="can not be resolved"):
            await senders(made, server, smtp_user="u", smtp_password="env:NOT_THERE").send(DELIVERY, EMAIL, said)
        monkeypatch.setattr(delivery_senders, "ATTEMPT_S_MAX", 0.3)
        server.silent_at = "MAIL"
        started_s = time.monotonic()
        with pytest.raises(NotTaken, match="the mail server"):
            await sender.send(DELIVERY, EMAIL, said)
        assert time.monotonic() - started_s < 10, "a server that says a little now and then is cut off"
    assert len(server.mails) == 1
    with pytest.raises(NotTaken, match="ConnectionRefusedError"):
        await sender.send(DELIVERY, EMAIL, said)


async def test_over_tls_with_a_password(made: list[Senders], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl: not on the PATH")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    await asyncio.to_thread(
        subprocess.run, [*command, *names, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("MAIL_PASSWORD", "quite secret")
    with MailServer(tls=context) as server:
        sender = senders(made, server, smtp_starttls=True, smtp_user="groundcrew", smtp_password="env:MAIL_PASSWORD")
        with pytest.raises(NotTaken, match="SSLCertVerificationError"):
            await sender.send(DELIVERY, EMAIL, said)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await sender.send(DELIVERY, EMAIL, said)
    assert (len(server.mails), len(server.logins)) == (1, 1)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"SMTP_PORT": "0"}, "smtp_port"),
        ({"SMTP_PASSWORD": "pa55word", "SMTP_USER": "u"}, "smtp_password"),
        ({"SMTP_USER": "u"}, "smtp_user"),
        ({"SMTP_HOST": "mail.example"}, "smtp_from"),
        (
            {
                "SMTP_HOST": "mail.example",
                "SMTP_FROM": "a@b.example",
                "SMTP_USER": "u",
                "SMTP_PASSWORD": "env:P",
                "SMTP_STARTTLS": "false",
            },
            "smtp_starttls",
        ),
    ],
)
def test_settings_that_would_not_work_are_refused(given: dict[str, str], field: str) -> None:
    with pytest.raises(InputError) as refused:
        load({f"GROUNDCREW_{name}": value for name, value in given.items()})
    assert refused.value.field == field
    assert "pa55word" not in str(refused.value)
