"""The shapes of messages: what each channel takes, cut and escaped, and an e-mail that stays one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from groundcrew.domain.delivery import Delivery
from groundcrew.services.delivery_shapes import (
    FACTS_MAX,
    TEXT_LENGTH_MAX,
    TITLE_LENGTH_MAX,
    email_message,
    notice,
    slack_body,
    teams_body,
    webhook_body,
)

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALERT = {
    "title": "Error rate <high> & rising",
    "text": "Errors of *email-assistant* [rise](https://evil.example) <!channel>",
    "rule": "error-rate",
    "severity": 2,
    "value": 0.0512345678,
    "interval": [0.041, 0.063],
    "nothing": None,
    "link": "https://groundcrew.example/alerts/1",
}


def delivery(**more: Any) -> Delivery:
    return Delivery(
        **(
            {"id": "alert/1", "channel": "c", "event": "alert.raised", "subject": "alert/1", "body": ALERT, "created_at": AT}
            | more
        )
    )


def test_a_webhook_gets_the_same_bytes_each_time() -> None:
    body = webhook_body(delivery(), ALERT)
    assert body == webhook_body(delivery(), dict(reversed(list(ALERT.items()))))
    assert json.loads(body) == {"type": "alert.raised", "timestamp": "2026-03-02T09:00:00Z", "data": ALERT}


def test_slack() -> None:
    told = json.loads(slack_body(notice(delivery(), ALERT)))
    header, text, facts, link = told["blocks"]
    assert told["text"] == "Error rate &lt;high&gt; &amp; rising"
    assert header == {"type": "header", "text": {"type": "plain_text", "text": "Error rate <high> & rising", "emoji": False}}
    assert "&lt;!channel&gt;" in text["text"]["text"], "nobody is called by a text"
    assert text["text"]["verbatim"] is True
    assert [each["text"] for each in facts["fields"]] == [
        "*Rule*\nerror-rate",
        "*Severity*\n2",
        "*Value*\n0.0512346",
        "*Interval*\n0.041, 0.063",
    ]
    assert link["text"]["text"] == "<https://groundcrew.example/alerts/1|Open in groundcrew>"


def test_teams() -> None:
    told = json.loads(teams_body(notice(delivery(), ALERT)))
    assert told["type"] == "message"
    (attachment,) = told["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["actions"]) == (
        "AdaptiveCard",
        [{"type": "Action.OpenUrl", "title": "Open in groundcrew", "url": ALERT["link"]}],
    )
    title, text, facts = card["body"]
    assert title["text"] == "Error rate <high> & rising"
    assert r"\[rise\]\(https://evil.example\)" in text["text"], "a text makes no link of its own"
    assert facts["facts"][0] == {"title": "Rule", "value": "error-rate"}


def test_an_email_is_one_and_stays_one() -> None:
    data = {**ALERT, "title": "One line\r\nBcc: everybody@evil.example"}
    message = email_message(
        delivery(), notice(delivery(), data), sender="groundcrew@bank.example", to=("a@b.example", "c@d.example")
    )
    read: Any = message_from_bytes(message.as_bytes(), policy=default)
    assert read["Subject"] == "One line Bcc: everybody@evil.example"
    assert read["Bcc"] is None
    assert (read["From"], read["To"]) == ("groundcrew@bank.example", "a@b.example, c@d.example")
    assert read["Auto-Submitted"] == "auto-generated"
    text = read.get_content()
    assert "Rule: error-rate" in text
    assert text.rstrip().endswith(str(ALERT["link"]))
    again = email_message(delivery(), notice(delivery(), data), sender="groundcrew@bank.example", to=("a@b.example",))
    other = email_message(delivery(id="alert/2"), notice(delivery(), data), sender="groundcrew@bank.example", to=("a@b.example",))
    assert message["Message-ID"] == again["Message-ID"] != other["Message-ID"]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "/relative", 7, "https://x.example/" + "a" * 3_000])
def test_what_is_no_link_is_none(link: object) -> None:
    assert notice(delivery(), {"link": link}).link is None


def test_whatever_comes_is_cut_to_what_a_channel_takes() -> None:
    data = {"title": "t" * 1_000, "text": "x" * 100_000} | {f"fact_{each}": {"deep": ["y" * 5_000]} for each in range(100)}
    told = notice(delivery(), data)
    assert (len(told.title), len(told.text), len(told.facts)) == (TITLE_LENGTH_MAX, TEXT_LENGTH_MAX, FACTS_MAX)
    for body in (slack_body(told), teams_body(told)):
        assert len(body) < 24_000, "Teams takes 28 KB"
    assert all(len(each["text"]) <= 2_000 for each in json.loads(slack_body(told))["blocks"][2]["fields"])


def test_a_message_without_a_title_says_what_it_is_about() -> None:
    told = notice(delivery(event="sign_off.released", subject="sign-off/7"), {"id": "7"})
    assert (told.title, told.text, told.facts) == ("Sign off released: sign-off/7", "", (("Id", "7"),))
