"""What groundcrew records of a use case besides the criteria of its gates, as something that a control can rest on.

Each feature is computed from rows that are there: that the product could do something is no evidence, that it does it for this
use case is. Where nothing is recorded a feature is not met, and says what to do.
"""

from __future__ import annotations

from collections.abc import Callable

from groundcrew.domain.framework import Bearing
from groundcrew.guards.masking import detect_for
from groundcrew.services.control_facts import Materials

Feature = Callable[[Materials], Bearing]

FEATURES: dict[str, Feature] = {}
#: What the assessment of impact on fundamental rights asks (EU AI Act Art. 27(1)(a) to (f), in our words) → subject of the
#: word.
RIGHTS_QUESTIONS: dict[str, str] = {
    "rights:process": "In which of our processes it is used, and for what",
    "rights:period": "For how long and how often it is used",
    "rights:persons": "Which kinds of persons and groups it is likely to affect",
    "rights:harms": "Which harm may come to them",
    "rights:oversight": "How people oversee it, as its instructions say",
    "rights:measures": "What is done when harm comes about: who decides, and where people complain",
}


def feature(name: str) -> Callable[[Feature], Feature]:
    """Register a feature under the name that frameworks use."""

    def register(function: Feature) -> Feature:
        FEATURES[name] = function
        return function

    return register


def _found(name: str, met: bool, figure: str, missing: str = "", link: str = "") -> Bearing:
    return Bearing(name=f"feature:{name}", kind="computed", met=met, figure=figure, missing="" if met else missing, link=link)


@feature("registered")
def registered(of: Materials) -> Bearing:
    """It is in the registry."""
    return _found(
        "registered", True, f"registered, in {of.use_case.stage.replace('_', ' ')}", link=f"/use-cases/{of.use_case.name}"
    )


@feature("owner")
def owner(of: Materials) -> Bearing:
    """It has an accountable owner and a champion."""
    item = of.use_case
    figure = f"owner {item.owner}" + (f", champion {item.champion}" if item.champion else ", no champion")
    return _found("owner", bool(item.owner and item.champion), figure, "declare owner and champion", f"/use-cases/{item.name}")


@feature("purpose")
def purpose(of: Materials) -> Bearing:
    """Purpose and affected persons are declared, and part of the version or of what answers rest on."""
    item = of.use_case
    met = bool(item.purpose.strip() and item.affected_persons.strip())
    return _found("purpose", met, f"purpose declared: {item.purpose[:80]}", "declare purpose and affected_persons")


@feature("version_bound")
def version_bound(of: Materials) -> Bearing:
    """Evidence is bound to a digest of the version."""
    known = of.facts.model is not None
    return _found("version_bound", known, f"version {of.facts.version_digest[:12]}", "declare the model that it names")


@feature("risk_assessment")
def risk_assessment(of: Materials) -> Bearing:
    """The questionnaire of risk is answered, and nothing of it is due."""
    view, link = of.risk, f"/use-cases/{of.use_case.name}/risk"
    figure = f"{view.assessment.tier} tier, {len(view.assessment.unanswered)} questions open"
    return _found("risk_assessment", not view.due, figure, "; ".join(view.due), link)


@feature("risk_record")
def risk_record(of: Materials) -> Bearing:
    """People answered the questionnaire with reasons, and that is kept."""
    newest = of.sheets[0] if of.sheets else None
    figure = f"{len(of.sheets)} times answered, last by {newest.by} on {newest.at:%Y-%m-%d}" if newest else "declared only"
    how = f"answer with reasons: `groundcrew risk answer {of.use_case.name}`"
    return _found("risk_record", newest is not None, figure, how, f"/use-cases/{of.use_case.name}/risk")


@feature("rights_assessment")
def rights_assessment(of: Materials) -> Bearing:
    """Every question of the assessment of fundamental rights has a valid word of somebody who did not build it."""
    words = {subject: of.word(subject) for subject in RIGHTS_QUESTIONS}
    open_ = [subject for subject, word in words.items() if word is None]
    said = [word for word in words.values() if word is not None]
    how = f"`groundcrew attest {of.use_case.name} {open_[0]} --statement …`, and so on" if open_ else ""
    return Bearing(
        name="feature:rights_assessment",
        kind="attested",
        met=not open_,
        figure=f"{len(said)} of {len(words)} questions have somebody's word",
        missing=how,
        link=f"/use-cases/{of.use_case.name}#evidence",
        evidence=tuple(each.sha256 for each in said),
        by=", ".join(sorted({each.producer for each in said})),
        until=f"{min(each.valid_until for each in said):%Y-%m-%d}" if said else "",
    )


@feature("gate_kept")
def gate_kept(of: Materials) -> Bearing:
    """An evaluation of a gate that passed is kept."""
    found = next((each for each in of.evaluations if each.passed), None)
    figure = f"into {found.stage.replace('_', ' ')} on {found.evaluated_at:%Y-%m-%d}" if found else "no gate was passed yet"
    return _found(
        "gate_kept", found is not None, figure, f"`groundcrew gate {of.use_case.name}`", f"/use-cases/{of.use_case.name}"
    )


@feature("certified")
def certified(of: Materials) -> Bearing:
    """The stage is certified now."""
    found = of.certification
    met = found is not None and found.state == "certified"
    until = f", until {found.valid_until:%Y-%m-%d}" if found is not None and found.valid_until else ""
    figure = f"{found.state}{until}" if found is not None else "nothing to certify before a gate was passed"
    missing = "; ".join(found.reasons[:3]) if found is not None else f"`groundcrew gate {of.use_case.name}`"
    return _found("certified", met, figure, missing)


@feature("calls_recorded")
def calls_recorded(of: Materials) -> Bearing:
    """Calls of the present version are recorded."""
    link = f"/calls?use_case={of.use_case.name}"
    return _found("calls_recorded", of.calls > 0, f"{of.calls:,} calls of this version", "no call of this version yet", link)


@feature("tokens_counted")
def tokens_counted(of: Materials) -> Bearing:
    """What calls use is counted: recorded calls carry their tokens."""
    return _found("tokens_counted", of.calls > 0, f"tokens of {of.calls:,} calls", "no call of this version yet")


@feature("audit_chain")
def audit_chain(of: Materials) -> Bearing:
    """Every change is an entry of the hash chain."""
    last = of.chain
    figure = f"{last.sequence:,} entries, head {last.hash[:12]}" if last is not None else "no entries"
    return _found("audit_chain", last is not None, figure, "`groundcrew audit verify`", "/audit")


@feature("alerts")
def alerts(of: Materials) -> Bearing:
    """Alert rules look at it, and somebody hears of them."""
    heard = [each for each in of.alert_rules if each.channels or each.owner]
    figure = f"{len(of.alert_rules)} rules look at it, {len(heard)} of them tell somebody"
    return _found("alerts", bool(heard), figure, "declare an AlertRule with channels or an owner", "/alerts")


@feature("guards")
def guards(of: Materials) -> Bearing:
    """Guards are enforced in its stage."""
    names = sorted({each.label for each in of.enforced})
    return _found("guards", bool(names), ", ".join(names) or "none enforced", "declare a policy with enforced guards")


@feature("masking")
def masking(of: Materials) -> Bearing:
    """Personal data is masked before anything is recorded, by all that the guard finds."""
    detect = detect_for(of.use_case, of.policy)
    figure = "all that the guard finds is masked" if detect == "full" else "patterns alone are masked"
    return _found("masking", detect == "full", figure, "declare recording: {mask: full}")


def _guard(name: str, guard: str) -> Feature:
    def found(of: Materials) -> Bearing:
        rule = next((each for each in of.enforced if each.guard == guard), None)
        figure = f"{rule.label} on {', '.join(rule.on)}: {rule.action}" if rule else f"{guard} is not enforced"
        return _found(name, rule is not None, figure, f"declare the guard {guard} with mode enforce")

    return found


for _name, _kind in (
    ("pii_guard", "pii"),
    ("injection_guard", "prompt_injection"),
    ("topic_guard", "topic"),
    ("secrets_guard", "secrets"),
):
    FEATURES[_name] = _guard(_name, _kind)


@feature("knowledge_provenance")
def knowledge_provenance(of: Materials) -> Bearing:
    """What answers rest on is an approved revision with a name and a day under it."""
    found = of.facts.revision
    figure = f"revision {found.id[:12]}, approved by {found.approved_by}" if found else "no approved revision serves"
    return _found("knowledge_provenance", found is not None, figure, "approve a revision: `groundcrew knowledge approve`")


@feature("models_known")
def models_known(of: Materials) -> Bearing:
    """Which providers' models answer is known."""
    targets = sorted(f"{provider}/{name}" for provider, name in of.facts.model.answering) if of.facts.model else []
    met = bool(targets) and bool(of.facts.providers)
    return _found("models_known", met, ", ".join(targets) or f"{of.use_case.model}: unknown", "declare the model", "/models")


@feature("labels")
def labels(of: Materials) -> Bearing:
    """People judged whether answers are supported, so that the measure itself is measured."""
    standing = of.facts.labels
    number = sum(bool(each.labels) for each in standing.units) if standing is not None else 0
    link = f"/spot-checks/{of.use_case.name}"
    return _found("labels", number > 0, f"{number:,} drawn answers judged by people", "label drawn answers", link)


@feature("sign_off_decisions")
def sign_off_decisions(of: Materials) -> Bearing:
    """People decided drafts, and refused or changed some where they had to."""
    decided = [each for each in of.signed if each.state in ("approved", "edited", "rejected")]
    changed = sum(each.state != "approved" for each in decided)
    figure = f"{len(decided):,} decided, {changed:,} of them edited or rejected" if decided else "none decided"
    return _found("sign_off_decisions", bool(decided), figure, "declare sign_off, and decide the drafts", "/sign-offs")


@feature("technical_file")
def technical_file(of: Materials) -> Bearing:
    """The technical file of the present version is filed."""
    figure = f"filed on {of.filed:%Y-%m-%d}" if of.filed else "none is filed of this version"
    how = f"`groundcrew technical-file {of.use_case.name} --output FILE.pdf --file --reason WHY`"
    return _found("technical_file", of.filed is not None, figure, how, f"/use-cases/{of.use_case.name}/controls#file")
