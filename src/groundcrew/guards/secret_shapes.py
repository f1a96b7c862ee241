"""Shapes of keys and tokens, as their issuers document them: what each begins with, which is looked for first because that is
many times quicker, and what it consists of. Every repetition is bounded and begins where no such thing can go on, so that time
stays linear in the text."""

from __future__ import annotations

import re
from typing import TypeAlias

#: Name, plain pieces of which each such secret has one, the shape, and whether it has to look random as well.
Shape: TypeAlias = tuple[str, tuple[str, ...], re.Pattern[str], bool]

#: What all shapes consist of, and how long the shortest is.
KEY_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.+/=~:")
SHORTEST = 20
#: Letters and digits in a row that make something look random where it is not written in both cases.
RANDOM_RUN_MIN = 16


def _shape(name: str, hints: tuple[str, ...], pattern: str, *, random: bool = False) -> Shape:
    """The pattern begins where no letter, digit or joining mark stands before."""
    return (name, hints, re.compile(r"(?<![A-Za-z0-9_-])" + pattern), random)


SHAPES: tuple[Shape, ...] = (
    _shape(
        "key of a model provider",
        ("sk-", "gsk_", "xai-", "pplx-", "r8_"),
        r"(?:sk-(?:ant-|proj-|svcacct-|admin-|or-)?[A-Za-z0-9_-]{20,250}|gsk_[A-Za-z0-9]{40,80}|xai-[A-Za-z0-9]{60,120}"
        r"|pplx-[A-Za-z0-9]{40,80}|r8_[A-Za-z0-9]{30,60})",
        random=True,
    ),
    _shape("Langfuse secret key", ("sk-lf-",), r"sk-lf-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z-])"),
    _shape("groundcrew key", ("gc_",), r"gc_[A-Za-z0-9_-]{40,60}", random=True),
    _shape("AWS access key", ("AKIA", "ASIA"), r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _shape("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    _shape("GitHub token", ("github_pat_",), r"github_pat_[A-Za-z0-9_]{60,255}"),
    _shape(
        "GitLab token",
        ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "gloas-", "glsoat-"),
        r"gl(?:pat|dt|rt|ptt|cbt|oas|soat)-[A-Za-z0-9_.-]{20,100}",
        random=True,
    ),
    _shape("Slack token", ("xox", "xapp-"), r"(?:xox[abeoprs]|xapp)-(?=[A-Za-z-]{0,40}[0-9])[A-Za-z0-9-]{20,250}"),
    _shape(
        "Slack webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/services/T[A-Z0-9]{6,14}/B[A-Z0-9]{6,14}/[A-Za-z0-9]{20,40}"
    ),
    _shape("Google API key", ("AIza",), r"AIza[A-Za-z0-9_-]{35}"),
    _shape("Google client secret or token", ("GOCSPX-", "ya29."), r"(?:GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{30,1000})"),
    _shape(
        "Stripe key",
        ("k_live_", "k_test_", "whsec_"),
        r"(?:[rsp]k_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{30,80})",
    ),
    _shape("Hugging Face token", ("hf_",), r"hf_[A-Za-z0-9]{30,64}"),
    _shape("npm token", ("npm_",), r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    _shape("PyPI token", ("pypi-",), r"pypi-AgE[A-Za-z0-9_-]{50,500}"),
    _shape("Twilio key", ("SK",), r"SK[0-9a-f]{32}(?![A-Za-z0-9])"),
    _shape("SendGrid key", ("SG.",), r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{30,64}"),
    _shape("Azure storage or bus key", ("AccountKey=", "SharedAccessKey="), r"(?<==)[A-Za-z0-9+/]{43}(?:=|[A-Za-z0-9+/]{43}==)"),
    _shape("Azure client secret", ("Q~",), r"[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}(?![A-Za-z0-9_~.-])"),
    _shape(
        "platform token",
        ("dop_v1_", "shpat_", "shpss_", "dckr_pat_", "lin_api_", "glsa_", "sntrys_", "ntn_", "figd_"),
        r"(?:dop_v1_[0-9a-f]{64}|shp(?:at|ss)_[0-9a-f]{32}|dckr_pat_[A-Za-z0-9_-]{27,60}|lin_api_[A-Za-z0-9]{40}"
        r"|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|sntrys_[A-Za-z0-9+/=_]{40,400}|ntn_[A-Za-z0-9]{40,60}|figd_[A-Za-z0-9_-]{40,60})",
    ),
    _shape(
        "platform token",
        ("hvs.", "dapi", "ATATT3", "PMAK-", "NRAK-", "AGE-SECRET-KEY-1"),
        r"(?:hvs\.[A-Za-z0-9_-]{24,200}|dapi[0-9a-f]{32}(?![0-9a-f])|ATATT3[A-Za-z0-9_=-]{100,300}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}"
        r"|NRAK-[A-Z0-9]{27}|AGE-SECRET-KEY-1[A-Z0-9]{58})",
    ),
    _shape("Telegram bot token", (":AA",), r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    _shape("JSON Web Token", ("eyJ",), r"eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,2000}"),
)
#: The shapes that a text can hold, by whether a dash and an underscore stand in it.
SHAPES_BY_MARKS: dict[tuple[bool, bool], tuple[Shape, ...]] = {
    (dash, underscore): tuple(
        (name, kept, pattern, random)
        for name, hints, pattern, random in SHAPES
        if (kept := tuple(hint for hint in hints if (dash or "-" not in hint) and (underscore or "_" not in hint)))
    )
    for dash in (False, True)
    for underscore in (False, True)
}
_PLACEHOLDER = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3,}|0{8,}|1234567890|your|example|changeme|change-me|placeholder|redacted|dummy|env[:.]|environ|file:|vault:"
    r"|\$\{|\{\{|\$\(|%\(|^(?:sk|pk|rk|gc|hf)[-_](?:[a-z]{1,12}[-_]){0,6}[a-z]{0,12}$"
)
_RUN = re.compile(rf"[A-Za-z0-9]{{{RANDOM_RUN_MIN},}}")


def is_placeholder(value: str) -> bool:
    """Whether `value` stands for a secret rather than being one."""
    return _PLACEHOLDER.search(value) is not None


def is_random(value: str) -> bool:
    """Whether `value` looks made by a machine: digits in it, and letters of both cases or long runs; names with dashes do not."""
    if not any(map(str.isdigit, value)):
        return False
    body = value[4:]
    return (body.lower() != body and body.upper() != body) or any(map(_has_digit, _RUN.findall(value)))


def _has_digit(run: str) -> bool:
    return any(map(str.isdigit, run))
