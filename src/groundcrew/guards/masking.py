"""What is masked before anything is written, on every path the same: personal data and secrets in a text, and identifiers that
are a person's data themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from groundcrew.domain.data_class import rank
from groundcrew.domain.guard import Finding, Policy
from groundcrew.domain.identifiers import pseudonym
from groundcrew.domain.use_case import UseCase
from groundcrew.guards import pii, secrets
from groundcrew.guards.pii import Detect
from groundcrew.guards.redaction import OffsetMap, Pseudonyms, redact

#: Identifiers whose check is remembered.
IDENTIFIERS_CACHED_MAX = 4_096
#: Texts of which it is remembered whether anything in them has to be masked, and their length in code points.
PLAIN_MAX, PLAIN_LENGTH_MAX = 2_048, 8_000
#: What no business uses to name a case, a unit or a user. Records keep identifiers as they are, so that outcomes find their
#: calls; shapes that case numbers share, such as those of telephones without their country and of cards, are left alone.
_NO_IDENTIFIER = frozenset({"EMAIL", "IBAN", "SSN", "MRN", "HEALTH_PLAN_ID"})
_ESCAPE = re.compile(r"\\u(?!00[01])([0-9a-fA-F]{4})")


def detect_for(use_case: UseCase, policy: Policy | None) -> Detect:
    """What looks for personal data in what is recorded of `use_case`: everything where it declares or its policy asks for it."""
    if use_case.mask is not None:
        return use_case.mask
    if any(rank(each) >= rank("pii") for each in use_case.data_classes):
        return "full"
    rules = policy.guards if policy is not None else ()
    return "full" if any(rule.guard == "pii" and rule.settings.get("detect") != "patterns" for rule in rules) else "patterns"


def sensitive(text: str, detect: Detect = "patterns") -> list[Finding]:
    """All that must not be written of `text`: personal data as `detect` finds it, and secrets."""
    findings = pii.find(text, detect=detect)
    return [*findings, *found] if (found := secrets.check(text, {}).findings) else findings


def are_plain(texts: Iterable[str], detect: Detect) -> bool:
    """Whether nothing of `texts` has to be masked, as `mask_text` would find out; remembered, so that records of calls in which
    there is nothing to mask cost next to nothing."""
    for text in texts:  # noqa: SIM110 - with every record: a generator would cost more than the look
        if text and (len(text) > PLAIN_LENGTH_MAX or not _is_plain(text, detect)):
            return False
    return True


@lru_cache(maxsize=PLAIN_MAX)
def _is_plain(text: str, detect: Detect) -> bool:
    return "\\u" not in text and not sensitive(text, detect)


def within_reach(text: str, detect: Detect) -> str:
    """`text` as far as `detect` looks at all of it: nothing is written that was not looked at."""
    if detect == "patterns" or len(text) <= pii.TEXT_LENGTH_MAX:
        return text
    cut = max(text.rfind(" ", 0, pii.TEXT_LENGTH_MAX), text.rfind("\n", 0, pii.TEXT_LENGTH_MAX), 0)
    return f"{text[:cut]}\n({len(text) - cut} further characters: too long to be masked)"


def mask(
    text: str,
    names: Pseudonyms,
    *,
    detect: Detect = "patterns",
    published: Sequence[str] = (),
    own_words: Sequence[str] = (),
) -> tuple[str, OffsetMap]:
    """`text` with everything `sensitive` in it, and every value that `names` know from another text, in tags. What one of the
    `published` passages says itself stays readable, and so do `own_words` of a tuned model where they stand as such."""
    if not text:
        return text, OffsetMap()
    text = within_reach(text, detect)
    findings = [*sensitive(text, detect), *names.occurrences(text)]
    if findings:
        findings = names.without_tags(text, findings)
    if findings and own_words:
        findings = pii.beside_own(text, findings, own_words)
    if findings and published:
        findings = [each for each in findings if not pii.is_published(text[each.start : each.end], published)]
    return redact(text, findings, names)


def mask_text(text: str, detect: Detect = "patterns", names: Pseudonyms | None = None) -> str:
    """`text` masked, its escapes of JSON read first. For texts to which no offsets point."""
    if names is None:
        names = Pseudonyms()
        names.reserve([text])
    return mask(unescaped(text), names, detect=detect)[0]


def unescaped(text: str) -> str:
    """`text` with characters in the place of their escapes in JSON (as in J\\u00fcrg): a name must not pass by being spelt so.
    Control characters and halves of pairs stay as they are."""
    if "\\u" not in text:
        return text
    return _ESCAPE.sub(lambda match: match.group() if match.group(1)[:1] in "dD" else chr(int(match.group(1), 16)), text)


@lru_cache(maxsize=IDENTIFIERS_CACHED_MAX)
def personal_kinds(identifier: str) -> tuple[str, ...]:
    """The kinds of personal data in `identifier` that none may hold."""
    found = {each.type for each in pii.find(identifier)}
    phone = {"PHONE"} if "PHONE" in found and identifier.lstrip().startswith(("+", "00")) else set()
    return tuple(sorted((found & _NO_IDENTIFIER) | phone))


def stored_identifier(identifier: str) -> str:
    """`identifier`, or its digest where it looks like a person's data of any kind or may be a name."""
    return pseudonym(identifier) if personal_kinds(identifier) or pii.find(identifier) else without_names(identifier)


def without_names(identifier: str) -> str:
    """`identifier`, or its digest where it holds white space, as names of people do and identifiers do not."""
    return pseudonym(identifier) if len(identifier.split()) > 1 else identifier
