"""Where messages may go: what is not public is refused however it is written, unless its network is declared."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from groundcrew.domain.delivery import Message, NotTaken
from groundcrew.gateway.addresses import NotReachable, addresses_of, is_loopback, may_reach
from groundcrew.gateway.webhook_client import WebhookClient

INSIDE = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::",
    "fec0::1",
    "feff::1",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1:ffff::808:808",
    "::7f00:1",
    "::8.8.8.8",
    "::ffff:0:7f00:1",
    "::ffff:0:808:808",
    "no address",
)


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not may_reach(address, [])


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::101:101", "::ffff:8.8.8.8"])
def test_what_is_public_may_be_reached(address: str) -> None:
    assert may_reach(address, [])


def test_a_declared_network_may_be_reached_and_nothing_beside_it() -> None:
    networks = [ipaddress.ip_network("10.20.0.0/16"), ipaddress.ip_network("fd00::/8")]
    assert may_reach("10.20.3.4", networks)
    assert may_reach("::ffff:10.20.3.4", networks)
    assert may_reach("fd00::5", networks)
    assert may_reach("64:ff9b:1::a14:304", [ipaddress.ip_network("64:ff9b:1::/48")])
    assert not may_reach("10.21.0.1", networks)
    assert not may_reach("169.254.169.254", networks)
    assert is_loopback("::ffff:127.0.0.1")
    assert not is_loopback("10.20.0.1")


async def nothing() -> Message:
    raise AssertionError("nothing is asked for that can not leave")


async def test_a_name_that_leads_inside_as_well_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(_host: str, port: int, *_more: Any, **_named: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(NotReachable, match="not public"):
        await addresses_of("receiver.example", 443, (), timeout_s=1)
    assert await addresses_of("receiver.example", 443, ("10.0.0.0/8",), timeout_s=1) == ["8.8.8.8", "10.0.0.1"]
    client = WebhookClient()
    with pytest.raises(NotTaken, match=r"not public.*receiver\.example"):
        await client.post("https://receiver.example/secret-path", nothing, timeout_s=1, networks=())
    with pytest.raises(NotTaken, match="no http or https address"):
        await client.post("ftp://receiver.example/", nothing, timeout_s=1, networks=())
    await client.close()


async def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*_more: Any, **_named: Any) -> list[Any]:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(NotReachable, match="leads nowhere"):
        await addresses_of("receiver.example", 443, (), timeout_s=1)
