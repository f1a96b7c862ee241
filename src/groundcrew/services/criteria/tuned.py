"""Criteria of customized solutions: what their models learned from, and how good they are on cases that they have not seen."""

from __future__ import annotations

from groundcrew.domain.evidence import Evidence
from groundcrew.domain.gate import Criterion, CriterionResult, CriterionStatus
from groundcrew.domain.tuning import TunedModel
from groundcrew.services.criteria.attested import attested
from groundcrew.services.criteria.registry import check, result
from groundcrew.services.gate_facts import Facts
from groundcrew.services.tuned_standing import TunedStanding

#: Whose word stands in where a model was tuned elsewhere and nobody registered it here.
DATA_SUBJECT, EVALUATION_SUBJECT = "data_set_revision", "held_out_evaluation"
TEST_SPLIT = "test"


def learned_from(facts: Facts, criterion: Criterion) -> CriterionResult:
    """Every tuned model that may answer was tuned on a registered revision of a data set, whose source, licence and consent are
    on record and whose splits curation made, which lets no group and no near-equal text into two of them. A person attests the
    data of a model that was tuned elsewhere."""
    if not facts.tuned:
        how = "let the alias answer with a model tuned here, or attest the curated data set revision of one tuned elsewhere"
        return attested(facts, criterion, DATA_SUBJECT, how)
    problems = [problem for each in facts.tuned if (problem := _data_problem(each))]
    sets = sorted({each.data_set.id[: each.data_set.id.index("@") + 13] for each in facts.tuned if each.data_set is not None})
    records = sum({each.data_set.id: each.data_set.records for each in facts.tuned if each.data_set is not None}.values())
    return result(
        criterion,
        "fail" if problems else "pass",
        figure=f"{len(facts.tuned) - len(problems)} of {len(facts.tuned)} models on {records:,} curated records",
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
    the lower bound of each declared figure reaches its target; on ``cases_min`` (30) cases at least."""
    if facts.use_case.solution != "customized":
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
    if len(here) < len(facts.tuned):  # of what a provider keeps nothing lies here to be evaluated
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
    if cases < cases_min:
        return "unknown", f"{cases} cases", f"{cases_min} cases at least, {cases} were evaluated"
    if leaked is None:
        return "unknown", "", f"whether {model.id} has learned from these cases is not known: evaluate it where its data set lies"
    if leaked:
        return "fail", f"{leaked} cases leaked", f"{model.id} has learned from {leaked} of these cases or of their groups"
    said, missed = [], []
    for name, target in sorted(wanted.at_least.items()):
        interval = found.content["figures"].get(name) or {}
        estimate, lower = interval.get("estimate"), interval.get("lower")
        said.append(f"{name} {_number(estimate)} ({_number(lower)}–{_number(interval.get('upper'))})")
        if lower is None or lower < target:
            missed.append(f"{name}: the lower bound {_number(lower)} is below {target:g}")
    more = "tune on more or better data, or declare what the model can do"
    return ("fail" if missed else "pass"), ", ".join(said), "; ".join([*missed, more]) if missed else ""


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.3f}"
