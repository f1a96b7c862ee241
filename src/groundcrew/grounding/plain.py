"""Makes characters that look or read alike the same (digits of other scripts, full-width forms, invisible joiners), so that
a figure or an offer cannot hide behind them."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = re.compile(
    r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]"
)
_UNUSUAL = re.compile(r"[^\x00-\x7f]")
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0x00A0: 0x20, 0x202F: 0x20, 0x2007: 0x20}


def plain(text: str, *, joiner: str = "") -> str:
    """`text` with ASCII digits and widths and every invisible character replaced by `joiner`. Offsets do not stay."""
    if not _UNUSUAL.search(text):
        return text
    shown = _INVISIBLE.sub(joiner, text).translate(_WIDE)
    return "".join(_digit(char) if char > "\x7f" else char for char in shown)


def has_invisible(text: str) -> bool:
    """Whether `text` holds characters that nobody sees."""
    return _INVISIBLE.search(text) is not None


def _digit(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return char if value is None else str(value)
