"""A call's data class: the highest of what is declared and what is found in it. Decides which provider may see it, and is what
its record says.

Types of the pii guard stand for classes. One that names a person, or leads to one, is pii; numbers that only the health system
gives are phi. A date, an age, a place, an organisation, a facility, an address of the network alone raise nothing: most texts
have some. Health content without such a number is phi only where it is declared, by the header or the knowledge's class: whether
a sentence is about somebody's health is not judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from groundcrew.domain.call import GuardResult
from groundcrew.domain.data_class import DataClass, highest
from groundcrew.domain.guard import Policy
from groundcrew.gateway.admission import Admitted, check_data_class, looks_for_phi
from groundcrew.gateway.flight import Flight
from groundcrew.guards import pii
from groundcrew.guards.judging import PARTLY

#: The class that a finding's type stands for; other types do not raise a call's class by themselves.
CLASS_OF_TYPE: Mapping[str, DataClass] = {
    "PERSON": "pii",
    "EMAIL": "pii",
    "PHONE": "pii",
    "ADDRESS": "pii",
    "IBAN": "pii",
    "CREDIT_CARD": "pii",
    "SSN": "pii",
    "ID": "pii",
    "MRN": "phi",
    "HEALTH_PLAN_ID": "phi",
}


def found_unasked(policy: Policy | None, texts: Sequence[str]) -> DataClass:
    """phi where patterns find any in `texts` although no rule of `policy` looks: phi goes to no provider unseen. The record is
    masked with what the same patterns find, so that looking costs nothing twice."""
    if looks_for_phi(policy):
        return "public"
    is_phi = any(CLASS_OF_TYPE.get(each.type) == "phi" for text in texts if text for each in pii.find(text))
    return "phi" if is_phi else "public"


def has_failed(flight: Flight) -> bool:
    """Whether a pii rule failed, or looked at a part only, without refusing the call."""
    for each in flight.guards:  # noqa: SIM110 - with every call: a generator would cost more than the look
        if each.guard == "pii" and (each.verdict == "failed" or each.reason == PARTLY):
            return True
    return False


def classify(
    flight: Flight, admitted: Admitted, *, found: DataClass = "public", seen: DataClass = "public", since: int = 0
) -> DataClass:
    """Raise the class of `flight` to `found` and to what its guards found from the result `since` on. Returns the class that a
    provider will see: the same, `seen` and the knowledge's, without what was masked. RefusedCall where the use case is not
    declared for what was found."""
    results = flight.guards[since:]
    flight.data_class = class_of(highest((flight.data_class, found)), results, with_masked=True)
    if flight.data_class not in admitted.entry.use_case.data_classes:
        check_data_class(admitted.entry.use_case, flight.data_class)
    return class_of(highest((admitted.seen_class, seen, found)), results, with_masked=False)


def class_of(declared: DataClass, results: Sequence[GuardResult], *, with_masked: bool) -> DataClass:
    """The highest of `declared` and what the pii guard found, masked or not. Of a text that it did not look through, more of the
    same may have stayed."""
    found = declared
    for result in results:
        if result.types and result.guard == "pii" and (with_masked or result.action != "redact" or result.reason == PARTLY):
            found = highest((found, *[CLASS_OF_TYPE[each] for each in result.types if each in CLASS_OF_TYPE]))
    return found
