"""A swap between two upstreams under load: no call fails, no stream is cut, and a planted loss of a twentieth is found."""

from __future__ import annotations

from pathlib import Path

from tests.load.swapping import rehearse_over_http, swap_under_load

ANSWERS = 100


async def test_no_call_fails_and_every_stream_is_whole(tmp_path: Path) -> None:
    found = await swap_under_load(tmp_path, answers=ANSWERS)
    assert (found.failed, found.broken, found.incomplete) == (0, 0, 0)
    assert found.clients >= 32
    assert found.by_first >= 2 * ANSWERS
    assert found.by_second >= ANSWERS
    assert found.by_first + found.by_second == found.answers
    assert max(found.in_flight_at_swaps) > 1, "nothing was under way when the model was swapped"


async def test_a_loss_of_a_twentieth_is_found_over_http_and_none_passes(tmp_path: Path) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "none").mkdir()
    lost = await rehearse_over_http(tmp_path / "loss", calls=300, bad_every=20)
    assert not lost.holds
    assert "supported worse" in lost.why
    kept = await rehearse_over_http(tmp_path / "none", calls=300, bad_every=0)
    assert kept.holds, kept.why
    assert kept.pairs == lost.pairs == 300
