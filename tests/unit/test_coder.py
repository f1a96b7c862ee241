"""The architecture "coder" on a small coding task of our own: what it learns, what it points to, that it learns the same."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundcrew.code_systems.catalogue import add_terms, code_system, import_system
from groundcrew.errors import InputError
from groundcrew.tuned.coder import LoadedCoder, load_coder
from groundcrew.tuned.coder_candidates import FEATURES
from groundcrew.tuned.coder_cues import CUES, Cues
from groundcrew.tuned.coder_forest import Forest
from groundcrew.tuned.coder_index import Index
from groundcrew.tuned.coder_phrases import Phrases, key_of, prepare
from groundcrew.tuned.coder_text import read
from groundcrew.tuned.loading import LOADERS
from groundcrew.tuned.model import FORMAT, Manifest, Prediction
from groundcrew.tuning import coder_names
from groundcrew.tuning import coder_parallel as parallel
from groundcrew.tuning.architecture import ARCHITECTURES, Fitted, Step
from groundcrew.tuning.coder import CoderArchitecture, _case
from groundcrew.tuning.coder_carrying import carry
from groundcrew.tuning.coder_counts import evidence_places
from groundcrew.tuning.coder_metrics import calibration_error, measure
from groundcrew.tuning.coder_ranker import best_threshold, calibrate
from groundcrew.tuning.coder_trust import EVERYTHING, find_bound, held_out_trust, trust_curve
from groundcrew.tuning.examples import EvidenceSpan, Example

pytest.importorskip("sklearn", reason="needs the extra `tune`: scikit-learn")

#: Code → how it is said in English and in a made-up translation, each in two ways.
SAID = {
    "R50.9": (("fever", "high temperature"), ("febra", "temperatura alta")),
    "R05": (("cough", "dry cough"), ("tosso", "tosso secca")),
    "I10": (("arterial hypertension", "high blood pressure"), ("tensione arteriala", "pressione alta")),
    "E11.9": (("type 2 diabetes", "diabetes mellitus"), ("diabeto tipo 2", "diabeto mellito")),
    "J18.9": (("pneumonia", "lung infection"), ("polmonito", "infettione polmonara")),
    "R51": (("headache", "pain in the head"), ("cefalo", "dolor di testa")),
}
FILLER = (
    ("The patient came to the clinic on foot", "Il patiente venne alla clinica"),
    ("Nothing else was remarkable", "Nulla altro di notabile"),
    ("The garden outside was green that day", "Il giardino fuori stava verde quel dia"),
    ("Bloods were drawn and the bed was made", "Sangue preso e letto fatto"),
)
TREES = {"trees": 30, "folds": 3}


def cases(count: int, *, seed: int, languages: tuple[str, ...] = ("en",), evidence: str = "en") -> list[Example]:
    """Cases with one to three codes; evidence is marked in one language, or in none."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        codes = chance.sample(sorted(SAID), chance.randint(1, 3))
        ways = [chance.randint(0, 1) for _ in codes]
        filler = chance.sample(FILLER, 2)
        for language in languages:
            at = ("en", "xx").index(language)
            text, spans = filler[0][at] + ". ", []
            for code, way in zip(codes, ways, strict=True):
                phrase = SAID[code][at][way]
                text += "She has " if at == 0 else "Essa ha "
                if language == evidence:
                    spans.append(EvidenceSpan(label=code, start=len(text), end=len(text) + len(phrase)))
                text += phrase + ". "
            found.append(
                Example(
                    id=f"{number}.{language}",
                    text=text + filler[1][at] + ".",
                    labels=tuple(sorted(codes)),
                    evidence=tuple(spans),
                    group=f"g{number}",
                    language=language,
                )
            )
    return found


def fit(train: list[Example], folder: Path, *, checkpoints: Path | None = None, progress=lambda step: None, **chosen) -> Fitted:
    folder.mkdir(parents=True, exist_ok=True)
    return CoderArchitecture().fit(
        train,
        cases(20, seed=99, languages=tuple(sorted({each.language for each in train})), evidence=""),
        settings={**TREES, **chosen},
        seed=3,
        folder=folder,
        checkpoints=checkpoints or folder.with_name(folder.name + "-checkpoints"),
        progress=progress,
    )


def loaded(folder: Path, fitted: Fitted) -> LoadedCoder:
    manifest = Manifest(
        format=FORMAT,
        name="coder",
        architecture="coder",
        multi_label=True,
        labels=fitted.labels,
        data_set="cases",
        data_revision="1",
        seed=3,
        threshold=fitted.threshold,
        files={},
        person_below=fitted.person_below,
    )
    return load_coder(folder, manifest)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fitted, LoadedCoder]:
    """A coder of two languages, of which one had evidence."""
    folder = tmp_path_factory.mktemp("coder") / "model"
    fitted = fit(cases(60, seed=1, languages=("en", "xx")), folder)
    return folder, fitted, loaded(folder, fitted)


def test_it_learns_both_languages_from_evidence_in_one(both: tuple[Path, Fitted, LoadedCoder]) -> None:
    _, fitted, model = both
    assert fitted.metrics["micro_f1_en"] > 0.9
    assert fitted.metrics["micro_f1_xx"] > 0.9
    assert fitted.languages == ("en", "xx")
    assert set(model.predict(["Essa ha polmonito. Nulla altro."])[0].labels) == {"J18.9"}
    assert "| en | 60 | 60 |" in fitted.card


def test_evidence_points_to_the_words(both: tuple[Path, Fitted, LoadedCoder]) -> None:
    _, _, model = both
    text = "🙂 The patient came to the clinic on foot. She has arterial hypertension. She has fever."
    (prediction,) = model.predict([text])
    shown = {each.label: [text[span.start : span.end] for span in each.evidence] for each in prediction.suggestions if each.kept}
    assert shown == {"I10": ["arterial hypertension"], "R50.9": ["fever"]}
    assert all("hypertension" not in each.because for each in prediction.suggestions)


def test_it_learns_without_any_evidence(tmp_path: Path) -> None:
    fitted = fit(cases(60, seed=2, evidence=""), tmp_path / "model")
    assert fitted.metrics["micro_f1"] > 0.9


def test_a_title_finds_a_code_that_no_case_has(tmp_path: Path) -> None:
    fitted = fit(cases(60, seed=4), tmp_path / "model", code_system="icd-10-cm")
    model = loaded(tmp_path / "model", fitted)
    _, judged = model.judge("The patient came to the clinic. She has otitis externa with spleen rupture.")
    assert any(code.startswith("H60") for code in judged.candidates.codes)
    assert {each.title for each in model.predict(["She has fever."])[0].suggestions if each.kept} == {"Fever, unspecified"}


def test_a_term_finds_a_code_that_no_case_has_and_is_told_on_the_card(tmp_path: Path) -> None:
    folder = tmp_path / "code-systems"
    system, table = tmp_path / "system.csv", tmp_path / "terms.tsv"
    titles = "".join(f"{code};Disorder number {at}\n" for at, code in enumerate([*SAID, "K35.8"]))
    system.write_text("code;title\n" + titles, encoding="utf-8")
    import_system("ours", system, format="csv", release="1", language="en", folder=folder)
    table.write_text("K35.8\ten\tbelly storm\nR05\ten\tbarking\n", encoding="utf-8")
    add_terms("ours", table, folder=folder)
    chosen = {"code_system": "ours", "code_system_folder": str(folder)}
    text = "The patient came to the clinic on foot. She has a belly storm."
    fitted = fit(cases(60, seed=4), tmp_path / "model", **chosen)
    assert code_system("ours", folder=folder).terms_digest in fitted.card
    candidates = loaded(tmp_path / "model", fitted).judge(text)[1].candidates
    row = candidates.codes.index("K35.8")
    assert candidates.sources[row] == "term"
    assert candidates.rows[row][FEATURES.index("term_in_order")] == 1.0
    assert candidates.rows[row][FEATURES.index("frequency")] == 0.0
    # Without terms there is no such candidate.
    plain = fit(cases(60, seed=4), tmp_path / "plain", **chosen, terms=False)
    assert "K35.8" not in loaded(tmp_path / "plain", plain).judge(text)[1].candidates.codes
    assert "No terms" in plain.card


def test_names_of_codes_come_from_titles_headings_and_other_languages(tmp_path: Path) -> None:
    system, table = tmp_path / "system.csv", tmp_path / "terms.tsv"
    system.write_text("code;title\nA1;Pain (acute), unspecified\nA1.0;Pain of foot\nA1.1;Pain of hand\n", encoding="utf-8")
    import_system("ours", system, format="csv", release="1", language="en", folder=tmp_path)
    table.write_text("A1.0\tes\tdolor de pie\nA1.1\tes\tquiragra\n", encoding="utf-8")
    add_terms("ours", table, folder=tmp_path)
    ours = code_system("ours", folder=tmp_path)
    terms = coder_names.terms(ours, "es")
    assert ("pain",) in coder_names.titles(ours, "en", {"A1": ""})["A1"]
    assert coder_names.titles(ours, "es", {"A1": ""}) == {}
    # Cases that are coded by headings have them called as the codes under them are; others have none.
    assert coder_names.headings(ours, terms, Counter({"A1": 5, "A1.0": 5})) == {"A1": [*terms["A1.0"], *terms["A1.1"]]}
    assert coder_names.headings(ours, terms, Counter({"A1.0": 5})) == {}
    table = {"dolor": [("pain", 0.9)], "pie": [("foot", 0.6), ("feet", 0.3)]}
    made = coder_names.translated(terms, table, frozenset({"de"}))
    assert made == {"A1.0": [("pain", "foot"), ("pain", "feet")]}


def test_what_is_said_beside_a_mention_is_told() -> None:
    text = "No fever, cough. His mother had asthma but he has fever. Echo negative."
    words = read(text)
    cues = Cues(words)
    flags = {words.folded[at] + str(at): cues.of(((at,),)) for at in range(len(words.stems))}
    assert flags["fever1"][CUES.index("denied")] == 1.0
    assert flags["cough2"][CUES.index("denied")] == 1.0
    assert flags["asthma6"][CUES.index("relative")] == 1.0
    assert flags["fever10"] == [0.0, 0.0, 0.0]
    assert flags["echo11"][CUES.index("denied")] == 1.0


def test_evidence_is_carried_over_without_words_that_carry_no_meaning() -> None:
    pairs = cases(60, seed=5, languages=("en", "xx"))
    made = [[_case(each) for each in pairs if each.language == name] for name in ("en", "xx")]
    found = parallel.learn([case.words for case in made[0]], [case.words for case in made[1]])
    carried = carry(made[0], made[1], [(at, at) for at in range(60)], found, {}, lambda: None)
    shown = {
        (code, " ".join(made[1][at].words.folded[place] for place in places))
        for at, evidence in carried
        for code, places in evidence
    }
    assert ("J18.9", "polmonito") in shown
    assert ("R05", "tosso") in shown
    assert not {text for _, text in shown} & {"essa", "ha", "essa ha", "di"}


def test_the_same_examples_make_the_same_bytes_also_after_a_stop(tmp_path: Path, both: tuple[Path, Fitted, LoadedCoder]) -> None:
    folder, fitted, _ = both
    train = cases(60, seed=1, languages=("en", "xx"))

    class Stopped(Exception):
        pass

    def stop(step: Step) -> None:
        if step.message.startswith("trees xx"):
            raise Stopped

    with pytest.raises(Stopped):
        fit(train, tmp_path / "model", checkpoints=tmp_path / "kept", progress=stop)
    again = fit(train[::-1], tmp_path / "model", checkpoints=tmp_path / "kept")
    for path in sorted(folder.iterdir()):
        assert path.read_bytes() == (tmp_path / "model" / path.name).read_bytes(), path.name
    assert again.threshold == fitted.threshold


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300) | st.sampled_from(["", " \n", "fever" * 3_000, "fever " * 3_000, "발열 e\u0301 \x00 ﬁ", "퀴" * 500]))
def test_any_text_is_answered_with_spans_inside_it(both: tuple[Path, Fitted, LoadedCoder], text: str) -> None:
    (prediction,) = both[2].predict([text])
    check(prediction, text, both[1].threshold)


def check(prediction: Prediction, text: str, threshold: float) -> None:
    scores = [each.score for each in prediction.suggestions]
    assert scores == sorted(scores, reverse=True)
    assert len({each.label for each in prediction.suggestions}) == len(scores)
    for each in prediction.suggestions:
        assert 0 <= each.score <= 1
        assert each.kept == (each.score >= threshold)
        assert each.evidence
        assert all(0 <= span.start < span.end <= len(text) for span in each.evidence)
    assert prediction.trust is not None
    assert 0 <= prediction.trust <= 1
    if not text.strip():
        assert prediction.suggestions == ()
        assert prediction.needs_person


def test_a_broken_folder_is_refused(tmp_path: Path, both: tuple[Path, Fitted, LoadedCoder]) -> None:
    folder, fitted, _ = both
    for name in ("coder.json", "titles.json", "forests.npz"):
        broken = tmp_path / name
        broken.mkdir()
        for path in folder.iterdir():
            (broken / path.name).write_bytes(b"{}" if path.name == name else path.read_bytes())
        with pytest.raises(InputError):
            loaded(broken, fitted)


def test_a_folder_of_an_older_format_says_that_it_has_to_be_tuned_again(
    tmp_path: Path, both: tuple[Path, Fitted, LoadedCoder]
) -> None:
    folder, fitted, _ = both
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes().replace(b'"format":3', b'"format":2'))
    with pytest.raises(InputError, match="is of format 2, and this version reads 3: tune the model again"):
        loaded(tmp_path, fitted)


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({"tree": 5}, "tree: unknown setting; did you mean trees?"),
        ({"trees": "many"}, "trees:"),
        ({"folds": 1}, "folds: must lie in 2..20"),
        ({"code_system": "icd-99"}, "code_system:"),
        ({"trust": "hope"}, "trust:"),
    ],
)
def test_settings_that_can_not_be_used_are_named(chosen: dict[str, object], named: str) -> None:
    assert (CoderArchitecture().settings_problem(chosen) or "").startswith(named)


def test_examples_that_nothing_can_be_learned_from_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too few"):
        fit(cases(5, seed=1), tmp_path / "few")
    twice = cases(30, seed=1)
    with pytest.raises(InputError, match="one id"):
        fit([*twice, twice[0]], tmp_path / "twice")
    with pytest.raises(InputError, match="no example has a label"):
        fit([Example(id=str(n), text="x", labels=(), language="en") for n in range(30)], tmp_path / "none")


def test_it_is_known_by_name() -> None:
    assert ARCHITECTURES["coder"]().name == "coder"
    assert "coder" in LOADERS


def test_words_have_their_places_and_share_plural_and_accents() -> None:
    words = read("Adenopatías. Una adenopatía: B12 e\u0301")
    assert words.stems[0] == words.stems[2]
    assert words.sentence[0] != words.sentence[2]
    assert [("Adenopatías. Una adenopatía: B12 e\u0301")[start:end] for start, end in words.spans][3:5] == ["B", "12"]


def test_phrases_are_found_in_any_order_with_gaps_and_longer_ones_cover() -> None:
    skipped = frozenset({"the", "of"})
    pain, leg = key_of(["pain"], skipped), key_of(["pain", "of", "the", "leg"], skipped)
    found = Phrases([pain, leg], {}).find(prepare(read("leg pain. pain of the left big leg. pain"), skipped))
    assert [mention.kind for mention in found[leg]] == [0, 2]
    assert [mention.kind for mention in found[pain]] == [0, 0, 1]


def test_pieces_of_one_mark_are_joined_where_they_stand_close() -> None:
    text = "pain in the left knee. cough. The fever, a fever"
    spans = [("A", 0, 4), ("A", 17, 21), ("B", 34, 39), ("B", 43, 48)]
    words = read(text)
    found = [(label, [words.folded[at] for at in places]) for label, places in evidence_places(words, spans)]
    assert found == [("A", ["pain", "knee"]), ("B", ["fever"]), ("B", ["fever"])]


def test_an_index_says_how_much_of_an_entry_a_window_holds() -> None:
    index = Index([("a", "b"), ("a",), ("c",)], {"a": 1.0, "b": 3.0, "c": 1.0})
    hits = index.search(read("b x"), frozenset(), lambda stem: {stem: 1.0, "a": 0.5} if stem == "b" else {}, 0.4)
    assert [(hit.entry, round(hit.share, 3), hit.places) for hit in hits] == [(0, 0.875, (0,)), (1, 0.5, (0,))]
    assert Index([], {}).search(read("b"), frozenset(), lambda stem: {stem: 1.0}, 0.5) == []


def test_translations_are_learned_and_evidence_carried_over() -> None:
    pairs = cases(60, seed=5, languages=("en", "xx"))
    source, target = ([read(each.text) for each in pairs if each.language == name] for name in ("en", "xx"))
    found = parallel.learn(source, target)
    assert found.words["pneumoni"][0][0] == "polmonit"
    number = next(at for at, words in enumerate(source) if "pneumoni" in words.stems)
    there = parallel.project(found, number, source[number], target[number], [source[number].stems.index("pneumoni")])
    assert [target[number].stems[at] for at in there] == ["polmonit"]


def test_broken_trees_are_refused() -> None:
    good = {
        "feature": np.array([0, 0, 0]),
        "threshold": np.array([0.5, 0.0, 0.0]),
        "left": np.array([1, 1, 2]),
        "right": np.array([2, 1, 2]),
        "value": np.array([0.0, -2.0, 2.0]),
        "roots": np.array([0]),
        "base": np.array([0.0]),
    }
    said = Forest(good, 1).probabilities(np.array([[0.2], [0.7]]))
    assert said[0] < 0.5 < said[1]
    for name, value in (("left", [9, 1, 2]), ("feature", [0, 0, 5]), ("value", [0.0, np.nan, 2.0]), ("threshold", [0.5])):
        with pytest.raises(ValueError, match="trees"):
            Forest({**good, name: np.array(value)}, 1)
    assert len(set(FEATURES)) == len(FEATURES)


def test_thresholds_curves_and_figures() -> None:
    scores, truth = np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, True, False, False])
    assert 0.3 < best_threshold(scores, truth, 2) < 0.8
    curve = calibrate(scores, truth)
    assert np.all(np.diff(curve(np.linspace(0, 1, 50))) >= 0)
    assert calibration_error([0.5, 0.5], [1.0, 0.0]) == 0.0
    nothing = Prediction(suggestions=(), trust=0.0, needs_person=True)
    assert measure([nothing], [{"A"}], {"A"})["micro_f1"] == 0.0


def quality(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Cases whose figure tells their quality."""
    draw = np.random.default_rng(seed)
    said = draw.uniform(0.2, 1.0, count)
    return said, np.clip(said + draw.normal(0, 0.1, count), 0, 1)


def test_the_bound_keeps_the_quality_that_was_asked_for_on_cases_to_come() -> None:
    said, came = quality(600, seed=1)
    trust = held_out_trust(said, came, np.arange(600) % 5)
    bound = find_bound(trust, came, [""] * 600, wanted=0.75, confidence=0.95, exact=False)
    assert bound.promised
    assert (bound.answered.estimate or 0) > 0.4
    more, became = quality(5_000, seed=2)
    answered = trust_curve(said, came)(more) >= bound.person_below
    assert became[answered].mean() >= 0.75
    # A looser wish leaves less to people, one that nothing meets leaves everything.
    looser = find_bound(trust, came, [""] * 600, wanted=0.5, confidence=0.95, exact=False)
    assert looser.person_below < bound.person_below
    nothing = find_bound(trust, came, [""] * 600, wanted=0.99, confidence=0.95, exact=False)
    assert (nothing.person_below, nothing.promised, nothing.answered.estimate) == (EVERYTHING, False, 0.0)
    # Cases of one group count once: forty copies of a few prove nothing.
    few = find_bound(
        np.tile(trust[:8], 40), np.tile(came[:8], 40), list("abcdefgh") * 40, wanted=0.75, confidence=0.95, exact=False
    )
    assert not few.promised


def test_the_bound_is_chosen_told_and_can_be_set(tmp_path: Path, both: tuple[Path, Fitted, LoadedCoder]) -> None:
    _, fitted, _ = both
    assert fitted.person_below is not None
    assert fitted.person_below < EVERYTHING
    assert fitted.metrics["cross_validated_answered_share"] > 0.5
    assert fitted.metrics["answered_f1"] > 0.9
    assert "which keeps a mean F1 of 0.7 with 95% confidence" in fitted.card
    chosen = fit(cases(30, seed=6), tmp_path / "model", person_below=0.4, trust="all_right")
    assert chosen.person_below == 0.4
    assert "as it was set" in chosen.card


def test_without_titles_it_says_so(tmp_path: Path) -> None:
    told: list[str] = []
    fitted = fit(cases(30, seed=6), tmp_path / "model", progress=lambda step: told.append(step.message))
    assert "no code system: learning without titles" in told
    assert "No titles of codes were used" in fitted.card


def test_nothing_is_learned_from_labels_that_no_text_tells(tmp_path: Path) -> None:
    """A case whose own label is taken out of a count must not be told by that count: held-out figures would flatter."""
    chance = random.Random(8)
    told = cases(120, seed=8)
    others = [each.labels for each in told]
    chance.shuffle(others)
    fitted = fit(
        [
            Example(
                id=each.id,
                text=each.text,
                labels=labels,
                group=each.group,
                language="en",
                evidence=tuple(EvidenceSpan(label=label, start=0, end=11) for label in labels),
            )
            for each, labels in zip(told, others, strict=True)
        ],
        tmp_path / "model",
    )
    labels = sum(len(each) for each in others)
    everything = 2 * labels / (labels + len(SAID) * len(told))
    assert fitted.metrics["cross_validated_micro_f1"] < everything + 0.1
