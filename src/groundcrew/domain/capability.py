"""What a vendor sells or plans to: where that is written, and when somebody last looked. What was not looked at for long is
unknown, never absent."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal, get_args

import msgspec

from groundcrew.domain.canonical import digest
from groundcrew.domain.data_class import DataClass

CapabilityStatus = Literal["ga", "preview", "roadmap"]
Confidence = Literal["low", "medium", "high"]
STATUSES: tuple[CapabilityStatus, ...] = get_args(CapabilityStatus)
CONFIDENCES: tuple[Confidence, ...] = get_args(Confidence)
#: After how many days what is known of a capability is to be checked again [D].
RECHECK_DAYS = 90
#: A capability is a line of a catalogue, not a brochure.
NAME_LENGTH_MAX, DESCRIPTION_LENGTH_MAX, SOURCE_LENGTH_MAX = 120, 1_000, 2_000
TAGS_MAX, TAG_LENGTH_MAX = 20, 60


class VendorCapability(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a product does (`ga`: everybody can buy it; `preview`: some can; `roadmap`: announced for `ships_on`).

    Vendor, product and name are its identity, upper and lower case being one. `source` is the address where it is written,
    `checked_on` the day on which somebody last read it there.
    """

    vendor: str
    product: str
    name: str
    description: str
    status: CapabilityStatus
    source: str
    checked_on: date
    ships_on: date | None = None
    #: How sure the announcement is; only for roadmap.
    confidence: Confidence | None = None
    #: The solution area: "customer service", "accounts payable".
    area: str = ""
    tags: tuple[str, ...] = ()
    data_classes: tuple[DataClass, ...] = ()

    @property
    def id(self) -> str:
        """Readable, and the same for the same vendor, product and name."""
        return capability_id(self.vendor, self.product, self.name)

    @property
    def title(self) -> str:
        """How it is called in a sentence."""
        return f"{self.vendor} {self.product.removeprefix(self.vendor).strip() or self.product}: {self.name}"

    def is_stale(self, today: date) -> bool:
        """Whether it was last checked more than RECHECK_DAYS ago: what is written there may be another by now."""
        return today - self.checked_on > timedelta(days=RECHECK_DAYS)

    def should_have_shipped(self, today: date) -> bool:
        """Whether the day on which it was to ship is here, and nobody has said that it did."""
        return self.status == "roadmap" and self.ships_on is not None and self.ships_on <= today


def capability_id(vendor: str, product: str, name: str) -> str:
    """The id of a capability: words of its names, and a hash so that no two are one."""
    parts = [" ".join(each.split()).casefold() for each in (vendor, product, name)]
    words = re.sub(r"[^a-z0-9]+", "-", " ".join(dict.fromkeys(parts))).strip("-")
    return f"{words[:80].rstrip('-')}-{digest(parts)[:8]}"
