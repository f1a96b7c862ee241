"""How far the records of a use case cover the controls of a framework: computed from evidence, and never a claim of conformity.

What is not known to be there does not count, and a person's word is shown as one.
"""

from __future__ import annotations

import msgspec

from groundcrew.domain import risk
from groundcrew.domain.framework import Bearing, Control, ControlCoverage, CoverageState, Framework, When, frameworks, state_of
from groundcrew.domain.use_case import TERMINAL_STAGES
from groundcrew.errors import NotFound
from groundcrew.services.control_facts import Judged, Materials, materials
from groundcrew.services.control_features import FEATURES
from groundcrew.services.lookups import nearest, require_use_case
from groundcrew.store import catalog
from groundcrew.store.database import Database

#: Use cases of a page of the overview; reading all that one rests on takes a moment each.
USE_CASES_PER_PAGE = 20
#: What each state means, for whoever reads it; no word of it says that a rule is met.
STATE_WORDS: dict[CoverageState, str] = {
    "covered": "evidence for all of it, computed from recorded data",
    "attested": "evidence for all of it, some of it a person's word",
    "partly": "evidence for some of it",
    "not_covered": "no evidence recorded",
    "not_applicable": "does not apply here",
}


class FrameworkCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """One framework for one use case: each control, and how many stand in which state."""

    framework: Framework
    use_case: str
    controls: tuple[ControlCoverage, ...]
    counts: dict[str, int]

    @property
    def applicable(self) -> int:
        """How many controls apply."""
        return len(self.controls) - self.counts.get("not_applicable", 0)

    @property
    def evidenced(self) -> int:
        """How many controls have evidence for all of them."""
        return self.counts.get("covered", 0) + self.counts.get("attested", 0)


class CoverageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One use case of the overview: its tier, and the counts by framework."""

    use_case: str
    title: str
    tier: str
    stage: str
    counts: dict[str, dict[str, int]]


class Controls:
    """Controls of the use cases of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, use_case: str, framework: str | None = None) -> list[FrameworkCoverage]:
        """The coverage of one use case, by every framework that is not retired or by the named one; NotFound."""
        wanted = (framework_named(framework),) if framework is not None else active()
        async with self._database.read() as connection:
            item = await require_use_case(connection, use_case)
            found = await materials(connection, item, self._database.clock.now())
        return [coverage(each, found) for each in wanted]

    async def overview(self, *, page: int = 1) -> tuple[list[CoverageRow], int]:
        """Live use cases by name, USE_CASES_PER_PAGE a page, and how many pages there are."""
        async with self._database.read() as connection:
            every = await catalog.USE_CASES.find(connection)
            live = [each for each in every if each.stage not in TERMINAL_STAGES]
            pages = max(1, -(-len(live) // USE_CASES_PER_PAGE))
            start = (min(max(page, 1), pages) - 1) * USE_CASES_PER_PAGE
            rows = []
            for item in live[start : start + USE_CASES_PER_PAGE]:
                found = await materials(connection, item, self._database.clock.now())
                counts = {each.key: coverage(each, found).counts for each in active()}
                tier = found.risk.assessment.tier
                rows.append(CoverageRow(use_case=item.name, title=item.title, tier=tier, stage=item.stage, counts=counts))
        return rows, pages


def active() -> tuple[Framework, ...]:
    """The frameworks whose coverage is computed: all that are not retired."""
    return tuple(each for each in frameworks() if each.status != "retired")


def framework_named(key: str) -> Framework:
    """The framework with this key; NotFound names the nearest."""
    found = {each.key: each for each in frameworks()}
    if key not in found:
        raise NotFound(f"no framework {key!r}{nearest(key, found)}")
    return found[key]


def coverage(framework: Framework, of: Materials) -> FrameworkCoverage:
    """How far the records cover each control of `framework`; of a retired one nothing is computed."""
    if framework.status == "retired":
        why = f"retired on {framework.retired_on}: {framework.superseded_by}"
        controls = tuple(ControlCoverage(control=each, state="not_applicable", why=why) for each in framework.controls)
    else:
        controls = tuple(_control(framework, each, of) for each in framework.controls)
    counts: dict[str, int] = {}
    for each in controls:
        counts[each.state] = counts.get(each.state, 0) + 1
    return FrameworkCoverage(framework=framework, use_case=of.use_case.name, controls=controls, counts=counts)


def subject_of(framework: Framework, control: Control) -> str:
    """What a person attests for a control: ``groundcrew attest USE_CASE SUBJECT``."""
    return f"control:{framework.key}:{control.id}"


def _control(framework: Framework, control: Control, of: Materials) -> ControlCoverage:
    why = _not_applicable(control.when, of)
    if why:
        return ControlCoverage(control=control, state="not_applicable", why=why)
    bearings = tuple(_bearing(each, framework, control, of) for each in control.rests_on)
    return ControlCoverage(control=control, state=state_of(bearings), bearings=bearings)


def _not_applicable(when: When, of: Materials) -> str:
    """Why a control does not apply, "" where it does. What is not known does not keep one from applying."""
    item, tier = of.use_case, of.risk.assessment.tier
    answers = risk.answers_of(item)
    if when == "high" and tier in ("minimal", "limited") and not of.risk.assessment.unanswered:
        return f"the tier is {tier}, and every question of it is answered"
    if when == "personal_data" and not {"pii", "phi"} & set(item.data_classes):
        return "no class of personal data is declared"
    if when == "grounded" and (item.grounding is None or item.grounding.knowledge is None):
        return "it rests on no knowledge base"
    if when == "customized" and item.solution != "customized":
        return "nothing is fine-tuned"
    if when in ("talks_to_persons", "makes_deep_fakes") and answers.get(when) == "no":
        return f"the questionnaire says no: {when.replace('_', ' ')}"
    return ""


def _bearing(name: str, framework: Framework, control: Control, of: Materials) -> Bearing:
    kind, _, key = name.partition(":")
    if kind == "attestation":
        return _word(subject_of(framework, control), of)
    if kind == "feature":
        return FEATURES[key](of)
    judged = of.judged.get(key)
    if judged is None:
        return Bearing(name=name, kind="computed", met=False, figure="no published gate asks for it", missing="publish a policy")
    return _criterion(judged, of)


def _criterion(judged: Judged, of: Materials) -> Bearing:
    found = judged.result
    words = {each.sha256: each for each in of.facts.evidence if each.attested}
    said = [words[each] for each in found.evidence if each in words]
    approvals = judged.criterion.check == "approvals"
    attested = bool(said) or approvals or judged.criterion.check == "attestation"
    return Bearing(
        name=f"criterion:{found.key}",
        kind="attested" if attested else "computed",
        met=found.status == "pass" and not found.sample,
        figure=f"{found.title}: {found.figure or found.status}",
        missing=found.missing if found.status != "pass" else "",
        link=found.link or f"/use-cases/{of.use_case.name}",
        evidence=found.evidence,
        by=", ".join(sorted({each.producer for each in said})) or (found.source if approvals else ""),
        until=f"{min(each.valid_until for each in said):%Y-%m-%d}" if said else "",
    )


def _word(subject: str, of: Materials) -> Bearing:
    found, name = of.word(subject), of.use_case.name
    link = f"/use-cases/{name}#evidence"
    if found is None:
        state = of.facts.latest_state("attestation", subject)
        how = f'`groundcrew attest {name} "{subject}" --statement …`'
        return Bearing(name=f"attestation:{subject}", kind="attested", met=False, figure=f"word {state}", missing=how, link=link)
    return Bearing(
        name=f"attestation:{subject}",
        kind="attested",
        met=True,
        figure=str(found.content.get("statement", ""))[:200],
        link=link,
        evidence=(found.sha256,),
        by=found.producer,
        until=f"{found.valid_until:%Y-%m-%d}",
    )
