"""A tuned model round the ring: registered, answering behind an alias, held, signed label by label, released, and counted."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from tests.unit.services import bank
from tests.unit.tuning import tuned_bank

from groundcrew.domain.canonical import sha256_hex
from groundcrew.domain.use_case import EvaluationRule, SignOffRule
from groundcrew.domain.user import User
from groundcrew.services.bundle import Services
from groundcrew.store import catalog
from groundcrew.testing import memory_gateway, request

RULE = SignOffRule(when="always", qualification="coder")


async def coder_of(services: Services) -> User:
    async with services.database.write("system:test") as writer:
        user = User(name="cody", password_hash="", roles=("reviewer",), qualifications=("coder",), created_at=writer.clock.now())
        await catalog.USERS.put(writer, user, "create")
    return user


async def test_round_the_ring(sqlite_url: str, tmp_path: Path) -> None:
    async with bank.opened(sqlite_url, tmp_path) as services:
        data_set = await tuned_bank.registered(services, tmp_path / "notes")
        model = await tuned_bank.tuned(services, data_set)
        await tuned_bank.answers_with(services, model)
        snapshot = await services.snapshots.build()
        use_case = bank.use_case(
            solution="customized",
            grounding=None,
            sign_off=RULE,
            policy=None,
            mask="patterns",
            evaluation=EvaluationRule(data_set=data_set.name, at_least={"micro_f1": 0.5}),
        )
        await bank.apply(
            services,
            use_cases=[use_case],
            models=list(snapshot.models.values()),
            providers=list(snapshot.providers.values()),
        )
        coder = await coder_of(services)
        secret = (await services.keys.create(bank.NAME, actor=bank.PERSON)).secret
        snapshot = await services.snapshots.build()
        entry = snapshot.use_cases[bank.NAME]
        running = msgspec.structs.replace(entry.use_case, run_state="running", stage="pilot", exposure=None)
        snapshot = msgspec.structs.replace(snapshot, use_cases={bank.NAME: msgspec.structs.replace(entry, use_case=running)})
        memory = memory_gateway(snapshot, tmp_path / "spool")
        try:
            body = {"model": bank.MODEL, "messages": [{"role": "user", "content": "Note: fever and cough."}]}
            headers = {"authorization": f"Bearer {secret}", "groundcrew-case-id": "case-1"}
            answer = await request(memory.gateway, "/v1/chat/completions", headers=headers, body=json.dumps(body).encode())
            assert answer.status == 202, answer.body
            assert b"A01.1" not in answer.body
            (call,) = memory.calls()
        finally:
            await memory.gateway.close()
            memory.spool.close()
        assert call.version_digest == entry.version_digest
        await services.calls.ship([call], gateway="g")
        assert call.sign_off_id is not None
        labels = await services.suggested_labels.signed(call.sign_off_id, ["A01.1"], ["C03.3"])
        await services.sign_offs.decide(call.sign_off_id, "edit", signer=coder, text=labels.text, own_words=labels.own_words)
        released = await services.sign_offs.released(call.sign_off_id)
        assert released.text == labels.text
        assert released.sign_off.signed_sha256 == sha256_hex(labels.text.encode())
        assert json.loads(labels.text)["labels"] == ["A01.1", "C03.3"]
        outcomes = {each.metric: each.value for each in await services.feedback.outcomes(bank.NAME)}
        assert outcomes == {"suggestions_accepted": 0, "labels_kept": 1, "labels_removed": 1, "labels_added": 1}
        await services.model_evaluations.evaluate(model.id, actor=bank.PERSON, data_set=data_set.name)
        gate = await services.gates.evaluate(bank.NAME, actor=bank.PERSON, to="production_readiness")
        assert next(each for each in gate.results if each.key == "evaluation").status == "pass"
