"""A whole run on Daft: nothing is lost, the revision is the content, the folder is whole or absent, errors are one line."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.curation.conftest import BASE, FULL, good, recipe_of, write_csv, write_json_lines, write_parquet

from groundcrew.curation import data_set
from groundcrew.curation.checks import Checker
from groundcrew.curation.data_set import FILES, Outcome, curate
from groundcrew.curation.pipeline import Curated, curate_records
from groundcrew.curation.reasons import reasons_of
from groundcrew.curation.recipe import Recipe
from groundcrew.curation.sources import find_files
from groundcrew.curation.work import Work
from groundcrew.errors import Conflict, InputError

pytestmark = pytest.mark.usefixtures("daft")

GENERATED_ROWS = 20_000
GENERATED_S_MAX = 20.0


def records_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(folder / "records.parquet").to_pylist()
    return rows


def dropped_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(folder / "dropped.parquet").to_pylist()
    return rows


ROWS = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.sampled_from(["a", "b", "c", 1, 2, None, True]),
            "text": st.sampled_from(["one", "two", "three", "hi", "far too long", " ", 5]),
            "team": st.sampled_from(["cards", "loans", "pets", None]),
            "minutes": st.sampled_from([1, 2.0, "3", None]),
        },
    ),
    st.sampled_from(["{", "[]", "7"]),
)


def expected_of(rows: list[Any]) -> dict[str, int]:
    """What a funnel must say, worked out one record at a time: the plain meaning of the recipe FULL."""
    checker = Checker(recipe_of(FULL))
    found = [checker.check(row if isinstance(row, str) else json.dumps(row), typed=True) for row in rows]
    counts: Counter[str] = Counter(str(each.reason) for each in found if each.reason is not None)
    passing = sorted((each for each in found if each.reason is None), key=lambda each: (str(each.id), str(each.digest)))
    by_id = {each.id: each for each in reversed(passing)}
    stays = {each.key: each for each in sorted(by_id.values(), key=lambda each: str(each.id), reverse=True)}
    counts["duplicate"] = len(passing) - len(stays)
    return {reason: count for reason, count in counts.items() if count} | {"kept": len(stays)}


def judged(recipe: Recipe, paths: Sequence[Path | str]) -> tuple[Curated, list[dict[str, Any]], list[str]]:
    """A run without an output folder: what came out, the dropped records, the kept ones."""
    with TemporaryDirectory() as folder:
        made = curate_records(recipe, find_files(paths), Work(Path(folder)))
        return made, made.dropped().to_pylist(), made.people.column("record", made.kept).to_pylist() if made.kept_count else []


@settings(max_examples=25)
@given(st.lists(ROWS, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_every_record_is_kept_or_dropped_once_and_order_is_no_matter(rows: list[Any], chance: random.Random) -> None:
    recipe = recipe_of(FULL)
    with TemporaryDirectory() as folder:
        one, dropped, kept = judged(recipe, [write_json_lines(Path(folder) / "rows.jsonl", rows)])
    shuffled = chance.sample(rows, len(rows))
    cut = chance.randint(0, len(rows))
    with TemporaryDirectory() as folder:
        write_json_lines(Path(folder) / "a.jsonl.gz", shuffled[:cut])
        write_json_lines(Path(folder) / "b.jsonl", shuffled[cut:])
        two, dropped_too, kept_too = judged(recipe, [Path(folder) / "b.jsonl", Path(folder)])
    assert one.kept_count + one.dropped_count == one.read_count == len(rows)
    counts = Counter(each["reason"] for each in dropped)
    assert dict(counts) | {"kept": one.kept_count} == expected_of(rows)
    assert two.revision == one.revision
    assert Counter(each["reason"] for each in dropped_too) == counts
    assert kept_too == kept


def test_the_revision_is_the_same_from_every_format(tmp_path: Path) -> None:
    rows = [{**row, "day": "2024-02-29", "share": 0.5} for row in good(20)]
    recipe = recipe_of({**FULL, "types": {"minutes": "integer", "day": "date", "share": "number"}})
    sources = [
        write_json_lines(tmp_path / "a.jsonl", rows),
        write_csv(tmp_path / "a.csv", rows),
        write_parquet(tmp_path / "a.parquet", rows),
    ]
    made = [curate(recipe, [each], tmp_path / each.suffix[1:]) for each in sources]
    assert len({each.funnel.revision for each in made}) == 1
    kept = [records_of(Path(each.output)) for each in made]
    assert kept[0] == kept[1] == kept[2]
    assert [str(kept[0][0]["day"]), kept[0][0]["share"], kept[0][0]["minutes"]] == ["2024-02-29", 0.5, 0]


def test_two_runs_write_the_same_bytes(tmp_path: Path) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", [*good(50), "{", {"text": "no id"}])
    recipe = recipe_of({**FULL, "sample": {"n": 20, "seed": 5}})
    one, two = curate(recipe, [source], tmp_path / "one"), curate(recipe, [source], tmp_path / "two")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert one.funnel == two.funnel


def test_a_sample_depends_on_its_seed_and_not_on_order(tmp_path: Path) -> None:
    rows = good(60)
    forward = write_json_lines(tmp_path / "forward.jsonl", rows)
    backward = write_json_lines(tmp_path / "backward.jsonl", rows[::-1])

    def drawn(source: Path, seed: int) -> list[str]:
        made, _, _ = judged(recipe_of({**FULL, "sample": {"n": 10, "seed": seed}}), [source])
        return [made.people.id_of(each) for each in made.kept]

    assert drawn(forward, 1) == drawn(backward, 1) != drawn(forward, 2)
    assert len(drawn(forward, 1)) == 10


def test_of_duplicates_the_first_id_stays_and_the_others_say_of_which_they_are(tmp_path: Path) -> None:
    rows = [
        {"id": "c", "text": "same", "team": "cards"},
        {"id": "b", "text": "same", "team": "loans"},
        {"id": "b", "text": "same", "team": "loans"},
        {"id": "d", "text": "other", "team": "cards"},
        {"id": "d", "text": "another", "team": "cards"},
    ]
    made = curate(recipe_of(FULL), [write_json_lines(tmp_path / "rows.jsonl", rows)], tmp_path / "out")
    kept = [each["id"] for each in records_of(tmp_path / "out")]
    assert kept == ["b", "d"]
    details = {each["detail"] for each in dropped_of(tmp_path / "out")}
    assert details == {
        "has the same text as the record 'b'",
        "is a copy of the record 'b'",
        "has the same id as the record 'd'",
    }
    assert made.funnel.steps[reasons_of(recipe_of(FULL)).index("duplicate")].dropped == 3


def test_the_funnel_adds_up_and_names_examples(tmp_path: Path) -> None:
    rows = [*good(3), *({"id": f"x{index}", "text": "hi", "team": "cards"} for index in range(7)), "{"]
    source = write_json_lines(tmp_path / "<rows>.jsonl", rows)
    made = curate(recipe_of(FULL), [source], tmp_path / "out")
    funnel = json.loads((tmp_path / "out" / "funnel.json").read_text(encoding="utf-8"))
    assert funnel["records"] == 11 == funnel["kept"] + sum(each["dropped"] for each in funnel["steps"])
    assert [each["reason"] for each in funnel["steps"]] == list(reasons_of(recipe_of(FULL)))
    short = next(each for each in made.funnel.steps if each.reason == "too short")
    assert (short.dropped, short.remaining, short.examples) == (7, 3, ["x0", "x1", "x2", "x3", "x4"])
    assert made.funnel.steps[0].examples == ["<rows>.jsonl:11"]  # No folder of this machine goes along.
    assert dropped_of(tmp_path / "out")[-1] == {
        "id": None,
        "reason": "unreadable",
        "detail": "is not valid JSON",
        "source": "<rows>.jsonl:11",
    }
    page = (tmp_path / "out" / "funnel.html").read_text(encoding="utf-8")
    assert "&lt;rows&gt;.jsonl" in page
    assert "<rows>" not in page
    assert not re.search(r"https?:|src=|href=|<script|@import|url\(", page)


def test_the_card_says_what_may_be_done_with_the_data(tmp_path: Path) -> None:
    document = {**FULL, "licence": "ours | theirs", "consent": "line one\nline <two>"}
    made = curate(recipe_of(document), [write_json_lines(tmp_path / "rows.jsonl", good(2))], tmp_path / "out")
    card = (tmp_path / "out" / "CARD.md").read_text(encoding="utf-8")
    for words in ("ours \\| theirs", "line one line \\<two>", "ticket system", made.funnel.revision, made.funnel.recipe_digest):
        assert words in card
    assert "| team | label | text |" in card


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Outcome]:
    def make(count: int = 5, *, force: bool = False) -> Outcome:
        source = write_json_lines(tmp_path / "rows.jsonl", good(count))
        return curate(recipe_of(FULL), [source], tmp_path / "out", force=force)

    return make


def test_the_same_revision_is_left_alone_another_one_refused(tmp_path: Path, made: Callable[..., Outcome]) -> None:
    assert made().state == "written"
    before = {each: each.stat().st_mtime_ns for each in (tmp_path / "out").iterdir()}
    assert made().state == made(force=True).state == "unchanged"
    with pytest.raises(Conflict, match="--force"):
        made(6)
    assert {each: each.stat().st_mtime_ns for each in (tmp_path / "out").iterdir()} == before
    assert made(6, force=True).state == "replaced"
    assert len(records_of(tmp_path / "out")) == 6
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out", "rows.jsonl"]


def test_who_may_read_a_data_set_is_what_the_umask_says(tmp_path: Path, made: Callable[..., Outcome]) -> None:
    before = os.umask(0o077)
    try:
        made()
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
    assert not any(each.stat().st_mode & 0o077 for each in (tmp_path / "out").iterdir())


def test_a_damaged_data_set_is_not_taken_for_a_whole_one(tmp_path: Path, made: Callable[..., Outcome]) -> None:
    made()
    (tmp_path / "out" / "records.parquet").write_bytes(b"damaged")
    with pytest.raises(Conflict, match="damaged"):
        made()
    assert made(force=True).state == "replaced"
    assert len(records_of(tmp_path / "out")) == 5


def test_what_is_no_data_set_is_never_replaced(tmp_path: Path, made: Callable[..., Outcome]) -> None:
    (tmp_path / "out").mkdir()
    made()  # An empty folder is as good as none.
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(Conflict, match="choose another folder"):
        made(force=True)
    assert (tmp_path / "out" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


@pytest.mark.parametrize("inside", ["in", ".", "in/out"])
def test_output_and_input_are_apart(tmp_path: Path, inside: str) -> None:
    (tmp_path / "in").mkdir()
    write_json_lines(tmp_path / "in" / "rows.jsonl", good(2))
    with pytest.raises(InputError, match="overlaps"):
        curate(recipe_of(FULL), [tmp_path / "in"], tmp_path / inside)


def test_a_run_that_fails_half_way_leaves_what_it_has_finished_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[..., Outcome]
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    made()
    before = (tmp_path / "out" / "revision.json").read_bytes()
    monkeypatch.setattr(data_set, "funnel_html", full)
    with pytest.raises(OSError, match="No space"):
        made(6, force=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == [".out.work", "out", "rows.jsonl"]
    assert (tmp_path / "out" / "revision.json").read_bytes() == before


def test_a_replacement_that_fails_puts_the_old_one_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[..., Outcome]
) -> None:
    made()
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.suffix == ".building":
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Input/output"):
        made(6, force=True)
    assert len(records_of(tmp_path / "out")) == 5
    assert sorted(each.name for each in tmp_path.iterdir()) == [".out.work", "out", "rows.jsonl"]


def test_a_field_that_no_record_has_is_told(tmp_path: Path) -> None:
    source = write_json_lines(
        tmp_path / "rows.jsonl", [{"id": "a", "text": "one", "day": None}, {"id": "b", "text": "two", "size": 3}]
    )
    types = {"size": "integer", "day": "date", "tags": "strings"}
    made = curate(recipe_of({**BASE, "types": types}), [source], tmp_path / "out")
    assert set(made.funnel.empty_fields) == {"day", "tags"}
    assert "No kept record has" in (tmp_path / "out" / "CARD.md").read_text()


def test_no_record_kept_is_an_error_that_says_why(tmp_path: Path) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", [{"id": "a"}, {"id": "b"}, "{"])
    with pytest.raises(InputError, match=r"of 3 \(2 missing field, 1 unreadable; the first is a: 'text' is absent or empty\)"):
        curate(recipe_of(BASE), [source], tmp_path / "out")
    compared = {"duplicates": {"near": {"fields": ["text"], "threshold": 0.9}}}
    with pytest.raises(InputError, match="of 3"):
        curate(recipe_of({**BASE, **compared}), [source], tmp_path / "out")
    with pytest.raises(InputError, match="the input is empty"):
        curate(recipe_of(BASE), [write_json_lines(tmp_path / "empty.jsonl", [])], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_stops_the_run_and_is_named(tmp_path: Path) -> None:
    write_json_lines(tmp_path / "good.jsonl", good(3))
    (tmp_path / "torn.jsonl.gz").write_bytes(b"\x1f\x8b torn")
    with pytest.raises(InputError, match="damaged") as refused:
        curate(recipe_of(BASE), [tmp_path / "good.jsonl", tmp_path / "torn.jsonl.gz"], tmp_path / "out")
    assert refused.value.file == str(tmp_path / "torn.jsonl.gz")
    assert not (tmp_path / "out").exists()


def _generated(chance: random.Random) -> Iterator[dict[str, Any] | str]:
    for index in range(GENERATED_ROWS):
        text = " ".join(chance.choices(("card", "fee", "transfer", "limit", "branch", "loan"), k=chance.randint(4, 40)))
        row = {"id": f"g{index}", "text": f"{index} {text}", "team": chance.choice(("cards", "loans")), "minutes": index}
        match index % 20:
            case 0:
                yield "{broken"
            case 1:
                yield {**row, "text": ""}
            case 2:
                yield {**row, "minutes": "soon"}
            case 3:
                yield {**row, "text": "short"}
            case 4:
                yield {**row, "text": "x" * 900}
            case 5:
                yield {**row, "team": "pets"}
            case 6:
                yield {**row, "id": f"copy{index}", "text": "one text that many have"}
            case _:
                yield row


def test_twenty_thousand_records_in_time(tmp_path: Path) -> None:
    source = write_json_lines(tmp_path / "rows.jsonl", list(_generated(random.Random(3))))
    recipe = recipe_of({**FULL, "length": {"text": {"min": 10, "max": 800}}})
    started = time.monotonic()
    made = curate(recipe, [source], tmp_path / "out")
    assert time.monotonic() - started < GENERATED_S_MAX
    dropped = {each.reason: each.dropped for each in made.funnel.steps}
    assert dropped == {**dict.fromkeys(dropped, 1_000), "duplicate": 999}
    assert made.funnel.kept == 13_001
