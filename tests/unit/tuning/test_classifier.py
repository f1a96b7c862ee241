"""The architecture "classifier": it learns, says how sure it is, goes on where it was stopped, and reads any text."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from groundcrew.errors import InputError
from groundcrew.tuned.loading import load_model, write_manifest
from groundcrew.tuned.model import FORMAT, Loaded, Manifest
from groundcrew.tuning.architecture import ARCHITECTURES, Fitted, Step
from groundcrew.tuning.classifier_stack import best_threshold, fit_stack, join, kept_of, micro_f1, trusted
from groundcrew.tuning.examples import Example

WORDS = {
    "network": ("vpn", "wifi", "router", "cable", "signal"),
    "mail": ("outlook", "inbox", "calendar", "mailbox"),
    "hardware": ("laptop", "screen", "keyboard", "mouse", "dock"),
}
FILLERS = ("please", "help", "the", "my", "is", "not", "since", "today", "again", "user", "hello", "thanks")
QUICK: dict[str, Any] = {"folds": 3, "costs": [0.5]}


def examples(n: int, *, several: bool = False, seed: int = 1) -> list[Example]:
    """Made-up tickets: two words of each label among fillers, and one text in eight with none."""
    drawn = random.Random(seed)
    found = []
    for at in range(n):
        labels = drawn.sample(sorted(WORDS), drawn.choice((0, 1, 1, 2)) if several else 1)
        words = drawn.choices(FILLERS, k=6)
        for label in labels:
            words += drawn.choices(WORDS[label], k=2) if at % 8 else []
        drawn.shuffle(words)
        found.append(Example(id=f"e{at:04}", text=" ".join(words), labels=tuple(labels), language="en"))
    return found


def fit(
    folder: Path,
    train: list[Example],
    validation: list[Example] | None = None,
    *,
    progress: Callable[[Step], None] = lambda step: None,
    **asked: Any,
) -> Fitted:
    (folder / "model").mkdir(parents=True, exist_ok=True)
    return ARCHITECTURES["classifier"]().fit(
        train,
        validation or [],
        settings=QUICK | asked,
        seed=7,
        folder=folder / "model",
        checkpoints=folder / "checkpoints",
        progress=progress,
    )


def loaded(folder: Path, fitted: Fitted) -> Loaded:
    (folder / "model" / "CARD.md").write_text(fitted.card, encoding="utf-8")
    manifest = Manifest(
        format=FORMAT,
        name="tickets",
        architecture="classifier",
        multi_label=fitted.multi_label,
        labels=fitted.labels,
        data_set="tickets",
        data_revision="0" * 64,
        seed=7,
        threshold=fitted.threshold,
        person_below=fitted.person_below,
        files={},
        settings=fitted.settings,
        metrics=fitted.metrics,
    )
    write_manifest(folder / "model", manifest)
    return load_model(folder / "model")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "model").iterdir())}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fitted, Loaded]:
    folder = tmp_path_factory.mktemp("one")
    fitted = fit(folder, examples(120), examples(40, seed=2))
    return folder, fitted, loaded(folder, fitted)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fitted, Loaded]:
    folder = tmp_path_factory.mktemp("several")
    fitted = fit(folder, examples(140, several=True), examples(40, several=True, seed=2))
    return folder, fitted, loaded(folder, fitted)


def test_it_learns_one_label_and_says_where_that_stands(one: tuple[Path, Fitted, Loaded]) -> None:
    _, fitted, model = one
    assert not fitted.multi_label
    assert fitted.languages == ("en",)
    assert fitted.metrics["accuracy"] > 0.85
    assert fitted.metrics["accuracy_low"] < fitted.metrics["accuracy"] < fitted.metrics["accuracy_high"]
    text = "Hello, my OUTLOOK mailbox is empty since today"
    (said,) = model.predict([text])
    assert said.labels == ("mail",)
    marked = {text[span.start : span.end] for span in said.suggestions[0].evidence}
    assert any("OUTLOOK" in words or "mailbox" in words for words in marked), marked
    assert "outlook" not in said.suggestions[0].because.lower()
    assert sum(each.score for each in said.suggestions) == pytest.approx(1.0, abs=0.02)


def test_it_learns_several_labels(several: tuple[Path, Fitted, Loaded]) -> None:
    _, fitted, model = several
    assert fitted.multi_label
    assert fitted.metrics["micro_f1"] > 0.8
    both, none = model.predict(["the vpn and the wifi, and the screen of my laptop", "please help the user again today"])
    assert set(both.labels) == {"network", "hardware"}
    assert none.labels == ()


def test_a_text_of_nothing_known_goes_to_a_person(one: tuple[Path, Fitted, Loaded], several: tuple[Path, Fitted, Loaded]) -> None:
    for _, _, model in (one, several):
        empty, blank, unknown = model.predict(["", " \n\t", "Сломался принтер"])
        assert empty.suggestions == blank.suggestions == ()
        assert empty.needs_person
        assert blank.needs_person
        assert unknown.needs_person
        assert unknown.reason == "no word of the text was seen in training"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.characters(), max_size=300))
def test_any_text_has_a_sound_prediction(
    one: tuple[Path, Fitted, Loaded], several: tuple[Path, Fitted, Loaded], text: str
) -> None:
    for _, _, model in (one, several):
        said = model.predict([text + " vpn", text])
        assert said == model.predict([text + " vpn", text])
        for prediction, read in zip(said, (text + " vpn", text), strict=True):
            assert prediction.trust is not None
            assert 0 <= prediction.trust < 1
            assert prediction.needs_person == bool(prediction.reason)
            scores = [each.score for each in prediction.suggestions]
            assert scores == sorted(scores, reverse=True)
            assert all(0 <= score <= 1 for score in scores)
            for span in (span for each in prediction.suggestions for span in each.evidence):
                assert 0 <= span.start < span.end <= len(read)


def test_the_order_of_the_examples_does_not_matter(tmp_path: Path) -> None:
    train = examples(40)
    first = fit(tmp_path / "a", train)
    second = fit(tmp_path / "b", train[::-1])
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert first == second


def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    train = examples(40)
    steps: list[Step] = []
    fit(tmp_path / "whole", train, progress=steps.append)
    assert steps[-1].done == steps[-1].total
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    calls = 0

    def stop(step: Step) -> None:
        nonlocal calls
        calls += 1
        if calls % (len(steps) // 3) == 0:
            raise InterruptedError

    for _ in range(2):
        with pytest.raises(InterruptedError):
            fit(tmp_path / "stopped", train, progress=stop)
    kept = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "stopped" / "checkpoints").iterdir()}
    assert len(kept) > 2
    # A file that a crash left half-written is not believed.
    (tmp_path / "stopped" / "checkpoints" / "words-fold-0.npz").write_bytes(b"PK")
    fit(tmp_path / "stopped", train)
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "stopped" / "checkpoints").iterdir()}
    assert [name for name in kept if after[name] != kept[name]] == ["words-fold-0.npz"]


def test_checkpoints_of_other_examples_are_not_gone_on_with(tmp_path: Path) -> None:
    fit(tmp_path / "a", examples(40))
    changed = [msgspec.structs.replace(each, labels=("mail",)) if each.id == "e0003" else each for each in examples(40, seed=3)]
    fit(tmp_path / "a", changed)
    fit(tmp_path / "b", changed)
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"epoch": 3}, "epoch: unknown setting; did you mean epochs?"),
        ({"wanted_accuracy": 1.0}, "wanted_accuracy: must lie in 0.5..0.9999"),
        ({"folds": 2}, "folds: must lie in 3..20"),
        ({"costs": []}, "costs: 1 to 8 numbers in 0.0001..10000"),
        ({"costs": [float("nan")]}, "costs: 1 to 8 numbers in 0.0001..10000"),
        ({"encoder": "bert"}, "encoder: Invalid enum value 'bert'"),
        ({"folds": "five"}, "folds: Expected `int`, got `str`"),
    ],
)
def test_settings_that_can_not_be_used_are_named(asked: dict[str, Any], message: str) -> None:
    assert ARCHITECTURES["classifier"]().settings_problem(asked) == message


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (examples(19), "19 examples are too few"),
        ([msgspec.structs.replace(each, labels=("mail",)) for each in examples(30)], "the examples have 1"),
        ([msgspec.structs.replace(each, group="one") for each in examples(30)], "belong to 1 groups"),
        ([*examples(30), *examples(30)], "two examples have one id"),
    ],
)
def test_examples_that_nothing_can_be_learned_from(tmp_path: Path, train: list[Example], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit(tmp_path, train)


def test_two_labels_where_one_is_learned(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="example e"):
        fit(tmp_path, examples(40, several=True), multi_label=False)


def noisy(n: int, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of two parts, of which the first is good, and folds."""
    drawn = np.random.default_rng(seed)
    truth = np.zeros((n, labels), dtype=np.bool_)
    truth[np.arange(n), drawn.integers(labels, size=n)] = True
    scores = drawn.normal(size=(n, 2, labels)) + np.stack([2.0 * truth, 0.2 * truth], axis=1)
    return scores, truth, drawn.integers(4, size=n)


def test_the_better_part_weighs_more_and_probabilities_are_calibrated() -> None:
    scores, truth, folds = noisy(3_000, 3, 5)
    joined = join(scores, truth, folds, multi_label=False, tick=lambda message: None)
    assert (joined.stack.own[0] > 3 * np.abs(joined.stack.own[1])).all()
    top = joined.held_out.max(axis=1)
    right = truth[np.arange(len(truth)), joined.held_out.argmax(axis=1)]
    assert top.mean() == pytest.approx(right.mean(), abs=0.02)


def test_what_is_answered_without_a_person_keeps_the_promise_on_new_texts() -> None:
    scores, truth, folds = noisy(3_000, 3, 6)
    joined = join(scores, truth, folds, multi_label=False, tick=lambda message: None)
    right = (kept_of(joined.held_out, 0.0, multi_label=False) == truth).all(axis=1)
    found = trusted(joined.held_out, right, [""] * len(right), multi_label=False, wanted=0.95, confidence=0.95)
    assert found.promised
    assert 0.3 < (found.answered.estimate or 0) < 1
    new_scores, new_truth, _ = noisy(20_000, 3, 8)
    probabilities = joined.stack.probabilities(new_scores)
    trust = np.array([found.calibration.apply(float(each)) for each in probabilities.max(axis=1)])
    answered = trust >= found.person_below
    assert new_truth[np.arange(len(trust)), probabilities.argmax(axis=1)][answered].mean() > 0.945


def test_without_a_promise_everything_goes_to_a_person() -> None:
    scores, truth, folds = noisy(60, 3, 9)
    joined = join(scores, truth, folds, multi_label=False, tick=lambda message: None)
    right = np.zeros(60, dtype=np.bool_)
    right[::2] = True
    found = trusted(joined.held_out, right, [""] * 60, multi_label=False, wanted=0.99, confidence=0.95)
    assert not found.promised
    assert found.answered.estimate == 0
    assert all(found.calibration.apply(each) < found.person_below for each in (0.0, 0.5, 1.0))


def test_the_threshold_has_the_best_micro_f1() -> None:
    drawn = np.random.default_rng(3)
    truth = drawn.random((500, 4)) < 0.3
    held_out = np.clip(0.35 * truth + 0.5 * drawn.random(truth.shape), 0, 1)
    best = best_threshold(held_out, truth)
    assert all(micro_f1(held_out >= best, truth) >= micro_f1(held_out >= each, truth) for each in (0.1, 0.3, 0.5, 0.7))


def test_a_label_that_nobody_has_does_no_harm() -> None:
    scores, truth, _ = noisy(200, 3, 4)
    wider = np.concatenate((truth, np.zeros((200, 1), dtype=np.bool_)), axis=1)
    stack = fit_stack(np.concatenate((scores, np.full((200, 2, 1), -1.0)), axis=2), wider, "own", multi_label=True)
    assert stack.probabilities(np.concatenate((scores, np.full((200, 2, 1), -1.0)), axis=2))[:, 3].max() < 0.1


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="a tuned encoder needs torch, the extra `train`")
def test_a_tuned_encoder_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    train = examples(40)
    asked = {"encoder": "tuned", "epochs": 2, "batch": 8, "tokens": 16}
    fitted = fit(tmp_path / "whole", train, **asked)
    assert {"model.onnx", "tokenizer.json"} <= files(tmp_path / "whole").keys()

    def stop(step: Step) -> None:
        if step.message == "epoch 1":
            raise InterruptedError
        if step.message == "epoch 2":
            assert step.metrics["held_out_loss"] > 0

    with pytest.raises(InterruptedError):
        fit(tmp_path / "stopped", train, progress=stop, **asked)
    fit(tmp_path / "stopped", train, **asked)
    assert files(tmp_path / "stopped") == files(tmp_path / "whole")
    assert loaded(tmp_path / "whole", fitted).predict(["the vpn of my router"])[0].suggestions


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is there")
def test_a_tuned_encoder_without_torch_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="extra `train`"):
        fit(tmp_path, examples(30), encoder="tuned")


def test_evidence_is_what_the_words_gave_to_the_logit(one: tuple[Path, Fitted, Loaded]) -> None:
    """The contributions of all words add up to what the linear parts gave the label above the mean of all labels."""
    from groundcrew.tuned.classifier import Classifier
    from groundcrew.tuned.classifier_features import FAMILIES, words_of
    from groundcrew.tuned.classifier_scores import read

    model = one[2]
    assert isinstance(model, Classifier)
    weights, text = model._weights, "The VPN and my laptop: the router is again without a signal, vpn please"
    seen = read(weights, words_of(text))
    for label in range(len(weights.labels)):
        given = 0.0
        for part, family in enumerate(FAMILIES):
            linear = weights.linear(family)
            scores = linear.scores(seen.rows[family]) - linear.bias
            logits = weights.stack.own[part] * scores
            if weights.stack.cross.size:
                count = len(weights.labels)
                logits = logits + scores @ weights.stack.cross[part * count : (part + 1) * count]
            given += float(logits[label] - logits.mean())
        assert model._moved(label, seen).sum() == pytest.approx(given, abs=1e-9)
