"""Reads what a use case declares about sign-off: which answers wait for a person, for whom, and for how long."""

from __future__ import annotations

from typing import Any, Literal

from groundcrew.domain.data_class import DATA_CLASSES
from groundcrew.domain.sign_off import EXPIRES_AFTER_S
from groundcrew.domain.use_case import SignOffCondition, SignOffRule
from groundcrew.services.declaration_fields import Fields

CONDITIONS_MAX = 20
QUALIFICATION_LENGTH_MAX = 64
READERS_MAX = 2
WAIT_S_MIN, WAIT_S_MAX = 60, 90 * 86_400
#: A condition looks at one of these.
CONDITIONS = ("trust_below", "guard", "data_class", "amount_above", "share")
AMOUNT_MAX = 1e12
When = Literal["always", "never", "rules"]


def read_sign_off(fields: Fields) -> SignOffRule | None:
    """sign_off: when a person must release an answer; None where it is not declared."""
    section = fields.section("sign_off")
    if section is None:
        return None
    choices: tuple[When, ...] = ("always", "never", "rules")
    when = section.choice("when", choices)
    qualification = section.text("qualification", required=True, length_max=QUALIFICATION_LENGTH_MAX)
    readers = section.integer("readers", low=1, high=READERS_MAX)
    second_review = section.number("second_review_share", low=0, high=1)
    rule = SignOffRule(
        when=when,
        qualification=qualification,
        rules=_read_conditions(section, when),
        readers=1 if readers is None else readers,
        second_review_share=0.0 if second_review is None else second_review,
        respond_within_s=_read_wait(section, "respond_within"),
        expires_after_s=_read_wait(section, "expires_after"),
        escalate_to=section.text("escalate_to", length_max=QUALIFICATION_LENGTH_MAX) or None,
        webhook=section.name("webhook", required=False) or None,
    )
    _check(section, rule)
    section.finish()
    return rule


def _read_wait(section: Fields, key: str) -> int | None:
    if not section.has(key):
        return None
    return section.duration_s(key, default=EXPIRES_AFTER_S, low=WAIT_S_MIN, high=WAIT_S_MAX)


def _check(section: Fields, rule: SignOffRule) -> None:
    if rule.respond_within_s is not None and rule.respond_within_s > (rule.expires_after_s or EXPIRES_AFTER_S):
        section.complain("respond_within", "is longer than a draft waits: expected at most expires_after (7d where not declared)")
    if rule.escalate_to is not None and rule.escalate_to == rule.qualification:
        section.complain("escalate_to", "is the qualification that let it expire: name another one")


def _read_conditions(section: Fields, when: str) -> tuple[SignOffCondition, ...]:
    if when != "rules":
        section.refuse("rules", f"says when an answer waits, and `when: {when}` says it already: declare `when: rules`")
        return ()
    found: list[SignOffCondition] = []
    sections = section.sections("rules", required=True)
    if len(sections) > CONDITIONS_MAX:
        section.complain("rules", f"more than {CONDITIONS_MAX} conditions")
    for index, each in enumerate(sections[:CONDITIONS_MAX]):
        condition = _read_condition(each)
        if condition is not None and condition in found:
            section.complain(f"rules[{index}]", "is listed twice", each.line(""))
        elif condition is not None:
            found.append(condition)
    return tuple(found)


def _read_condition(section: Fields) -> SignOffCondition | None:
    """One condition, or None where it has none or several of the fields that say what it looks at."""
    given = [name for name in CONDITIONS if section.has(name)]
    values: dict[str, Any] = {
        "trust_below": section.number("trust_below", low=0, above=True, high=1),
        "guard": section.name("guard", required=False) or None,
        "data_class": section.choice("data_class", DATA_CLASSES) if section.has("data_class") else None,
        "amount_above": section.number("amount_above", low=0, high=AMOUNT_MAX),
        "share": section.number("share", low=0, above=True, high=1),
    }
    section.finish()
    if len(given) != 1:
        if given:
            section.complain(given[1], f"{', '.join(given)} are conditions of their own: list each by itself")
        else:
            section.complain(CONDITIONS[0], f"names no condition; expected one of {', '.join(CONDITIONS)}")
        return None
    return SignOffCondition(**values)
