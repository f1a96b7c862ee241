"""Grounding for real: an index of a small knowledge base, the shipped encoder, and the gateway in front of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from groundcrew.domain.knowledge import Passage
from groundcrew.domain.snapshot import KnowledgeEntry
from groundcrew.domain.use_case import Grounding
from groundcrew.errors import GroundcrewError
from groundcrew.gateway.grounded import LocalGrounding
from groundcrew.testing import TEST_KEY, FakeUpstream, MemoryGateway, chat, memory_gateway, memory_snapshot, memory_use_case

FACTS = {
    "cards": "A replacement card costs CHF 20. It arrives by post within 5 business days.",
    "fees": "The account maintenance fee is CHF 5 per month. Students up to 26 pay no maintenance fee.",
    "hours": "Branches are open from Monday to Friday, 09:00 to 17:00. On Saturday they are closed.",
    "complaints": "You can file a complaint by post or in any branch. Complaints are answered within 10 business days.",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from groundcrew.grounding import index
    from groundcrew.grounding.encoder import shipped_encoder

    passages = [
        Passage(id=f"p-{name}", document=f"{name}.md", title=name.title(), heading="", text=text, start=0, end=len(text))
        for name, text in FACTS.items()
    ]
    place = tmp_path_factory.mktemp("index") / "revision"
    index.build(place, passages, shipped_encoder())
    return place


@pytest.fixture
async def grounding() -> Iterator[LocalGrounding]:
    made = LocalGrounding()
    yield made
    await made.close()


def entry(folder: Path) -> KnowledgeEntry:
    return KnowledgeEntry(name="kb", revision="r1", folder=str(folder), expires_at_s=4e9)


async def test_passages_answers_and_trust_come_from_the_index(grounding: LocalGrounding, folder: Path) -> None:
    question = "How much is a replacement card?"
    sources = await grounding.retrieve(entry(folder), question, 3)
    assert sources[0].document == "cards.md"
    assert len(sources) <= 3
    right = await grounding.score("A replacement card costs CHF 20.", sources, question)
    wrong = await grounding.score("A replacement card costs CHF 45.", sources, question)
    assert right.state == "supported"
    assert right.trust is not None
    assert right.trust > 0.9
    assert wrong.state == "unsupported"
    assert (wrong.trust or 0) < 0.5
    composed = await grounding.compose(entry(folder), question, sources)
    for citation in composed.citations:
        text = next(source.text for source in sources if source.passage_id == citation.passage_id)
        assert text[citation.start : citation.end] == citation.quote


async def test_a_missing_index_is_an_error_and_so_never_support(grounding: LocalGrounding, tmp_path: Path) -> None:
    with pytest.raises(GroundcrewError):
        await grounding.retrieve(entry(tmp_path / "gone"), "anything at all", 3)


async def test_too_much_at_once_is_refused_and_not_queued_without_end(folder: Path) -> None:
    grounding = LocalGrounding(threads=1, queue_max=2)
    results = await asyncio.gather(*(grounding.retrieve(entry(folder), "card", 3) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(each, GroundcrewError) for each in results) == 3
    assert len(await grounding.retrieve(entry(folder), "card", 3)) > 0
    await grounding.close()


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as fake:
        yield fake


@pytest.fixture
async def memory(upstream: FakeUpstream, folder: Path, tmp_path: Path, grounding: LocalGrounding) -> Iterator[MemoryGateway]:
    use_case = memory_use_case(grounding=Grounding(knowledge="kb", mode="required", threshold=0.7))
    made = memory_gateway(
        memory_snapshot(upstream.url, use_case=use_case, knowledge=(entry(folder),)), tmp_path, grounding=grounding
    )
    await made.gateway.start()
    yield made
    await made.gateway.close()
    made.spool.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_an_invented_fee_never_leaves(memory: MemoryGateway, upstream: FakeUpstream, stream: bool) -> None:
    for invented in ("A replacement card costs CHF 45.", "The replacement card is free of charge for everybody."):
        upstream.script = invented
        response = await chat(memory.gateway, TEST_KEY, text="What does a replacement card cost?", stream=stream)
        assert response.status == 200
        assert invented not in response.text()
    assert {call.status for call in memory.calls()} <= {"fallback", "declined"}


async def test_a_true_answer_leaves_as_it_is(memory: MemoryGateway, upstream: FakeUpstream) -> None:
    upstream.script = "A replacement card costs CHF 20. It arrives within 5 business days."
    response = await chat(memory.gateway, TEST_KEY, text="What does a replacement card cost?")
    assert response.text() == upstream.script
    assert float(response.headers["groundcrew-trust"]) >= 0.7
