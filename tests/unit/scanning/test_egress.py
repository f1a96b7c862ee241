"""Logs of the network: each format is read, hosts match by labels, and what can not be read is counted."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from datetime import date
from pathlib import Path

import pytest

from groundcrew.domain.inventory import ScanFinding
from groundcrew.errors import InputError
from groundcrew.scanning import egress
from groundcrew.scanning.catalogue import load
from groundcrew.scanning.egress import EgressScan, scan_egress

TODAY = date(2026, 11, 27)


def scan(path: Path, **more: object) -> EgressScan:
    return scan_egress(path, load(), today=TODAY, **more)  # type: ignore[arg-type]


def said(found: EgressScan) -> list[tuple[str | None, str, int | None]]:
    return [(each.user, each.service, each.count) for each in found.report.findings]


SQUID = """\
1795773600.123     45 10.0.0.5 TCP_TUNNEL/200 3456 CONNECT api.openai.com:443 anna HIER_DIRECT/1.2.3.4 -
1795773700.123     45 10.0.0.5 TCP_TUNNEL/200 1000 CONNECT api.openai.com:443 anna HIER_DIRECT/1.2.3.4 -
1795773701.123     45 10.0.0.6 TCP_TUNNEL/200 3456 CONNECT openai.com.evil.net:443 - HIER_DIRECT/1.2.3.4 -
1795773702.123     45 10.0.0.7 TCP_TUNNEL/200 900 CONNECT claude.ai:443 - HIER_DIRECT/1.2.3.4 -
1795773703.123     45 10.0.0.8 TCP_MISS/200 77 GET http://api.mistral.ai/v1/models - HIER_DIRECT/1.2.3.4 text/html
"""
COMMON = """\
10.0.0.5 - anna [27/Nov/2026:10:00:00 +0100] "CONNECT api.openai.com:443 HTTP/1.1" 200 3456 "-" "curl/8"
10.0.0.5 - - [27/Nov/2026:10:00:01 +0100] "GET /index.html HTTP/1.1" 200 12 "-" "Mozilla"
10.0.0.9 - - [27/Nov/2026:10:00:02 +0100] "GET http://www.example.com/?q=api.openai.com HTTP/1.1" 200 12
"""
ZEEK = """\
#separator \\x09
#path\tssl
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tserver_name\torig_bytes
#types\ttime\tstring\taddr\tport\taddr\tstring\tcount
1795773600.5\tC1\t10.0.0.5\t51000\t1.2.3.4\tapi.anthropic.com\t120
1795773601.5\tC2\t10.0.0.5\t51001\t1.2.3.4\t-\t-
1795773602.5\tC3\t10.0.0.5\t51001\t1.2.3.4
#close\t2026-11-27
"""
DNSMASQ = """\
Nov 27 10:00:01 dnsmasq[123]: query[A] api.openai.com from 10.0.0.7
Nov 27 10:00:01 dnsmasq[123]: forwarded api.openai.com to 1.1.1.1
Nov 27 10:00:01 dnsmasq[123]: reply api.openai.com is 1.2.3.4
Dec 31 23:00:01 dnsmasq[123]: query[AAAA] api.openai.com from 10.0.0.7
"""
BIND = (
    "27-Nov-2026 10:00:00.123 queries: info: client @0x7f 10.0.0.9#53124 (api.groq.com): query: api.groq.com IN A + (10.0.0.1)\n"
)
UNBOUND = "[1795773600] unbound[12:0] info: 10.0.0.5 api.cohere.com. A IN\n"
STREAM = '10.0.0.4 [27/Nov/2026:10:00:00 +0000] TCP 200 900 100 1.5 "api.x.ai"\n'
TABLE = (
    "Time;Source IP;User;Hostname;Bytes\n2026-11-27T10:00:00;10.0.0.5;Anna;chatgpt.com;300\n2026-11-27T10:01:00;10.0.0.5;Anna\n"
)
JSON = "\n".join(
    json.dumps(each)
    for each in (
        {"ts": 1795773600.5, "id.orig_h": "10.0.0.5", "query": "api.openai.com"},
        {"ts": 1795773601.5, "id.orig_h": "10.0.0.5", "query": "example.com"},
        {"event": "start"},
    )
)


@pytest.mark.parametrize(
    ("name", "text", "expected", "malformed"),
    [
        ("squid", SQUID, [("anna", "openai", 2), ("10.0.0.7", "anthropic", 1), ("10.0.0.8", "mistral", 1)], 0),
        ("common", COMMON, [("anna", "openai", 1)], 0),
        ("zeek", ZEEK, [("10.0.0.5", "anthropic", 1)], 1),
        ("dnsmasq", DNSMASQ, [("10.0.0.7", "openai", 2)], 0),
        ("bind", BIND, [("10.0.0.9", "groq", 1)], 0),
        ("unbound", UNBOUND, [("10.0.0.5", "cohere", 1)], 0),
        ("nginx-stream", STREAM, [("10.0.0.4", "xai", 1)], 0),
        ("table", TABLE, [("Anna", "openai", 1)], 1),
        ("json", JSON, [("10.0.0.5", "openai", 1)], 0),
    ],
)
def test_formats(tmp_path: Path, name: str, text: str, expected: list[tuple[str, str, int]], malformed: int) -> None:
    log = tmp_path / "a.log"
    log.write_text(text)
    found = scan(log)
    assert found.format == name
    assert said(found) == expected
    assert found.malformed == malformed
    packed = tmp_path / "a.log.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert said(scan(packed)) == expected


def test_a_finding_says_who_what_how_much_and_when(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(SQUID + "broken\n")
    found = scan(log, gateway_hosts=["10.0.0.8"])
    first: ScanFinding = found.report.findings[0]
    assert (first.severity, first.kind, first.host) == ("high", "egress", "api.openai.com")
    assert (first.bytes, first.first_seen, first.last_seen) == (4_456, "2026-11-27T10:00:00+00:00", "2026-11-27T10:01:40+00:00")
    assert found.governed == 1
    assert (found.malformed, found.first_malformed) == (1, 6)
    assert not found.report.complete, "a log tells of its time only"
    assert found.report.root == "log access.log"


def test_dates_without_a_year_are_never_ahead(tmp_path: Path) -> None:
    log = tmp_path / "dns.log"
    log.write_text(DNSMASQ)
    (found,) = scan(log).report.findings
    assert (found.first_seen, found.last_seen) == ("2025-12-31T23:00:01", "2026-11-27T10:00:01")


def test_no_log_and_a_broken_one_are_refused_with_their_name(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with pytest.raises(InputError, match="no such file"):
        scan(log)
    log.write_text("hello\nworld\n")
    with pytest.raises(InputError, match="no log that is known"):
        scan(log)
    log.write_text("#fields\tts\tuid\n")
    with pytest.raises(InputError, match="names hosts"):
        scan(log)
    log.write_bytes(gzip.compress(SQUID.encode())[:-20])
    with pytest.raises(InputError, match="to its end"):
        scan(log)
    log.write_text("")
    assert scan(log).report.findings == ()


def test_memory_is_bounded_and_what_is_beyond_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "GROUPS_MAX", 10)
    log = tmp_path / "a.log"
    with log.open("w") as stream:
        for number in range(30_000):
            source = f"10.0.{number % 250}.{number // 250 % 250}"
            stream.write(f"1795773600.1 4 {source} TCP_TUNNEL/200 9 CONNECT h{number}.openai.azure.com:443 - H/1 -\n")
    monkeypatch.setattr(egress, "HOSTS_CACHED_MAX", 1_000)
    tracemalloc.start()
    found = scan(log)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.report.findings) == 10
    assert found.beyond > 25_000
    assert peak < 8_000_000
    assert len((found.report.findings[0].host or "").split(", ")) <= egress.HOSTS_NAMED_MAX


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("x" * 200_000 + "\n" + SQUID)
    found = scan(log)
    assert (found.lines, found.malformed) == (6, 1)
