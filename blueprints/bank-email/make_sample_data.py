"""Makes the sample ratings and outcomes of the bank-email blueprint: seeded, so that anyone gets the same files again.

The figures are invented. Every row says ``"sample": true``, so that nothing made here can ever count as evidence.
Run ``python blueprints/bank-email/make_sample_data.py``; `--check` compares with the files that are there.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

DATA = Path(__file__).parent / "data"
SEED = 20261122
#: Two working weeks of a pilot that never took place.
FIRST_DAY = datetime(2026, 10, 26, tzinfo=UTC)
DAYS = 14

CASES_PER_ARM = 240
RATED_CASES = 260
RATERS = 12

CONTROL_MEAN_S, CONTROL_SD_S = 900.0, 540.0
TREATMENT_MEAN_S, TREATMENT_SD_S = 200.0, 130.0
HANDLE_TIME_S_MIN = 20.0
RESOLVED_RATE = {"control": 0.0, "treatment": 0.8}
COMPLAINT_RATE = {"control": 0.025, "treatment": 0.021}

#: Weights of 1 to 5 stars: mean 4.3.
STAR_WEIGHTS = (3, 4, 9, 28, 56)

PRAISE = (
    "Exactly the sentence from the policy, I only added a greeting.",
    "Right amount, right deadline.",
    "Saved me from looking it up.",
    "The quote from the article convinced me at once.",
    "Short and correct.",
    "Good that it named the date from which the new fee applies.",
)
MIDDLING = (
    "Correct, but a little dry for an upset customer.",
    "The second question of the mail stayed open.",
    "Right article, though the sentence after it would have helped more.",
    "Had to add where the form is.",
)
BLAME = (
    "Answered a neighbouring question, not the one that was asked.",
    "The customer wrote about the credit card, the answer is about the debit card.",
    "It should have been passed on to a person straight away.",
    "Missed that the customer lives abroad.",
)
OPENINGS = ("Thank you for your e-mail.", "Many thanks for your message.", "Thank you for writing to us.")


def normal_quantile(share: float) -> float:
    """The standard normal quantile of `share` (0..1, both excluded)."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(share)


def log_normal(random: Random, mean: float, sd: float) -> float:
    """One draw, at least `HANDLE_TIME_S_MIN`, of a log-normal distribution with that mean and sd: handle times lean right."""
    variance = math.log(1 + (sd / mean) ** 2)
    value = math.exp(math.log(mean) - variance / 2 + math.sqrt(variance) * normal_quantile(random.uniform(1e-6, 1 - 1e-6)))
    return max(HANDLE_TIME_S_MIN, value)


def moment(random: Random) -> datetime:
    """A moment in office hours (UTC) of one of the working days."""
    while True:
        day = FIRST_DAY + timedelta(days=random.randrange(DAYS))
        if day.weekday() < 5:
            return day + timedelta(hours=7, seconds=random.randrange(9 * 3600))


def stamp(at: datetime) -> str:
    """RFC 3339 in UTC, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def outcomes(random: Random) -> list[dict[str, Any]]:
    """Three rows a case: handle time, whether it was resolved without a human, whether a complaint followed."""
    rows: list[dict[str, Any]] = []
    arms = ["control"] * CASES_PER_ARM + ["treatment"] * CASES_PER_ARM
    random.shuffle(arms)
    for number, arm in enumerate(arms, start=1):
        case = {"case_id": f"case-{number:04d}", "arm": arm, "unit_id": f"ticket-{70000 + number}"}
        at = moment(random)
        mean, sd = (CONTROL_MEAN_S, CONTROL_SD_S) if arm == "control" else (TREATMENT_MEAN_S, TREATMENT_SD_S)
        handle_time_s = round(log_normal(random, mean, sd))
        complained = random.random() < COMPLAINT_RATE[arm]
        resolved = random.random() < RESOLVED_RATE[arm]
        closed = at + timedelta(seconds=handle_time_s)
        complained_at = closed + timedelta(days=random.randrange(1, 4), hours=random.randrange(5))
        for metric, value, unit, when in (
            ("handle_time", float(handle_time_s), "s", closed),
            ("resolved_without_human", float(resolved), "share", closed),
            ("complaint", float(complained), "share", complained_at if complained else closed + timedelta(days=7)),
        ):
            rows.append({**case, "metric": metric, "value": value, "unit": unit, "at": stamp(when), "sample": True})
    return rows


def answerable_emails() -> list[dict[str, Any]]:
    """The blueprint's e-mails that have an expected answer, in file order."""
    rows = (json.loads(line) for line in (DATA / "emails.jsonl").read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["answerable"]]


def ratings(random: Random, treated: list[str]) -> list[dict[str, Any]]:
    """One rating by a service agent for each of `RATED_CASES` answers; treated cases come first, the rest is from reviews."""
    emails = answerable_emails()
    cases = treated + [f"review-{number:04d}" for number in range(1, RATED_CASES - len(treated) + 1)]
    rows = []
    for case_id, email in zip(cases[:RATED_CASES], random.sample(emails, RATED_CASES), strict=True):
        stars = random.choices((1, 2, 3, 4, 5), weights=STAR_WEIGHTS)[0]
        row: dict[str, Any] = {"case_id": case_id, "email_id": email["id"], "stars": stars}
        comment = _comment(random, stars)
        if comment:
            row["comment"] = comment
        if stars <= 3 and random.random() < 0.6:
            row["corrected_text"] = " ".join([random.choice(OPENINGS), *email["expected"]])
        row["rater"] = f"agent-{random.randrange(1, RATERS + 1):02d}"
        rows.append({**row, "at": stamp(moment(random)), "sample": True})
    return rows


def _comment(random: Random, stars: int) -> str:
    """A remark, more often where something was wrong."""
    if stars >= 4:
        return random.choice(PRAISE) if random.random() < 0.2 else ""
    if stars == 3:
        return random.choice(MIDDLING) if random.random() < 0.7 else ""
    return random.choice(BLAME) if random.random() < 0.85 else ""


def files() -> dict[str, str]:
    """The two files' content by name."""
    random = Random(SEED)
    found = outcomes(random)
    treated = [row["case_id"] for row in found if row["metric"] == "handle_time" and row["arm"] == "treatment"]
    content = {"sample_outcomes.jsonl": found, "sample_ratings.jsonl": ratings(random, treated)}
    return {name: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) for name, rows in content.items()}


def main() -> int:
    """Write the files, or with `--check` compare; 1 where one differs."""
    parser = argparse.ArgumentParser(description="Make the sample ratings and outcomes of the bank-email blueprint.")
    parser.add_argument("--check", action="store_true", help="compare with the files that are there, write nothing")
    check = parser.parse_args().check
    stale = 0
    for name, text in files().items():
        path = DATA / name
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            print(f"{path} is not what the script makes: run it without --check", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    raise SystemExit(main())
