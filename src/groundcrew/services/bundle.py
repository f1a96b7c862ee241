"""All services of one database, made together: what the web, the command line and the jobs are handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from groundcrew.domain.trial import Trials
from groundcrew.services.absences import Absences
from groundcrew.services.alerts import Alerts
from groundcrew.services.approvals import Approvals
from groundcrew.services.audit import Audit
from groundcrew.services.audit_keys import KeyStore
from groundcrew.services.authorities import Authorities
from groundcrew.services.backlog import Backlog
from groundcrew.services.calls import Calls
from groundcrew.services.capabilities import Capabilities
from groundcrew.services.certifications import Certifications
from groundcrew.services.champions import Champions
from groundcrew.services.checkpoints import Checkpoints
from groundcrew.services.controls import Controls
from groundcrew.services.data_sets import DataSets
from groundcrew.services.decision_context import DecisionContexts
from groundcrew.services.deliveries import Deliveries
from groundcrew.services.drift import Drift
from groundcrew.services.evaluations import Evaluations
from groundcrew.services.evidence import EvidenceService
from groundcrew.services.experiments import Experiments
from groundcrew.services.feedback import Feedback
from groundcrew.services.gate_policies import GatePolicies
from groundcrew.services.gate_reports import GateReports
from groundcrew.services.gates import Gates
from groundcrew.services.guarding import Guarding
from groundcrew.services.hypotheses import Hypotheses
from groundcrew.services.incidents import Incidents
from groundcrew.services.inventory import Inventory
from groundcrew.services.jobs import Jobs
from groundcrew.services.keys import Keys
from groundcrew.services.kill_switches import CONFIRM_DEADLINE_S, KillSwitches
from groundcrew.services.knowledge import Knowledge
from groundcrew.services.knowledge_quality import KnowledgeQuality
from groundcrew.services.labels import Labels
from groundcrew.services.legal_holds import LegalHolds
from groundcrew.services.meeting_decisions import MeetingDecisions
from groundcrew.services.meeting_points import MeetingPoints
from groundcrew.services.meetings import Meetings
from groundcrew.services.metric_suggestions import LabelUsage
from groundcrew.services.metrics import Metrics, MetricsReport
from groundcrew.services.minutes import MinutesService
from groundcrew.services.model_evaluations import ModelEvaluations
from groundcrew.services.models import Models
from groundcrew.services.overlaps import Overlaps
from groundcrew.services.playbook import Playbook
from groundcrew.services.purgatory import Purgatory
from groundcrew.services.ramps import Ramps
from groundcrew.services.rating_links import RatingLinks
from groundcrew.services.rating_queue import RatingQueue
from groundcrew.services.registry import Registry
from groundcrew.services.rehearsals import Rehearsals
from groundcrew.services.rescoring import Rescoring
from groundcrew.services.resources import Resources
from groundcrew.services.retention import Retention
from groundcrew.services.returns import Returns
from groundcrew.services.risks import Risks
from groundcrew.services.second_reviews import SecondReviews
from groundcrew.services.shadows import ShadowService
from groundcrew.services.sign_off_queue import SignOffQueue
from groundcrew.services.sign_off_reading import SignOffReading
from groundcrew.services.sign_offs import SignOffs
from groundcrew.services.snapshots import Snapshots
from groundcrew.services.spending import Spending
from groundcrew.services.stream_actions import StreamActions
from groundcrew.services.stream_calendar import StreamCalendar
from groundcrew.services.suggested_labels import SuggestedLabels
from groundcrew.services.technical_files import TechnicalFiles
from groundcrew.services.trust import Trust
from groundcrew.services.tuned_models import TunedModels
from groundcrew.services.tuning_runs import TuningRuns
from groundcrew.services.use_cases import UseCases
from groundcrew.services.users import Users
from groundcrew.services.vetoes import Vetoes
from groundcrew.store.database import Database


class Services:
    """The verbs, by business area. `flush` ships what a gateway in this process has not shipped yet, `trials` asks models on
    purpose; both may be set later."""

    def __init__(
        self,
        database: Database,
        knowledge_folder: Path,
        *,
        kill_confirm_s: float = CONFIRM_DEADLINE_S,
        audit_key: str = "",
        audit_channel: str = "",
    ) -> None:
        self.database = database
        self.flush: Callable[[], Awaitable[None]] | None = None
        self.absences = Absences(database)
        self.approvals = Approvals(database)
        self.trials: Trials | None = None
        self.audit = Audit(database)
        self.calls = Calls(database)
        self.certifications = Certifications(database)
        self.deliveries = Deliveries(database)
        self.drift = Drift(database)
        self.evidence = EvidenceService(database)
        self.experiments = Experiments(database)
        self.feedback = Feedback(database, self._flush, self._labelled)
        self.gate_policies = GatePolicies(database)
        self.gate_reports = GateReports(database)
        self.gates = Gates(database)
        self.guarding = Guarding(database)
        self.hypotheses = Hypotheses(database)
        self.jobs = Jobs(database, knowledge_folder.parent / "files")
        self.data_sets = DataSets(database, knowledge_folder.parent)
        self.tuning_runs = TuningRuns(database, self.jobs, knowledge_folder.parent)
        self.tuned_models = TunedModels(database, knowledge_folder.parent)
        self.model_evaluations = ModelEvaluations(database, knowledge_folder.parent)
        self.evaluations = Evaluations(database, self.jobs)
        self.incidents = Incidents(database)
        self.keys = Keys(database)
        self.kill_switches = KillSwitches(database, confirm_deadline_s=kill_confirm_s)
        self.knowledge = Knowledge(database, knowledge_folder)
        self.trust = Trust(database)
        self.metrics = Metrics(database)
        self.label_usage = LabelUsage(database)
        self.alerts = Alerts(database, self._report)
        self.labels = Labels(database, self._flush, self.trust.refresh)
        self.rating_queue = RatingQueue(database, self.feedback, self._flush)
        self.rating_links = RatingLinks(database, self.feedback)
        self.models = Models(database)
        self.quality = KnowledgeQuality(database, self.jobs)
        self.ramps = Ramps(database)
        self.registry = Registry(database)
        self.rehearsals = Rehearsals(database, self.jobs)
        self.rescoring = Rescoring(database, self.jobs)
        self.retention = Retention(database)
        self.returns = Returns(database)
        self.second_reviews = SecondReviews(database)
        self.shadows = ShadowService(database)
        self.sign_off_queue = SignOffQueue(database)
        self.sign_off_reading = SignOffReading(database)
        self.sign_offs = SignOffs(database, self._flush, self._labelled)
        self.suggested_labels = SuggestedLabels(database, knowledge_folder.parent)
        self.snapshots = Snapshots(database, knowledge_folder)
        self.spending = Spending(database)
        self.use_cases = UseCases(database, self.gates)
        self._decide_together(database)
        keys = KeyStore(knowledge_folder.parent / "audit", audit_key)
        self.checkpoints = Checkpoints(database, keys, channel=audit_channel)
        self.legal_holds = LegalHolds(database)
        self.decision_contexts = DecisionContexts(database)
        self.users = Users(database)

    def _decide_together(self, database: Database) -> None:
        self.vetoes = Vetoes(database)
        self.authorities = Authorities(database)
        self.meetings = Meetings(database)
        self.meeting_points = MeetingPoints(database)
        self.meeting_decisions = MeetingDecisions(database)
        self.minutes = MinutesService(database)
        self.stream_calendar = StreamCalendar(database)
        self.stream_actions = StreamActions(database)
        self.resources = Resources(database)
        self.champions = Champions(database)
        self.playbook = Playbook(database)
        self.backlog = Backlog(database)
        self.inventory = Inventory(database)
        self.overlaps = Overlaps(database)
        self.capabilities = Capabilities(database)
        self.purgatory = Purgatory(database)
        self.risks = Risks(database)
        self.controls = Controls(database)
        self.technical_files = TechnicalFiles(database)

    async def _report(self, use_case: str) -> MetricsReport:
        # What texts mean takes seconds to compare, and alert rules look at every use case.
        return await self.metrics.report(use_case, meanings=False)

    async def _labelled(self, use_case: str) -> None:
        await self.trust.refresh(use_case)

    async def _flush(self) -> None:
        if self.flush is not None:
            await self.flush()


async def open_services(
    database_url: str,
    data: Path,
    *,
    kill_confirm_s: float = CONFIRM_DEADLINE_S,
    audit_key: str = "",
    audit_channel: str = "",
) -> Services:
    """Open and migrate the database, publish the default gates where there are none, and make the services on it."""
    services = Services(
        await Database.open(database_url),
        data / "knowledge",
        kill_confirm_s=kill_confirm_s,
        audit_key=audit_key,
        audit_channel=audit_channel,
    )
    await services.gates.publish_defaults()
    return services
