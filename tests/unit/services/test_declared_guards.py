"""What a policy may say of its rules' stages, of plug-ins and of guards over HTTP; a bad one is refused with its place, and the
old one stays, all the way to the gateway."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.guards.plug_in import TONE, clean_up, install
from tests.unit.services import bank

from groundcrew.domain.guard import GuardRule, Policy, RemoteGuard, StageChange, policy_content, policy_in
from groundcrew.domain.use_case import STAGES, version_digest
from groundcrew.errors import DeclarationError
from groundcrew.guards import registry
from groundcrew.guards.registry import find_guard
from groundcrew.services.bundle import open_services
from groundcrew.services.declarations import load
from groundcrew.services.declared import DeclarationErrors
from groundcrew.services.policy_stages import stage_notes
from groundcrew.testing import FakeUpstream, chat, memory_gateway

HEAD = "kind: Policy\nname: mail\nguards:\n"


@pytest.fixture(autouse=True)
def own_guards() -> Iterator[None]:
    for name in registry.BUILT_IN:
        find_guard(name)
    before, modules = dict(registry._GUARDS), set(sys.modules)
    yield
    clean_up(before)
    for name in {"tone_guard", "broken_guard"} & (set(sys.modules) - modules):
        del sys.modules[name]


def rules(folder: Path, text: str) -> tuple[GuardRule, ...]:
    path = folder / "policy.yaml"
    path.write_text(HEAD + text)
    return load([path]).policies[0].value.guards


def errors(folder: Path, text: str) -> list[str]:
    with pytest.raises(DeclarationErrors) as caught:
        rules(folder, text)
    return [str(each).removeprefix(f"{folder}/") for each in caught.value.errors]


STAGED = """\
  - guard: pii
    action: redact
    stages:
      discovery: {mode: monitor}
      pilot: {timeout_ms: 50, on_failure: open}
      scale: {action: hold, block_at: 0.9}
      optimization: {skip: true}
"""


def test_a_rule_is_what_its_stage_makes_of_it(tmp_path: Path) -> None:
    (rule,) = rules(tmp_path, STAGED)
    policy = Policy(name="mail", guards=(rule,))
    found = {stage: policy_in(policy, stage).guards for stage in STAGES}
    assert found["discovery"][0].mode == "monitor"
    assert (found["pilot"][0].timeout_ms, found["pilot"][0].on_failure, found["pilot"][0].action) == (50, "open", "redact")
    assert policy_in(policy, "production_readiness") is policy
    assert (found["scale"][0].action, found["scale"][0].settings) == ("hold", {"block_at": 0.9})
    assert found["optimization"] == ()
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Policy) == policy


def test_what_stages_do_is_told_and_what_they_relax_is_told_too(tmp_path: Path) -> None:
    notes = stage_notes(Policy(name="mail", guards=rules(tmp_path, STAGED)))
    assert notes == (
        "in discovery: pii monitors, closed, 500 ms",
        "in pilot: pii enforces redact, open, 50 ms",
        "in scale: pii enforces hold, closed, 500 ms, from 0.9",
        "in optimization: pii is skipped (laxer than in the stage before: pii)",
    )
    assert stage_notes(Policy(name="p", guards=(GuardRule(guard="pii"),))) == ()
    back = GuardRule(guard="pii", stages={"pilot": StageChange(action="hold")})
    assert stage_notes(Policy(name="p", guards=(back,)))[-1] == (
        "in pilot: pii enforces hold, closed, 500 ms (laxer than in the stage before: pii)"
    )


@pytest.mark.parametrize(
    ("text", "line", "field", "says"),
    [
        ("stages: {pilto: {mode: monitor}}", 4, "guards[0].stages.pilto", "did you mean 'pilot'"),
        ("stages: {retired: {mode: monitor}}", 4, "guards[0].stages.retired", "unknown key"),
        ("stages: {pilot: {mode: watch}}", 4, "guards[0].stages.pilot.mode", "expected one of enforce, monitor"),
        ("stages: {pilot: {acton: hold}}", 4, "guards[0].stages.pilot.acton", "did you mean 'action'"),
        ("stages: {pilot: {timeout_ms: 0}}", 4, "guards[0].stages.pilot.timeout_ms", "whole number from 1"),
        ("stages: {pilot: {block_at: 2}}", 4, "guards[0].stages.pilot.block_at", "at most 1"),
        ("stages: {pilot: {skip: true, mode: monitor}}", 4, "guards[0].stages.pilot.skip", "no other change"),
        ("stages: {pilot: {action: replace}}", 4, "guards[0].text", "is required"),
        ("stages: [pilot]", 4, "guards[0].stages", "expected a mapping"),
    ],
)
def test_bad_stages_name_their_place(tmp_path: Path, text: str, line: int, field: str, says: str) -> None:
    (error,) = errors(tmp_path, f"  - {{guard: pii, {text}}}\n")
    assert error.startswith(f"policy.yaml:{line}: {field}: ")
    assert says in error


def test_rules_without_the_newer_fields_keep_their_digest() -> None:
    plain = Policy(name="p", guards=(GuardRule(guard="pii"),))
    assert set(policy_content(plain)["guards"][0]) == {"guard", "on", "mode", "action", "on_failure", "timeout_ms", "settings"}
    staged = Policy(name="p", guards=(GuardRule(guard="pii", stages={"pilot": StageChange(skip=True)}),))
    digests = {
        version_digest(bank.use_case(), model=None, providers=(), policy=each, knowledge_revision=None)
        for each in (plain, staged)
    }
    assert len(digests) == 2


REMOTE = """\
  - guard: http
    name: tone
    url: https://guards.example/tone
    headers: {authorization: "Bearer env:TONE_KEY", x-key: file:key.txt, x-team: retail}
    data_classes: [public, pii]
    on: [output]
    settings: {level: 3}
  - {guard: http, name: legal, url: "http://127.0.0.1:9000/", plain_http: true}
"""


def test_guards_over_http(tmp_path: Path) -> None:
    tone, legal = rules(tmp_path, REMOTE)
    assert tone.remote == RemoteGuard(
        url="https://guards.example/tone",
        headers={"authorization": "Bearer env:TONE_KEY", "x-key": f"file:{tmp_path / 'key.txt'}", "x-team": "retail"},
        data_classes=("public", "pii"),
    )
    assert (tone.label, legal.label, tone.settings) == ("tone", "legal", {"level": 3})
    assert legal.remote is not None
    assert legal.remote.data_classes == ("public", "internal")


@pytest.mark.parametrize(
    ("text", "field", "says"),
    [
        ("name: tone", "guards[0].url", "is required"),
        ('url: "https://g.example/"', "guards[0].name", "is required"),
        ('name: pii, url: "https://g.example/"', "guards[0].name", "is the name of a guard"),
        ('name: Tone, url: "https://g.example/"', "guards[0].name", "not a valid name"),
        ('name: tone, url: "http://g.example/"', "guards[0].url", "expected https"),
        ('name: tone, url: "http://g.example/", plain_http: true', "guards[0].url", "private address"),
        ('name: tone, url: "https://u:hidden@g.example/"', "guards[0].url", "must not hold a user name"),
        (
            'name: tone, url: "https://g.example/", headers: {authorization: Bearer abc}',
            "guards[0].headers.authorization",
            "env:NAME",
        ),
        ('name: tone, url: "https://g.example/", headers: {x-token: abc}', "guards[0].headers.x-token", "env:NAME"),
        ('name: tone, url: "https://g.example/", headers: {x-a: env:1A}', "guards[0].headers.x-a", "env:NAME"),
        ('name: tone, url: "https://g.example/", headers: {host: a}', "guards[0].headers.host", "set by the gateway"),
        ('name: tone, url: "https://g.example/", headers: {"a b": a}', "guards[0].headers", "no name of a header"),
        ('name: tone, url: "https://g.example/", data_classes: [phi]', "guards[0].data_classes", "baa: true"),
        ('name: tone, url: "https://g.example/", settings: {role: x}', "guards[0].settings.role", "choose another"),
        ('name: tone, url: "https://g.example/", redirects: 3', "guards[0].redirects", "unknown key"),
    ],
)
def test_bad_addresses_name_their_place_and_repeat_no_secret(tmp_path: Path, text: str, field: str, says: str) -> None:
    (error,) = errors(tmp_path, f"  - {{guard: http, {text}}}\n")
    assert error.startswith(f"policy.yaml:4: {field}: ")
    assert says in error
    assert "hidden" not in error
    assert "Bearer abc" not in error


def test_rules_over_http_are_told_apart(tmp_path: Path) -> None:
    rule = '  - {guard: http, name: tone, url: "https://g.example/"}\n'
    (error,) = errors(tmp_path, rule + rule)
    assert error.startswith("policy.yaml:5: guards[1].name: 'tone' is the name of another rule")
    (error,) = errors(tmp_path, "  - {guard: pii, name: mine}\n")
    assert "results carry the guard's own name" in error


def test_settings_of_plug_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", "tone-guard", TONE, {"tone": "tone", "free": "check"}, monkeypatch)
    tone, free = rules(
        tmp_path, "  - {guard: tone, settings: {words: [rude]}}\n  - {guard: free, settings: {any: {thing: [1, 2026-01-01]}}}\n"
    )
    assert tone.settings == {"words": ["rude"], "score": 0.9}
    assert free.settings == {"any": {"thing": [1, "2026-01-01"]}}
    for text, field, says in (
        ("{guard: tone}", "guards[0].settings", "missing required field `words`"),
        ("{guard: tone, settings: {words: [1]}}", "guards[0].settings.words[0]", "Expected `str`"),
        ("{guard: tone, settings: {words: [], more: 1}}", "guards[0].settings", "unknown field `more`"),
        ("{guard: free, settings: {request: 1}}", "guards[0].settings.request", "choose another"),
        ("{guard: free, settings: {k: AKIA" + "IOSFODNN7EXAMPLA}}", "guards[0].settings", "a secret"),
        ("{guard: free, words: [a]}", "guards[0].words", "unknown key"),
        ("{guard: pii, settings: {a: 1}}", "guards[0].settings", "unknown key"),
    ):
        (error,) = errors(tmp_path, f"  - {text}\n")
        assert error.startswith(f"policy.yaml:4: {field}: ")
        assert says in error


def test_a_plug_in_that_does_not_load_is_no_guard_to_declare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "site", "broken-guard", "raise RuntimeError('no licence')\n", {"broken": "check"}, monkeypatch)
    (error,) = errors(tmp_path, "  - {guard: broken}\n")
    assert error.startswith("policy.yaml:4: guards[0].guard: the guard 'broken' of broken-guard does not load: RuntimeError")


USE_CASE = """\
kind: Provider
name: fake
api: openai
base_url: {url}
data_classes: [public, internal, pii]
---
kind: Model
name: writer
targets: [{{provider: fake, model: m}}]
---
kind: UseCase
name: mail
title: Mail
owner: maria.keller@bank.example
business_unit: retail
purpose: Draft answers
affected_persons: customers
solution: product
autonomy: assist
data_classes: [internal, pii]
model: writer
policy: mail
"""


async def test_a_bad_policy_is_refused_and_the_old_one_stays_all_the_way_to_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "site", "tone-guard", TONE, {"tone": "check"}, monkeypatch)
    policy, rest = tmp_path / "policy.yaml", tmp_path / "rest.yaml"
    policy.write_text(HEAD + "  - {guard: tone, on: [input]}\n  - {guard: secrets, stages: {discovery: {mode: monitor}}}\n")
    services = await open_services(f"sqlite:///{tmp_path / 'db'}", tmp_path)
    with FakeUpstream("Fine.") as upstream:
        rest.write_text(USE_CASE.format(url=upstream.url))
        try:
            changes = await services.registry.apply(load([policy, rest]), actor="cli:anna")
            (note,) = next(each.notes for each in changes if each.kind == "Policy")
            assert note == "in discovery: secrets monitors, closed, 500 ms"
            key = await services.keys.create("mail", actor="cli:anna")
            snapshot = await services.snapshots.build()
            memory = memory_gateway(snapshot, tmp_path)
            for bad in (
                "  - {guard: tnoe}\n",
                "  - {guard: tone, mode: off}\n",
                "  - guard: [\n",
                "  - {guard: http, name: x}\n",
                " {}\n",
            ):
                policy.write_text(HEAD + bad)
                with pytest.raises(DeclarationError):
                    await services.registry.apply(load([policy, rest]), actor="cli:anna")
            again = await services.snapshots.build()
            assert again.version == snapshot.version
            assert again.policies == snapshot.policies
            memory.snapshots.current = again
            assert (await chat(memory.gateway, key.secret, text="hello")).status == 200
            assert (await chat(memory.gateway, key.secret, text="you are stupid")).status == 403
            assert (await chat(memory.gateway, key.secret, text="password: hunter2Secret9x")).status == 200
            await _the_plug_in_vanishes(memory, key.secret, tmp_path, monkeypatch)
            assert len(upstream.requests) == 3
            await memory.gateway.close()
            memory.spool.close()
        finally:
            await services.database.close()


async def _the_plug_in_vanishes(memory: object, key: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway of another machine gets the same snapshot, but lacks the package: closed rules refuse, open ones go on."""
    from groundcrew.testing import MemoryGateway

    assert isinstance(memory, MemoryGateway)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(folder / "site")])
    clean_up({name: each for name, each in registry._GUARDS.items() if name != "tone"})
    elsewhere = memory_gateway(memory.snapshots.current, folder / "elsewhere")
    assert (await chat(elsewhere.gateway, key, text="hello")).json()["error"]["code"] == "guard_blocked"
    policy = memory.snapshots.current.policies["mail"]
    opened = msgspec.structs.replace(
        policy, guards=tuple(msgspec.structs.replace(each, on_failure="open") for each in policy.guards)
    )
    elsewhere.snapshots.change(policies={"mail": opened})
    response = await chat(elsewhere.gateway, key, text="hello")
    assert (response.status, response.headers["groundcrew-scan"]) == (200, "partial")
    await elsewhere.gateway.close()
    elsewhere.spool.close()
