"""What the documentation promises is tried: links, declarations, commands, Python, and whole pages that say so."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest

from groundcrew.cli.main import COMMANDS, cli
from groundcrew.services.declarations import KnownNames, load, unresolved_references

ROOT = Path(__file__).parents[2]
RUN_MARK = "<!-- test: run -->"
COMMAND_S_MAX = 300

_FENCE = re.compile(
    r"^ {0,3}(?P<ticks>`{3,})(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^ {0,3}(?P=ticks)`*\s*$", re.MULTILINE | re.DOTALL
)
_FILE_MARK = re.compile(r"<!-- file: (?P<name>\S+) -->\s*$")
_LINK = re.compile(r"(?<!\\)\[[^\]]*\]\((?P<target>[^)\s]+)[^)]*\)")
_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*#*\s*$", re.M)
_EXPECTED_STATUS = re.compile(r"#\s*exit (?P<status>\d+)\s*$")

#: Commands of the contract that this part of the product has; the documentation may use all of `COMMANDS`.
EXPECTED_COMMANDS = {
    *("demo", "up", "apply", "key", "gate", "advance", "demote", "stop", "resume", "drill", "knowledge", "hypothesis"),
    *("trust", "guard", "experiment", "audit", "export", "probe", "attest", "user"),
}


def repository_files() -> list[Path]:
    """The files of the repository: tracked ones and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        found = (ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name)
        return sorted({path for path in found if path.is_file()})
    hidden = {".git", ".venv", "build", "dist", "__pycache__"}
    return sorted(path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.relative_to(ROOT).parts))


FILES = repository_files()
PAGES = [path for path in FILES if path.suffix == ".md"]


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A fenced block of a page; `mark` is the line before it."""

    language: str
    text: str
    line: int
    mark: str


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            language=match["language"],
            text=match["text"],
            line=text.count("\n", 0, match.start()) + 1,
            mark=text[: match.start()].rstrip("\n").rpartition("\n")[2].strip(),
        )
        for match in _FENCE.finditer(text)
    ]


def is_run(page: Path) -> bool:
    return page.read_text(encoding="utf-8").startswith(RUN_MARK)


def commands(block: Block) -> Iterator[tuple[str, int]]:
    """The commands of a console block with the status that each should end with."""
    for line in re.sub(r"\\\n\s*", " ", block.text).splitlines():
        if line.startswith("$ "):
            status = _EXPECTED_STATUS.search(line)
            yield line[2:].strip(), int(status["status"]) if status else 0


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


def write_files(page: Path, folder: Path) -> None:
    """Write the blocks that name a file; declarations without a name get one."""
    for block in blocks(page):
        named = _FILE_MARK.search(block.mark)
        applied = block.language == "yaml" and block.text.startswith("# apply\n")
        if not named and not applied:
            continue
        path = folder / (named["name"] if named else f"line-{block.line}.yaml")
        assert path.resolve().is_relative_to(folder.resolve()), f"{path} lies outside of the folder"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")


def slug(heading: str) -> str:
    """The anchor that a renderer gives a heading."""
    words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
    return words.strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = []
    for match in _LINK.finditer(re.sub(r"`[^`\n]*`", "", text)):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        linked = (page.parent / target).resolve() if target else page
        if not linked.exists() or not linked.is_relative_to(ROOT):
            broken.append(match["target"])
        elif anchor and linked.suffix == ".md":
            headings = _HEADING.findall(_FENCE.sub("", linked.read_text(encoding="utf-8")))
            if anchor not in {slug(heading) for heading in headings}:
                broken.append(match["target"])
    assert not broken


def test_every_page_can_be_found() -> None:
    """From docs/README.md; the decisions are numbered and found by their folder."""
    docs = ROOT / "docs"
    index = (docs / "README.md").read_text(encoding="utf-8")
    found = {(docs / match["target"].partition("#")[0]).resolve() for match in _LINK.finditer(index)}
    assert docs / "decisions" / "README.md" in found
    pages = [page for page in PAGES if page.is_relative_to(docs) and page.parent.name != "decisions"]
    lost = [name_of(page) for page in pages if page not in found and page != docs / "README.md"]
    assert not lost, f"no link from docs/README.md leads to {', '.join(lost)}"


def declaring_pages() -> list[Path]:
    return [page for page in pages_with("yaml") if any(block.text.startswith("# apply\n") for block in blocks(page))]


@pytest.mark.parametrize("page", declaring_pages(), ids=name_of)
def test_declarations_can_be_applied(page: Path, tmp_path: Path) -> None:
    write_files(page, tmp_path)
    declarations = load([tmp_path])
    assert unresolved_references(declarations, KnownNames()) == []


@pytest.mark.parametrize("page", pages_with("console"), ids=name_of)
def test_commands_exist_with_their_options(page: Path) -> None:
    for block in blocks(page):
        if block.language == "console":
            for command, _ in commands(block):
                check_command(command, f"{name_of(page)}:{block.line}")


def check_command(line: str, place: str) -> None:
    """Parse every `groundcrew` call of a shell line, without running it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if re.fullmatch(r"[|&;<>()]+", word):
            if words and Path(words[0]).name == "groundcrew":
                parse_command(cli, "groundcrew", words[1:], place)
            # What follows a redirection is a file.
            words = ["redirected"] if word in ("<", ">", ">>") else []
        elif not (not words and "=" in word):
            words.append(word)


HELP_NAMES = cli.context_settings["help_option_names"]


def parse_command(command: click.Command, name: str, arguments: list[str], place: str) -> None:
    """Let click parse as it would; a path or value that only the reader has does not count."""
    try:
        # As below the root: a command keeps its help option from the first context that it sees.
        context = command.make_context(name, list(arguments), obj=None, help_option_names=HELP_NAMES)
    except click.exceptions.Exit:
        return
    except click.MissingParameter as error:
        raise AssertionError(f"{place}: {name}: {error.format_message()}") from error
    except click.BadParameter as error:
        if isinstance(getattr(error.param, "type", None), click.Path):
            return
        raise AssertionError(f"{place}: {name}: {error.format_message()}") from error
    except click.UsageError as error:
        raise AssertionError(f"{place}: {name}: {error.format_message()}") from error
    with context:
        if isinstance(command, click.Group):
            rest = [*context._protected_args, *context.args]
            assert rest, f"{place}: {name} needs a command"
            try:
                sub_name, sub_command, sub_arguments = command.resolve_command(context, rest)
            except click.UsageError as error:
                raise AssertionError(f"{place}: {name}: {error.format_message()}") from error
            assert sub_command is not None
            parse_command(sub_command, f"{name} {sub_name}", sub_arguments, place)


@pytest.mark.parametrize(
    "line",
    [
        "groundcrew aply mail/",
        "groundcrew apply --dryrun mail/",
        "groundcrew advance email-assistant --to moon --reason now",
        "groundcrew advance email-assistant --to pilot",
        "groundcrew key",
        "cat mail.yaml | groundcrew key make email-assistant > key",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    with pytest.raises(AssertionError, match="here: groundcrew"):
        check_command(line, "here")


@pytest.mark.parametrize(
    "line",
    [
        "KEY=$(groundcrew key create email-assistant) && groundcrew gate email-assistant --to pilot",
        "groundcrew stop use-case:email-assistant --reason 'odd answers' --json > report.json",
        "groundcrew --help",
        "curl -s localhost:8400/healthz",
    ],
)
def test_a_command_that_exists_is_accepted(line: str) -> None:
    check_command(line, "here")
    assert next(commands(Block(language="console", text=f"$ {line}   # exit 1\n", line=1, mark="")))[1] == 1


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if is_run(page)], ids=name_of)
def test_page_runs_from_first_line_to_last(page: Path, tmp_path: Path) -> None:
    write_files(page, tmp_path)
    scripts = tmp_path / ".scripts"
    scripts.mkdir()
    wrapper = scripts / "groundcrew"
    wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m groundcrew "$@"\n')
    wrapper.chmod(0o755)
    environment = os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "GROUNDCREW_DATA": str(tmp_path / ".data")}
    ran = 0
    for block in blocks(page):
        if block.language != "console":
            continue
        for command, status in commands(block):
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=COMMAND_S_MAX,
                check=False,
            )
            assert done.returncode == status, f"{name_of(page)}:{block.line}: {command}\n{done.stdout}{done.stderr}"
            assert "Traceback" not in done.stderr
            ran += 1
    assert ran, "the page says that it is run and holds no command"


def test_python_compiles_and_runs_where_it_says_so(tmp_path: Path) -> None:
    for number, page in enumerate(pages_with("python")):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_files(page, folder)
        for block in blocks(page):
            if block.language == "python":
                check_python(block, f"{name_of(page)}:{block.line}", folder)


def check_python(block: Block, place: str, folder: Path) -> None:
    """Compile the block, and run it where its mark says so."""
    assert compile(block.text, place, "exec")
    if block.mark == RUN_MARK:
        command = [sys.executable, "-c", block.text]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False)
        assert done.returncode == 0, f"{place}: {done.stderr}"


def test_documentation_has_declarations_and_commands_to_try() -> None:
    """The tests above would pass on an empty folder as well."""
    assert declaring_pages()
    assert pages_with("console")


def test_command_line_has_what_the_contract_promises() -> None:
    assert set(COMMANDS) >= EXPECTED_COMMANDS


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help


#: Nothing of one machine and no package index may be written down; the patterns do not match their own text.
FORBIDDEN = {
    "an absolute path of one machine": re.compile(r"(?<![\w.-])/(?:work|root|Users)/"),
    "a package index or its host": re.compile(
        r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|--(?:extra-)?index-url[ =]\S*//"
    ),
}
SECRETS = re.compile(
    r"sk-(?:proj-|ant-)?[A-Za-z0-9_]{24,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abp]-[0-9A-Za-z-]{20,}"
    r"|-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{64}"
)


def readable_files() -> Iterator[tuple[Path, str]]:
    for path in FILES:
        data = path.read_bytes()
        if b"\0" not in data[:8_192]:
            yield path, data.decode("utf-8", errors="replace")


def test_no_file_names_this_machine_or_a_package_index() -> None:
    found = [
        f"{name_of(path)}: {what}"
        for path, text in readable_files()
        for what, pattern in FORBIDDEN.items()
        if pattern.search(text)
    ]
    assert not found


def test_no_file_holds_a_secret() -> None:
    """Tests may: what they hold is made up, to be found by a guard."""
    tests = ROOT / "tests"
    found = [name_of(path) for path, text in readable_files() if not path.is_relative_to(tests) and SECRETS.search(text)]
    assert not found


def test_locks_pin_everything_by_hash() -> None:
    pins = {}
    for name in ("base", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        entries = re.split(r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
        entries = [entry for entry in entries if entry.strip()]
        assert all(re.match(r"[a-z0-9][a-z0-9._-]*==\S+ ", entry) and "--hash=sha256:" in entry for entry in entries)
        pins[name] = {entry.split(" ")[0] for entry in entries}
    assert pins["base"] <= pins["dev"], "the development lock must hold the run-time one"
