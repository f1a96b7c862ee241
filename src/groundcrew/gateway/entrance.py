"""Where every call comes in, whatever it asks for: admission against the newest snapshot, and the budget's reservation."""

from __future__ import annotations

from groundcrew.domain.clock import Clock
from groundcrew.domain.data_class import highest
from groundcrew.errors import RefusedCall
from groundcrew.gateway.accounting import hold
from groundcrew.gateway.admission import Admissions, Admitted, authenticate, check_age, floor_class
from groundcrew.gateway.arms import NOWHERE, place, take_part
from groundcrew.gateway.asked import Asked
from groundcrew.gateway.budget import Ledger
from groundcrew.gateway.flight import Flight
from groundcrew.gateway.protocols import SnapshotSource
from groundcrew.gateway.settings import GatewaySettings


class Entrance:
    """Lets calls in, and holds what they may use until they settle."""

    def __init__(self, snapshots: SnapshotSource, ledger: Ledger, clock: Clock, settings: GatewaySettings) -> None:
        self._snapshots, self._ledger, self._clock, self._settings = snapshots, ledger, clock, settings
        self._admissions = Admissions()

    def admit(self, flight: Flight, asked: Asked, body_bytes: int) -> Admitted:
        """Admission against the newest snapshot, and the budget's reservation."""
        snapshot, now = self._snapshots.current, self._clock.now()
        now_s = now.timestamp()
        if snapshot is not flight.snapshot:
            flight.snapshot = snapshot
            flight.key, flight.entry = authenticate(snapshot, flight.headers.secret, now_s)
        assert flight.key is not None
        assert flight.entry is not None
        key, entry = flight.key, flight.entry
        floor, declared = floor_class(entry.use_case), flight.headers.data_class
        flight.data_class = floor if declared is None else highest((floor, declared))
        check_age(entry, self._snapshots.age_s(), self._settings)
        embeds = asked.dialect == "embeddings"
        placed = NOWHERE if embeds or entry.experiment is None else place(flight)
        admitted = self._admissions.admit(
            snapshot,
            key,
            entry,
            asked_model=asked.model,
            data_class=flight.data_class,
            now_s=now_s,
            embeddings=embeds,
            variant=placed.variant,
        )
        flight.model = admitted.model.name
        if entry.experiment is not None:
            take_part(flight, placed)
        if asked.choices > 1 and (admitted.holds_back or entry.use_case.grounding is not None):
            raise RefusedCall("invalid_request", f"n: use case {entry.use_case.name} checks its answers, one at a time")
        added_bytes = admitted.prompt_bytes
        if admitted.knowledge is not None:
            added_bytes += self._settings.prompt_passages_max * self._settings.passage_bytes_estimate
        if asked.choices > 1:
            flight.scans_missing += 1  # guards read the texts of further choices, and nothing else of them
        flight.estimated_input_tokens = -(-(body_bytes + added_bytes) // self._settings.prompt_bytes_per_token)
        output = output_tokens(asked, self._settings)
        hold(self._ledger, flight, admitted.aims, input_tokens=flight.estimated_input_tokens, output_tokens=output, now=now)
        return admitted


def output_tokens(asked: Asked, settings: GatewaySettings) -> int:
    """The most tokens that the answers may take, as far as the request tells."""
    return (asked.output_tokens or settings.output_tokens_default) * asked.choices
