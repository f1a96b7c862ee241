"""What `groundcrew apply` reads, and that whatever is wrong is named by file, line and field."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundcrew.domain.provider import BreakerRule, Target
from groundcrew.domain.use_case import EvaluationRule, Grounding, SignOffCondition, SignOffRule
from groundcrew.errors import DeclarationError, InputError
from groundcrew.services.declaration_yaml import (
    DEPTH_MAX,
    FILE_BYTES_MAX,
    NODES_MAX,
    Node,
    parse_documents,
    plain,
    resolve_scalar,
)
from groundcrew.services.declarations import (
    DeclarationErrors,
    Declarations,
    KnownNames,
    load,
    load_plan,
    unresolved_references,
)

GUARANTEED = "spot_checks: {share: 0.1}, guarantee: {unsupported_max: 0.05}"
EXAMPLE = """\
kind: Provider
name: acme-openai
api: openai
base_url: https://llm.example/v1/
api_key: env:ACME_KEY
data_classes: [public, internal, pii]
baa: false
---
kind: Model
name: mail-writer
targets: [{provider: acme-openai, model: gpt-5-mini, weight: 100, timeout_s: 30, price: {input_usd: 0.25, output_usd: 2}}]
---
kind: KnowledgeBase
name: bank-policies
owner: policy-desk@bank.example
paths: [knowledge/]
review_every: 90d
---
kind: Policy
name: retail-mail
guards:
  - {guard: pii, on: [input, output], mode: enforce, action: redact, on_failure: closed, timeout_ms: 200}
  - {guard: commitment, on: [output], mode: enforce, action: hold, authority: authority.yaml}
---
kind: UseCase
name: email-assistant
title: Customer e-mail assistant
owner: maria.keller@Bank.Example
champion: luca.rossi@bank.example
business_unit: retail-service
purpose: Draft answers to customers' e-mails from approved policy
affected_persons: retail customers
solution: product
autonomy: draft_and_sign_off
data_classes: [internal, pii]
model: mail-writer
policy: retail-mail
prompt: {file: prompt.md}
grounding: {knowledge: bank-policies, mode: required, threshold: 0.7, below: fallback}
sign_off: {when: always, qualification: service-agent}
budget: {tokens_per_day: 2_000_000, usd_per_month: 400}
exposure: {ceiling_percent: 5}
economics: {hourly_cost_usd: 62.5, cases_per_month: 8000}
risk: {talks_to_persons: true, decides_credit: false}
hypothesis: {plan: handle-time.yaml}
"""

PLAN = """\
name: handle-time
unit: ticket
arms: {control: human, treatment: draft_assist, split: 0.5}
alpha: 0.05
metrics:
  - {name: handle_time, role: success, kind: mean, direction: decrease, unit: s,
     baseline: {mean: 900, sd: 540, n: 400, days: 30, source: ticket system}, mde: 180}
  - {name: complaint, role: guardrail, kind: proportion, direction: decrease, margin: 0.02}
"""

AUTHORITY = """\
- {type: refund, max_amount: 50, currency: CHF, until: 2026-12-31, note: goodwill}
- {type: discount, max_percent: 10}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "knowledge").mkdir()
    (tmp_path / "use_case.yaml").write_text(EXAMPLE)
    (tmp_path / "handle-time.yaml").write_text(PLAN)
    (tmp_path / "authority.yaml").write_text(AUTHORITY)
    (tmp_path / "prompt.md").write_text("Answer politely.\n")
    return tmp_path


def broken(tmp_path: Path, text: str, name: str = "broken.yaml") -> DeclarationErrors:
    """What loading `text` complains of."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DeclarationErrors) as caught:
        load([path])
    return caught.value


def replaced(folder: Path, old: str, new: str) -> DeclarationErrors:
    """What loading the example complains of once `old` is `new`."""
    assert EXAMPLE.count(old) == 1
    return broken(folder, EXAMPLE.replace(old, new), "use_case.yaml")


def test_example_becomes_domain_structs(folder: Path) -> None:
    found = load([folder])
    provider = found.providers[0].value
    assert (provider.name, provider.base_url, provider.api_key) == ("acme-openai", "https://llm.example/v1", "env:ACME_KEY")
    assert provider.data_classes == ("public", "internal", "pii")
    target = found.models[0].value.targets[0]
    assert (target.provider, target.timeout_s) == ("acme-openai", 30.0)
    assert target.price is not None
    assert target.price.output_usd == 2.0
    base = found.knowledge_bases[0].value
    assert base.paths == (str((folder / "knowledge").resolve()),)
    assert base.review_every_s == 90 * 86_400
    pii, commitment = found.policies[0].value.guards
    assert (pii.guard, pii.on, pii.action, pii.timeout_ms) == ("pii", ("input", "output"), "redact", 200)
    assert commitment.settings["authority"] == [
        {"type": "refund", "max_amount": 50.0, "currency": "CHF", "until": "2026-12-31", "note": "goodwill"},
        {"type": "discount", "max_percent": 10.0},
    ]
    use_case = found.use_cases[0].value
    assert use_case.owner == "maria.keller@bank.example"
    assert use_case.prompt == "Answer politely."
    assert use_case.risk_answers == {"talks_to_persons": True, "decides_credit": False}
    assert use_case.grounding is not None
    assert (use_case.grounding.below, use_case.grounding.release) == ("fallback", "whole")
    assert use_case.budget is not None
    assert use_case.budget.tokens_per_day == 2_000_000
    assert use_case.economics is not None
    assert use_case.economics.hourly_cost_usd == 62.5
    assert (use_case.stage, use_case.run_state, use_case.holds) == ("discovery", "off", ())


def test_routes_of_a_model_are_read_with_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(
        """\
kind: Model
name: writer
targets:
  - {provider: one, model: a}
  - {provider: two, model: b, weight: 3, timeout_s: 20, first_byte_s: 2.5, retries: 0, breaker: {failures: 2, open_s: 9}}
  - {provider: one, model: c, role: canary, share_percent: 2.5}
  - {provider: one, model: d, role: shadow, share_percent: 0, breaker: {}}
""",
        encoding="utf-8",
    )
    (model,) = (each.value for each in load([tmp_path]).models)
    assert model.targets == (
        Target(provider="one", model="a", timeout_s=60.0, retries=1, breaker=BreakerRule(failures=5, open_s=30.0)),
        Target(
            provider="two",
            model="b",
            weight=3,
            timeout_s=20.0,
            first_byte_s=2.5,
            retries=0,
            breaker=BreakerRule(failures=2, open_s=9.0),
        ),
        Target(provider="one", model="c", role="canary", share_percent=2.5),
        Target(provider="one", model="d", role="shadow", share_percent=0.0),
    )
    assert [each.model for each in model.primaries] == ["a", "b"]


def test_canaries_together_have_no_more_callers_than_there_are(tmp_path: Path) -> None:
    raised = broken(
        tmp_path,
        """\
kind: Model
name: writer
targets:
  - {provider: one, model: a}
  - {provider: one, model: c, role: canary, share_percent: 60}
  - {provider: one, model: d, role: canary, share_percent: 60}
""",
    )
    assert [(each.field, each.message) for each in raised.errors] == [
        ("targets", "the canaries' shares are 120 percent together; expected at most 100")
    ]


def test_origin_names_file_and_line(folder: Path) -> None:
    found = load([folder / "use_case.yaml"])
    policy = found.policies[0]
    assert policy.file.endswith("use_case.yaml")
    assert EXAMPLE.splitlines()[policy.line - 1] == "kind: Policy"
    assert "plan: handle-time.yaml" in EXAMPLE.splitlines()[found.use_cases[0].lines["hypothesis.plan"] - 1]


def test_hypothesis_plan_is_read_from_its_file(folder: Path) -> None:
    declared = load([folder]).hypotheses["email-assistant"]
    assert declared.plan.name == "handle-time"
    assert declared.plan.metrics[0].mde == 180
    assert declared.file.endswith("handle-time.yaml")


def test_plan_can_be_read_alone(folder: Path) -> None:
    assert load_plan(folder / "handle-time.yaml") == load([folder]).hypotheses["email-assistant"].plan
    with pytest.raises(InputError, match=r"nowhere\.yaml: no such file"):
        load_plan(folder / "nowhere.yaml")
    with pytest.raises(InputError, match=r"use_case\.yaml: holds 5 documents"):
        load_plan(folder / "use_case.yaml")


def test_structs_survive_json(folder: Path) -> None:
    policy = load([folder]).policies[0].value
    assert msgspec.json.decode(msgspec.json.encode(policy), type=type(policy)) == policy


def test_same_files_twice_are_read_once(folder: Path) -> None:
    assert load([folder, folder / "use_case.yaml"]) == load([folder])


def test_order_of_a_folder_is_sorted_and_hidden_folders_are_left_out(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "sub/c.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"kind: Policy\nname: {path.stem}\nguards: [{{guard: pii}}]\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "d.yaml").write_text("kind: nonsense\n")
    assert [each.value.name for each in load([tmp_path]).policies] == ["a", "b", "c"]


#: What is changed in the example, and what the complaint must say: line of the change, field, words.
BROKEN: list[tuple[str, str, str, str]] = [
    ("threshold: 0.7", "treshold: 0.7", "grounding.treshold", "unknown key 'treshold'; did you mean 'threshold'?"),
    ("title: Customer", "titel: Customer", "titel", "did you mean 'title'?"),
    ("kind: Policy", "kind: Polcy", "kind", "unknown kind 'Polcy'; did you mean 'Policy'?"),
    ("kind: UseCase", "kind: use_case", "kind", "did you mean 'UseCase'?"),
    ("name: retail-mail\n", "name: Retail Mail\n", "name", "'Retail Mail' is not a valid name"),
    ("name: retail-mail\n", "name: 12\n", "name", "expected text, found the number 12; quote it"),
    ("api: openai", "api: opnai", "api", "did you mean 'openai'?"),
    ("base_url: https://llm.example/v1/", "base_url: llm.example", "base_url", "http:// or https://"),
    ("base_url: https://llm.example/v1/", "base_url: ftp://llm.example", "base_url", "http:// or https://"),
    ("base_url: https://llm.example/v1/", "base_url: 'http://[::1'", "base_url", "is not a valid URL"),
    ("base_url: https://llm.example/v1/", "base_url: https://llm.example:99999/", "base_url", "is not a valid URL"),
    ("base_url: https://llm.example/v1/", "base_url: https://llm.example/?a=b", "base_url", "query"),
    ("base_url: https://llm.example/v1/\n", "", "base_url", "is required"),
    ("data_classes: [public, internal, pii]", "data_classes: [public, phi]", "data_classes", "`baa: true`"),
    ("data_classes: [public, internal, pii]", "data_classes: pii", "data_classes", "expected a list, found a text"),
    ("data_classes: [public, internal, pii]", "data_classes: []", "data_classes", "is an empty list"),
    ("data_classes: [public, internal, pii]", "data_classes: [pii, pii]", "data_classes[1]", "'pii' is listed twice"),
    ("data_classes: [public, internal, pii]", "data_classes: [privat]", "data_classes[0]", "found 'privat'"),
    ("baa: false", "baa: 'no'", "baa", "expected true or false, found 'no'"),
    ("timeout_s: 30", "timeout_s: 0", "targets[0].timeout_s", "above 0 and at most 600"),
    ("timeout_s: 30", "timeout_s: 601", "targets[0].timeout_s", "found 601"),
    ("timeout_s: 30", "timeout_s: fast", "targets[0].timeout_s", "expected a number, found a text"),
    ("timeout_s: 30", "timeout_s: .nan", "", "not-a-number"),
    ("weight: 100", "weight: -1", "targets[0].weight", "from 0 to"),
    ("weight: 100", "weight: true", "targets[0].weight", "expected a whole number, found true"),
    ("weight: 100", "weight: 0", "targets", "every weight is 0"),
    ("weight: 100", "role: backup", "targets[0].role", "expected one of primary, canary, shadow"),
    ("weight: 100", "role: shadow, share_percent: 5", "targets", "none is a primary"),
    ("weight: 100", "role: canary", "targets[0].share_percent", "is required"),
    ("weight: 100", "role: shadow, share_percent: 101", "targets[0].share_percent", "at least 0 and at most 100"),
    ("weight: 100", "role: canary, share_percent: 5, weight: 3", "targets[0].weight", "has a share_percent, not a weight"),
    ("weight: 100", "share_percent: 5", "targets[0].share_percent", "only a canary or a shadow has a share"),
    ("weight: 100", "retries: 4", "targets[0].retries", "from 0 to 3"),
    ("weight: 100", "retries: 1.5", "targets[0].retries", "expected a whole number"),
    ("weight: 100", "first_byte_s: 31", "targets[0].first_byte_s", "at most timeout_s, which is 30"),
    ("weight: 100", "first_byte_s: 0", "targets[0].first_byte_s", "above 0"),
    ("weight: 100", "breaker: 5", "targets[0].breaker", "expected a mapping"),
    ("weight: 100", "breaker: {failures: 0}", "targets[0].breaker.failures", "from 1 to 1000"),
    ("weight: 100", "breaker: {open_s: 0}", "targets[0].breaker.open_s", "above 0 and at most 3600"),
    ("weight: 100", "breaker: {opens: 3}", "targets[0].breaker.opens", "did you mean 'open_s'?"),
    ("provider: acme-openai, ", "", "targets[0].provider", "is required"),
    ("input_usd: 0.25", "input_usd: -0.25", "targets[0].price.input_usd", "at least 0"),
    ("owner: policy-desk@bank.example", "owner: policy desk", "owner", "expected an e-mail address, found 'policy desk'"),
    ("paths: [knowledge/]", "paths: [wissen/]", "paths[0]", "'wissen/' does not exist"),
    ("paths: [knowledge/]", "paths: [4]", "paths[0]", "expected a path, found the number 4"),
    ("review_every: 90d", "review_every: 90", "review_every", "a duration such as 30s, 10m, 24h or 180d"),
    ("review_every: 90d", "review_every: 2h", "review_every", "from 1d to"),
    ("review_every: 90d", "review_every: 999999999d", "review_every", "from 1d to"),
    ("guard: pii", "guard: pi", "guards[0].guard", "unknown guard 'pi'; did you mean 'pii'?"),
    ("guard: pii", "gaurd: pii", "guards[0].gaurd", "did you mean 'guard'?"),
    ("on: [input, output]", "on: [inptu]", "guards[0].on[0]", "did you mean 'input'?"),
    ("action: redact", "action: delete", "guards[0].action", "expected one of allow, redact"),
    ("action: redact", "action: replace", "guards[0].text", "is required with the action replace"),
    ("action: redact", "action: redact, text: gone", "guards[0].text", "only the action replace"),
    ("timeout_ms: 200", "block_at: 2", "guards[0].block_at", "at most 1"),
    ("guard: pii", "guard: weather", "guards[0].guard", "unknown guard 'weather'"),
    ("timeout_ms: 200", "timeout_ms: 0.5", "guards[0].timeout_ms", "expected a whole number"),
    ("timeout_ms: 200", "authority: authority.yaml", "guards[0].authority", "unknown key 'authority'"),
    ("authority: authority.yaml", "authority: nothing.yaml", "guards[1].authority", "'nothing.yaml' does not exist"),
    (
        "authority: authority.yaml",
        "authority: [{type: price, max_amuont: 3}]",
        "guards[1].authority[0].max_amuont",
        "'max_amount'",
    ),
    ("authority: authority.yaml", "authority: [{type: gift}]", "guards[1].authority[0].type", "expected one of price"),
    ("authority: authority.yaml", "authority: [{type: price, currency: chf}]", "guards[1].authority[0].currency", "such as CHF"),
    ("authority: authority.yaml", "authority: [{type: price, until: soon}]", "guards[1].authority[0].until", "YYYY-MM-DD"),
    ("authority: authority.yaml", "authority: [{type: discount, max_percent: 101}]", "guards[1].authority[0].max_percent", "100"),
    ("champion: luca.rossi@bank.example", "champion: luca@bank", "champion", "e-mail"),
    ("solution: product", "solution: custom", "solution", "did you mean 'customized'?"),
    ("autonomy: draft_and_sign_off", "autonomy: 3", "autonomy", "expected one of assist"),
    ("solution: product\n", "", "solution", "is required"),
    ("purpose: Draft answers to customers' e-mails from approved policy", "purpose: '  '", "purpose", "is empty"),
    ("affected_persons: retail customers", "affected_persons:", "affected_persons", "is required"),
    ("mode: required", "mode: requird", "grounding.mode", "did you mean 'required'?"),
    ("below: fallback", "below: fall_back", "grounding.below", "did you mean 'fallback'?"),
    ("threshold: 0.7", "threshold: 70", "grounding.threshold", "at least 0 and at most 1"),
    ("below: fallback", "below: fallback, release: sentences", "grounding.release", "did you mean 'sentence'?"),
    ("mode: required", "mode: advisory, release: sentence", "grounding.release", "takes mode: required"),
    ("threshold: 0.7", "spot_checks: {share: 0}", "grounding.spot_checks.share", "at least 0.001"),
    ("threshold: 0.7", "spot_checks: {shares: 0.1}", "grounding.spot_checks.shares", "did you mean 'share'?"),
    ("threshold: 0.7", "guarantee: {unsupported_max: 0.05}", "grounding.guarantee", "spot_checks: {share: 0.02}"),
    ("threshold: 0.7", f"{GUARANTEED[:-1]}, confidence: 1}}", "grounding.guarantee.confidence", "at most 0.999"),
    ("threshold: 0.7, below: fallback", f"{GUARANTEED}, below: flag", "grounding.below", "a flag keeps nothing back"),
    ("mode: required", f"mode: advisory, {GUARANTEED}", "grounding.guarantee", "under advisory every answer leaves"),
    ("threshold: 0.7", f"{GUARANTEED}, release: sentence", "grounding.release", "people label whole answers"),
    ("knowledge: bank-policies", "knowledge: bank-policies, source: request", "grounding.knowledge", "the request is the source"),
    ("knowledge: bank-policies", "source: request", "grounding.below", "hold, refuse, flag"),
    ("knowledge: bank-policies", "knowledge: bank-policies, marked: true", "grounding.marked", "declare source: request"),
    ("knowledge: bank-policies", "source: web", "grounding.source", "knowledge, request"),
    ("when: always", "when: never", "sign_off", "a person signs every draft"),
    ("sign_off: {when: always, qualification: service-agent}\n", "", "autonomy", "a person signs every draft"),
    ("when: always", "when: sometimes", "sign_off.when", "always, never, rules"),
    ("when: always", "when: rules", "sign_off.rules", "is required"),
    ("when: always", "when: always, rules: [{share: 0.1}]", "sign_off.rules", "declare `when: rules`"),
    ("when: always", "when: rules, rules: [{}]", "sign_off.rules[0].trust_below", "names no condition"),
    ("when: always", "when: rules, rules: [{share: 0.1, guard: pii}]", "sign_off.rules[0].share", "each by itself"),
    ("when: always", "when: rules, rules: [{share: 0.1}, {share: 0.1}]", "sign_off.rules[1]", "listed twice"),
    ("when: always", "when: rules, rules: [{trust_below: 0}]", "sign_off.rules[0].trust_below", "above 0 and at most 1"),
    ("when: always", "when: rules, rules: [{data_class: ph}]", "sign_off.rules[0].data_class", "did you mean 'phi'?"),
    ("when: always", "when: rules, rules: [{amount_over: 5}]", "sign_off.rules[0].amount_over", "'amount_above'"),
    ("when: always", "when: always, readers: 3", "sign_off.readers", "from 1 to 2"),
    ("when: always", "when: always, second_review_share: 5", "sign_off.second_review_share", "at most 1"),
    ("when: always", "when: always, respond_within: 8d", "sign_off.respond_within", "at most expires_after"),
    ("when: always", "when: always, expires_after: 10s", "sign_off.expires_after", "from 1m to 90d"),
    ("when: always", "when: always, escalate_to: service-agent", "sign_off.escalate_to", "name another one"),
    ("when: always", "when: always, webhook: No Name", "sign_off.webhook", "'No Name'"),
    ("tokens_per_day: 2_000_000", "tokens_per_day: 0", "budget.tokens_per_day", "from 1"),
    ("usd_per_month: 400", "usd_per_month: -4", "budget.usd_per_month", "above 0"),
    ("budget: {tokens", "budget: [1]\nbudgets: {tokens", "budget", "expected a mapping, found a list"),
    ("ceiling_percent: 5", "ceiling_percent: 500", "exposure.ceiling_percent", "at most 100"),
    ("cases_per_month: 8000", "cases: 8000", "economics.cases_per_month", "is required"),
    ("talks_to_persons: true", "talks_to_person: true", "risk.talks_to_person", "did you mean 'talks_to_persons'?"),
    ("talks_to_persons: true", "talks_to_persons: 1", "risk.talks_to_persons", "expected true or false"),
    ("file: prompt.md", "file: prompt.txt", "prompt.file", "does not exist"),
    ("file: prompt.md", "path: prompt.md", "prompt.file", "is required"),
    ("prompt: {file: prompt.md}", "prompt: [a]", "prompt", "expected text, found a list"),
    ("plan: handle-time.yaml", "plan: handle_time.yaml", "hypothesis.plan", "does not exist"),
    ("plan: handle-time.yaml", "plan: ~", "hypothesis.plan", "is required"),
    ("solution: product", "solution: product\nstage: scale", "stage", "earned through gates, not declared"),
    ("solution: product", "solution: product\nrun_state: running", "run_state", "not declared"),
    ("solution: product", "solution: product\nholds: []", "holds", "not declared"),
    ("solution: product", "solution: product\nsolution: product", "solution", "duplicate key 'solution', first on line"),
    ("name: mail-writer\n", "name: mail-writer\n<<: {a: b}\n", "", "merge keys"),
    ("name: mail-writer\n", "name: !!str mail-writer\n", "", "tags"),
    ("name: mail-writer\n", "name: *sk-secret\n", "", "anchor that is not defined"),
    ("name: mail-writer\n", "\tname: mail-writer\n", "", "tab"),
    ("name: mail-writer\n", "name: [mail-writer\n", "", "not valid YAML"),
    ("name: mail-writer\n", 'name: "a\\0b"\n', "", "control character"),
    ("name: mail-writer\n", 'name: "a\\ud800"\n', "", "surrogate"),
    ("name: mail-writer\n", "? [a]\n: b\n", "", "a key must be a plain word"),
]


def test_sign_off_is_read_with_all_it_may_say(folder: Path) -> None:
    said = """{when: rules, qualification: service-agent, readers: 2, second_review_share: 0.1, respond_within: 4h,
      expires_after: 2d, escalate_to: team-lead, webhook: desk,
      rules: [{trust_below: 0.8}, {guard: commitment}, {data_class: pii}, {amount_above: 1000}, {share: 0.05}]}"""
    text = EXAMPLE.replace("{when: always, qualification: service-agent}", said)
    (folder / "use_case.yaml").write_text(text.replace("autonomy: draft_and_sign_off", "autonomy: act_and_review"))
    rule = load([folder]).use_cases[0].value.sign_off
    assert rule == SignOffRule(
        when="rules",
        qualification="service-agent",
        rules=(
            SignOffCondition(trust_below=0.8),
            SignOffCondition(guard="commitment"),
            SignOffCondition(data_class="pii"),
            SignOffCondition(amount_above=1000.0),
            SignOffCondition(share=0.05),
        ),
        readers=2,
        second_review_share=0.1,
        respond_within_s=4 * 3_600,
        expires_after_s=2 * 86_400,
        escalate_to="team-lead",
        webhook="desk",
    )


def test_grounding_may_name_the_request_as_its_source(folder: Path) -> None:
    said = "source: request, marked: true, threshold: 0.6"
    text = EXAMPLE.replace("knowledge: bank-policies, mode: required, threshold: 0.7, below: fallback", said)
    (folder / "use_case.yaml").write_text(text)
    declared = load([folder])
    grounding = declared.use_cases[0].value.grounding
    assert grounding == Grounding(source="request", marked=True, threshold=0.6, below="hold")
    assert not [each for each in unresolved_references(declared, KnownNames()) if each.field == "grounding.knowledge"]


@pytest.mark.parametrize(
    ("old", "new", "field", "words"), BROKEN, ids=[f"{field or 'yaml'}: {new[:30]!r}" for _, new, field, _ in BROKEN]
)
def test_complaint_names_file_line_and_field(folder: Path, old: str, new: str, field: str, words: str) -> None:
    raised = replaced(folder, old, new)
    matching = [each for each in raised.errors if words in each.message and (each.field or "") == field]
    assert matching, [str(each) for each in raised.errors]
    error = matching[0]
    assert error.file == str(folder / "use_case.yaml")
    assert error.line is not None
    start = EXAMPLE[: EXAMPLE.index(old)].count("\n") + 1
    if new and "is required" not in words:
        assert start - 1 <= error.line <= start + new.count("\n") + 1
    assert f"{error.file}:{error.line}: " in str(error)


def test_misspelt_required_key_is_one_complaint(folder: Path) -> None:
    raised = replaced(folder, "title: Customer", "titel: Customer")
    assert [(each.field, each.message) for each in raised.errors] == [
        ("titel", "unknown key 'titel'; did you mean 'title'?"),
    ]


def test_line_of_a_nested_field_is_exact(tmp_path: Path) -> None:
    raised = broken(tmp_path, "kind: Model\nname: m\ntargets:\n  - provider: p\n    model: x\n    timeout_s: 900\n")
    assert [(each.line, each.field) for each in raised.errors] == [(6, "targets[0].timeout_s")]


@pytest.mark.parametrize(
    "value", ["sk-live-1234567890", "{key: sk-live-1234567890}", "'env:sk live 1234567890'", "[sk-live-1234567890]"]
)
def test_literal_secret_is_refused_and_never_shown(folder: Path, value: str) -> None:
    raised = replaced(folder, "api_key: env:ACME_KEY", f"api_key: {value}")
    assert [each.field for each in raised.errors] == ["api_key"]
    assert "1234567890" not in "".join(str(each) for each in raised.errors)


def test_password_in_base_url_is_refused_and_never_shown(folder: Path) -> None:
    raised = replaced(folder, "https://llm.example/v1/", "https://user:hunter22@llm.example/v1/")
    assert "user name or password" in str(raised)
    assert "hunter22" not in str(raised)


def test_space_after_env_is_explained(folder: Path) -> None:
    assert "without a space" in str(replaced(folder, "api_key: env:ACME_KEY", "api_key: {env: ACME_KEY}"))


def test_secret_file_is_made_absolute(folder: Path) -> None:
    (folder / "use_case.yaml").write_text(EXAMPLE.replace("env:ACME_KEY", "file:secrets/key"))
    assert load([folder]).providers[0].value.api_key == f"file:{folder.resolve()}/secrets/key"


def test_extractive_provider_takes_neither_address_nor_key(tmp_path: Path) -> None:
    raised = broken(tmp_path, "kind: Provider\nname: e\napi: extractive\nbase_url: http://x.example\napi_key: env:K\n")
    assert [each.field for each in raised.errors] == ["base_url", "api_key"]
    path = tmp_path / "fine.yaml"
    path.write_text("kind: Provider\nname: e\napi: extractive\n")
    assert load([path]).providers[0].value.base_url is None


def test_anthropic_may_leave_out_its_address(tmp_path: Path) -> None:
    path = tmp_path / "fine.yaml"
    path.write_text("kind: Provider\nname: a\napi: anthropic\napi_key: env:K\n")
    assert load([path]).providers[0].value.base_url is None


def test_all_errors_of_all_files_are_collected(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Policy\nname: A\nguards: [{guard: nope}]\n")
    (tmp_path / "b.yaml").write_text("kind: Model\nname: m\ntargets: [\n")
    with pytest.raises(DeclarationErrors) as caught:
        load([tmp_path])
    assert [Path(each.file or "").name for each in caught.value.errors] == ["a.yaml", "a.yaml", "b.yaml"]
    assert str(caught.value).endswith("… and 2 more errors")
    assert "\n" not in str(caught.value)
    assert (caught.value.line, caught.value.field) == (2, "name")


def test_same_name_twice_names_both_places(tmp_path: Path) -> None:
    text = "kind: Policy\nname: p\nguards: [{guard: pii}]\n"
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(text)
    with pytest.raises(DeclarationErrors, match=r"b\.yaml:2: name: Policy 'p' is declared twice, first at .*a\.yaml:2"):
        load([tmp_path])


def test_same_name_of_another_kind_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("kind: Policy\nname: p\nguards: [{guard: pii}]\n---\nkind: Provider\nname: p\napi: extractive\n")
    assert len(load([path]).providers) == 1


def test_file_without_kind_is_an_error_unless_named(folder: Path) -> None:
    (folder / "notes.yaml").write_text("a: 1\n")
    with pytest.raises(DeclarationErrors, match=r"notes\.yaml:1: kind: has no `kind`") as caught:
        load([folder])
    assert len(caught.value.errors) == 1


def test_a_recipe_may_lie_beside_its_use_case(folder: Path) -> None:
    before = load([folder])
    (folder / "recipe.yaml").write_text("name: mails\nsource: s\nlicence: l\nconsent: c\nid: id\ntext: [text]\n")
    assert load([folder]) == before


def test_error_in_the_plan_names_its_line_and_field(folder: Path) -> None:
    (folder / "handle-time.yaml").write_text(PLAN.replace("margin: 0.02", "margn: 0.02"))
    with pytest.raises(
        DeclarationErrors, match=r"handle-time\.yaml:8: metrics\[1\]\.margn: unknown key 'margn'; did you mean 'margin'"
    ):
        load([folder / "use_case.yaml"])
    (folder / "handle-time.yaml").write_text(PLAN.replace("alpha: 0.05", "alpha: tiny"))
    with pytest.raises(DeclarationErrors, match=r"handle-time\.yaml:4: alpha: "):
        load([folder])
    (folder / "handle-time.yaml").write_text(PLAN.replace("sd: 540", "sdd: 540"))
    with pytest.raises(DeclarationErrors, match=r"metrics\[0\]\.baseline\.sdd: unknown key 'sdd'; did you mean 'sd'"):
        load([folder])


@pytest.mark.parametrize("text", ["", "- a\n", "a: [\n", "---\na: 1\n---\nb: 1\n"])
def test_broken_plan_is_reported_once_and_by_name(folder: Path, text: str) -> None:
    (folder / "handle-time.yaml").write_text(text)
    with pytest.raises(DeclarationErrors, match=r"handle-time\.yaml") as caught:
        load([folder])
    assert len({str(each) for each in caught.value.errors}) == len(caught.value.errors)


def test_error_in_the_authority_table_names_its_own_file(folder: Path) -> None:
    (folder / "authority.yaml").write_text("authority:\n  - {type: refund}\n  - {type: refund, max_amount: lots}\n")
    with pytest.raises(DeclarationErrors, match=r"authority\.yaml:3: authority\[1\]\.max_amount: expected a number"):
        load([folder])


def test_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: no such file or folder"):
        load([tmp_path / "nowhere.yaml"])


def test_odd_paths_are_input_errors(tmp_path: Path) -> None:
    for path in (Path("a\0b"), Path("x" * 5000), tmp_path):
        with pytest.raises(InputError):
            load([path])
    with pytest.raises(InputError):
        load([])


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n---\n", "null\n"])
def test_file_without_documents_is_refused(tmp_path: Path, text: str) -> None:
    assert "is empty" in str(broken(tmp_path, text))


def test_empty_documents_between_others_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("---\n---\nkind: Provider\nname: e\napi: extractive\n---\n")
    assert [each.value.name for each in load([path]).providers] == ["e"]


def test_byte_order_mark_is_dropped_and_other_encodings_refused(tmp_path: Path) -> None:
    text = "kind: Provider\nname: e\napi: extractive\n"
    path = tmp_path / "a.yaml"
    path.write_bytes(text.encode("utf-8-sig"))
    assert len(load([path]).providers) == 1
    path.write_bytes(b"kind: Provider\nname: \xff\n")
    with pytest.raises(DeclarationErrors, match=r"a\.yaml:2: not UTF-8: byte 0xff"):
        load([path])


def test_too_large_file_is_refused(tmp_path: Path) -> None:
    assert f"larger than {FILE_BYTES_MAX} bytes" in str(broken(tmp_path, "a: " + "b" * FILE_BYTES_MAX))


def test_alias_bomb_ends_at_the_limit(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 9)]
    assert f"more than {NODES_MAX} values" in str(broken(tmp_path, "\n".join(rows)))


def test_recursive_alias_and_deep_nesting_end_at_the_limit(tmp_path: Path) -> None:
    assert f"more than {DEPTH_MAX} levels" in str(broken(tmp_path, "a: &a [*a]\n"))
    assert f"more than {DEPTH_MAX} levels" in str(broken(tmp_path, "[" * 5000))


def test_alias_may_share_a_value(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("kind: Policy\nname: p\nguards: [{guard: pii, on: &on [input]}, {guard: secrets, on: *on}]\n")
    assert [rule.on for rule in load([path]).policies[0].value.guards] == [("input",), ("input",)]


def test_replacement_and_threshold_reach_the_guard(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("kind: Policy\nname: p\nguards: [{guard: secrets, action: replace, text: withheld, block_at: 0.5}]\n")
    assert load([path]).policies[0].value.guards[0].settings == {"text": "withheld", "block_at": 0.5}


def test_a_policy_says_whose_texts_users_send(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("kind: Policy\nname: p\nguards: [{guard: prompt_injection, on: [input], origin: email}]\n")
    assert load([path]).policies[0].value.guards[0].settings == {"origin": "email"}
    path.write_text("kind: Policy\nname: p\nguards: [{guard: prompt_injection, on: [input], origin: pigeon}]\n")
    with pytest.raises(DeclarationErrors, match="origin"):
        load([path])


def test_names_known_to_the_caller_replace_the_built_in_guards(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("kind: Policy\nname: p\nguards: [{guard: tone}]\n")
    assert load([path], known_guards=frozenset({"tone"})).policies[0].value.guards[0].guard == "tone"


def test_unresolved_references_name_the_nearest(folder: Path) -> None:
    found = load([folder])
    assert unresolved_references(found, KnownNames()) == []
    use_case = Declarations(use_cases=found.use_cases)
    known = KnownNames(models=frozenset({"mail-writer2"}), policies=frozenset({"retail-mail"}))
    errors = unresolved_references(use_case, known)
    assert [(each.field, each.line is not None) for each in errors] == [("model", True), ("grounding.knowledge", True)]
    assert "no model named 'mail-writer'; did you mean 'mail-writer2'?" in str(errors[0])
    assert EXAMPLE.splitlines()[(errors[0].line or 0) - 1] == "model: mail-writer"
    model = Declarations(models=found.models)
    assert [each.field for each in unresolved_references(model, KnownNames())] == ["targets[0].provider"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("0777", "0777"),
        ("10:30", "10:30"),
        ("1_000", 1000),
        ("-3", -3),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("2.", 2.0),
        ("+1.5E3", 1500.0),
        ("1e999", "1e999"),
        (".", "."),
        ("1.2.3", "1.2.3"),
        ("2026-02-30", "2026-02-30"),
        ("2026-03-02", date(2026, 3, 2)),
        ("true", True),
        ("~", None),
        ("9" * 40, "9" * 40),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = resolve_scalar(text)
    assert found == value
    assert type(found) is type(value)


TOKENS = st.sampled_from(
    [
        "kind",
        ": ",
        "UseCase",
        "Policy",
        "\n",
        "  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a",
        "*a",
        "!!t",
        "|",
        ">",
        "'",
        '"',
        "\\U",
        "---",
        "%YAML 9",
        "#",
        "\t",
    ]
)


@given(st.one_of(st.text(), st.lists(TOKENS, max_size=40).map("".join)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_with_an_input_error(text: str) -> None:
    documents: list[Node] = []
    refusal: InputError = DeclarationError("none", file="any.yaml")
    try:
        documents = parse_documents(text, "any.yaml")
    except InputError as error:
        refusal = error
    assert isinstance(refusal, DeclarationError)
    assert refusal.file == "any.yaml"
    assert msgspec.json.encode([plain(each) for each in documents])


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "name",
        "api",
        "base_url",
        "api_key",
        "targets",
        "paths",
        "guards",
        "review_every",
        "grounding",
        "prompt",
        "risk",
        "hypothesis",
    ]
)


@given(
    st.sampled_from(["Provider", "Model", "KnowledgeBase", "Policy", "UseCase", "Other"]),
    st.dictionaries(st.one_of(KEYS, st.text(max_size=5)), VALUES, max_size=6),
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_document_is_read_or_refused_with_an_input_error(tmp_path: Path, kind: str, fields: dict[str, object]) -> None:
    path = tmp_path / "any.yaml"
    # JSON is YAML, so the document's shape reaches the readers whatever it holds.
    path.write_bytes(msgspec.json.encode({"kind": kind, **fields}))
    complaint = "any.yaml"
    try:
        load([path])
    except InputError as error:
        complaint = str(error)
    assert "any.yaml" in complaint


@pytest.mark.parametrize(
    ("declared", "recording", "mask"),
    [
        ("shed", "shed", None),
        ("{mask: patterns}", None, "patterns"),
        ("{on_failure: closed, mask: full}", "closed", "full"),
    ],
)
def test_recording_says_what_becomes_of_calls_and_what_masks_them(
    folder: Path, declared: str, recording: str | None, mask: str | None
) -> None:
    page = folder / "use-case.yaml"
    page.write_text(USE_CASE_ALONE + f"recording: {declared}\n")
    (found,) = load([page]).use_cases
    assert (found.value.recording, found.value.mask) == (recording, mask)


@pytest.mark.parametrize("declared", ["{mask: everything}", "{}", "{on_failure: open}", "{masks: full}", "never"])
def test_recording_that_makes_no_sense_is_refused(tmp_path: Path, declared: str) -> None:
    found = broken(tmp_path, USE_CASE_ALONE + f"recording: {declared}\n")
    assert all(str(each.field).startswith("recording") for each in found.errors)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("{guard: pii, on: [input], action: redact, restore: true}", False),
        ("{guard: secrets, on: [tool_results], action: redact, restore: true}", False),
        ("{guard: pii, on: [output], action: redact, restore: true}", True),
        ("{guard: pii, on: [input], action: refuse, restore: true}", True),
        ("{guard: commitment, on: [input], action: redact, restore: true}", True),
        ("{guard: pii, on: [input], action: redact, restore: yes please}", True),
    ],
)
def test_only_what_the_client_sent_can_be_put_back(tmp_path: Path, rule: str, complaint: bool) -> None:
    text = f"kind: Policy\nname: p\nguards:\n  - {rule}\n"
    if complaint:
        assert [each.field for each in broken(tmp_path, text).errors] == ["guards[0].restore"]
        return
    page = tmp_path / "policy.yaml"
    page.write_text(text)
    (found,) = load([page]).policies
    assert found.value.guards[0].settings == {"restore": True}


USE_CASE_ALONE = """
kind: UseCase
name: alone
title: Alone
owner: owner@bank.example
business_unit: retail
purpose: try
affected_persons: nobody
solution: product
autonomy: assist
data_classes: [internal]
model: writer
"""


def test_what_a_tuned_model_has_to_reach_is_declared(folder: Path) -> None:
    page = folder / "use-case.yaml"
    page.write_text(USE_CASE_ALONE + "evaluation: {data_set: notes, at_least: {micro_f1: 0.6, subset_accuracy: 0.2}}\n")
    (found,) = load([page]).use_cases
    assert found.value.evaluation == EvaluationRule(data_set="notes", at_least={"micro_f1": 0.6, "subset_accuracy": 0.2})


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("{data_set: notes}", "at_least: say what is to be reached"),
        ("{at_least: {micro_f1: 0.6}}", "data_set"),
        ("{data_set: notes, at_least: {}}", "name at least one of micro_f1"),
        ("{data_set: notes, at_least: {micro_f1: 1.2}}", "micro_f1"),
        ("{data_set: notes, at_least: {microf1: 0.6}}", "microf1"),
        ("{data_set: notes, split: train, at_least: {micro_f1: 0.6}}", "split"),
    ],
)
def test_targets_that_mean_nothing_are_refused(folder: Path, declared: str, expected: str) -> None:
    page = folder / "use-case.yaml"
    page.write_text(USE_CASE_ALONE + f"evaluation: {declared}\n")
    with pytest.raises(InputError) as raised:
        load([page])
    assert expected in str(raised.value)
    assert "more error" not in str(raised.value)
