"""The draft of a use case for something that was found: what a scan can know is in it, what only people know is left open.

A draft is refused by `groundcrew apply` until it is filled in, so that nothing invented is ever registered.
"""

from __future__ import annotations

import re

from groundcrew.domain.identifiers import NAME_LENGTH_MAX
from groundcrew.domain.inventory import WHY, InventoryFinding

_DRAFT = """\
# A use case for what a scan found, to be filled in by who knows: `groundcrew apply` refuses it until then.
#
#   found: {kind}, {service}, {place}
#   root:  {root}
#   why:   {why}
#
# When it is applied, send its calls through the gateway (`groundcrew key create {name}`), then say what became of the finding:
#   groundcrew inventory register {id} --use-case {name} --as NAME
kind: UseCase
name: {name}
title:                # in a few words
owner: {owner}
business_unit: {unit}
purpose:              # what it is for, in one sentence
affected_persons:     # whom its answers concern
solution:             # vendor_feature | product | customized
autonomy:             # assist | draft_and_sign_off | act_and_review | autonomous
data_classes:         # of what it is sent: [public | internal | confidential | pii | phi]
model:                # the alias of a declared Model that takes the place of {service}
"""


def draft_of(finding: InventoryFinding) -> str:
    """The draft as YAML."""
    found = finding.found
    return _DRAFT.format(
        id=finding.id,
        kind=found.kind.replace("_", " "),
        service=_plain(found.service),
        place=_plain(found.place or found.fragment),
        root=_plain(finding.root),
        why=WHY[found.kind],
        name=draft_name(finding),
        owner=_quoted(finding.owner) if finding.owner else "               # who answers for it",
        unit=_quoted(finding.unit) if finding.unit else "       # whose budget it is",
    )


def draft_name(finding: InventoryFinding) -> str:
    """A name that can name a use case, from where it was found and the service."""
    found = finding.found
    where = (found.path or "").rpartition("/")[2].partition(".")[0] or found.user or "use"
    words = re.sub(r"[^a-z0-9]+", "-", f"{where}-{found.service}".lower()).strip("-")
    return words[:NAME_LENGTH_MAX].strip("-") or f"found-{finding.id[:8]}"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
