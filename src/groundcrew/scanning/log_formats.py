"""Formats of logs that name hosts: what one line says of who went where, when, and with how many bytes."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec

#: A line that belongs to the format and tells of no connection.
NOTHING = "nothing"
#: Columns by which generic tables and JSON lines are read, in order of preference.
HOST_COLUMNS = (
    "server_name",
    "sni",
    "tls_sni",
    "query",
    "qname",
    "dns_query",
    "host",
    "hostname",
    "dest_host",
    "destination_host",
    "dst_host",
    "dest_domain",
    "destination",
    "domain",
    "url",
    "uri",
    "request_url",
    "cs-host",
    "cs_host",
    "dhost",
    "request",
    "queryname",
)
USER_COLUMNS = ("user", "username", "user_name", "cs-username", "suser", "src_user", "srcuser", "account", "identity", "login")
SOURCE_COLUMNS = (
    "id.orig_h",
    "src_ip",
    "source_ip",
    "src",
    "client",
    "client_ip",
    "c-ip",
    "clientip",
    "sourceip",
    "source",
    "remote_addr",
    "srcip",
    "client_address",
    "device",
)
TIME_COLUMNS = ("ts", "time", "timestamp", "@timestamp", "date", "datetime", "event_time", "eventtime", "start")
BYTES_COLUMNS = (
    "bytes",
    "total_bytes",
    "bytes_sent",
    "sc-bytes",
    "orig_bytes",
    "resp_bytes",
    "sent_bytes",
    "bytes_out",
    "response_body_len",
    "request_body_len",
    "size",
)


class Event(msgspec.Struct, frozen=True):
    """One connection or query. `at` is RFC 3339 where the log says when, else ""."""

    host: str
    source: str
    user: str
    at: str
    bytes: int


Parsed: TypeAlias = "Event | str | None"
#: Reads a line: an event, NOTHING, or None for a line that is not of the format.
Reader: TypeAlias = Callable[[str], Parsed]

_COMMON = re.compile(r'^(\S+) \S+ (\S+) \[([^\]]{10,40})\] "([A-Z]{2,12}) (\S+)[^"]*" \d{3} (\d+|-)')
_NGINX_STREAM = re.compile(r"^(\S+) \[([^\]]{10,40})\] (?:TCP|UDP) \d{3} (\d+) \d+ \S+ \"?([a-zA-Z0-9.-]+)\"?")
_DNSMASQ = re.compile(
    r"^(?:<\d+>)?(\w{3}\s+\d{1,2} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+)?.*?dnsmasq\S*: (?:\d+ \S+ )?"
    r"(\w+)(?:\[(\w+)\])? (\S+)(?: from (\S+))?"
)
_BIND = re.compile(
    r"^(?:(\d\d-\w{3}-\d{4} \d\d:\d\d:\d\d(?:\.\d+)?|\d{4}-\d\d-\d\dT\S+) )?.*?client (?:@\S+ )?"
    r"([0-9a-fA-F.:]+)#\d+(?: \([^)]*\))?: (?:view \S+: )?query: (\S+) IN (\w+)"
)
_UNBOUND = re.compile(r"^(?:\[(\d+)\] )?.*?unbound\S* info: ([0-9a-fA-F.:]+) (\S+?)\.? ([A-Z]+) IN\b")
_SQUID_STATUS = re.compile(r"^[A-Z_]+/\d{3}$")
_MONTHS = {
    name: number
    for number, name in enumerate(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1)
}


def host_of(target: str) -> str:
    """The host of an address, of ``host:port``, or of a name with a dot at its end; "" where there is none."""
    text = target.partition("://")[2] or target
    text = text.partition("/")[0].rpartition("@")[2]
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".").lower()


def epoch(text: str) -> str:
    """Seconds since 1970 as RFC 3339, "" where it is none."""
    try:
        return datetime.fromtimestamp(float(text), UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return ""


def squid(line: str) -> Parsed:
    """Squid's native access log."""
    fields = line.split()
    if len(fields) < 9 or not _SQUID_STATUS.match(fields[3]):
        return None
    user = fields[7] if fields[7] != "-" else ""
    return Event(host_of(fields[6]), fields[2], user, epoch(fields[0]), int(fields[4]) if fields[4].isdigit() else 0)


def common(line: str) -> Parsed:
    """Common and combined logs of a proxy (Squid, Apache, nginx): only requests that name a host tell of one."""
    match = _COMMON.match(line)
    if match is None:
        return None
    source, user, when, method, target, size = match.groups()
    if method != "CONNECT" and "://" not in target:
        return NOTHING
    return Event(host_of(target), source, "" if user == "-" else user, _clf(when), int(size) if size != "-" else 0)


def nginx_stream(line: str) -> Parsed:
    """nginx's stream log with ``$ssl_preread_server_name``, as its documentation has it."""
    match = _NGINX_STREAM.match(line)
    return Event(host_of(match[4]), match[1], "", _clf(match[2]), int(match[3])) if match else None


def dnsmasq_at(year: int, today: str) -> Reader:
    """dnsmasq's log of queries, whose times name no year: the last one that lies not ahead of `today`."""

    def read(line: str) -> Parsed:
        match = _DNSMASQ.match(line)
        if match is None:
            return None
        when, verb, _, name, source = match.groups()
        if verb != "query" or source is None:
            return NOTHING
        return Event(host_of(name), source, "", _syslog(when or "", year, today), 0)

    return read


def bind(line: str) -> Parsed:
    """BIND's query log."""
    match = _BIND.match(line)
    if match is None:
        return None
    return Event(host_of(match[3]), match[2], "", _bind_time(match[1] or ""), 0)


def unbound(line: str) -> Parsed:
    """Unbound's query log."""
    match = _UNBOUND.match(line)
    return Event(host_of(match[3]), match[2], "", epoch(match[1]) if match[1] else "", 0) if match else None


class Table:
    """A log whose columns are named: Zeek's with ``#fields``, CSV with a head, JSON lines."""

    def __init__(self, columns: list[str], delimiter: str) -> None:
        self._columns, self._delimiter = columns, delimiter
        self._places = _places(columns)

    @property
    def usable(self) -> bool:
        """Whether a column names hosts."""
        return self._places[0] is not None

    def __call__(self, line: str) -> Parsed:
        """One row."""
        if line.startswith("#"):
            return NOTHING
        if self._delimiter == "\t":
            values = line.split("\t")
        else:
            try:
                values = next(csv.reader([line], delimiter=self._delimiter))
            except (csv.Error, StopIteration):
                return None
        if len(values) != len(self._columns):
            return None
        host, user, source, when, sizes = self._places

        def at(place: int | None) -> str:
            return "" if place is None or values[place] in ("-", "(empty)") else values[place].strip()

        return _event(at(host), at(user), at(source), at(when), [at(each) for each in sizes])


def json_line(line: str) -> Parsed:
    """A JSON object a line: Zeek's, and any that names a host under one of the usual names."""
    try:
        read: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    lowered = {str(key).lower(): value for key, value in _flat(read)}

    def first(names: tuple[str, ...]) -> str:
        return next((str(lowered[each]) for each in names if lowered.get(each) not in (None, "", "-")), "")

    host = first(HOST_COLUMNS)
    if not host:
        return NOTHING
    return _event(
        host,
        first(USER_COLUMNS),
        first(SOURCE_COLUMNS),
        first(TIME_COLUMNS),
        [str(lowered.get(each, "")) for each in BYTES_COLUMNS],
    )


def _flat(read: dict[str, Any]) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in read.items():
        pairs += [(inner, each) for inner, each in value.items()] if isinstance(value, dict) else [(key, value)]
    return pairs


def _event(host: str, user: str, source: str, when: str, sizes: list[str]) -> Parsed:
    name = host_of(host)
    if "." not in name:
        return NOTHING
    total = sum(int(float(each)) for each in sizes if re.fullmatch(r"\d{1,15}(?:\.\d+)?", each))
    at = epoch(when) if re.fullmatch(r"\d{9,12}(?:\.\d+)?", when) else when[:40]
    return Event(name, source, user, at, total)


Places: TypeAlias = "tuple[int | None, int | None, int | None, int | None, list[int]]"


def _places(columns: list[str]) -> Places:
    lowered = [each.strip().lower() for each in columns]
    spaced = [each.replace(" ", "_") for each in lowered]

    def place(names: tuple[str, ...]) -> int | None:
        return next((where.index(name) for name in names for where in (lowered, spaced) if name in where), None)

    sizes = [index for index, each in enumerate(spaced) if each in BYTES_COLUMNS]
    return place(HOST_COLUMNS), place(USER_COLUMNS), place(SOURCE_COLUMNS), place(TIME_COLUMNS), sizes


def _clf(text: str) -> str:
    try:
        return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC).isoformat(timespec="seconds")
    except ValueError:
        return ""


def _bind_time(text: str) -> str:
    match = re.match(r"(\d\d)-(\w{3})-(\d{4}) (\d\d:\d\d:\d\d)", text)
    return f"{match[3]}-{_MONTHS.get(match[2].title(), 1):02d}-{match[1]}T{match[4]}" if match else text


def _syslog(text: str, year: int, today: str) -> str:
    match = re.match(r"(\w{3})\s+(\d{1,2}) (\d\d:\d\d:\d\d)", text)
    if match is None:
        return text
    day = f"{_MONTHS.get(match[1].title(), 1):02d}-{int(match[2]):02d}"
    return f"{year if f'{year}-{day}' <= today else year - 1}-{day}T{match[3]}"
