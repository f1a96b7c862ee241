"""What the pages of sign-offs make of a draft: the order of claims, changes, unseen characters, who may and who holds it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.web.site import OWN, Site, call

from groundcrew.domain.call import SourceReference
from groundcrew.domain.identifiers import new_id
from groundcrew.domain.sign_off_edits import edits_between
from groundcrew.domain.trust import ClaimScore, TrustReport
from groundcrew.domain.user import ROLES
from groundcrew.web.console.highlight import answer_segments, claims_of, marked_sources
from groundcrew.web.console.review_marks import length, marked_claims, marked_pieces, moved_pieces
from groundcrew.web.console.unseen import unseen
from groundcrew.web.console.word_changes import changed_words, changes_of

TEXT = "Fees are low. Cards are free. Loans are cheap. Banks are open."
PASSAGE = SourceReference(passage_id="p", document="d", title="t", text="Cards cost 20. Fees are low. Loans vary.")
WORDS = st.lists(st.sampled_from(["a ", "b ", "c\n", "d, ", "שלום ", "<b>"]), max_size=12).map("".join)


def scored(text: str, support: float, quote: str = "", *, contradicted: bool = False) -> ClaimScore:
    start = TEXT.index(text)
    place = (PASSAGE.text.index(quote), PASSAGE.text.index(quote) + len(quote)) if quote else None
    return ClaimScore(
        start=start,
        end=start + len(text),
        support=support,
        quote=place,
        source=0 if quote else None,
        contradicted=contradicted,
    )


CLAIMS = (
    scored("Fees are low", 0.9, "Fees are low"),
    scored("Cards are free", 0.1, "Cards cost 20", contradicted=True),
    scored("Loans are cheap", 0.3, "Loans vary"),
    scored("Banks are open", 0.2),
)
REPORT = TrustReport(
    trust=0.1,
    state="unsupported",
    claims=CLAIMS,
    unsupported=tuple((each.start, each.end) for each in CLAIMS if each.support < 0.5),
)


def test_what_is_wrong_comes_first() -> None:
    marks = marked_claims(claims_of(TEXT, REPORT), marked_sources(TEXT, REPORT, [PASSAGE]))
    assert [(each.number, each.standing) for each in marks] == [
        (2, "contradicted"),
        (4, "no_source"),
        (3, "weak"),
        (1, "supported"),
    ]
    assert [each.quote for each in marks] == ["Cards cost 20", "", "Loans vary", "Fees are low"]
    pieces = marked_pieces(answer_segments(TEXT, REPORT), marks)
    assert "".join(each.text for each in pieces) == TEXT
    assert [each.mark.number for each in pieces if each.mark] == [1, 2, 3, 4]


@given(kept=st.lists(st.booleans(), min_size=4, max_size=4), between=WORDS)
def test_claims_are_found_again_in_a_changed_text(kept: list[bool], between: str) -> None:
    sentences = TEXT.removesuffix(".").split(". ")
    changed = between.join(each + ". " for each, stays in zip(sentences, kept, strict=True) if stays)
    marks = marked_claims(claims_of(TEXT, REPORT), marked_sources(TEXT, REPORT, [PASSAGE]))
    pieces, moved = moved_pieces(changed, marks)
    assert "".join(each.text for each in pieces) == changed
    assert {each.number for each in moved if each.placed} == {number for number, stays in enumerate(kept, start=1) if stays}


@given(draft=WORDS, text=WORDS)
def test_changes_are_the_draft_and_the_text(draft: str, text: str) -> None:
    changes = changes_of(draft, edits_between(draft, text))
    assert "".join(each.text for each in changes if each.kind != "added") == draft
    assert "".join(each.text for each in changes if each.kind != "removed") == text
    assert all(each.text for each in changes)
    assert (changed_words(changes) == (0, 0)) >= (draft == text)


def test_unseen_characters_are_named_and_those_that_writing_needs_are_not() -> None:
    assert unseen("plain\ttext\r\nשלום, नमस्ते क्‍ष, co\u00adoperate") == {}
    assert unseen("a\u202eb\u2066c\u200bd\u200b\x07") == {
        "right-to-left override": 1,
        "left-to-right isolate": 1,
        "zero width space": 2,
        "u+0007": 1,
    }


def test_lengths() -> None:
    assert [length(each) for each in (0.4, 59, 60, 3_599, 3_600, 172_799, 172_800)] == [
        "0 s",
        "59 s",
        "1 min",
        "59 min",
        "1 h",
        "47 h",
        "2 d",
    ]


async def test_the_button_is_there_for_everyone_who_may_stop(site: Site) -> None:
    for role in ROLES:
        for path in ("/", "/sign-offs", f"/sign-offs/{site.sign_off_id}", "/kill-switches", "/account", "/use-cases/nothing"):
            page = (await site.as_person(role, "GET", path)).text
            assert ("stop-link" in page) == (role != "auditor"), (role, path)
            assert 'href="/kill-switches' in page
    assert 'id="confirm"' not in (await site.as_person("auditor", "GET", "/kill-switches")).text


async def test_a_contradiction_is_looked_at_before_anything_is_signed(site: Site) -> None:
    waiting = new_id()
    held = call(status="held", withheld_answer=TEXT, withheld_trust=REPORT, sources=(PASSAGE,), sign_off_id=waiting)
    await site.services.calls.ship([held], gateway="test")
    path = f"/sign-offs/{waiting}/decide"
    for form in ({"decision": "approve"}, {"decision": "edit", "text": "Fees are low. Cards may be free."}):
        refused = await site.as_person("reviewer", "POST", path, data=form)
        assert refused.status_code == 400
        assert "you have checked the contradicted claims" in refused.text
    shown = await site.as_person("reviewer", "POST", path, data={"decision": "edit", "text": "Fees are high.", "act": "preview"})
    assert "<del>low</del><ins>high</ins>" in shown.text.split('id="preview"')[1]
    assert (await site.services.sign_offs.get(waiting)).state == "pending"
    signed = await site.as_person("reviewer", "POST", path, data={"decision": "approve", "contradictions_checked": "yes"})
    assert signed.headers["location"] == f"/sign-offs/{site.sign_off_id}?after={waiting}"
    assert "You signed: the text of letters leaves." in (await site.as_person("reviewer", "GET", signed.headers["location"])).text
    # What somebody else has just decided is not theirs to be told as their own.
    assert "You signed" not in (await site.as_person("admin", "GET", signed.headers["location"])).text


async def test_what_would_be_masked_is_shown_masked_and_then_signed(site: Site) -> None:
    path = f"/sign-offs/{site.sign_off_id}/decide"
    form = {"decision": "edit", "text": "Write to anna@bank.example.", "comment": "as asked", "grounded": "yes"}
    shown = await site.as_person("reviewer", "POST", path, data={**form, "act": "preview"})
    refused = await site.as_person("reviewer", "POST", path, data=form)
    assert (shown.status_code, refused.status_code) == (200, 400)
    for page in (shown.text, refused.text):
        assert "anna@bank.example" not in page
        assert "Nothing was signed yet" in page
        assert "secrets (email)" in page
        assert "Write to [EMAIL].</textarea>" in page
        assert "[EMAIL]" in page.split('id="preview"')[1].split("</div>")[0]
        assert 'value="as asked"' in page
    told = await site.api("reviewer", "POST", path, json=form | {"grounded": True})
    assert told.status_code == 400
    error = told.json()["error"]
    assert (error["code"], error["field"], error["text"]) == ("would_be_masked", "text", "Write to [EMAIL].")
    assert (await site.services.sign_offs.get(site.sign_off_id)).readings == ()
    signed = await site.as_person("reviewer", "POST", path, data=form | {"text": error["text"]})
    assert signed.status_code == 303
    assert (await site.services.sign_offs.get(site.sign_off_id)).final_text == "Write to [EMAIL]."


async def test_a_text_that_changed_under_the_page_is_not_signed(site: Site) -> None:
    form = {"decision": "approve", "seen": "0" * 64}
    refused = await site.as_person("reviewer", "POST", f"/sign-offs/{site.sign_off_id}/decide", data=form)
    assert refused.status_code == 409
    assert (await site.services.sign_offs.get(site.sign_off_id)).state == "pending"


async def test_a_page_that_closes_late_does_not_end_a_newer_claim(site: Site) -> None:
    path = f"/sign-offs/{site.sign_off_id}"
    assert (await site.as_person("reviewer", "POST", f"{path}/claim", data={})).status_code == 303
    part = (await site.as_person("reviewer", "POST", f"{path}/claim", data={"part": "lease"})).text
    assert 'data-holder="me"' in part
    assert "<html" not in part
    old = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    await site.as_person("reviewer", "POST", f"{path}/leave", data={"until": old})
    assert (await site.services.sign_off_queue.standing(site.sign_off_id)).claim is not None
    until = part.split('data-until="')[1].split('"')[0].replace("&#43;", "+")
    await site.as_person("reviewer", "POST", f"{path}/leave", data={"until": until})
    assert (await site.services.sign_off_queue.standing(site.sign_off_id)).claim is None
    assert (await site.as_person("owner", "POST", f"{path}/claim", data={})).status_code == 403
    assert 'data-holder="none"' in (await site.as_person("auditor", "GET", f"{path}/lease")).text


async def test_an_expired_draft_says_that_nothing_leaves(site: Site) -> None:
    found = await site.services.sign_offs.get(site.sign_off_id)
    async with site.services.database.write("user:test") as writer:
        from groundcrew.store import catalog

        old = msgspec.structs.replace(found, expires_at=datetime.now(UTC) - timedelta(days=1))
        await catalog.SIGN_OFFS.put(writer, old, "age")
    page = (await site.as_person("reviewer", "GET", f"/sign-offs/{site.sign_off_id}")).text
    assert "Nobody signed it in time. It is never released: a timeout does not approve." in page
    assert 'id="decision"' not in page
    refused = await site.as_person("reviewer", "POST", f"/sign-offs/{site.sign_off_id}/decide", data={"decision": "approve"})
    assert refused.status_code == 409
    await site.services.sign_offs.settle()
    listed = (await site.as_person("reviewer", "GET", f"/sign-offs?state=expired&use_case={OWN}")).text
    assert site.sign_off_id in listed.split('id="all"')[1]


@pytest.mark.parametrize("form", [{"starts_at": "soon", "ends_at": "later"}, {"starts_at": "2026-01-02T08:00", "ends_at": ""}])
async def test_an_absence_needs_times(site: Site, form: dict[str, str]) -> None:
    answer = await site.as_person("reviewer", "POST", "/sign-offs/absent", data=form)
    assert answer.status_code == 400
    assert "write a time as" in answer.text
