"""`kind: Verifier`: what each api takes, what is refused with the place, and what evidence is bound to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.services import bank

from groundcrew.domain.use_case import Grounding, version_digest
from groundcrew.domain.verifier import Verifier
from groundcrew.services.declarations import load, unresolved_references
from groundcrew.services.declared import DeclarationErrors, KnownNames
from groundcrew.services.snapshots import Snapshots

TINY = Path(__file__).parents[1] / "grounding" / "verifiers" / "tiny"
LOCAL = "kind: Verifier\nname: tiny\napi: onnx\ntask: cross_encoder\npath: {path}\n"
SERVER = "kind: Verifier\nname: tei\napi: http\nurl: https://tei.example/rerank\nshape: rerank\n"
JUDGE = "kind: Verifier\nname: second-look\napi: judge\nmodel: judge-model\n"


def read(tmp_path: Path, text: str) -> Verifier:
    (tmp_path / "verifier.yaml").write_text(text.format(path=TINY / "bert_cross"))
    (declared,) = load([tmp_path / "verifier.yaml"]).verifiers
    return declared.value


def complaints(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "verifier.yaml").write_text(text.format(path=TINY / "bert_cross"))
    with pytest.raises(DeclarationErrors) as raised:
        load([tmp_path / "verifier.yaml"])
    return [str(each).removeprefix(f"{tmp_path}/") for each in raised.value.errors]


def test_each_api_is_read_with_its_defaults(tmp_path: Path) -> None:
    local = read(tmp_path, LOCAL)
    assert (local.path, local.task, local.threshold, local.timeout_ms) == (str(TINY / "bert_cross"), "cross_encoder", 0.5, 5_000)
    assert local.sha256 is not None
    server = read(tmp_path, SERVER + "headers: {{authorization: 'Bearer env:TEI_KEY'}}\nusd_per_claim: 0.001\n")
    assert server.headers == {"authorization": "Bearer env:TEI_KEY"}
    assert server.data_classes == ("public", "internal")
    judge = read(tmp_path, JUDGE + "repeats: 3\nusd_per_day_max: 5\naccept: 0.8\n")
    assert (judge.repeats, judge.usd_per_day_max, judge.accept, judge.timeout_ms) == (3, 5.0, 0.8, 20_000)


def test_a_template_keeps_its_white_space(tmp_path: Path) -> None:
    text = LOCAL.replace("cross_encoder", "seq2seq") + 'template: "predict: {{evidence}}</s>{{claim}} "\n'
    assert read(tmp_path, text).template == "predict: {evidence}</s>{claim} "


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (LOCAL.replace("cross_encoder", "crossencoder"), "verifier.yaml:4: task: expected one of"),
        (LOCAL.replace("{path}", "nowhere"), "verifier.yaml:5: path: 'nowhere' does not exist"),
        (LOCAL.replace("{path}", "."), "verifier.yaml:5: path: holds no tokenizer.json"),
        (LOCAL + "repeats: 2\n", "verifier.yaml:6: repeats: is for api: judge, not onnx"),
        (LOCAL + "threshold: 1\n", "verifier.yaml:6: threshold: expected a number above 0 and at most 0.999"),
        (LOCAL + "labels: {{suported: 1}}\n", "verifier.yaml:6: labels.suported: unknown key"),
        (LOCAL + "template: '{{claim}}'\n", "verifier.yaml:6: template: must hold {evidence}"),
        (LOCAL.replace("cross_encoder", "seq2seq"), "template: is required for task: seq2seq"),
        (
            LOCAL.replace("cross_encoder", "token_classification") + "template: '{{evidence}} {{claim}}'\n",
            "verifier.yaml:6: template: the claim follows by itself",
        ),
        (LOCAL + "accept: 0.4\n", "verifier.yaml:6: accept: expected a number at least 0.5"),
        (SERVER.replace("https", "http"), "verifier.yaml:4: url: expected https"),
        (SERVER.replace("https://", "https://me:secret@"), "verifier.yaml:4: url: must not hold a user name"),
        (SERVER + "headers: {{authorization: 'Bearer abc'}}\n", "never the secret itself"),
        (SERVER + "data_classes: [phi]\n", "phi needs a signed business associate agreement"),
        (SERVER.replace("rerank\n", "template\n", 2), "verifier.yaml:1: body: is required"),
        (SERVER + "score_at: /score\n", "verifier.yaml:6: score_at: is for shape: template, not rerank"),
        (JUDGE + "data_classes: [pii]\n", "a judge may see what the providers of its model are declared for"),
        (JUDGE + "repeats: 9\n", "verifier.yaml:5: repeats: expected a whole number from 1 to 5"),
        (JUDGE.replace("second-look", "shipped"), "verifier.yaml:2: name: 'shipped' is what reports call"),
        (JUDGE + "usd_per_day: 3\n", "verifier.yaml:5: usd_per_day: unknown key 'usd_per_day'; did you mean 'usd_per_day_max'?"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    assert any(complaint in each for each in complaints(tmp_path, text)), complaints(tmp_path, text)


def test_references_must_lead_somewhere(tmp_path: Path) -> None:
    (tmp_path / "verifier.yaml").write_text(JUDGE)
    found = unresolved_references(load([tmp_path]), KnownNames(models=frozenset({"judge-modell"})))
    assert "did you mean 'judge-modell'?" in str(found[0])
    use_case = bank.use_case(grounding=Grounding(knowledge=bank.BASE, verifiers=("second-look", "tiny")))
    known = KnownNames(verifiers=frozenset({"second-look"}))
    lost = unresolved_references(bank.declarations(use_cases=[use_case]), known)
    assert [each.field for each in lost] == ["grounding.verifiers[1]"]


def digest(grounding: Grounding, *verifiers: Verifier, **fields: Any) -> str:
    use_case = bank.use_case(grounding=grounding)
    return version_digest(use_case, model=None, providers=(), policy=None, knowledge_revision=None, verifiers=verifiers, **fields)


def test_evidence_is_bound_to_who_judges_and_not_to_how_they_are_reached() -> None:
    plain = Grounding(knowledge="kb")
    with_judge = Grounding(knowledge="kb", verifiers=("second-look",))
    judge = Verifier(name="second-look", api="judge", model="m")
    base = digest(with_judge, judge)
    assert base != digest(plain)
    assert base == digest(with_judge, msgspec.structs.replace(judge, timeout_ms=1, usd_per_day_max=3.0))
    for changed in ({"model": "other"}, {"repeats": 2}, {"accept": 0.8}):
        assert base != digest(with_judge, msgspec.structs.replace(judge, **changed))
    assert base != digest(with_judge, judge, judges=(bank.model(),))
    assert base != digest(msgspec.structs.replace(with_judge, accept=0.8), judge)
    local = Verifier(name="tiny", api="onnx", path="/a", sha256="1" * 64)
    assert digest(with_judge, local) == digest(with_judge, msgspec.structs.replace(local, path="/b"))
    assert digest(with_judge, local) != digest(with_judge, msgspec.structs.replace(local, sha256="2" * 64))


async def test_declared_verifiers_reach_the_gateways_and_make_evidence_stale(tmp_path: Path, database_url: str) -> None:
    async with bank.opened(database_url, tmp_path) as services:
        before = await bank.digest_of(services)
        judge = Verifier(name="second-look", api="judge", model=bank.model().name)
        use_case = bank.use_case(grounding=Grounding(knowledge=bank.BASE, verifiers=("second-look",), accept=0.85))
        changes = await bank.apply(services, use_cases=[use_case], verifiers=[judge])
        assert ("Verifier", "second-look", "created") in [(each.kind, each.name, each.action) for each in changes]
        assert await bank.digest_of(services) != before
        snapshot = await Snapshots(services.database, tmp_path).build()
        assert snapshot.verifiers == {"second-look": judge}
        grounding = snapshot.use_cases[bank.NAME].use_case.grounding
        assert grounding is not None
        assert (grounding.verifiers, grounding.accept) == (("second-look",), 0.85)
        assert (await services.audit.verify()).problems == ()
