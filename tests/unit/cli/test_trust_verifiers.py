"""`trust score` with declared verifiers: a local model, and a judge at a provider that speaks OpenAI's API."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from groundcrew.cli.files import trust
from groundcrew.testing import FakeUpstream, Reply

TINY = Path(__file__).parents[1] / "grounding" / "verifiers" / "tiny"
PASSAGE = "Customers who have not turned twenty-six yet hold the everyday account without any charge."
ROWS = [{"id": 1, "sources": [PASSAGE], "answer": "For young people the everyday account is complimentary."}]
JUDGE = """
kind: Provider
name: judges
api: openai
base_url: {url}/v1
---
kind: Model
name: judge-model
targets: [{{provider: judges, model: judge-1, price: {{input_usd: 1, output_usd: 2}}}}]
---
kind: Verifier
name: second-look
api: judge
model: judge-model
"""


def score(folder: Path, declarations: str, *arguments: str) -> tuple[str, int, list[dict[str, object]]]:
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    (folder / "declared.yaml").write_text(declarations)
    given = ["score", "--input", str(folder / "rows.jsonl"), "--output", str(folder / "scored.jsonl")]
    result = CliRunner().invoke(trust, [*given, *arguments])
    scored = folder / "scored.jsonl"
    rows = [json.loads(line) for line in scored.read_text().splitlines()] if scored.exists() else []
    return result.output + str(result.exception or ""), result.exit_code, rows


def test_a_judge_decides_what_is_open(tmp_path: Path) -> None:
    verdict = {"verdicts": [{"claim": 1, "verdict": "supported", "quote": "without any charge"}]}
    with FakeUpstream(Reply(text=json.dumps(verdict), usage=(100, 10))) as judge:
        declared = str(tmp_path / "declared.yaml")
        output, code, rows = score(tmp_path, JUDGE.format(url=judge.url), "--declarations", declared, "--verifier", "second-look")
    assert code == 0, output
    (row,) = rows
    assert row["claims"][0]["decided_by"] == "second-look"  # type: ignore[index]
    assert row["stages"][1]["cost_usd"] == (100 * 1 + 10 * 2) / 1e6  # type: ignore[index]
    assert row["state"] == "supported"


def test_a_judge_that_fails_is_told_and_supports_nothing(tmp_path: Path) -> None:
    with FakeUpstream(Reply(status=500)) as judge:
        declared = str(tmp_path / "declared.yaml")
        output, code, rows = score(tmp_path, JUDGE.format(url=judge.url), "--declarations", declared, "--verifier", "second-look")
    assert code == 0, output
    assert "left open in 1 answers: second-look: the server answered with HTTP 500" in output
    assert rows[0]["state"] == "unsupported"


def test_a_local_model_decides_what_is_open(tmp_path: Path) -> None:
    declared = f"kind: Verifier\nname: tiny\napi: onnx\ntask: cross_encoder\npath: {TINY / 'bert_cross'}\ntokens_max: 120\n"
    output, code, rows = score(tmp_path, declared, "--declarations", str(tmp_path / "declared.yaml"), "--verifier", "tiny")
    assert code == 0, output
    assert rows[0]["claims"][0]["decided_by"] == "tiny"  # type: ignore[index]


def test_names_that_lead_nowhere_are_refused(tmp_path: Path) -> None:
    declared = f"kind: Verifier\nname: tiny\napi: onnx\ntask: cross_encoder\npath: {TINY / 'bert_cross'}\n"
    path = str(tmp_path / "declared.yaml")
    for arguments, message in (
        (("--declarations", path, "--verifier", "tinny"), "did you mean 'tiny'?"),
        (("--declarations", path), "0 use cases declare verifiers"),
        (("--verifier", "tiny"), "say where with --declarations"),
    ):
        output, code, _ = score(tmp_path, declared, *arguments)
        assert code != 0
        assert message in output
