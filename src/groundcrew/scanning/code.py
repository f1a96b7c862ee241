"""`scan --code`: reads the files of a folder and reports where AI is used past the gateway."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path, PurePosixPath

import msgspec

from groundcrew.domain.inventory import LEFT_OUT_MAX, ROOT_LENGTH_MAX, ScanFinding, ScanReport, fingerprint_of, lowered
from groundcrew.errors import InputError
from groundcrew.scanning.accepting import FILE_NAME, Rules, read_rules, remarked
from groundcrew.scanning.catalogue import Catalogue, host_and_port
from groundcrew.scanning.config_files import (
    is_ci,
    is_infrastructure,
    is_own_declaration,
    read_ci,
    read_extension,
    read_infrastructure,
    read_settings,
    read_shell,
    shell_lines,
)
from groundcrew.scanning.dependencies import ecosystem_of, read_dependencies
from groundcrew.scanning.hiding import Hiding
from groundcrew.scanning.hits import (
    GATEWAYS_DEFAULT,
    SEVERITY_OF,
    Found,
    Hit,
    Surroundings,
    first_of_each,
    fragment_of,
    is_test_path,
)
from groundcrew.scanning.keys_in_text import KEYS_MAX, keys_in
from groundcrew.scanning.notebooks import read_notebook
from groundcrew.scanning.other_code import LANGUAGES, read_code
from groundcrew.scanning.provisions import read_given_keys, read_installs
from groundcrew.scanning.python_code import read_python
from groundcrew.scanning.tree import TOTAL_BYTES_MAX, Skipped, Source, read_source, sources

#: Texts for people: only keys are looked for.
_PROSE = frozenset(
    (
        ".md",
        ".markdown",
        ".rst",
        ".txt",
        ".adoc",
        ".org",
        ".tex",
        ".csv",
        ".tsv",
        ".log",
        ".svg",
        ".po",
        ".pot",
        ".lock",
        ".sum",
        ".patch",
        ".diff",
        ".map",
        ".snap",
        ".jsonl",
    )
)
_LOCKS = frozenset(
    (
        "package-lock.json",
        "yarn.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "pipfile.lock",
        "cargo.lock",
        "composer.lock",
        "gemfile.lock",
        "go.sum",
        "uv.lock",
        "pdm.lock",
        "packages.lock.json",
    )
)
_SETTINGS = frozenset(
    (
        ".yaml",
        ".yml",
        ".json",
        ".json5",
        ".jsonc",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".properties",
        ".env",
        ".envrc",
        ".xml",
        ".plist",
        ".tfvars",
        ".tf",
        ".hcl",
        ".bicep",
        ".template",
        ".config",
    )
)
_SHELL = frozenset((".sh", ".bash", ".zsh", ".fish", ".ps1", ".bat", ".cmd", ".mk", ".dockerfile", ".containerfile", ".service"))
_PAGES = frozenset((".html", ".htm", ".vue", ".svelte", ".astro", ".mdx", ".erb", ".ejs", ".cshtml", ".jsp"))
_SCRIPT_BEGINS, _SCRIPT_ENDS = re.compile(r"(?i)<script\b"), re.compile(r"(?i)</script\s*>")
_SAMPLE = re.compile(r"(?i)example|sample|template|dist$")
#: Settings that point the clients of a whole folder somewhere.
_POINTING = re.compile(r"(?i)^(?:\.env(?:\..+)?|.+\.env|(?:docker-)?compose.*\.ya?ml|dockerfile.*)$")


class CodeScan(msgspec.Struct, frozen=True, kw_only=True):
    """The report of one folder and what it rests on: how many files were read, which uses are governed (service → number of
    places), and what was left out. `notes` say what the repository's own file asks for and only who scans can grant."""

    report: ScanReport
    files: int
    governed: dict[str, int]
    skipped: Skipped
    notes: tuple[str, ...] = ()


def scan_code(
    root: Path,
    catalogue: Catalogue,
    *,
    today: date,
    gateways: Iterable[str] = (),
    name: str | None = None,
    progress: Callable[[int], None] = lambda _files: None,
) -> CodeScan:
    """Scan all files below `root` (or the one file that it is). `gateways` are addresses that count as the gateway's; `name`
    is the root's name in the inventory. Both are for who scans to say: a repository that could would hide its own findings, or
    answer for another one. InputError where `root` is not there, or its rules can not be read."""
    if not root.exists():
        raise InputError("no such file or folder", file=str(root))
    folder = root if root.is_dir() else root.parent
    rules = read_rules(folder)
    skipped = Skipped()
    every = list(sources(root, skipped)) if root.is_dir() else [Source(path=PurePosixPath(root.name), file=root)]
    kept = [each for each in every if not rules.skips(each.path.as_posix())]
    skipped.by_rule = len(every) - len(kept)
    reader = _Reader(catalogue, _gateways(gateways), kept, rules, today, skipped)
    for number, source in enumerate(kept, start=1):
        if reader.read_bytes > TOTAL_BYTES_MAX:
            skipped.stopped = f"there are more than {TOTAL_BYTES_MAX:,} bytes"
            break
        reader.look_at(source)
        progress(number)
    left = skipped.stopped or skipped.unreadable or skipped.huge or skipped.by_rule or len(skipped.folders) > LEFT_OUT_MAX
    called = (name or root_name(folder))[:ROOT_LENGTH_MAX]
    report = ScanReport(
        source="code",
        root=called,
        complete=root.is_dir() and not left,
        catalogue=catalogue.version,
        findings=tuple(reader.findings()),
        left_out=tuple(skipped.folders[:LEFT_OUT_MAX]),
    )
    return CodeScan(
        report=report,
        files=reader.files,
        governed=dict(reader.governed),
        skipped=skipped,
        notes=tuple(rules.asked(called, reader.is_gateway)),
    )


def root_name(folder: Path) -> str:
    """What names a repository wherever it lies: the address of its remote, without user and password; else its path."""
    try:
        configured = (folder / ".git" / "config").read_text("utf-8", "replace")[:100_000]
    except OSError:
        configured = ""
    match = re.search(r'\[remote "origin"\][^\[]*?\burl\s*=\s*(\S+)', configured)
    if match is None:
        return str(folder.resolve())
    return re.sub(r"^(\w+://)?[^@/]*@", r"\1", match[1]).removesuffix(".git")


def _gateways(given: Iterable[str]) -> frozenset[str]:
    found = set(GATEWAYS_DEFAULT)
    for each in given:
        host, port = host_and_port(each)
        if not host:
            raise InputError(f"{each!r} is no address", field="gateway")
        found.add(f"{host}:{port}" if port else host)
    return frozenset(found)


class _Reader:
    def __init__(
        self, catalogue: Catalogue, gateways: frozenset[str], every: list[Source], rules: Rules, today: date, skipped: Skipped
    ) -> None:
        self._catalogue, self._gateways, self._rules, self._today, self._skipped = catalogue, gateways, rules, today, skipped
        self._modules, self._packages = _own_modules(every)
        self._pointing: dict[PurePosixPath, frozenset[str]] = {}
        self._found: list[tuple[PurePosixPath, Hit, str, str | None, int]] = []
        self._used: set[tuple[PurePosixPath, str]] = set()
        self._governed_in: set[tuple[PurePosixPath, str]] = set()
        self.governed: Counter[str] = Counter()
        self.files = self.read_bytes = 0
        for source in every:
            if _POINTING.match(source.path.name) and not _SAMPLE.search(source.path.name):
                self._point(source)

    def _point(self, source: Source) -> None:
        text = read_source(source, Skipped()) or ""
        around = self._around(source.path)
        names = {
            name
            for name in self._catalogue.url_names
            if (match := re.search(rf"(?m)^[^#\n]*\b{name}\b[\"']?\s*[:=]\s*[\"']?(https?://[^\s\"']+)", text))
            and around.is_gateway(match[1])
        }
        folder = source.path.parent
        self._pointing[folder] = self._pointing.get(folder, frozenset()) | frozenset(names)

    def _around(self, path: PurePosixPath) -> Surroundings:
        own = set(self._modules.get(PurePosixPath(), ())) | set(self._modules.get(PurePosixPath("src"), ()))
        if path.parent not in self._packages:
            own |= self._modules.get(path.parent, set())
        pointed: frozenset[str] = frozenset()
        for folder in (path.parent, *path.parent.parents):
            pointed |= self._pointing.get(folder, frozenset())
        return Surroundings(
            catalogue=self._catalogue,
            gateways=self._gateways,
            own_modules=frozenset(own - {path.stem}),
            governed_names=pointed,
        )

    def is_gateway(self, url: str) -> bool:
        """Whether who scans has said that an address is the gateway's."""
        return Surroundings(catalogue=self._catalogue, gateways=self._gateways).is_gateway(url)

    def look_at(self, source: Source) -> None:
        """Read one file and keep what it holds."""
        if source.path.name == FILE_NAME:
            return
        text = read_source(source, self._skipped)
        if text is None:
            return
        self.files += 1
        self.read_bytes += len(text)
        lowered_text = text.lower()
        wanted = any(map(lowered_text.__contains__, self._catalogue.stems))
        around = self._around(source.path)
        found = _read(text, source.path, around) if wanted else Found()
        keys = list(keys_in(text, around, named=wanted))
        hiding = Hiding((*found.hits, *keys))
        hits = first_of_each(iter((*found.hits, *_unknown(keys, found.hits))))
        self.governed.update(found.governed)
        self._governed_in.update((source.path, each) for each in found.governed)
        self._used.update(
            (source.path, each.service.id) for each in hits if each.service and not each.declared and each.kind != "hardcoded_key"
        )
        self._keep(source.path, text, hits, hiding)

    def _keep(self, path: PurePosixPath, text: str, hits: list[Hit], hiding: Hiding) -> None:
        if not hits:
            return
        lines = text.split("\n")
        seen: dict[int, str] = {}

        def line_at(number: int) -> str:
            if number not in seen:
                line = lines[number - 1] if 0 < number <= len(lines) else ""
                seen[number] = hiding.line(line, number)
            return seen[number]

        times: Counter[str] = Counter()
        for hit in sorted(hits, key=lambda each: (each.line, each.kind)):
            hit = msgspec.structs.replace(hit, reason=hiding.line(hit.reason))
            said = self._rules.reason_for(path.as_posix(), hit, self._today)
            accepted = hiding.line(said) if said else remarked(line_at(hit.line), line_at(hit.line - 1))
            shown = fragment_of(line_at(hit.line))
            # The same line twice in a file is two findings, told apart by which one it is.
            key = f"{hit.kind} {hit.service.id if hit.service else ''} {shown}"
            times[key] += 1
            self._found.append((path, hit, shown, accepted, times[key]))

    def findings(self) -> list[ScanFinding]:
        """All findings, by path and line. A declared dependency is none where all use of it below its folder is governed."""
        return [
            _finding(path, hit, shown, accepted, time)
            for path, hit, shown, accepted, time in sorted(self._found, key=lambda each: (each[0].as_posix(), each[1].line))
            if not (hit.declared and self._all_governed(path, hit))
        ]

    def _all_governed(self, path: PurePosixPath, hit: Hit) -> bool:
        service = hit.service.id if hit.service else ""
        governed = any(each == service and file.is_relative_to(path.parent) for file, each in self._governed_in)
        return governed and not any(each == service and file.is_relative_to(path.parent) for file, each in self._used)


def _unknown(keys: list[Hit], hits: list[Hit]) -> list[Hit]:
    """The first KEYS_MAX keys that no reader has found already."""
    known = {each.mask for each in hits if each.mask}
    return [each for each in keys if each.mask not in known][:KEYS_MAX]


def _finding(path: PurePosixPath, hit: Hit, shown: str, accepted: str | None, time: int) -> ScanFinding:
    service = hit.service.id if hit.service else "groundcrew"
    severity = hit.severity or SEVERITY_OF[hit.kind]
    reason = hit.reason
    if is_test_path(path) and hit.kind != "ci_secret":
        severity = lowered(severity)
        reason += "; in a test"
    return ScanFinding(
        source="code",
        service=service,
        kind=hit.kind,
        severity=severity,
        reason=reason,
        fingerprint=fingerprint_of(path.as_posix(), hit.kind, service, shown, str(time)),
        path=path.as_posix(),
        line=hit.line,
        fragment=shown,
        accepted=accepted,
    )


def _own_modules(every: list[Source]) -> tuple[dict[PurePosixPath, set[str]], set[PurePosixPath]]:
    """folder → the modules that can be imported from it; and the folders that are packages."""
    modules: dict[PurePosixPath, set[str]] = {}
    packages: set[PurePosixPath] = set()
    for each in every:
        if each.path.suffix != ".py":
            continue
        modules.setdefault(each.path.parent, set()).add(each.path.stem)
        if each.path.name == "__init__.py":
            packages.add(each.path.parent)
            modules.setdefault(each.path.parent.parent, set()).add(each.path.parent.name)
    return modules, packages


def _read(text: str, path: PurePosixPath, around: Surroundings) -> Found:
    """What one file uses, by what kind of file it is."""
    name, ending = path.name.lower(), path.suffix.lower()
    if name in _LOCKS:
        return Found()
    found = Found()
    ecosystem = ecosystem_of(path)
    if ecosystem is not None:
        found.hits += read_dependencies(text, ecosystem, around)
    if ending in (".py", ".pyi", ".pyw") or (not ending and text.startswith("#!") and "python" in text[:80]):
        _join(found, read_python(text, around) or read_code(text, _OLD_PYTHON, around))
    elif ending == ".ipynb":
        _join(found, read_notebook(text, around) or Found())
    elif ending in _PAGES:
        _join(found, _page(text, around))
    elif ending.lstrip(".") in LANGUAGES and name != "build.gradle.kts":
        _join(found, read_code(text, LANGUAGES[ending.lstrip(".")], around))
    elif name.startswith("jenkinsfile") or ending == ".gradle":
        found.hits += read_ci(text, around) if is_ci(path) else []
        _join(found, read_code(text, LANGUAGES["groovy"], around))
    elif ending in _PROSE and ecosystem is None:
        return found
    elif ecosystem is None:
        _other(found, text, path, around)
    return found


def _other(found: Found, text: str, path: PurePosixPath, around: Surroundings) -> None:
    name, ending = path.name.lower(), path.suffix.lower()
    if ending in (".yaml", ".yml") and is_own_declaration(text):
        return
    ci = is_ci(path)
    if name == "manifest.json" and '"manifest_version"' in text:
        found.hits += read_extension(text, around)
        return
    if ci:
        found.hits += read_ci(text, around)
    is_shell = (
        ending in _SHELL
        or name in ("makefile", "procfile", "justfile", "taskfile.yml")
        or name.startswith(("dockerfile", "containerfile"))
    )
    if is_shell or ci or text.startswith("#!"):
        _join(found, read_shell(text, around))
        found.hits += read_installs(shell_lines(text), around)
    if ending in _SETTINGS or name.startswith((".env", "dockerfile", "containerfile")) or ".env" in name or name.endswith("rc"):
        before = {each.line for each in found.hits if each.kind == "raw_http"}
        settings = read_settings(text, path, around)
        settings.hits = [each for each in settings.hits if each.line not in before]
        _join(found, settings)
    if is_infrastructure(path, text) and not ci:
        known = {each.line for each in found.hits}
        found.hits += [each for each in read_infrastructure(text, path, around) if each.line not in known]
        if (
            not is_shell
            or name.startswith(("dockerfile", "containerfile"))
            or ending in (".dockerfile", ".containerfile", ".service")
        ):
            known = {each.line for each in found.hits if each.kind in ("infrastructure", "ci_secret")}
            found.hits += [each for each in read_given_keys(text, around, found.governed) if each.line not in known]


def _join(found: Found, more: Found) -> None:
    found.hits += more.hits
    found.governed += more.governed


def _page(text: str, around: Surroundings) -> Found:
    """The scripts of a page, or the page itself where it is a component written around one."""
    place, parts = 0, []
    while (begins := _SCRIPT_BEGINS.search(text, place)) is not None:
        start = text.find(">", begins.end()) + 1
        ends = _SCRIPT_ENDS.search(text, start) if start else None
        if ends is None:
            break
        parts += [re.sub(r"[^\n]", " ", text[place:start]), text[start : ends.start()]]
        place = ends.start()
    return read_code("".join(parts), LANGUAGES["ts"], around)


_OLD_PYTHON = msgspec.structs.replace(
    LANGUAGES["rb"],
    name="python",
    where="python",
    before_text="",
    imports=r"(?m)^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import[ \t]+([\w.]+))",
)
