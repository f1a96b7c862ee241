"""How long it takes to verify an audit log of a million entries: offline, by the auditor's one file, on one core.

    python bench/audit/run.py --entries 1000000

Writes the log (entries as the product seals them, with signed checkpoints), verifies it in a process of its own that loads
nothing of groundcrew, and prints seconds and the peak of that process's memory. `--search URL` fills a database and measures the
first page of searches there instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from groundcrew.domain.audit import GENESIS_HASH, AuditEntry, seal
from groundcrew.domain.checkpoint import INTERVAL_ENTRIES_MAX, Checkpoint, checkpoint_digest, merkle_root
from groundcrew.services.audit_keys import Signer
from groundcrew.services.verifier_script import verifier_script

START = datetime(2026, 1, 1, tzinfo=UTC)
ACTIONS = ("ship", "apply", "sign", "rate", "evaluate", "advance")


def chain(number: int) -> Iterator[AuditEntry]:
    """A chain of `number` entries: what calls, people and programs leave, with texts of a usual length."""
    previous = GENESIS_HASH
    for each in range(1, number + 1):
        entry = seal(
            AuditEntry(
                sequence=each,
                at=START + timedelta(seconds=each, microseconds=each % 1_000_000),
                actor=f"user:person-{each % 400}",
                action=ACTIONS[each % len(ACTIONS)],
                subject=f"use-case/case-{each % 60}" if each % 5 else f"calls/gateway-{each % 7}",
                subject_digest=previous if each % 9 else None,
                reason="after a look at the «Zürich» figures: all is well" if each % 4 else "",
                details={"rows": each % 900, "share": each / 7, "use_case": f"case-{each % 60}"},
                previous_hash=previous,
                hash="",
            )
        )
        previous = entry.hash
        yield entry


def write(folder: Path, number: int) -> tuple[Path, Path]:
    """The log and its checkpoints as files."""
    export, side = folder / "audit.jsonl", folder / "checkpoints.jsonl"
    signer = Signer.create()
    hashes: list[str] = []
    last: Checkpoint | None = None
    with export.open("wb") as file, side.open("wb") as signed:
        signed.write(msgspec.json.encode({"key": signer.public(START)}) + b"\n")
        for entry in chain(number):
            file.write(msgspec.json.encode(entry) + b"\n")
            hashes.append(entry.hash)
            if len(hashes) == INTERVAL_ENTRIES_MAX or entry.sequence == number:
                last = signer.sign(
                    Checkpoint(
                        sequence=entry.sequence,
                        hash=entry.hash,
                        root=merkle_root(hashes),
                        entries=len(hashes),
                        at=entry.at,
                        previous=checkpoint_digest(last),
                        key_id=signer.id,
                    )
                )
                signed.write(msgspec.json.encode({"checkpoint": last}) + b"\n")
                hashes.clear()
    (folder / "key.txt").write_text(signer.public(START).public_key)
    return export, side


MEASURE = """
import json, resource, sys, time
sys.argv = sys.argv[1:]
import runpy
start = time.perf_counter()
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    status = end.code
took = time.perf_counter() - start
peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps({"status": status, "seconds": round(took, 2), "peak_mib": peak_mib}))
"""


def offline(number: int) -> None:
    """Write, verify, print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        export, side = write(folder, number)
        print(f"{number} entries, {export.stat().st_size / 2**20:.0f} MiB, written in {time.perf_counter() - start:.1f} s")
        script = folder / "verify_audit.py"
        script.write_text(verifier_script())
        command = [sys.executable, "-I", "-c", MEASURE, str(script), str(export)]
        result = subprocess.run(
            [*command, "--checkpoints", str(side), "--public-key", str(folder / "key.txt")],
            capture_output=True,
            text=True,
            check=False,
        )
        print(result.stdout.strip(), result.stderr.strip())
        figures = json.loads(result.stdout.splitlines()[-1])
        if figures["status"] != 0:
            raise SystemExit("the log did not verify")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--search", help="database URL to fill and to search, such as sqlite:////tmp/search.db")
    given = parser.parse_args()
    if given.search:
        from search import measure

        asyncio.run(measure(given.search, given.entries))
    else:
        offline(given.entries)


if __name__ == "__main__":
    main()
