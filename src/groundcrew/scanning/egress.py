"""`scan --egress`: reads a log of the network line by line and tells who uses which AI service, in bounded memory."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import IO, Any

import msgspec

from groundcrew.domain.inventory import ROOT_LENGTH_MAX, ScanFinding, ScanReport, fingerprint_of
from groundcrew.errors import InputError
from groundcrew.scanning import log_formats
from groundcrew.scanning.catalogue import Catalogue, Service
from groundcrew.scanning.log_formats import NOTHING, Event, Reader, Table

#: What is read at once, what is kept, and what a line may be.
LINE_LENGTH_MAX, GROUPS_MAX, HOSTS_CACHED_MAX, SNIFFED_LINES = 65_536, 50_000, 200_000, 200
HOSTS_NAMED_MAX = 5
#: The share of the first lines that must be of a format for the log to be of it.
SHARE_MIN = 0.5
PROGRESS_EVERY_LINES = 20_000


class EgressScan(msgspec.Struct, frozen=True, kw_only=True):
    """The report of one log and what it rests on. `first_malformed` is the number of the first line that could not be read."""

    report: ScanReport
    format: str
    lines: int
    malformed: int
    first_malformed: int | None
    governed: int
    #: Lines of further users and services, where there are more than GROUPS_MAX.
    beyond: int


class _Group:
    __slots__ = ("bytes", "count", "first", "hosts", "is_api", "last", "service", "who")

    def __init__(self, who: str, service: Service) -> None:
        self.who, self.service = who, service
        self.count = self.bytes = 0
        self.first = self.last = ""
        self.is_api = False
        self.hosts: list[str] = []

    def add(self, event: Event, is_api: bool) -> None:
        self.count += 1
        self.bytes += event.bytes
        self.is_api = self.is_api or is_api
        if event.at:
            self.first = min(self.first or event.at, event.at)
            self.last = max(self.last, event.at)
        if event.host not in self.hosts and len(self.hosts) < HOSTS_NAMED_MAX:
            self.hosts.append(event.host)


def scan_egress(
    log: Path,
    catalogue: Catalogue,
    *,
    today: date,
    gateway_hosts: Iterable[str] = (),
    name: str | None = None,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> EgressScan:
    """Who uses which AI service by one log; gzip is told by its first bytes. `gateway_hosts` are the addresses (or names, as
    the log has them) that the gateway's own calls come from; `progress` hears how many bytes of the file were read.

    InputError where the log is not there, or is in none of the formats.
    """
    own = {each.lower() for each in gateway_hosts}
    groups: dict[tuple[str, str], _Group] = {}
    known: dict[str, tuple[Service, bool] | None] = {}
    lines = malformed = governed = beyond = 0
    first_malformed: int | None = None
    with ExitStack() as stack:
        raw, stream = _open(log, stack)
        format_name, reader, head = _sniffed(stream, log, today)
        for lines, line in enumerate(_chained(head, stream), start=1):
            if lines % PROGRESS_EVERY_LINES == 0:
                progress(raw.tell())
            event = reader(line) if line else NOTHING
            if event is None:
                malformed += 1
                first_malformed = first_malformed or lines
                continue
            if isinstance(event, str):
                continue
            if event.host in known:
                found = known[event.host]
            else:
                found = catalogue.of_host(event.host)
                if len(known) < HOSTS_CACHED_MAX:
                    known[event.host] = found
            if found is None:
                continue
            if event.source.lower() in own or event.user.lower() in own:
                governed += 1
                continue
            service, is_api = found
            key = (event.user or event.source, service.id)
            group = groups.get(key)
            if group is None:
                if len(groups) >= GROUPS_MAX:
                    beyond += 1
                    continue
                group = groups[key] = _Group(key[0], service)
            group.add(event, is_api)
        progress(raw.tell())
    root = (name or f"log {log.name}")[:ROOT_LENGTH_MAX]
    ordered = sorted(groups.values(), key=lambda each: (-each.count, each.who, each.service.id))
    report = ScanReport(
        source="egress", root=root, complete=False, catalogue=catalogue.version, findings=tuple(map(_finding, ordered))
    )
    return EgressScan(
        report=report,
        format=format_name,
        lines=lines,
        malformed=malformed,
        first_malformed=first_malformed,
        governed=governed,
        beyond=beyond,
    )


def _finding(group: _Group) -> ScanFinding:
    people = "a program" if group.is_api else "somebody"
    times = "once" if group.count == 1 else f"{group.count:,} times"
    size = f", {group.bytes:,} bytes" if group.bytes else ""
    return ScanFinding(
        source="egress",
        service=group.service.id,
        kind="egress",
        severity="high" if group.is_api else "medium",
        reason=f"{people} at {group.who or 'an unknown address'} used {group.service.name} {times}{size}",
        fingerprint=fingerprint_of("egress", group.who, group.service.id),
        user=group.who or None,
        host=", ".join(group.hosts),
        count=group.count,
        bytes=group.bytes,
        first_seen=group.first or None,
        last_seen=group.last or None,
    )


def _open(log: Path, stack: ExitStack) -> tuple[IO[bytes], io.TextIOWrapper]:
    if not log.is_file():
        raise InputError("no such file" if not log.exists() else "not a regular file", file=str(log))
    try:
        raw = stack.enter_context(log.open("rb"))
    except OSError as error:
        raise InputError(f"can not be read: {error.strerror}", file=str(log)) from error
    magic = raw.read(2)
    raw.seek(0)
    data: Any = stack.enter_context(gzip.GzipFile(fileobj=raw)) if magic == b"\x1f\x8b" else raw
    return raw, stack.enter_context(io.TextIOWrapper(data, "utf-8", errors="replace", newline="\n"))


def _lines(stream: io.TextIOWrapper) -> Iterator[str]:
    """Lines without their ends; the rest of one that is too long is left out."""
    try:
        while line := stream.readline(LINE_LENGTH_MAX):
            whole = line.endswith("\n")
            yield line.rstrip("\r\n")
            while not whole and (rest := stream.readline(LINE_LENGTH_MAX)):
                whole = rest.endswith("\n")
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise InputError(f"can not be read to its end: {error}") from error


def _chained(head: list[str], stream: io.TextIOWrapper) -> Iterator[str]:
    yield from head
    yield from _lines(stream)


def _sniffed(stream: io.TextIOWrapper, log: Path, today: date) -> tuple[str, Reader, list[str]]:
    """The format of a log by its first lines, its reader, and those lines."""
    head: list[str] = []
    try:
        for line in _lines(stream):
            head.append(line)
            if len(head) >= SNIFFED_LINES:
                break
    except InputError as error:
        raise InputError(error.message, file=str(log)) from error
    told = [each for each in head if each.strip()]
    if not told:
        return "empty", lambda _line: NOTHING, head
    fields = next((each for each in told if each.startswith("#fields")), None)
    if fields is not None:
        zeek = Table(fields.split("\t")[1:], "\t")
        if not zeek.usable:
            raise InputError("no column of this Zeek log names hosts (query, host, server_name)", file=str(log))
        return "zeek", zeek, head
    readers: dict[str, Reader] = {
        "squid": log_formats.squid,
        "common": log_formats.common,
        "json": log_formats.json_line,
        "dnsmasq": log_formats.dnsmasq_at(today.year, today.isoformat()),
        "bind": log_formats.bind,
        "unbound": log_formats.unbound,
        "nginx-stream": log_formats.nginx_stream,
    }
    shares = {name: sum(reader(each) is not None for each in told) / len(told) for name, reader in readers.items()}
    best = max(shares, key=lambda each: shares[each])
    if shares[best] >= SHARE_MIN:
        return best, readers[best], head
    table = _table(told[0])
    if table is not None:
        return "table", table, head
    raise InputError(
        "no log that is known: squid, common or combined, nginx stream, Zeek, dnsmasq, BIND, Unbound, JSON lines, or a table "
        "whose first line names its columns",
        file=str(log),
    )


def _table(first: str) -> Table | None:
    for delimiter in (",", ";", "\t", "|"):
        if delimiter in first:
            try:
                columns = next(csv.reader([first], delimiter=delimiter))
            except (csv.Error, StopIteration):
                continue
            table = Table(columns, delimiter)
            if table.usable:
                return table
    return None
