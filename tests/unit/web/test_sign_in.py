"""Signing in: the cookie, the throttle, tokens on forms, foreign requests, and what a wrong password tells."""

from __future__ import annotations

from pathlib import Path

from tests.unit.web.site import PASSWORD, Site, basic, csrf_token

from groundcrew.web.authentication import SESSION_COOKIE
from groundcrew.web.console.page import own_path
from groundcrew.web.throttle import FAILURES_PER_NAME_MAX, WINDOW_S, Throttle, TooManyAttempts


async def test_the_cookie_is_closed_to_scripts_and_other_sites(site: Site) -> None:
    answer = await site.client.post(
        "/sign-in", data={"name": "owner", "password": PASSWORD, "next": "/calls"}, follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/calls")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(SESSION_COOKIE)
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert (await site.client.get("/")).status_code == 200


async def test_the_cookie_is_secure_over_https(site: Site) -> None:
    answer = await site.client.post(
        "https://testserver.local/sign-in", data={"name": "owner", "password": PASSWORD}, follow_redirects=False
    )
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_a_wrong_name_and_a_wrong_password_look_alike(site: Site) -> None:
    pages = [
        await site.client.post("/sign-in", data={"name": name, "password": "x" * 12}) for name in ("owner", "nobody-of-this-name")
    ]
    assert [page.status_code for page in pages] == [401, 401]
    assert pages[0].text.replace("owner", "") == pages[1].text.replace("nobody-of-this-name", "")


async def test_guessing_is_throttled_even_with_the_right_password_at_last(site: Site) -> None:
    for _ in range(FAILURES_PER_NAME_MAX):
        assert (await site.client.get("/api/v1/me", headers=basic("owner", "wrong password"))).status_code == 401
    refused = await site.client.get("/api/v1/me", headers=basic("owner"))
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "too_many_attempts"
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S
    page = await site.client.post("/sign-in", data={"name": "owner", "password": PASSWORD})
    assert page.status_code == 429
    assert (await site.client.get("/api/v1/me", headers=basic("legal"))).status_code == 200


def test_the_throttle_forgets_after_its_window() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    for _ in range(FAILURES_PER_NAME_MAX):
        throttle.failed("Anna", "10.0.0.1")
    for name, address, denied in (("anna", "10.0.0.1", True), ("anna", "10.0.0.2", False), ("bert", "10.0.0.1", False)):
        try:
            throttle.check(name, address)
            assert not denied
        except TooManyAttempts:
            assert denied
    now[0] = WINDOW_S + 1
    throttle.check("anna", "10.0.0.1")


async def test_forms_need_their_token(site: Site) -> None:
    secret = site.sessions["owner"]
    cookie = {"Cookie": f"{SESSION_COOKIE}={secret}"}
    form = {"to": "rejected", "reason": "test"}
    for token in (None, "", "0" * 64, csrf_token(site.sessions["admin"])):
        data = form if token is None else {**form, "csrf_token": token}
        answer = await site.client.post("/use-cases/letters/demote", data=data, headers=cookie, follow_redirects=False)
        assert answer.status_code == 403
    assert (await site.services.use_cases.get("letters")).stage == "discovery"
    right = {**form, "csrf_token": csrf_token(secret)}
    foreign = {**cookie, "Sec-Fetch-Site": "cross-site"}
    assert (await site.client.post("/use-cases/letters/demote", data=right, headers=foreign)).status_code == 403
    answer = await site.client.post("/use-cases/letters/demote", data=right, headers=cookie, follow_redirects=False)
    assert answer.status_code == 303
    assert (await site.services.use_cases.get("letters")).stage == "rejected"


async def test_a_session_posts_to_the_api_with_its_token_only(site: Site) -> None:
    cookie = {"Cookie": f"{SESSION_COOKIE}={site.sessions['owner']}"}
    body = {"to": "rejected", "reason": "test"}
    assert (await site.client.post("/api/v1/use-cases/letters/demote", json=body, headers=cookie)).status_code == 403
    # Neither as a form nor as plain text, which other sites' pages could send.
    for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        headers = {**cookie, "x-csrf-token": csrf_token(site.sessions["owner"]), "Content-Type": content_type}
        answer = await site.client.post(
            "/api/v1/use-cases/letters/demote", content=b'{"to":"rejected","reason":"x"}', headers=headers
        )
        assert answer.status_code == 415, content_type
    assert (await site.services.use_cases.get("letters")).stage == "discovery"


async def test_signing_out_ends_the_session(site: Site) -> None:
    assert (await site.as_person("owner", "POST", "/sign-out")).status_code == 303
    assert (await site.as_person("owner", "GET", "/")).status_code == 303


async def test_another_password_ends_every_session(site: Site) -> None:
    wrong = {"current": "not the one", "password": "a new long password", "again": "a new long password"}
    assert (await site.as_person("owner", "POST", "/account/password", data=wrong)).status_code == 400
    right = {**wrong, "current": PASSWORD}
    assert (await site.as_person("owner", "POST", "/account/password", data={**right, "again": "another"})).status_code == 400
    assert (await site.as_person("owner", "POST", "/account/password", data=right)).status_code == 303
    assert (await site.as_person("owner", "GET", "/")).status_code == 303
    assert (await site.client.get("/api/v1/me", headers=basic("owner", "a new long password"))).status_code == 200


async def test_credentials_that_can_not_be_read(site: Site) -> None:
    for header in ("Basic", "Basic !!", "Basic bm9jb2xvbg==", "Bearer", "Bearer gc_wrong", "Digest x", "Basic " + "A" * 5_000):
        answer = await site.client.get("/api/v1/me", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_is_refused(site: Site) -> None:
    assert (await site.as_key("GET", "/me")).status_code == 200
    await site.services.keys.revoke(site.key_ids["letters"], actor="user:test")
    assert (await site.as_key("GET", "/me")).status_code == 401


def test_redirects_stay_on_our_pages() -> None:
    for path in ("/calls?use_case=a", "/", "/use-cases/x#gate"):
        assert own_path(path) == path
    for path in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        None,
        "/\r\nx",
        "/" * 600,
    ):
        assert own_path(path) == "/"


async def test_security_headers_are_everywhere(site: Site) -> None:
    for path in ("/sign-in", "/static/app.css", "/api/v1/nothing", "/nothing", "/healthz"):
        answer = await site.client.get(path, follow_redirects=False)
        assert "default-src 'self'" in answer.headers["content-security-policy"], path
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert ("no-store" in answer.headers["cache-control"]) == (not path.startswith("/static"))


async def test_probes_answer_balancers_that_ask_for_the_head_alone(site: Site) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        whole, head = await site.client.get(path), await site.client.head(path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers["content-type"] == whole.headers["content-type"]
        assert (await site.client.post(path)).status_code in (403, 405), path


def test_templates_and_scripts_fit_the_content_security_policy() -> None:
    folder = Path(__file__).parents[3] / "src" / "groundcrew" / "web"
    for path in (folder / "templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        for forbidden in (" style=", " onclick=", "<style", "javascript:", "|safe", "http://", "https://"):
            assert forbidden not in text, (path.name, forbidden)
    assert "http" not in (folder / "static" / "app.css").read_text(encoding="utf-8")
