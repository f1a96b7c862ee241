"""Secrets in a text: API keys, tokens and private keys, known by their shape, and values that a word such as `password:` names. A
high bar: only shapes that are nothing else, and nothing that stands for a secret (sk-xxxx, YOUR_KEY, env:NAME)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from groundcrew.domain.guard import Finding, Verdict
from groundcrew.guards.escapes import with_spaces
from groundcrew.guards.registry import Context, guard, verdict_of
from groundcrew.guards.secret_shapes import KEY_CHARACTERS, SHAPES_BY_MARKS, SHORTEST, is_placeholder, is_random

BLOCK_SCORE = 0.8
#: Bits of entropy per character from which a value after `password=` and the like counts as a real secret, and for short values,
#: which have no room for as much, the share of the most that they could have.
ENTROPY_BITS_MIN, ENTROPY_SHARE_MIN = 3.0, 0.8
#: A private key with its header and footer.
KEY_LENGTH_MAX = 20_000
#: Users and passwords in addresses.
PASSWORD_LENGTH_MIN, PASSWORD_LENGTH_MAX = 6, 200

_KEY_HEADER = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_HEADER_BEGUN = re.compile(r"-----BEGIN(?: [A-Z0-9]{0,12}){0,7}-{0,5}\Z")
#: What can not stand between header and footer, and what is the key where there is no footer.
_KEY_ODD = re.compile(r"[^A-Za-z0-9+/=\s\\:.,()_-]")
_KEY_FOOTER = re.compile(r"-----END (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINES = re.compile(r"(?:[\s\\]{1,8}(?:n|r\\n)?[A-Za-z0-9+/=]{20,2000}){1,400}")

#: What each byte is: a digit (0), what else can stand in a key (a), or anything else.
_CLASSES = bytes(48 if chr(byte).isdigit() and byte < 128 else 97 if chr(byte) in KEY_CHARACTERS else 32 for byte in range(256))
_DIGITS_TOO = bytes(97 if byte == 48 else byte for byte in range(256))
_LONG_WORD = b"a" * SHORTEST
_ASSIGNED_HINTS = ("key", "secret", "token", "pass", "pwd", "kennwort", "contrase")
_ASSIGNED = re.compile(
    r"(?i)(?:api[_-]?key|(?:client|app|consumer|webhook|signing|shared)?[_-]?secret(?:[_-]?(?:access[_-]?)?key)?|private[_-]?key"
    r"|(?:access|auth|refresh|bearer|session|bot|api)[_-]?token|account[_-]?key|password|passwd|passphrase|passwort|kennwort|pwd"
    r"|mot de passe|contraseña)\b[\"'`*]{0,3}(\s{0,3}(?:=>|:=|[:=])\s{0,3}|\s(?:is|was|ist|lautet|est|è|es)\s{1,3})[\"'`*]{0,3}"
    rf"([^\s\"'`<>;]{{8,{PASSWORD_LENGTH_MAX}}})"
)
_BEARER = re.compile(r"(?i)\b(?:bearer|basic) {1,3}([A-Za-z0-9._~+/=-]{20,4000})")
#: A user's password in an address.
_ADDRESS = re.compile(rf"(?<=://)([^\s:/@\"'`<>]{{0,100}}):([^\s/@\"'`<>]{{{PASSWORD_LENGTH_MIN},{PASSWORD_LENGTH_MAX}}})@")
#: Findings hold none of these, but for private keys.
_BETWEEN = (" ", "\n", "\t", '"', "'", "`", "<", ">")
#: Words that stand for a password.
_WORDS = frozenset(
    (
        "password",
        "passwd",
        "passwort",
        "secret",
        "username",
        "changeme",
        "postgres",
        "mysecretpassword",
        "placeholder",
        "credentials",
    )
)


def settled(text: str) -> int:
    """Where the last word begins: nothing in the words before it depends on what follows. A private key is one thing until its
    footer, or what can not stand in one, is there."""
    last = 1 + max(map(text.rfind, _BETWEEN))
    begun = _KEY_HEADER_BEGUN.search(text, max(0, text.rfind("-----BEGIN")))
    if begun is not None:
        last = min(last, begun.start())
    for dashes in range(min(10, len(text)), 0, -1):
        if text.endswith("-----BEGIN"[:dashes]):
            last = min(last, len(text) - dashes)
            break
    for start, _, is_open in _keys(text) if "-----BEGIN" in text else ():
        if is_open:
            return min(last, start)
    return last


@guard("secrets", inline=True, by=frozenset(), settled=settled)
def check(text: str, context: Context) -> Verdict:
    """Findings of the type SECRET."""
    findings = _found(text)
    if "-----BEGIN" in text:
        findings += (_finding(start, end, 0.95, "looks like a private key") for start, end, _ in _keys(text))
    if (read := with_spaces(text)) != text:  # a password may hold what looks like an escape: both ways
        findings += [each for each in _found(read) if each not in findings]
    return verdict_of(findings, block_at=BLOCK_SCORE)


def _found(text: str) -> list[Finding]:
    """Everything but private keys."""
    findings: list[Finding] = []
    # Told by looking at the bytes once: most texts hold no word that is long enough for a key, and no value after a name.
    data = text.encode("utf-8", "replace").translate(_CLASSES)
    has_digit = b"0" in data
    if _LONG_WORD in (data.translate(_DIGITS_TOO) if has_digit else data):
        findings += _shaped(text)
    if "://" in text and "@" in text:
        findings += _in_addresses(text)
    if has_digit:
        lowered = text.lower()
        if any(map(lowered.__contains__, _ASSIGNED_HINTS)):
            findings += _assigned(text)
    return findings


def _shaped(text: str) -> Iterator[Finding]:
    for name, hints, pattern, wants_random in SHAPES_BY_MARKS["-" in text, "_" in text]:
        if any(map(text.__contains__, hints)):
            for match in pattern.finditer(text):
                if not is_placeholder(match[0]) and (not wants_random or is_random(match[0])):
                    yield _finding(match.start(), match.end(), 0.95, f"looks like {'an' if name[0] in 'AEIO' else 'a'} {name}")
    for match in _BEARER.finditer(text):
        if not is_placeholder(match[1]) and is_random(match[1]) and _entropy_bits(match[1]) >= ENTROPY_BITS_MIN:
            yield _finding(match.start(1), match.end(1), 0.85, "a token of an authorization header")


def _keys(text: str) -> Iterator[tuple[int, int, bool]]:
    """Private keys: start, end, and whether it depends on what follows `text` where the key ends."""
    done = 0
    footer: re.Match[str] | None = None
    odd, gone = -1, False
    for header in _KEY_HEADER.finditer(text):
        body = header.end()
        if header.start() < done:
            continue
        if not gone and (footer is None or footer.start() < body):
            footer = _KEY_FOOTER.search(text, body)
            gone = footer is None
        if odd < body:
            found = _KEY_ODD.search(text, body)
            odd = found.start() if found is not None else len(text)
        limit = min(odd, body + KEY_LENGTH_MAX)
        whole = footer is not None and footer.end() <= limit
        if footer is not None and whole:
            done = footer.end()
        else:
            lines = _KEY_LINES.match(text, body, limit)
            done = lines.end() if lines is not None else body
        yield header.start(), done, not whole and limit == len(text)


def _in_addresses(text: str) -> Iterator[Finding]:
    for match in _ADDRESS.finditer(text):
        user, password = match[1], match[2]
        if password.lower() in _WORDS or password == user or is_placeholder(password) or password[0] in "$%{[(":
            continue
        yield _finding(match.start(2), match.end(2), 0.9, "a password in an address")


def _assigned(text: str) -> Iterator[Finding]:
    match = _ASSIGNED.search(text)
    while match is not None:
        value = match[2].rstrip(".,;:!?)]}*")
        is_spoken = match[1].strip()[:1].isalpha()
        if len(value) >= 8 and _is_secret(value) and not (is_spoken and value.isalpha()):
            start = match.start(2)
            yield _finding(start, start + len(value), 0.85, "a secret assigned by name")
        match = _ASSIGNED.search(text, match.start(2))


def _is_secret(value: str) -> bool:
    """Whether a value that is called a secret is one: random enough, and no code, path, address or stand-in."""
    if not any(map(str.isdigit, value)) or is_placeholder(value):
        return False
    if value[0] in "/~$%{([&@" or value.startswith(("./", "../", "http://", "https://")) or "(" in value or "://" in value:
        return False
    return _entropy_bits(value) >= min(ENTROPY_BITS_MIN, ENTROPY_SHARE_MIN * math.log2(len(value)))


def _finding(start: int, end: int, score: float, reason: str) -> Finding:
    return Finding(start=start, end=end, type="SECRET", score=score, reason=reason)


def _entropy_bits(value: str) -> float:
    """Shannon entropy per character, in bits (Shannon 1948)."""
    counts = Counter(value)
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
