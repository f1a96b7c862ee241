"""In which order several processes share the tests: what takes long first, so that they end together, and load tests one by one.

Files go to processes whole (`--dist loadfile`), by default those with the most tests first, which leaves for the end the few long
ones that start servers and browsers: there one process waits for the other. And two load tests at once would measure each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

#: Beginnings of paths, what takes longest first; everything else takes seconds and follows in its own order.
LONG = ("tests/integration/test_docs.py", "tests/load/", "tests/e2e/", "tests/integration/", "tests/contract/")
ONE_BY_ONE = "tests/load/"


class Scheduling(LoadFileScheduling):
    """A file at a time, and all files of load tests as if they were one."""

    def _split_scope(self, nodeid: str) -> str:
        return ONE_BY_ONE if nodeid.startswith(ONE_BY_ONE) else str(super()._split_scope(nodeid))


def scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """The scheduler of `--dist loadfile`, None for any other."""
    if config.getvalue("dist") != "loadfile":
        return None
    # The order is the collection's: see `in_order`.
    config.option.loadscopereorder = False
    return Scheduling(config, log)


def in_order(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests, each file's in its own order, the long files first."""

    def place(item: pytest.Item) -> int:
        return next((number for number, beginning in enumerate(LONG) if item.nodeid.startswith(beginning)), len(LONG))

    return sorted(items, key=place)


def shuffled(items: Sequence[pytest.Item], seed: int) -> list[pytest.Item]:
    """The tests in an order drawn by `seed`, files whole: a test that leans on another one fails in some of them."""
    random = Random(seed)
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    order = [random.sample(each, len(each)) for each in files.values()]
    random.shuffle(order)
    return [item for each in order for item in each]
