"""Keys of AI services in any text: by the shapes that issuers use, and by the names of variables that hold one.

The secret itself never leaves this module but as what must be hidden: findings show its issuer and its last four characters.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from groundcrew.guards.secret_shapes import is_placeholder, is_random
from groundcrew.scanning.catalogue import Service
from groundcrew.scanning.hits import Hit, Surroundings, line_starts

#: Findings of keys in one file; a file with more is a list of keys, and says so with as many. What is hidden has no such limit.
KEYS_MAX = 100
VALUE_LENGTH_MIN, VALUE_LENGTH_MAX = 20, 300

#: issuer's service → shape. The order counts: a key belongs to the first that fits. Sources: the issuers' documentation.
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (service, re.compile(r"(?<![A-Za-z0-9_-])" + pattern + r"(?![A-Za-z0-9_-])"))
    for service, pattern in (
        ("anthropic", r"sk-ant-[A-Za-z0-9_-]{20,250}"),
        ("openrouter", r"sk-or-[A-Za-z0-9_-]{20,250}"),
        ("openai", r"sk-(?:proj-|svcacct-|admin-|None-)?[A-Za-z0-9_-]{20,250}"),
        ("groq", r"gsk_[A-Za-z0-9]{40,80}"),
        ("xai", r"xai-[A-Za-z0-9]{60,120}"),
        ("perplexity", r"pplx-[A-Za-z0-9]{40,80}"),
        ("replicate", r"r8_[A-Za-z0-9]{30,60}"),
        ("huggingface", r"hf_[A-Za-z0-9]{30,64}"),
        ("google-gemini", r"AIza[A-Za-z0-9_-]{35}"),
        ("nvidia-nim", r"nvapi-[A-Za-z0-9_-]{40,100}"),
        ("fireworks", r"fw_[A-Za-z0-9]{22,50}"),
        ("cerebras", r"csk-[a-z0-9]{40,60}"),
        ("voyage", r"pa-[A-Za-z0-9_-]{40,60}"),
        ("groundcrew", r"gc_[A-Za-z0-9_-]{43}"),
    )
)
_HINTS = ("sk-", "gsk_", "xai-", "pplx-", "r8_", "hf_", "AIza", "nvapi-", "fw_", "pa-", "gc_")
#: What only OpenAI's own keys hold; other issuers begin theirs with ``sk-`` too.
_OPENAI_ONLY = re.compile(r"sk-(?:proj|svcacct|admin|None)-|T3BlbkFJ")
#: Letters of both cases that are too mixed for a name in camel case: some issuers' keys hold no digit.
UPPER_SHARE_MIN = 0.25
#: A value that a name holds: ``NAME = "value"``, ``NAME: value``, ``--name value``, ``setenv("NAME", "value")``,
#: ``name: Secret = Secret("value")``.
_ASSIGNED = (
    r"(?<![A-Za-z0-9])({names})(?![A-Za-z0-9])[\"'\]\)]{{0,2}}(?:[ \t]?:[ \t]?[A-Za-z_][\w.\[\]|, ]{{0,60}}?(?=[ \t]?=))?"
    r"[ \t]{{0,4}}(?:=>|:=|[:=,]|[ \t])[ \t]{{0,4}}"
    r"(?:(?:new[ \t])?[A-Za-z_][\w.]{{0,40}}\((?:[a-z_]{{1,20}}[ \t]?=[ \t]?)?(?=[\"'`]))?[\"'`]?"
    r"([A-Za-z0-9_./+=~-]{{20,300}})(?![A-Za-z0-9_./(\[-])"
)
_ENVIRONMENT = re.compile(r"(?i)env|secret|vault|config|process|settings|param|getenv|http|^[a-z_.]+$|^[A-Z_]+$")


def keys_in(text: str, around: Surroundings, *, named: bool = True) -> Iterator[Hit]:
    """All keys that stand in a text. `named`: whether names of variables that hold keys can stand in it."""
    starts = line_starts(text)
    seen = bytearray(len(text))
    shaped = list(_shaped(text))
    sure = (each for each in shaped if not _may_be_anothers(each[2], text[each[0] : each[1]]))
    # Where a shape is that of several issuers, the name that holds the key says whose it is.
    for start, end, service in (*sure, *(_named(text, around) if named else ()), *shaped):
        if seen.find(1, start, end) >= 0:
            continue
        seen[start:end] = b"\1" * (end - start)
        value = text[start:end]
        found = around.catalogue.services.get(service)
        name = found.name if found is not None else "groundcrew" if service == "groundcrew" else service
        yield Hit(
            line=bisect_right(starts, start),
            kind="hardcoded_key",
            service=found,
            reason=f"looks like a key of {name}, ending in {value[-4:]}: revoke it, a file is no place for it",
            mask=value,
        )


def _shaped(text: str) -> Iterator[tuple[int, int, str]]:
    if not any(map(text.__contains__, _HINTS)):
        return
    for service, pattern in _SHAPES:
        for match in pattern.finditer(text):
            if not is_placeholder(match[0]) and (is_random(match[0]) or (service == "huggingface" and _is_mixed(match[0]))):
                yield match.start(), match.end(), service


def _is_mixed(value: str) -> bool:
    """Whether letters change their case too often for a name."""
    upper = sum(map(str.isupper, value))
    return UPPER_SHARE_MIN <= upper / len(value) <= 1 - UPPER_SHARE_MIN


def _may_be_anothers(service: str, value: str) -> bool:
    return service == "openai" and _OPENAI_ONLY.search(value) is None


def issuer_of(value: str, client: Service, around: Surroundings) -> Service:
    """Whose a key is that a client is given: its shape says so where it is one issuer's alone, and otherwise the client."""
    shape = next((service for service, pattern in _SHAPES if pattern.fullmatch(value)), None)
    if shape is None or _may_be_anothers(shape, value):
        return client
    return around.catalogue.services.get(shape, client)


def _named(text: str, around: Surroundings) -> Iterator[tuple[int, int, str]]:
    written = around.catalogue.written_key_names
    lowered = text.lower()
    present = sorted((each for each in written if each in lowered), key=len, reverse=True)
    if not present:
        return
    pattern = re.compile("(?i)" + _ASSIGNED.format(names="|".join(map(re.escape, present))))
    for match in pattern.finditer(text):
        if is_key_value(match[2]):
            yield match.start(2), match.end(2), written[match[1].lower()].id


def is_key_value(value: str) -> bool:
    """Whether a literal that is called a key is one: long and random enough, and nothing that stands for one."""
    if not VALUE_LENGTH_MIN <= len(value) <= VALUE_LENGTH_MAX or is_placeholder(value) or _ENVIRONMENT.match(value):
        return False
    if value.startswith(("/", "./", "arn:")) or len(set(value)) < 8:
        return False
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value)) and is_random("xxxx" + value)
