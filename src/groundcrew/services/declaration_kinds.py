"""One reader per kind of declaration: from the fields of a document to the domain struct, with the rules that bind it.

Readers complain through `Fields` and always return a struct; it counts only where nobody complained.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from groundcrew.domain.data_class import DATA_CLASSES
from groundcrew.domain.identifiers import name_problem
from groundcrew.domain.knowledge import KnowledgeBase
from groundcrew.domain.provider import (
    BREAKER_FAILURES_MAX,
    BREAKER_OPEN_S_MAX,
    EMBEDDED_APIS,
    RETRIES_MAX,
    TARGET_TIMEOUT_S_MAX,
    Api,
    BreakerRule,
    Model,
    Price,
    Provider,
    Role,
    Target,
)
from groundcrew.domain.questionnaire import questionnaire, questions_of, section_names
from groundcrew.domain.risk import QUESTIONS
from groundcrew.domain.use_case import Autonomy, Below, Grounding, GroundingSource, Solution, UseCase
from groundcrew.domain.verifier import VERIFIERS_MAX
from groundcrew.errors import InputError
from groundcrew.services.declaration_address import (
    check_model_place,
    read_headers,
    read_key_header,
    read_query,
    read_region,
    refuse_for_embedded,
)
from groundcrew.services.declaration_drift import read_drift
from groundcrew.services.declaration_economics import read_economics
from groundcrew.services.declaration_evaluation import read_evaluation
from groundcrew.services.declaration_fields import Fields
from groundcrew.services.declaration_guarantee import check_guarantee, read_guarantee, read_spot_checks
from groundcrew.services.declaration_limits import read_budget, read_cache, read_exposure, read_limits, read_recording
from groundcrew.services.declaration_metrics import read_metrics
from groundcrew.services.declaration_ratings import read_ratings
from groundcrew.services.declaration_reading import Reading, as_declaration_error
from groundcrew.services.declaration_sign_off import read_sign_off
from groundcrew.services.declaration_yaml import Node, describe, read_text
from groundcrew.services.swap_declarations import check_alternate, read_swap, refuse_role

TARGETS_MAX = 16
WEIGHT_MAX = 1_000_000
PROMPT_BYTES_MAX = 65_536
AMOUNT_MAX = 1e12
RETENTION_DAYS_MAX = 36_500


#: Fields of a use case that are earned or decided, and what to do instead of declaring them.
NOT_DECLARED = {
    "stage": "a stage is earned through gates, not declared: use `groundcrew gate` and `groundcrew advance`",
    "run_state": "whether it runs is decided at runtime, not declared: use `groundcrew stop` and `groundcrew resume`",
    "run_reason": "whether it runs is decided at runtime, not declared: use `groundcrew stop` and `groundcrew resume`",
    "holds": "holds follow from vetoes, evidence and incidents; they are not declared",
    "ramp": "the ramp is climbed step by step while guardrails hold, not declared: use `groundcrew ramp`",
    "version_digest": "the version digest is computed, not declared",
    "risk_tier": "the risk tier is computed from the answers under `risk`, not declared",
}

_ENV_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")


def read_provider(fields: Fields, reading: Reading) -> Provider:
    """kind: Provider."""
    name = fields.name("name")
    api = fields.choice("api", get_args(Api))
    base_url = _base_url(fields, api)
    api_key = secret_reference(fields, "api_key", reading)
    data_classes = fields.choices("data_classes", DATA_CLASSES, default=("public",))
    baa = fields.boolean("baa")
    if "phi" in data_classes and not baa:
        fields.complain("data_classes", "phi needs a provider with a signed business associate agreement: declare `baa: true`")
    if api in EMBEDDED_APIS and api_key is not None:
        fields.complain("api_key", f"the {api} provider is embedded and takes no key")
    provider = Provider(
        name=name,
        api=api,
        base_url=base_url,
        api_key=api_key,
        api_key_header=read_key_header(fields),
        headers=read_headers(fields),
        query=read_query(fields),
        region=read_region(fields, api, base_url),
        data_classes=data_classes,
        baa=baa,
        vendor=fields.text("vendor", length_max=100) or None,
    )
    if provider.embedded:
        refuse_for_embedded(fields, provider)
    return provider


def _base_url(fields: Fields, api: str) -> str | None:
    """The provider's address. The value is never repeated in a complaint: it may hold a password."""
    text = fields.text("base_url", required=api == "openai")
    if not text:
        return None
    if api in EMBEDDED_APIS:
        fields.complain("base_url", f"the {api} provider is embedded and has no address")
        return None
    try:
        parts = urlsplit(text)
        host, has_login = parts.hostname, parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        fields.complain("base_url", "is not a valid URL")
        return None
    if parts.scheme not in ("http", "https") or not host or any(character.isspace() for character in text):
        fields.complain("base_url", "expected a URL that begins with http:// or https:// and names a host")
    elif has_login:
        fields.complain("base_url", "must not hold a user name or password; use api_key: env:NAME or file:PATH")
    elif parts.query or parts.fragment:
        fields.complain("base_url", "must not hold a query or fragment; a query is declared under query")
    check_model_place(fields, api, parts.path, parts.netloc)
    return text.rstrip("/")


def secret_reference(fields: Fields, key: str, reading: Reading) -> str | None:
    """env:NAME or file:PATH (made absolute). The value is never repeated in a complaint: it may be the secret itself."""
    node = fields.node(key)
    return None if node is None else reference_in(fields, key, node, reading)


def reference_in(fields: Fields, key: str, node: Node, reading: Reading) -> str | None:
    """As `secret_reference`, for a value already taken."""
    expected = "expected env:NAME or file:PATH, never the secret itself (the value is not shown)"
    if isinstance(node.value, dict) and len(node.value) == 1 and set(node.value) <= {"env", "file"}:
        fields.complain(key, "write env:NAME or file:PATH without a space after the colon", node.line)
        return None
    scheme, _, rest = node.value.partition(":") if isinstance(node.value, str) else ("", "", "")
    if scheme == "env" and _ENV_NAME.match(rest):
        return f"env:{rest}"
    if scheme == "file" and rest.strip():
        try:
            return f"file:{(reading.folder / rest.strip()).resolve()}"
        except (OSError, ValueError, RuntimeError):
            pass
    fields.complain(key, expected, node.line)
    return None


def read_model(fields: Fields, reading: Reading) -> Model:
    """kind: Model."""
    name = fields.name("name")
    sections = fields.sections("targets", required=True)
    if len(sections) > TARGETS_MAX:
        fields.complain("targets", f"more than {TARGETS_MAX} targets")
    targets = tuple(_read_target(section) for section in sections[:TARGETS_MAX])
    model = Model(name=name, targets=targets, alternates=_read_alternates(fields, targets), swap=read_swap(fields))
    if targets and not model.primaries:
        fields.complain("targets", "none is a primary: canaries and shadows need at least one target beside them that answers")
    elif targets and all(target.weight == 0 for target in model.primaries):
        fields.complain("targets", "every weight is 0: give at least one primary target a weight above 0, or none")
    canaries = sum(target.share_percent or 0.0 for target in targets if target.role == "canary")
    if canaries > 100:
        fields.complain("targets", f"the canaries' shares are {canaries:g} percent together; expected at most 100")
    return model


def _read_alternates(fields: Fields, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    """`alternates`: targets that stand by to take over and answer nobody."""
    sections = fields.sections("alternates")
    if len(sections) > TARGETS_MAX:
        fields.complain("alternates", f"more than {TARGETS_MAX} alternates")
    found: list[Target] = []
    for section in sections[:TARGETS_MAX]:
        refuse_role(section)
        alternate = _read_target(section)
        check_alternate(fields, alternate, (*targets, *found))
        found.append(alternate)
    return tuple(found)


def _read_target(fields: Fields) -> Target:
    price = None
    if (section := fields.section("price")) is not None:
        price = Price(
            input_usd=section.number("input_usd", low=0, high=AMOUNT_MAX, required=True) or 0.0,
            output_usd=section.number("output_usd", low=0, high=AMOUNT_MAX, required=True) or 0.0,
            cached_input_usd=section.number("cached_input_usd", low=0, high=AMOUNT_MAX),
            cache_write_usd=section.number("cache_write_usd", low=0, high=AMOUNT_MAX),
            reasoning_usd=section.number("reasoning_usd", low=0, high=AMOUNT_MAX),
        )
        section.finish()
    role = fields.choice("role", get_args(Role), default="primary")
    timeout_s = fields.number("timeout_s", low=0, above=True, high=TARGET_TIMEOUT_S_MAX)
    timeout_s = 60.0 if timeout_s is None else timeout_s
    retries = fields.integer("retries", low=0, high=RETRIES_MAX)
    model = fields.text("model", required=True, length_max=200)
    if model in (".", "..") or not model.isprintable():
        fields.complain("model", "is no model's name")
    target = Target(
        provider=fields.name("provider"),
        model=model,
        role=role,
        weight=_read_weight(fields, role),
        share_percent=_read_share(fields, role),
        timeout_s=timeout_s,
        first_byte_s=_read_first_byte(fields, timeout_s),
        retries=1 if retries is None else retries,
        breaker=_read_breaker(fields),
        price=price,
    )
    fields.finish()
    return target


def _read_weight(fields: Fields, role: Role) -> int | None:
    if role != "primary":
        fields.refuse("weight", f"a {role} has a share_percent, not a weight: weights share the first tries among primaries")
        return None
    return fields.integer("weight", low=0, high=WEIGHT_MAX)


def _read_share(fields: Fields, role: Role) -> float | None:
    if role == "primary":
        fields.refuse("share_percent", "only a canary or a shadow has a share; primaries share the first tries by weight")
        return None
    return fields.number("share_percent", low=0, high=100, required=True)


def _read_first_byte(fields: Fields, timeout_s: float) -> float | None:
    first_byte_s = fields.number("first_byte_s", low=0, above=True, high=TARGET_TIMEOUT_S_MAX)
    if first_byte_s is not None and first_byte_s > timeout_s:
        fields.complain("first_byte_s", f"expected at most timeout_s, which is {timeout_s:g}; found {first_byte_s:g}")
    return first_byte_s


def _read_breaker(fields: Fields) -> BreakerRule:
    section = fields.section("breaker")
    if section is None:
        return BreakerRule()
    default = BreakerRule()
    failures = section.integer("failures", low=1, high=BREAKER_FAILURES_MAX)
    open_s = section.number("open_s", low=0, above=True, high=BREAKER_OPEN_S_MAX)
    section.finish()
    return BreakerRule(
        failures=default.failures if failures is None else failures, open_s=default.open_s if open_s is None else open_s
    )


def read_knowledge_base(fields: Fields, reading: Reading) -> KnowledgeBase:
    """kind: KnowledgeBase. Paths become absolute; review_every becomes seconds."""
    paths = []
    for key, node in fields.items("paths") or []:
        if not isinstance(node.value, str) or not node.value.strip():
            fields.complain(key, f"expected a path, found {describe(node)}", node.line)
            continue
        located = reading.locate_text(fields, key, node.value.strip(), node.line)
        if located is not None:
            paths.append(str(located[0]))
    return KnowledgeBase(
        name=fields.name("name"),
        owner=fields.email("owner", required=True) or "",
        title=fields.text("title"),
        paths=tuple(paths),
        review_every_s=fields.duration_s("review_every", default=180 * 86_400, low=86_400),
    )


def read_use_case(fields: Fields, reading: Reading) -> UseCase:
    """kind: UseCase, without its hypothesis (see `hypothesis_file`)."""
    for key, why in NOT_DECLARED.items():
        fields.refuse(key, why)
    recording = read_recording(fields)
    use_case = UseCase(
        name=fields.name("name"),
        title=fields.text("title", required=True, length_max=200),
        owner=fields.email("owner", required=True) or "",
        champion=fields.email("champion"),
        business_unit=fields.name("business_unit"),
        purpose=fields.text("purpose", required=True),
        affected_persons=fields.text("affected_persons", required=True),
        solution=fields.choice("solution", get_args(Solution)),
        autonomy=fields.choice("autonomy", get_args(Autonomy)),
        data_classes=fields.choices("data_classes", DATA_CLASSES),
        model=fields.name("model"),
        embedding_model=fields.name("embedding_model", required=False) or None,
        policy=fields.name("policy", required=False) or None,
        prompt=_read_prompt(fields, reading),
        grounding=_read_grounding(fields),
        sign_off=read_sign_off(fields),
        budget=read_budget(fields),
        limits=read_limits(fields),
        exposure=read_exposure(fields, reading.locate),
        economics=read_economics(fields),
        recording=recording.on_failure,
        mask=recording.mask,
        retention_days=fields.integer("retention_days", low=1, high=RETENTION_DAYS_MAX),
        cache=read_cache(fields),
        metrics=read_metrics(fields),
        ratings=read_ratings(fields),
        evaluation=read_evaluation(fields),
        drift=read_drift(fields),
        risk_answers=_read_risk(fields),
        automation_target=fields.number("automation_target", low=0, above=True, high=1),
    )
    _check_signed(fields, use_case)
    return use_case


def _check_signed(fields: Fields, use_case: UseCase) -> None:
    """`draft_and_sign_off` promises a person's signature under every draft."""
    rule = use_case.sign_off
    if use_case.autonomy != "draft_and_sign_off" or (rule is not None and rule.when == "always"):
        return
    why = "draft_and_sign_off says that a person signs every draft: declare sign_off: {when: always, qualification: ...}"
    fields.complain("autonomy" if rule is None else "sign_off", f"{why}, or act_and_review where only some wait")


def _read_prompt(fields: Fields, reading: Reading) -> str:
    """The system prompt: text in place, or {file: PATH}."""
    node = fields.node("prompt")
    if node is None or not isinstance(node.value, dict):
        return fields.text("prompt", length_max=PROMPT_BYTES_MAX)
    section = fields.section("prompt")
    assert section is not None
    located = reading.locate(section, "file")
    section.finish()
    if located is None:
        return ""
    try:
        return read_text(located[0], located[1], bytes_max=PROMPT_BYTES_MAX).strip()
    except InputError as error:
        reading.complaints.add(as_declaration_error(error))
        return ""


def _read_grounding(fields: Fields) -> Grounding | None:
    section = fields.section("grounding")
    if section is None:
        return None
    threshold = section.number("threshold", low=0, high=1)
    guarantee = read_guarantee(section)
    source = section.choice("source", get_args(GroundingSource), default="knowledge")
    below: tuple[Below, ...] = get_args(Below)
    if source == "request":
        section.refuse("knowledge", "the request is the source: leave the knowledge base out, or the source")
        below = tuple(each for each in below if each != "fallback")  # there are no passages to compose an answer from
    else:
        section.refuse("marked", "says which part of a request counts: declare source: request as well")
    grounding = Grounding(
        knowledge=section.name("knowledge") if source == "knowledge" else None,
        source=source,
        marked=section.boolean("marked") if source == "request" else False,
        mode=section.choice("mode", ("advisory", "required"), default="required"),
        threshold=0.7 if threshold is None and guarantee is None else threshold,
        below=section.choice("below", below, default="fallback" if source == "knowledge" else "hold"),
        release=section.choice("release", ("whole", "sentence"), default="whole"),
        spot_checks=read_spot_checks(section),
        guarantee=guarantee,
        verifiers=_read_verifier_names(section),
        accept=section.number("accept", low=0.5, high=1),
        reject=section.number("reject", low=0, high=0.5),
        veto=section.boolean("veto", default=True),
    )
    if not grounding.verifiers:
        for key in ("accept", "reject", "veto"):
            if section.has(key):
                section.complain(key, "says what is left to verifiers, and none is declared: add verifiers: [NAME]")
    if grounding.release == "sentence" and grounding.mode == "advisory":
        section.complain("release", "sentence takes mode: required; under advisory nothing waits")
    if guarantee is not None:
        check_guarantee(section, grounding)
    section.finish()
    return grounding


def _read_verifier_names(section: Fields) -> tuple[str, ...]:
    """`verifiers`: names, in the order in which they are asked."""
    found: list[str] = []
    for key, node in section.items("verifiers") or []:
        problem = name_problem(node.value) if isinstance(node.value, str) else "expected the name of a verifier"
        if problem or node.value in found:
            section.complain(key, problem or f"{node.value!r} is listed twice", node.line)
            continue
        found.append(str(node.value))
    if len(found) > VERIFIERS_MAX:
        section.complain("verifiers", f"more than {VERIFIERS_MAX}")
    return tuple(found)


def _read_risk(fields: Fields) -> dict[str, bool]:
    """Answers, one by one or with `none_of` a no to all that a section asks; of the version of the questionnaire that the
    declaration names, so that a question that is asked since is not answered by an older no."""
    section = fields.section("risk")
    if section is None:
        return {}
    answers = {question: section.boolean(question) for question in sorted(QUESTIONS) if section.has(question)}
    names = section.texts("none_of")
    version = section.integer("questionnaire", low=1, high=questionnaire().version) or 0
    if names and not section.has("questionnaire"):
        section.complain("none_of", f"say which version was answered: questionnaire: {questionnaire().version}")
    for name in names:
        if name not in section_names():
            section.complain("none_of", f"expected some of {', '.join(section_names())}, found {name!r}")
        for question in questions_of(name, version):
            if answers.setdefault(question, False):
                section.complain(question, f"is true, and none_of {name} says that it is not")
    section.finish()
    return answers


def hypothesis_file(fields: Fields, reading: Reading) -> tuple[Path, str] | None:
    """The plan that a use case names under `hypothesis: {plan: FILE}`, or None."""
    section = fields.section("hypothesis")
    if section is None:
        return None
    located = reading.locate(section, "plan")
    section.finish()
    return located
