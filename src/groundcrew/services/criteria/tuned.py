"""Criteria of customized solutions: what their models learned from, and how good they are on cases that they have not seen."""

from __future__ import annotations

from groundcrew.domain.evidence import Evidence
from groundcrew.domain.gate import Criterion, CriterionResult, CriterionStatus
from groundcrew.domain.tuning import TunedModel
from groundcrew.services.criteria.attested import attested
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.evidence import TARGET_SUBJECT
from groundcrew.services.gate_facts import Facts
from groundcrew.services.tuned_standing import TunedStanding

#: Whose word stands in where a model was tuned elsewhere and nobody registered it here.
DATA_SUBJECT, EVALUATION_SUBJECT = "data_set_revision", "held_out_evaluation"
DECLARE_CUSTOMIZED = "a tuned model answers for it: declare solution: customized"
TEST_SPLIT = "test"


def learned_from(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Every tuned model that may answer was tuned on a registered revision of a data set, whose source, licence and consent are
    on record and whose splits curation made, which lets no group and no near-equal text into two of them. A person attests the
    data of a model that was tuned elsewhere."""
    if not facts.tuned:
        how = "let the alias answer with a model tuned here, or attest the curated data set revision of one tuned elsewhere"
        return attested(facts, criterion, DATA_SUBJECT, how)
    problems = [problem for each in facts.tuned if (problem := _data_problem(each))]
    status: CriterionStatus = "fail" if problems else "pass"
    good = len(facts.tuned) - len(problems)
    if facts.others:  # of what may answer besides nobody has registered what it has learned from
        word = attested(facts, criterion, DATA_SUBJECT, f"attest what {', '.join(facts.others)} has learned from")
        status = word.status if status == "pass" else status
        problems += [word.missing] if word.missing else []
    sets = sorted({f"{each.data_set.name}@{each.data_set.revision[:12]}" for each in facts.tuned if each.data_set is not None})
    records = sum({each.data_set.id: each.data_set.records for each in facts.tuned if each.data_set is not None}.values())
    return result(
        criterion,
        status,
        figure=f"{good} of {len(facts.tuned)} models on {records:,} curated records",
        bound="each on a registered data set revision with source, licence, consent and splits",
        n=records,
        source=", ".join(sets),
        missing="; ".join(problems),
    )


def _data_problem(each: TunedStanding) -> str:
    model, data = each.model, each.data_set
    if model is None:
        return f"{each.target} is not registered: `groundcrew tune start`, then name the version that it makes"
    if model.state == "retired":
        return f"{model.id} was retired ({model.reason}): let the alias answer with another version"
    if data is None:
        return (
            f"{model.id} was tuned on {model.data_set}@{model.data_revision[:12]}, which is not registered: "
            "`groundcrew dataset register FOLDER`"
        )
    absent = [name for name in ("source", "licence", "consent") if not getattr(data, name).strip()]
    if absent:
        return f"{data.name} does not say its {', '.join(absent)}: say so in the recipe, curate, register and tune again"
    if missing := [name for name in ("train", TEST_SPLIT) if not data.splits.get(name)]:
        return (
            f"{data.name} has no records for {' and '.join(missing)}: declare `split` in the recipe, curate, register, tune again"
        )
    return ""


@check("evaluation")
def evaluation(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Every tuned model that may answer was evaluated on the held-out test split that is declared, by the digest that it has, and
    the lower bound of each declared figure reaches its target; on ``cases_min`` (30) cases of as many groups at least. A target
    that was lowered once an evaluation was recorded stands on the word of a person who did not build it."""
    if facts.use_case.solution != "customized":
        if facts.tuned:
            return result(criterion, "fail", figure="declared as something else", bound="evaluated", missing=DECLARE_CUSTOMIZED)
        return result(criterion, "pass", figure="nothing is tuned for it", bound="customized solutions only")
    wanted = facts.use_case.evaluation
    here = [each for each in facts.tuned if each.model is None or not each.model.reference]
    elsewhere = attested(facts, criterion, EVALUATION_SUBJECT, "attest how a model that is kept elsewhere does on held-out cases")
    if not here:
        return elsewhere
    if wanted is None:
        first = here[0].data_set
        name = first.name if first is not None else "NAME"
        return result(
            criterion,
            "fail",
            figure="no target declared",
            bound="declared figures on held-out cases",
            missing=f"declare evaluation: {{data_set: {name}, at_least: {{micro_f1: …}}}}",
        )
    bound = ", ".join(f"{name} ≥ {value:g}" for name, value in sorted(wanted.at_least.items())) + f" on {wanted.data_set}"
    statuses: list[CriterionStatus] = []
    figures, problems, rests = [], [], []
    if len(here) < len(facts.tuned) or facts.others:  # of what a provider keeps nothing lies here to be evaluated
        statuses.append(elsewhere.status)
        problems += [elsewhere.missing] if elsewhere.missing else []
    for each in here:
        if each.model is None:
            statuses.append("unknown")
            problems.append(f"{each.target} is not registered")
            continue
        found = _newest(facts, each.model, wanted.data_set)
        status, figure, problem = _judged(found, each.model, facts, int(criterion.settings.get("cases_min", 30)))
        statuses.append(status)
        figures.append(figure)
        problems += [problem] if problem else []
        rests += [found] if found is not None else []
    status = "fail" if "fail" in statuses else "unknown" if "unknown" in statuses else "pass"
    return result(
        criterion,
        status,
        figure="; ".join(filter(None, figures)),
        bound=bound + " (lower bounds)",
        n=min((int(each.content["cases"]) for each in rests), default=None),
        missing="; ".join(problems),
        source="; ".join(f"evaluated {each.recorded_at:%Y-%m-%d} by {each.producer}" for each in rests),
        evidence=tuple(each.sha256 for each in rests),
    )


def _newest(facts: Facts, model: TunedModel, data_set: str) -> Evidence | None:
    """The newest valid evaluation of exactly these weights on the test split of this data set."""
    asked = {"model_digest": model.digest, "data_set": data_set, "split": TEST_SPLIT}
    found = [
        each
        for each in facts.valid_evidence
        if each.kind == "model_evaluation" and all(each.content.get(name) == value for name, value in asked.items())
    ]
    return found[-1] if found else None


def _judged(found: Evidence | None, model: TunedModel, facts: Facts, cases_min: int) -> tuple[CriterionStatus, str, str]:
    """Status, figure and what is missing, of one model."""
    wanted = facts.use_case.evaluation
    assert wanted is not None
    how = f"`groundcrew tune evaluate {model.id} --data-set {wanted.data_set} --split {TEST_SPLIT}`"
    if found is None:
        return "unknown", "", f"{model.id} was not evaluated there as it answers now: {how}"
    cases, leaked = int(found.content["cases"]), found.content.get("leaked")
    groups = int(found.content.get("groups", cases))
    if groups < cases_min:  # what one patient's cases share tells little more than one of them
        figure = f"{cases} cases" if groups == cases else f"{cases} cases of {groups} groups"
        return "unknown", figure, f"{cases_min} cases of as many groups at least: {figure} were evaluated"
    if leaked is None:
        return "unknown", "", f"whether {model.id} has learned from these cases is not known: evaluate it where its data set lies"
    if leaked:
        return "fail", f"{leaked} cases leaked", f"{model.id} has learned from {leaked} of these cases or of their groups"
    if chosen := _chosen_after(found, model, facts):
        return "fail", "", chosen
    said, missed = [], []
    for name, target in sorted(wanted.at_least.items()):
        interval = found.content["figures"].get(name) or {}
        estimate, lower = interval.get("estimate"), interval.get("lower")
        said.append(f"{name} {_number(estimate)} ({_number(lower)}–{_number(interval.get('upper'))})")
        if lower is None or lower < target:
            missed.append(f"{name}: the lower bound {_number(lower)} is below {target:g}")
    more = "tune on more or better data, or declare what the model can do"
    return ("fail" if missed else "pass"), ", ".join(said), "; ".join([*missed, more]) if missed else ""


def _chosen_after(found: Evidence, model: TunedModel, facts: Facts) -> str:
    """What is wrong where a target is lower than it was when these weights were evaluated before, or where they missed it on
    other cases: whoever knows the figures can draw the line below them, or look for cases that are easier."""
    wanted = facts.use_case.evaluation
    assert wanted is not None
    before: dict[str, float] = {}
    missed: list[str] = []
    for each in facts.evidence:
        content = each.content
        asked = content.get("at_least")
        if each.kind != "model_evaluation" or content.get("model_digest") != model.digest or not asked:
            continue
        for name, target in asked.items():
            before[name] = max(target, before.get(name, 0.0))
        same = all(content.get(name) == found.content.get(name) for name in ("data_set", "data_revision", "split"))
        if not same and any(_lower(each, name) < target for name, target in asked.items()):
            missed.append(str(content.get("on", "")))
    now = wanted.at_least
    why = [f"{name} was {target:g}" for name, target in sorted(before.items()) if now.get(name, 0.0) < target]
    why += [f"missed on {where}" for where in dict.fromkeys(missed)]
    word = facts.valid("attestation", TARGET_SUBJECT)
    is_heard = word is not None and (word.content.get("data_set"), word.content.get("at_least")) == (wanted.data_set, now)
    if not why or (is_heard and word is not None and (not missed or word.recorded_at >= found.recorded_at)):
        return ""
    return (
        f"the target or its cases were chosen after an evaluation ({', '.join(why)}): a person who did not build it says why "
        f"they will do: `groundcrew attest {facts.use_case.name} {TARGET_SUBJECT} --statement …`"
    )


def _lower(evidence: Evidence, name: str) -> float:
    """The lower bound of a figure; 0 where it is not known."""
    lower = (evidence.content["figures"].get(name) or {}).get("lower")
    return 0.0 if lower is None else float(lower)


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.3f}"
