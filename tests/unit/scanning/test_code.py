"""Scanning code: the planted repositories with their labels, what is left out, and that no secret leaves."""

from __future__ import annotations

import json
import random
import string
import time
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.scanning.planted_repository import Planted, plant, score

from groundcrew.domain.inventory import ScanFinding
from groundcrew.errors import InputError
from groundcrew.scanning import tree
from groundcrew.scanning.catalogue import load
from groundcrew.scanning.code import CodeScan, root_name, scan_code

TODAY = date(2026, 11, 27)
PLANTED = ["tuned", "held_back", "cold", "cold_again", "independent", "independent_again", "independent_third"]


def scan(root: Path, **more: object) -> CodeScan:
    return scan_code(root, load(), today=TODAY, **more)  # type: ignore[arg-type]


def kinds(findings: Iterable[ScanFinding]) -> list[tuple[str | None, str, str]]:
    return [(each.path, each.kind, each.service) for each in findings]


@pytest.mark.parametrize("name", PLANTED)
def test_planted_repositories(name: str, tmp_path: Path) -> None:
    planted = plant(name, tmp_path / "repository")
    found = scan(planted.root)
    result = score(planted, found.report.findings)
    assert result.recall >= 0.95, result.missed
    assert result.precision >= 0.90, result.wrong
    assert found.files == planted.files
    assert found.report.complete


def test_the_planted_repositories_are_as_large_as_they_should_be(tmp_path: Path) -> None:
    every = [plant(name, tmp_path / name) for name in PLANTED]
    assert sum(each.files for each in every[:2]) >= 50
    assert sum(len(each.labels) for each in every) >= 60
    labelled = {kind for each in every for _, _, said in each.labels for kind in (one.split()[0] for one in said)}
    assert labelled == {
        *("sdk_constructor", "raw_http", "framework", "cloud_sdk", "hardcoded_key"),
        *("base_url_override", "infrastructure", "ci_secret", "browser_extension"),
    }


def test_no_report_shows_a_secret(tmp_path: Path) -> None:
    planted: Planted = plant("tuned", tmp_path / "repository")
    written = json.dumps([str(each) for each in scan(planted.root).report.findings])
    assert len(planted.secrets) >= 5
    keys = [each for each in planted.secrets if each in (tmp_path / "repository" / "services" / "keys" / "config.py").read_text()]
    assert keys
    for each in planted.secrets:
        assert each not in written
        assert each[-20:] not in written


def secret(length: int, seed: int, begin: str = "sk-proj-") -> str:
    chance = random.Random(seed)
    return begin + "".join(chance.choices(string.ascii_letters + string.digits, k=length))


def test_a_line_shows_none_of_its_secrets_whichever_a_finding_is_about(tmp_path: Path) -> None:
    one, two, third, hexadecimal = secret(48, 1), secret(48, 2), secret(48, 3), secret(32, 4, "")
    lines = {
        "a.py": f'KEYS = ["{one}", "{two}"]\n',
        "b.js": f'/* groundcrew: ignore test key */ const key = "{one}"; // {two}\n',
        "c.js": f'// groundcrew: ignore it is {one}\nconst key = "{two}";\n',
        "d.py": 'import openai\nclient = openai.OpenAI(base_url="https://anna:Regen2Tropfen@proxy.example/v1")\n',
        "e.py": 'import openai\nclient = openai.OpenAI(base_url="https://anna:abc@proxy.example/v1")\n',
        "f.py": f'import openai\nclient = openai.OpenAI(api_key="{one[:30]}" "{one[30:]}")\n',
        "g.yaml": f"hosts:\n{third}:\n- https://api.openai.com/v1\n",
        "h.env": f"AZURE_OPENAI_API_KEY={hexadecimal} # groundcrew: ignore {hexadecimal} is old\n",
        "i.txt": f'key = "{one}" password = "Regen2Tropfen"\n',
        ".groundcrew-scan.yaml": f"accept:\n- {{path: a.py, reason: it is only {third}}}\n",
    }
    for name, text in lines.items():
        (tmp_path / name).write_text(text)
    found = {each.path: each for each in scan(tmp_path).report.findings}
    assert set(found) == set(lines) - {".groundcrew-scan.yaml"}
    for each in found.values():
        said = f"{each.fragment}|{each.reason}|{each.accepted}"
        for hidden in (one, two, third, hexadecimal, one[:30], one[30:], "Regen2Tropfen", "abc@"):
            assert hidden not in said, each.path
    assert found["b.js"].accepted == "test key", "a remark ends where its comment does"
    assert found["a.py"].fragment == f'KEYS = ["…{one[-4:]}", "…{two[-4:]}"]'
    assert "proxy.example" in found["d.py"].fragment


def test_keys_past_the_most_that_are_reported_are_hidden_too(tmp_path: Path) -> None:
    keys = [secret(48, each) for each in range(140)]
    (tmp_path / "a.py").write_text("\n".join(f'K = "{each}"' for each in keys) + f'\nopenai.x("{keys[0]}")\n')
    (tmp_path / "b.js").write_text(
        'import OpenAI from "openai"; ' + f'const c = new OpenAI(); const k = ["{chr(34).join(keys)}"]'
    )
    found = scan(tmp_path).report.findings
    assert sum(each.path == "a.py" for each in found) == 100
    assert not [each for each in keys if any(each[:40] in one.fragment for one in found)]


def test_moved_lines_are_the_same_findings_and_another_line_is_a_new_one(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("import openai\nclient = openai.OpenAI()\n")
    (before,) = scan(tmp_path).report.findings
    file.write_text("import openai\n\n\n# moved\nclient  =  openai.OpenAI()\nother = openai.OpenAI(timeout=3)\n")
    moved, other = scan(tmp_path).report.findings
    assert (before.line, moved.line) == (2, 5)
    assert moved.fingerprint == before.fingerprint, "neither its place nor its spaces make it another one"
    file.write_text("import openai\n\n\nclient = openai.OpenAI()\nclient = openai.OpenAI()\n")
    first, second = scan(tmp_path).report.findings
    assert first.fingerprint == before.fingerprint
    assert len({first.fingerprint, second.fingerprint, other.fingerprint}) == 3


def test_what_the_repository_accepts_is_told_as_accepted(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "import openai\n"
        "one = openai.OpenAI()  # groundcrew: ignore a spike until March\n"
        "# groundcrew: ignore measured against the gateway\n"
        "two = openai.OpenAI()\n"
        "three = openai.OpenAI()  # groundcrew: ignore\n"
    )
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "b.py").write_text("import groq\nclient = groq.Groq()\n")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "c.py").write_text("import groq\nclient = groq.Groq()\n")
    rules = tmp_path / ".groundcrew-scan.yaml"
    rules.write_text("skip: [old]\naccept:\n- {path: 'tool/*', service: groq, reason: for tests, until: 2026-11-30}\n")
    found = scan(tmp_path)
    assert [each.accepted for each in found.report.findings] == [
        "a spike until March",
        "measured against the gateway",
        None,
        "for tests",
    ]
    assert found.skipped.by_rule == 1
    assert not found.report.complete, "what is not read is not gone"
    later = scan_code(tmp_path, load(), today=date(2026, 12, 1))
    assert later.report.findings[-1].accepted is None
    rules.write_text("accept:\n- {path: '*', reason: ' '}\n")
    with pytest.raises(InputError, match="say why"):
        scan(tmp_path)
    rules.write_text("accept: [{path: x, resaon: y}]\n")
    with pytest.raises(InputError, match="resaon"):
        scan(tmp_path)


def test_a_repository_names_neither_itself_nor_its_gateways(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('from openai import OpenAI\nclient = OpenAI(base_url="https://api.openai.com/v1")\n')
    rules = tmp_path / ".groundcrew-scan.yaml"
    rules.write_text("root: payments\ngateways: [https://api.openai.com, http://localhost:8400]\n")
    found = scan(tmp_path)
    assert kinds(found.report.findings) == [("a.py", "sdk_constructor", "openai")]
    assert found.report.root == str(tmp_path.resolve())
    assert found.report.complete
    named, gateway = found.notes
    assert named.startswith(".groundcrew-scan.yaml asks for the name 'payments': give it with --name")
    assert gateway.startswith(".groundcrew-scan.yaml calls 'https://api.openai.com' a gateway: give it with --gateway")
    said = scan(tmp_path, name="payments", gateways=["https://api.openai.com"])
    assert (said.notes, said.report.findings, said.report.root) == ((), (), "payments")


def test_vendored_binary_huge_and_linked_files_are_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "FILE_BYTES_MAX", 1_000)
    code = "import openai\nclient = openai.OpenAI()\n"
    for folder in ("node_modules/x", ".venv/lib", "src"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text(code)
    (tmp_path / "huge.py").write_text(code + "#" * 2_000)
    (tmp_path / "binary.py").write_bytes(b"\0" + code.encode())
    (tmp_path / "picture.png").write_bytes(b"x")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = scan(tmp_path)
    assert kinds(found.report.findings) == [("src/a.py", "sdk_constructor", "openai")]
    left = found.skipped
    assert sorted(left.folders) == [".venv", "node_modules"]
    assert found.report.left_out == tuple(left.folders)
    assert (left.binary, left.huge, left.links) == (2, 1, 1)
    assert not found.report.complete, "what is too large to be read may hold something"


def test_a_scan_that_meets_a_limit_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "FILES_MAX", 2)
    for each in "abcd":
        (tmp_path / f"{each}.py").write_text("x = 1\n")
    found = scan(tmp_path)
    assert "more than 2 files" in found.skipped.stopped
    assert not found.report.complete


def test_the_gateway_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('from openai import OpenAI\nclient = OpenAI(base_url="https://llm.bank.example/v1")\n')
    (tmp_path / "b.py").write_text(
        'from openai import OpenAI\nclient = OpenAI(base_url="https://llm.bank.example.evil.net/v1")\n'
    )
    assert [each.kind for each in scan(tmp_path).report.findings] == ["base_url_override"] * 2
    found = scan(tmp_path, gateways=["https://llm.bank.example"])
    assert kinds(found.report.findings) == [("b.py", "base_url_override", "openai")]
    assert found.governed == {"openai": 1}


def test_a_folder_whose_variables_point_at_the_gateway_is_governed(tmp_path: Path) -> None:
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("from openai import OpenAI\nclient = OpenAI()\n")
    (tmp_path / "in" / ".env").write_text("OPENAI_BASE_URL=http://localhost:8400/v1\n")
    (tmp_path / "out" / ".env.example").write_text("OPENAI_BASE_URL=http://localhost:8400/v1\n")
    (tmp_path / "in" / "requirements.txt").write_text("openai==1\n")
    (tmp_path / "out" / "requirements.txt").write_text("openai==1\n")
    found = kinds(scan(tmp_path).report.findings)
    assert found == [("out/a.py", "sdk_constructor", "openai"), ("out/requirements.txt", "sdk_constructor", "openai")]


def test_tests_count_one_step_less(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("import openai\nclient = openai.OpenAI()\n")
    (found,) = scan(tmp_path).report.findings
    assert found.severity == "medium"
    assert "in a test" in found.reason


def test_a_catalogue_of_ones_own_adds_and_replaces(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "version: 3\nservices:\n- {id: bankgpt, name: BankGPT, role: sdk, source: intranet, as_of: 2026-11, "
        "api: [gpt.bank.example], packages: {python: [bankgpt]}, calls: [Client]}\n"
    )
    (tmp_path / "a.py").write_text('import bankgpt, requests\nbankgpt.Client()\nrequests.get("https://eu.gpt.bank.example/x")\n')
    found = scan_code(tmp_path / "a.py", load(own), today=TODAY)
    assert kinds(found.report.findings) == [("a.py", "sdk_constructor", "bankgpt"), ("a.py", "raw_http", "bankgpt")]
    assert found.report.catalogue.endswith("+own.yaml@3")
    for wrong, words in (("services: 3", "services"), ("version: 1\nservices: [{id: x}]", "name"), ("a: [", "not valid YAML")):
        own.write_text(wrong)
        load.cache_clear()
        with pytest.raises(InputError, match=words):
            load(own)


def test_every_service_of_the_catalogue_names_its_source_and_month() -> None:
    catalogue = load()
    assert len(catalogue.services) >= 90
    for each in catalogue.services.values():
        assert each.source.startswith("https://"), each.id
        assert date.fromisoformat(f"{each.as_of}-01") <= TODAY, each.id


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("api.openai.com", "openai"),
        ("API.OpenAI.com.", "openai"),
        ("bank.openai.azure.com", "azure-openai"),
        ("bedrock-runtime.eu-central-1.amazonaws.com", "amazon-bedrock"),
        ("europe-west4-aiplatform.googleapis.com", "google-vertex"),
        ("openai.com.evil.net", None),
        ("notopenai.azure.com.example", None),
        ("myapi.openai.com.example", None),
        ("xapi.openai.com", None),
        ("bedrock-runtime.amazonaws.com", None),
    ],
)
def test_hosts_match_by_whole_labels(host: str, service: str | None) -> None:
    found = load().of_host(host)
    assert (found[0].id if found else None) == service


def test_a_root_is_named_by_its_remote_without_user_and_password(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    config = tmp_path / ".git" / "config"
    for url, name in (
        ("https://anna:geheim12@code.bank.example/team/mails.git", "https://code.bank.example/team/mails"),
        ("git@code.bank.example:team/mails.git", "code.bank.example:team/mails"),
    ):
        config.write_text(f'[core]\n\tbare = false\n[remote "origin"]\n\turl = {url}\n')
        assert root_name(tmp_path) == name
    config.unlink()
    assert root_name(tmp_path) == str(tmp_path.resolve())


PIECES = st.sampled_from(
    [
        "openai",
        "OpenAI(",
        "https://api.openai.com",
        '"',
        "'",
        "`",
        "\n",
        "import ",
        "from ",
        "/*",
        "//",
        "#",
        "{",
        ")",
        "\\",
        "x = ",
        "base_url=",
        '"""',
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(PIECES, max_size=60).map("".join),
    st.sampled_from(["a.py", "a.ts", "a.go", "a.rs", "a.rb", "a.yaml", "a.ipynb", "a.sh", "package.json"]),
)
def test_whatever_a_file_holds_it_is_read_to_its_end(tmp_path_factory: pytest.TempPathFactory, text: str, name: str) -> None:
    folder = tmp_path_factory.mktemp("odd")
    (folder / name).write_text(text, "utf-8")
    found = scan(folder)
    assert found.files == 1
    assert all(each.line and 1 <= each.line <= text.count("\n") + 1 for each in found.report.findings)


@pytest.mark.parametrize(
    "piece", ["(" * 20_000, "a." * 20_000, "'" * 20_001, "/" * 20_000, "x=[" * 7_000, '"https://api.openai.com",' * 800]
)
def test_time_stays_bounded_on_odd_files(tmp_path: Path, piece: str) -> None:
    for ending in ("py", "ts", "java", "yaml", "sh"):
        (tmp_path / f"a.{ending}").write_text("openai\n" + piece)
    started = time.process_time()
    scan(tmp_path)
    assert time.process_time() - started < 20


ADDRESS = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "a: b" + " " * 40_000 + "c"),
        ("a.yaml", "a" + " \t" * 20_000 + "[x"),
        ("a.html", "<script>" * 20_000),
        ("a.html", "<script " * 20_000),
        ("a.java", "\n" * 60_000),
        ("a.cs", " \n" * 30_000),
        ("a.php", "A" + " " * 40_000 + "b"),
        ("a.py", "print 1\n" + "\n" * 60_000),
        ("a.sh", "\\\n" * 200_000),
        ("a.sh", f"{ADDRESS} " * 4_000),
        ("a.sh", "".join(f"U{each}={ADDRESS}\n" for each in range(4_000))),
        ("a.js", "\\`x" * 30_000),
        ("a.java", '\\"""x' * 20_000),
        ("a.rs", 'r#"x' * 30_000),
        ("a.js", f'x = "{ADDRESS}"\n' + "a" * 60_000),
        ("a.ts", ("import " + " " * 390 + '"openai"\n') * 300),
        ("pom.xml", "<!--" * 30_000),
        ("a.txt", "".join(f"{secret(40, each)} " for each in range(4_000))),
    ],
    ids=lambda each: each if len(each) < 12 else "",
)
def test_time_grows_with_the_file_and_not_with_its_square(tmp_path: Path, name: str, text: str) -> None:
    """The bound is many times what is needed, and a small part of what patterns took that try places against each other."""
    (tmp_path / name).write_text(f"{text}\n# openai sk-")
    load()
    started = time.process_time()
    assert scan(tmp_path).files == 1
    assert time.process_time() - started < 4
