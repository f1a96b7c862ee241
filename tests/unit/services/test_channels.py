"""`kind: Channel`: what each kind takes, what is refused with the place, and that a use case may only name one that there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.services import bank
from tests.unit.services.prepared import Prepared

from groundcrew.domain.delivery import Channel
from groundcrew.domain.use_case import SignOffRule
from groundcrew.errors import NotFound
from groundcrew.services.declarations import load
from groundcrew.services.declared import DeclarationErrors

WEBHOOK = "kind: Channel\nname: app\nvia: webhook\nurl: https://app.example/hooks\nsecret: env:APP_SECRET\n"
SLACK = "kind: Channel\nname: room\nvia: slack\nurl: env:ROOM_URL\n"
EMAIL = "kind: Channel\nname: desk\nvia: email\nto: [desk@bank.example, night@bank.example]\n"


def read(tmp_path: Path, text: str) -> Channel:
    (tmp_path / "channel.yaml").write_text(text)
    (declared,) = load([tmp_path / "channel.yaml"]).channels
    return declared.value


def complaints(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "channel.yaml").write_text(text)
    with pytest.raises(DeclarationErrors) as raised:
        load([tmp_path / "channel.yaml"])
    return [str(each).removeprefix(f"{tmp_path}/") for each in raised.value.errors]


def test_each_kind_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, WEBHOOK) == Channel(
        name="app", kind="webhook", url="https://app.example/hooks", secret="env:APP_SECRET"
    )
    rotated = read(tmp_path, WEBHOOK + "old_secrets: [env:BEFORE, file:secret.txt]\nnetworks: [10.1.0.0/16, 127.0.0.1]\n")
    assert rotated.old_secrets == ("env:BEFORE", f"file:{tmp_path / 'secret.txt'}")
    assert rotated.networks == ("10.1.0.0/16", "127.0.0.1/32")
    assert read(tmp_path, SLACK) == Channel(name="room", kind="slack", url="env:ROOM_URL")
    assert read(tmp_path, SLACK.replace("slack", "teams")).kind == "teams"
    assert read(tmp_path, EMAIL) == Channel(name="desk", kind="email", to=("desk@bank.example", "night@bank.example"))
    local = WEBHOOK.replace("https://app.example", "http://localhost:9000")
    assert read(tmp_path, local).url == "http://localhost:9000/hooks"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (WEBHOOK.replace("secret: env:APP_SECRET\n", ""), "channel.yaml:1: secret: is required"),
        (WEBHOOK.replace("env:APP_SECRET", "whsec_abc"), "channel.yaml:5: secret: expected env:NAME or file:PATH"),
        (WEBHOOK.replace("https:", "http:"), "channel.yaml:4: url: plain http goes to this machine only"),
        (WEBHOOK.replace("https:", "ftp:"), "channel.yaml:4: url: expected a URL"),
        (WEBHOOK.replace("app.example", "me:pw@app.example"), "channel.yaml:4: url: must not hold a user name"),
        (WEBHOOK + "to: [a@b.example]\n", "channel.yaml:6: to: addresses are for kind email"),
        (WEBHOOK + "old_secrets: [literal]\n", "channel.yaml:6: old_secrets[0]: expected env:NAME"),
        (WEBHOOK + "networks: [everywhere]\n", "channel.yaml:6: networks[0]: expected a network"),
        (WEBHOOK + "networks: [0.0.0.0/0]\n", "channel.yaml:6: networks[0]: expected a network"),
        (WEBHOOK + "networks: [10.1.2.3/8]\n", "channel.yaml:6: networks[0]: expected a network"),
        (WEBHOOK.replace("webhook", "webhok"), "channel.yaml:3: via: expected one of webhook, slack, teams, email"),
        (WEBHOOK.replace("url: https://app.example/hooks\n", ""), "channel.yaml:1: url: is required"),
        (SLACK + "secret: env:X\n", "channel.yaml:5: secret: slack has no signatures"),
        (EMAIL + "url: https://x.example\n", "channel.yaml:5: url: an e-mail goes over the mail server"),
        (EMAIL.replace("night@bank.example", "night"), "channel.yaml:4: to[1]: expected an e-mail address, found 'night'"),
        (EMAIL.replace("night@", "desk@"), "channel.yaml:4: to[1]: 'desk@bank.example' is listed twice"),
        (EMAIL + "colour: red\n", "channel.yaml:5: colour: unknown key 'colour'"),
    ],
)
def test_what_would_be_dangerous_or_idle_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    found = complaints(tmp_path, text)
    assert any(each.startswith(complaint) for each in found), found
    assert not any("whsec_abc" in each or "me:pw" in each for each in found)


async def test_a_channel_is_applied_and_a_use_case_may_name_it(sqlite_url: str, tmp_path: Path, prepared: Prepared) -> None:
    prepared.copy("declared", sqlite_url)
    async with bank.opened(sqlite_url, tmp_path, None, bare=True) as services:
        told = bank.use_case(sign_off=SignOffRule(when="always", qualification="service-agent", webhook="app"))
        with pytest.raises(DeclarationErrors, match="no channel named 'app'"):
            await bank.apply(services, use_cases=[told])
        (tmp_path / "channel.yaml").write_text(WEBHOOK)
        declared = load([tmp_path / "channel.yaml"])
        for action in ("created", "unchanged"):
            (change,) = await services.registry.apply(declared, actor="user:maria")
            assert (change.kind, change.name, change.action) == ("Channel", "app", action)
        await bank.apply(services, use_cases=[told])
        with pytest.raises(NotFound, match="did you mean 'app'"):
            await services.deliveries.test("ap", actor="user:maria")
        (view,) = await services.deliveries.channels()
        assert view.channel.name == "app"
