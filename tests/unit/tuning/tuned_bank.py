"""A registered data set and a model that answers from it, in a real database, without any training."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
from tests.unit.services import bank
from tests.unit.tuned import keywords

from groundcrew.domain.canonical import digest
from groundcrew.domain.provider import Model, Provider, Target
from groundcrew.domain.tuning import DataSet, TunedModel
from groundcrew.services.bundle import Services
from groundcrew.store import tuning

DATA_SET, MODEL = "notes", "coder"
#: Label → word of the test model's vocabulary.
WORDS = {"A01.1": "fever", "B02.2": "cough", "C03.3": "rash"}


def records(count: int = 60) -> list[dict[str, Any]]:
    """Notes in which words stand for labels; every tenth has a label that its words do not tell."""
    found = []
    for number in range(count):
        labels = ["A01.1"] if number % 3 else ["A01.1", "B02.2"]
        words = " and ".join(WORDS[each] for each in labels)
        split = "test" if number % 2 else "train"
        truth = [*labels, "C03.3"] if number % 10 == 1 else labels
        found.append(
            {"id": f"n{number}", "text": f"Note {number}: {words}.", "codes": truth, "patient": f"p{number}", "split": split}
        )
    return found


def write_data_set(folder: Path, rows: list[dict[str, Any]], **changes: Any) -> str:
    """A curated data set's folder; its revision."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    folder.mkdir(parents=True)
    parquet.write_table(pa.Table.from_pylist(rows), folder / "records.parquet")
    sha256 = hashlib.sha256((folder / "records.parquet").read_bytes()).hexdigest()
    described = {
        "name": DATA_SET,
        "revision": digest({"records": sha256, **changes}),
        "recipe_digest": "c" * 64,
        "records": len(rows),
        "records_sha256": sha256,
        "source": "written for tests",
        "licence": "CC0",
        "consent": "nobody's",
        "fields": {
            "id": "id",
            "text": ["text"],
            "label": "codes",
            "multiple": True,
            "code_system": "",
            "group": "patient",
            "split": "split",
        },
        **changes,
    }
    (folder / "revision.json").write_bytes(msgspec.json.encode(described))
    (folder / "CARD.md").write_text("# Notes\n")
    return str(described["revision"])


async def registered(services: Services, folder: Path, *, rows: list[dict[str, Any]] | None = None, **changes: Any) -> DataSet:
    """The data set in `folder`, registered."""
    write_data_set(folder, records() if rows is None else rows, **changes)
    return await services.data_sets.register(folder, data_class="pii", actor=bank.PERSON)


async def tuned(services: Services, data_set: DataSet, **manifest: Any) -> TunedModel:
    """A version of the model, registered, with its files where the registry keeps them."""
    place = services.tuned_models.data / "models" / "new"
    found = keywords.write(place, data_set=data_set.name, data_revision=data_set.revision, **manifest)
    place.rename(place.with_name(found))
    async with services.database.write(bank.PERSON) as writer:
        versions = await tuning.TUNED_MODELS.find(writer.connection, name=MODEL)
        model = TunedModel(
            name=MODEL,
            version=len(versions) + 1,
            digest=found,
            architecture=keywords.NAME,
            run="r1",
            data_set=data_set.name,
            data_revision=data_set.revision,
            registered_at=writer.clock.now(),
            registered_by=bank.PERSON,
            folder=f"models/{found}",
        )
        await tuning.TUNED_MODELS.put(writer, model, "register")
    return model


async def answers_with(services: Services, model: TunedModel) -> None:
    """Let the bank's alias answer with `model`."""
    provider = Provider(name="in-house", api="tuned", data_classes=("public", "internal", "pii"))
    alias = Model(name=bank.MODEL, targets=(Target(provider="in-house", model=model.id),))
    await bank.apply(services, providers=[bank.provider(), provider], models=[alias])
