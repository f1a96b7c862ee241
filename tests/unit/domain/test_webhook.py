"""Signing and verifying webhooks: a vector of the scheme's own, and that nothing but what was signed is taken."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundcrew.client import WebhookRefused, verify_webhook
from groundcrew.domain.delivery import BACKOFF_S, BACKOFF_S_MAX, RETRY_AFTER_S_MAX, backoff_s
from groundcrew.domain.webhook import message_id, new_secret, secret_bytes, signed_headers
from groundcrew.errors import InputError

#: The example that the libraries of Standard Webhooks test themselves with.
KEY, STAMP = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
BODY, SECRET = b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
EVENT = b'{"type":"a.b","timestamp":"2026-01-01T00:00:00Z","data":{"x":1}}'
NOW_S = 1_800_000_000


def headers(key: str = "a/b", body: bytes = EVENT, secrets: tuple[str, ...] = (SECRET,), now_s: int = NOW_S) -> dict[str, str]:
    return signed_headers(key, body, secrets, now_s=now_s)


def test_the_signature_is_that_of_the_scheme() -> None:
    assert headers(KEY, BODY, now_s=STAMP) == {
        "webhook-id": KEY,
        "webhook-timestamp": str(STAMP),
        "webhook-signature": SIGNATURE,
    }


@given(st.binary(min_size=24, max_size=64), st.text(min_size=1, max_size=40))
def test_what_is_signed_is_taken_whatever_the_key(secret: bytes, key: str) -> None:
    written = "whsec_" + base64.b64encode(secret).decode()
    found = verify_webhook(headers(key, secrets=(written,)), EVENT, written, now_s=NOW_S)
    assert (found.id, found.type, found.data) == (message_id(key), "a.b", {"x": 1})
    assert "." not in found.id
    assert found.id.isascii()
    assert found.id.isprintable()


@given(st.integers(0, len(EVENT) - 1), st.integers(1, 255))
def test_one_byte_that_differs_is_refused(place: int, by: int) -> None:
    changed = bytearray(EVENT)
    changed[place] ^= by
    with pytest.raises(WebhookRefused):
        verify_webhook(headers(), bytes(changed), SECRET, now_s=NOW_S)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"webhook-signature": ""}, "webhook-signature"),
        ({"webhook-signature": "v1,AAAA v2,BBBB junk"}, "webhook-signature"),
        ({"webhook-signature": SIGNATURE}, "webhook-signature"),
        ({"webhook-id": "other"}, "webhook-signature"),
        ({"webhook-id": ""}, "webhook-id"),
        ({"webhook-timestamp": "soon"}, "webhook-timestamp"),
        ({"webhook-timestamp": "-5"}, "webhook-timestamp"),
        ({"webhook-timestamp": "9" * 30}, "webhook-timestamp"),
        ({"webhook-timestamp": str(NOW_S + 1)}, "webhook-signature"),
    ],
)
def test_headers_that_say_something_else_are_refused(change: dict[str, str], field: str) -> None:
    with pytest.raises(WebhookRefused) as refused:
        verify_webhook(headers() | change, EVENT, SECRET, now_s=NOW_S)
    assert refused.value.field == field


@pytest.mark.parametrize(("late_s", "taken"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_what_was_recorded_is_worth_nothing_later(late_s: int, taken: bool) -> None:
    if taken:
        assert verify_webhook(headers(), EVENT, SECRET, now_s=NOW_S + late_s).type == "a.b"
        return
    with pytest.raises(WebhookRefused, match="301 s"):
        verify_webhook(headers(), EVENT, SECRET, now_s=NOW_S + late_s)


def test_several_secrets_on_either_side() -> None:
    old, new = new_secret(), new_secret()
    both = headers(secrets=(new, old))
    for known in (old, new, [new_secret(), old]):
        assert verify_webhook({name.title(): value for name, value in both.items()}, EVENT, known, now_s=NOW_S).id == "a/b"
    with pytest.raises(WebhookRefused):
        verify_webhook(both, EVENT, new_secret(), now_s=NOW_S)


@pytest.mark.parametrize("wrong", ["", "plain", "whsec_", "whsec_@@@", "whsec_AAAA", "whsec_" + "A" * 120])
def test_a_secret_that_is_none_signs_nothing(wrong: str) -> None:
    with pytest.raises(InputError) as refused:
        secret_bytes(wrong)
    assert len(wrong) <= 6 or wrong not in str(refused.value), "it is not repeated"


@pytest.mark.parametrize("wrong", ["", "whsec_", [], ["whsec_@@@"]])
def test_a_receiver_without_a_secret_takes_nothing(wrong: Any) -> None:
    with pytest.raises(InputError):
        verify_webhook(headers(), EVENT, wrong, now_s=NOW_S)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type":1,"data":{}}', b'{"type":"a","data":[]}', b"\xff"])
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        verify_webhook(headers(body=body), body, SECRET, now_s=NOW_S)


@given(st.integers(1, 10_000), st.one_of(st.none(), st.floats(0, 1e9)))
def test_pauses_grow_to_a_bound_and_grant_the_receivers_wish_within_one(attempts: int, wish_s: float | None) -> None:
    found_s = backoff_s(attempts, wish_s)
    wished_s = min(wish_s or 0.0, RETRY_AFTER_S_MAX)
    assert wished_s <= found_s <= max(wished_s, min(BACKOFF_S_MAX, BACKOFF_S * 2.0 ** min(attempts - 1, 40)))
