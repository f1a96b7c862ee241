"""The shapes of messages: a webhook's JSON, Slack's blocks, a card for Teams, an e-mail. People's channels show the same notice:
a title, a text, facts and a link, each cut to what the channel takes.

A webhook's body is {"type", "timestamp", "data"}, as Standard Webhooks advises. Slack takes `text` and Block Kit's `blocks` at an
incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks); Teams takes a message with one
Adaptive Card at a workflow's address
(https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, NamedTuple

from groundcrew.domain.canonical import canonical_json, sha256_hex
from groundcrew.domain.delivery import Delivery

TITLE_LENGTH_MAX, TEXT_LENGTH_MAX, LINK_LENGTH_MAX = 150, 2_500, 2_000
#: Slack takes ten fields in a section; more than twenty facts are read by nobody.
FACTS_MAX, FACTS_PER_SECTION, FACT_LENGTH_MAX = 20, 10, 300
CARD_SCHEMA, CARD_VERSION = "http://adaptivecards.io/schemas/adaptive-card.json", "1.4"
#: Members of a body that are shown as what they are, not as facts.
_SHOWN = ("title", "text", "link")


class Notice(NamedTuple):
    """A message as people read it."""

    title: str
    text: str
    facts: tuple[tuple[str, str], ...]
    link: str | None


def webhook_body(delivery: Delivery, data: Mapping[str, Any]) -> bytes:
    """What a webhook's receiver gets: the same bytes at every attempt while `data` is the same."""
    return canonical_json({"type": delivery.event, "timestamp": delivery.created_at, "data": data})


def notice(delivery: Delivery, data: Mapping[str, Any]) -> Notice:
    """`data` for people: its `title`, `text` and `link` where it has them, everything else as facts."""
    title = data.get("title")
    link = data.get("link")
    facts = [(_words(name), _shown(value)) for name, value in data.items() if name not in _SHOWN and value not in (None, "", [])]
    is_link = isinstance(link, str) and link.startswith(("https://", "http://")) and len(link) <= LINK_LENGTH_MAX
    return Notice(
        title=_cut(str(title) if title else f"{_words(delivery.event)}: {delivery.subject}", TITLE_LENGTH_MAX),
        text=_cut(str(data.get("text") or ""), TEXT_LENGTH_MAX),
        facts=tuple(facts[:FACTS_MAX]),
        link=link if is_link else None,
    )


def slack_body(told: Notice) -> bytes:
    """Slack's message: `text` is what a notification shows, the blocks are what the channel shows."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": {"type": "plain_text", "text": told.title, "emoji": False}}]
    if told.text:
        blocks.append({"type": "section", "text": _mrkdwn(_escaped(told.text))})
    for start in range(0, len(told.facts), FACTS_PER_SECTION):
        fields = [
            _mrkdwn(f"*{_escaped(name)}*\n{_escaped(value)}") for name, value in told.facts[start : start + FACTS_PER_SECTION]
        ]
        blocks.append({"type": "section", "fields": fields})
    if told.link:
        blocks.append({"type": "section", "text": _mrkdwn(f"<{_in_link(told.link)}|Open in groundcrew>")})
    return canonical_json({"text": _escaped(told.title), "blocks": blocks})


def teams_body(told: Notice) -> bytes:
    """A message for a Teams workflow that posts a card when a webhook request is received."""
    body: list[dict[str, Any]] = [
        {"type": "TextBlock", "text": _plain(told.title), "weight": "Bolder", "size": "Medium", "wrap": True}
    ]
    if told.text:
        body.append({"type": "TextBlock", "text": _plain(told.text), "wrap": True})
    if told.facts:
        facts = [{"title": _plain(name), "value": _plain(value)} for name, value in told.facts]
        body.append({"type": "FactSet", "facts": facts})
    card: dict[str, Any] = {"$schema": CARD_SCHEMA, "type": "AdaptiveCard", "version": CARD_VERSION, "body": body}
    if told.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open in groundcrew", "url": told.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return canonical_json({"type": "message", "attachments": [attachment]})


def email_message(delivery: Delivery, told: Notice, *, sender: str, to: Sequence[str]) -> EmailMessage:
    """An e-mail whose Message-ID is made from the delivery's key: mailboxes that get it twice show it once."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(addr_spec=sender)
    message["To"] = [Address(addr_spec=each) for each in to]
    message["Subject"] = " ".join(told.title.split())
    message["Date"] = format_datetime(delivery.created_at)
    message["Message-ID"] = f"<{sha256_hex(delivery.id.encode())[:40]}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [told.title, ""]
    if told.text:
        lines += [told.text, ""]
    lines += [f"{name}: {value}" for name, value in told.facts]
    if told.link:
        lines += ["", told.link]
    message.set_content("\n".join(lines) + "\n")
    return message


def _words(name: str) -> str:
    """``sign_off.released`` → ``Sign off released``."""
    return name.replace("_", " ").replace(".", " ").capitalize()


def _shown(value: object) -> str:
    if isinstance(value, str):
        return _cut(value, FACT_LENGTH_MAX)
    if isinstance(value, list | tuple) and all(isinstance(each, str | int | float) for each in value):
        return _cut(", ".join(map(str, value)), FACT_LENGTH_MAX)
    if isinstance(value, float):
        return f"{value:g}"
    return _cut(json.dumps(value, default=str, ensure_ascii=False), FACT_LENGTH_MAX)


def _cut(text: str, length_max: int) -> str:
    return text if len(text) <= length_max else text[: length_max - 1] + "…"


def _mrkdwn(text: str) -> dict[str, Any]:
    # Verbatim: names in a text neither mention nor link anything.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _escaped(text: str) -> str:
    """The three characters that Slack reads as markup of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _in_link(url: str) -> str:
    return _escaped(url).replace("|", "%7C")


def _plain(text: str) -> str:
    """A card's text is a little Markdown: what would make a link or an emphasis of a text is escaped."""
    return "".join("\\" + each if each in "\\*_[]()`#" else each for each in text)
