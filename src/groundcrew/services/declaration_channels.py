"""Reads `kind: Channel`: where deliveries go. What is dangerous is refused here, before anything is sent: a receiver without TLS,
a webhook without a secret, a secret in the file."""

from __future__ import annotations

import ipaddress
from typing import get_args
from urllib.parse import urlsplit

from groundcrew.domain.delivery import NETWORKS_MAX, OLD_SECRETS_MAX, RECIPIENTS_MAX, Channel, ChannelKind
from groundcrew.services.declaration_fields import Fields, is_email, shown
from groundcrew.services.declaration_kinds import reference_in, secret_reference
from groundcrew.services.declaration_reading import Reading

URL_LENGTH_MAX = 2_000
#: Hosts that plain http may go to.
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def read_channel(fields: Fields, reading: Reading) -> Channel:
    """kind: Channel; `via` says which kind of one."""
    name = fields.name("name")
    kind = fields.choice("via", get_args(ChannelKind))
    if kind == "email":
        for key in ("url", "secret", "old_secrets", "networks"):
            fields.refuse(key, "an e-mail goes over the mail server of the settings: give its addresses under `to`")
        return Channel(name=name, kind=kind, to=_recipients(fields))
    fields.refuse("to", f"addresses are for kind email; a {kind} channel has a url")
    if kind != "webhook":
        for key in ("secret", "old_secrets"):
            fields.refuse(key, f"{kind} has no signatures: its url is the secret, so give it as env:NAME or file:PATH")
    url = _url(fields, reading)
    secret = secret_reference(fields, "secret", reading) if kind == "webhook" else None
    if kind == "webhook" and secret is None and not fields.has("secret"):
        fields.complain("secret", "is required: env:NAME or file:PATH of what webhooks are signed with")
    return Channel(
        name=name,
        kind=kind,
        url=url,
        secret=secret,
        old_secrets=_old_secrets(fields, reading) if kind == "webhook" else (),
        networks=_networks(fields),
    )


def _url(fields: Fields, reading: Reading) -> str | None:
    """The receiver's address, or a reference to it. It is not repeated in a complaint: it may be a secret."""
    node = fields.node("url", required=True)
    if node is None:
        return None
    text = node.value.strip() if isinstance(node.value, str) else ""
    if not isinstance(node.value, str) or text.startswith(("env:", "file:")):
        return reference_in(fields, "url", node, reading)
    if problem := url_problem(text):
        fields.complain("url", problem, node.line)
    return text


def url_problem(text: str) -> str:
    """Why a receiver can not be at `text`, "" where it can: https, or http on this machine."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "is not a valid URL"
    if len(text) > URL_LENGTH_MAX:
        return f"longer than {URL_LENGTH_MAX} characters"
    if parts.scheme not in ("http", "https") or not host or not text.isascii() or not text.isprintable() or " " in text:
        return "expected a URL that begins with https:// and names a host, or env:NAME or file:PATH"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "must not hold a user name, password or fragment"
    if parts.scheme == "http" and host not in _THIS_MACHINE:
        return "plain http goes to this machine only: use https"
    return ""


def _recipients(fields: Fields) -> tuple[str, ...]:
    found: list[str] = []
    for key, node in fields.items("to", required=True) or []:
        if not isinstance(node.value, str) or not is_email(node.value.strip()):
            said = shown(node.value) if isinstance(node.value, str) else "none"
            fields.complain(key, f"expected an e-mail address, found {said}", node.line)
        elif node.value.strip() in found:
            fields.complain(key, f"{shown(node.value)} is listed twice", node.line)
        else:
            found.append(node.value.strip())
    if len(found) > RECIPIENTS_MAX:
        fields.complain("to", f"more than {RECIPIENTS_MAX} addresses")
    return tuple(found)


def _old_secrets(fields: Fields, reading: Reading) -> tuple[str, ...]:
    items = fields.items("old_secrets") or []
    if len(items) > OLD_SECRETS_MAX:
        fields.complain("old_secrets", f"more than {OLD_SECRETS_MAX}")
    found = [reference_in(fields, key, node, reading) for key, node in items[:OLD_SECRETS_MAX]]
    return tuple(each for each in found if each is not None)


def _networks(fields: Fields) -> tuple[str, ...]:
    """Private networks that the channel may lead into, as CIDR."""
    found: list[str] = []
    items = fields.items("networks") or []
    for key, node in items[:NETWORKS_MAX]:
        try:
            network = ipaddress.ip_network(node.value) if isinstance(node.value, str) else None
        except ValueError:
            network = None
        if network is None or network.prefixlen == 0:
            fields.complain(key, "expected a network such as 10.20.0.0/16, or one address", node.line)
        else:
            found.append(str(network))
    if len(items) > NETWORKS_MAX:
        fields.complain("networks", f"more than {NETWORKS_MAX}")
    return tuple(found)
