"""`demo`: the bank e-mail use case end to end, on a real server, over HTTP, with the official openai package.

It declares the blueprint, earns the pilot stage with a real drill and real probes, sends every e-mail, sends what a
generating model might invent, and shows what was answered, declined, held and caught.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from groundcrew.cli import demo_report as report
from groundcrew.errors import GateNotPassed, GroundcrewError, InputError

if TYPE_CHECKING:
    from groundcrew.services.bundle import Services

PORT_PREFERRED = 8400
START_S_MAX = 60.0
CALLS_AT_ONCE = 8
CALL_TIMEOUT_S = 60.0
INPUT_ROWS_MAX = 1_000_000
#: Newest calls among which a made-up reviewer judges those that were drawn.
SAMPLE_LABELS_MAX = 500
#: Who built neither use case, and settles that they overlap.
SETTLER = "business.frei"
USE_CASE, GENERATED = "bank-email", "bank-email-generated"
#: The user whom the blueprint names among those whom its pilot may serve.
PILOT_USER = "pilot-desk"
#: Written into the demo's data folder, so that only a demo's folder is ever cleared.
MARKER = ".groundcrew-demo"
UPSTREAM_KEY = "GROUNDCREW_DEMO_UPSTREAM_KEY"


class Email(msgspec.Struct, frozen=True, kw_only=True):
    """One message to answer. `answerable` is known for the blueprint's own e-mails only."""

    id: str
    text: str
    subject: str = ""
    answerable: bool | None = None
    expected: tuple[str, ...] = ()
    #: Other sentences of the articles that say the same.
    also: tuple[str, ...] = ()


class Invention(msgspec.Struct, frozen=True, kw_only=True):
    """What the scripted upstream answers to a question: wrong in a way that must be caught, or right."""

    id: str
    question: str
    answer: str
    kind: str = "grounded"
    why: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back for one message: `status` as the gateway says it, or refused or failed with its code."""

    id: str
    question: str
    status: str
    text: str = ""
    code: str = ""
    details: dict[str, Any] = {}


@click.command()
@click.option("--serve", is_flag=True, help="Leave the server running, with the console, until Ctrl+C.")
@click.option("--input", "source", type=click.Path(path_type=Path), help='E-mails to send instead: rows {"id", "text"}; .gz too.')
@click.option(
    "--knowledge", multiple=True, type=click.Path(path_type=Path), help="Documents to answer from instead of the bank's articles."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".groundcrew/demo"),
    show_default=True,
    help="Data folder of the demo; cleared at the start.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Send at most so many e-mails.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON at the end, and nothing else on stdout.")
def demo(serve: bool, source: Path | None, knowledge: tuple[Path, ...], data: Path, limit: int | None, as_json: bool) -> None:
    """Run the bank e-mail use case end to end on this machine: no key, no network, no server needed."""
    blueprint = find_blueprint()
    emails = read_emails(source or blueprint / "data" / "emails.jsonl")[: limit or INPUT_ROWS_MAX]
    report.quiet(as_json)
    folder = prepare_folder(data)
    inventions = [] if knowledge else _rows(blueprint / "data" / "inventions.jsonl", Invention)
    correct = [] if knowledge else _rows(blueprint / "data" / "grounded_answers.jsonl", Invention)
    own_input = source is not None or bool(knowledge)
    with ExitStack() as stack:
        stack.enter_context(unwound_by_sigterm())
        upstream = stack.enter_context(scripted_upstream([*inventions, *correct]))
        os.environ.setdefault(UPSTREAM_KEY, "not-a-secret")
        url, password = stack.enter_context(server(folder, serve))
        result = asyncio.run(
            _run(folder, blueprint, url, upstream, emails, inventions, correct, list(knowledge), sample=not own_input)
        )
        if as_json:
            click.echo(json.dumps(result, indent=2))
        if serve:
            report.serving(url, password)
            _wait_for_interrupt()
        else:
            report.next_steps()


async def _run(
    folder: Path,
    blueprint: Path,
    url: str,
    upstream: str,
    emails: list[Email],
    inventions: list[Invention],
    correct: list[Invention],
    knowledge: list[Path],
    *,
    sample: bool,
) -> dict[str, Any]:
    from groundcrew.services.bundle import open_services
    from groundcrew.settings import Settings

    services = await open_services(Settings(data=folder).database, folder)
    try:
        await declare(services, blueprint, upstream, knowledge)
        await earn_pilot(services, url)
        secret = (await services.keys.create(USE_CASE, actor="demo:operator")).secret
        report.heading("3. Answer e-mails", "POST /v1/chat/completions with the official openai package")
        answers = await send(
            url, secret, [(each.id, report.mail_text(each.subject, each.text)) for each in emails], "sending e-mails"
        )
        report.rates(answers, emails)
        report.trust_distribution(answers)
        report.quoted_answers(answers, emails)
        caught = await try_inventions(services, url, inventions, correct)
        await _settled(services, len(answers))
        if sample:
            await add_sample_data(services, blueprint)
        evaluations = [await services.gates.evaluate(USE_CASE, actor="demo:operator", to="production_readiness")]
        report.next_gate(evaluations[0])
        audit = await services.audit.verify()
        report.audit_line(audit)
        return report.summary(answers, emails, caught, evaluations, audit)
    finally:
        await services.database.close()


async def declare(services: Services, blueprint: Path, upstream: str, knowledge: list[Path]) -> None:
    """Apply the blueprint's declarations, index its knowledge and let a person of the story approve it."""
    from groundcrew.services.declarations import load

    report.heading("1. Declare", "groundcrew apply blueprints/bank-email")
    declarations = load([blueprint])
    providers = tuple(
        msgspec.structs.replace(each, value=msgspec.structs.replace(each.value, base_url=upstream))
        if each.value.name == "scripted"
        else each
        for each in declarations.providers
    )
    changes = await services.registry.apply(msgspec.structs.replace(declarations, providers=providers), actor="demo:operator")
    report.line(f"{len(changes)} things declared: {', '.join(f'{each.kind} {each.name}' for each in changes)}")
    with report.progress("indexing knowledge") as advance:
        revision = await services.knowledge.add("bank-policies", knowledge, actor="demo:policy-desk", progress=advance)
    await services.knowledge.approve("bank-policies", revision.id, actor="demo:policy-desk")
    report.line(f"knowledge revision {revision.id[:12]}: {revision.documents} documents, {revision.passages} passages, approved")


async def earn_pilot(services: Services, url: str) -> None:
    """Take the use case from discovery to pilot: refused first, then with what the gate asks for."""
    from groundcrew.cli.gates import print_evaluation
    from groundcrew.cli.probing import send_probes
    from groundcrew.domain.kill_switch import Scope

    report.heading("2. Earn the pilot stage", f"groundcrew advance {USE_CASE} --to pilot")
    try:
        await services.use_cases.advance(USE_CASE, "pilot", actor="demo:maria.keller", reason="demo: first try")
    except GateNotPassed as error:
        keys = [each.title for each in error.evaluation.results if each.status != "pass"]
        report.line(f"refused, as it should be. Missing: {'; '.join(keys)}")
    registered = await services.hypotheses.register(USE_CASE, actor="demo:maria.keller")
    report.line(f"hypothesis registered and frozen: sha256 {(registered.digest or '')[:16]}…")
    overlap = await services.overlaps.scan(USE_CASE, actor="demo:operator")
    await _settle_overlaps(services, overlap.content["findings"])
    drill = await services.kill_switches.drill(Scope("use-case", USE_CASE), actor="demo:on-call")
    report.line(f"kill switch drill: {drill.switch.state} at {drill.gateways} gateway in {drill.seconds:.2f} s, armed again")
    probes = await send_probes(services, USE_CASE, url, actor="demo:operator")
    report.line(f"probes with protected health information: {probes['denied']} of {probes['sent']} denied")
    try:
        evaluation = await services.use_cases.advance(
            USE_CASE, "pilot", actor="demo:maria.keller", reason="demo: the gate is open"
        )
    except GateNotPassed as error:
        evaluation = error.evaluation
    if not report.is_quiet():
        print_evaluation(evaluation)
    report.line(f"{USE_CASE} is in {'pilot' if evaluation.passed else 'discovery'}")


async def try_inventions(
    services: Services, url: str, inventions: Sequence[Invention], correct: Sequence[Invention]
) -> dict[str, Any]:
    """Send the questions to which the scripted upstream gives invented, and then correct, answers."""
    if not inventions:
        return {}
    report.heading("4. What a generating model invents", "a scripted upstream answers; every claim is checked before it leaves")
    secret = (await services.keys.create(GENERATED, actor="demo:operator")).secret
    wrong = await send(url, secret, [(each.id, each.question) for each in inventions], "sending inventions", GENERATED)
    right = await send(url, secret, [(each.id, each.question) for each in correct], "sending correct answers", GENERATED)
    return report.inventions(wrong, inventions, right, correct)


async def send(url: str, secret: str, messages: list[tuple[str, str]], label: str, use_case: str = USE_CASE) -> list[Answer]:
    """Send each (id, text) through the gateway with the official openai package, a few at once, in order of the input."""
    import openai

    answers: dict[str, Answer] = {}
    gate = asyncio.Semaphore(CALLS_AT_ONCE)
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=secret, timeout=CALL_TIMEOUT_S, max_retries=3) as client:
        with report.progress(label) as advance:

            async def one(position: int, identifier: str, text: str) -> None:
                async with gate:
                    answers[f"{position}"] = await _ask(client, identifier, text, use_case)
                advance(len(answers), len(messages))

            await asyncio.gather(*(one(position, *message) for position, message in enumerate(messages)))
    return [answers[f"{position}"] for position in range(len(messages))]


async def _ask(client: Any, identifier: str, text: str, use_case: str) -> Answer:
    import openai

    try:
        raw = await client.chat.completions.with_raw_response.create(
            model=use_case,
            messages=[{"role": "user", "content": text}],
            extra_headers={"groundcrew-case-id": identifier, "groundcrew-user-id": PILOT_USER},
        )
    except openai.APIStatusError as error:
        return Answer(id=identifier, question=text, status="refused", code=str(error.code or error.status_code))
    except openai.OpenAIError as error:
        return Answer(id=identifier, question=text, status="failed", code=type(error).__name__)
    body = json.loads(raw.text)
    details = body.get("groundcrew", {})
    if raw.status_code == 202:
        return Answer(id=identifier, question=text, status="held", details=details)
    content = body["choices"][0]["message"]["content"] or ""
    return Answer(id=identifier, question=text, status=details.get("status", "answered"), text=content, details=details)


async def add_sample_data(services: Services, blueprint: Path) -> None:
    """Import the blueprint's sample ratings and outcomes, and let a made-up reviewer judge: labelled, shown, counted by no
    gate."""
    from groundcrew.services.feedback import NewOutcome, NewRating
    from groundcrew.services.rows import read_rows

    class SampleRating(msgspec.Struct, kw_only=True):
        case_id: str
        stars: int
        rater: str
        comment: str = ""
        corrected_text: str = ""
        critical_harm: bool | None = None
        at: str | None = None

    outcomes = [
        msgspec.structs.replace(row, sample=True)
        for _, row in read_rows(blueprint / "data" / "sample_outcomes.jsonl", NewOutcome)
    ]
    await services.feedback.add_outcomes(USE_CASE, outcomes, actor="demo:sample-data")
    ratings = [row for _, row in read_rows(blueprint / "data" / "sample_ratings.jsonl", SampleRating)]
    await services.feedback.rate_many(
        [msgspec.convert({**msgspec.to_builtins(row), "use_case": USE_CASE, "sample": True}, NewRating) for row in ratings],
        actor="demo:sample-data",
    )
    # What was sent are verbatim quotes: a reviewer who holds them against the articles finds every claim supported.
    calls = await services.calls.latest(use_case=USE_CASE, status="answered", limit=SAMPLE_LABELS_MAX)
    says = {each.id: True for each in calls}
    labels = await services.labels.add_samples(USE_CASE, says, labeller="sample-reviewer", actor="demo:sample-data")
    report.line(
        f"{len(ratings)} sample ratings, {len(outcomes)} sample outcomes and {labels} sample labels of drawn answers added, "
        "labelled as sample data"
    )


async def _settled(services: Services, number: int) -> None:
    """Wait until the calls that were answered have been shipped to the database."""
    for _ in range(100):
        if sum((await services.calls.status_counts(USE_CASE)).values()) >= number:
            return
        await asyncio.sleep(0.1)


def find_blueprint() -> Path:
    """The folder blueprints/bank-email of the checkout that this package runs from."""
    for base in (Path(__file__).resolve().parents[3], Path.cwd()):
        folder = base / "blueprints" / "bank-email"
        if (folder / "use_case.yaml").is_file():
            return folder
    raise InputError("not found: run the demo from a checkout of groundcrew", file="blueprints/bank-email")


def read_emails(path: Path) -> list[Email]:
    """The messages in a JSON Lines file; InputError names a bad row's line."""
    emails = _rows(path, Email)
    if not emails:
        raise InputError("holds no rows", file=str(path))
    if len(emails) > INPUT_ROWS_MAX:
        raise InputError(f"holds more than {INPUT_ROWS_MAX} rows", file=str(path))
    return emails


def _rows(path: Path, kind: type[Any]) -> list[Any]:
    from groundcrew.services.rows import read_rows

    return [row for _, row in read_rows(path, kind)]


def prepare_folder(data: Path) -> Path:
    """An empty data folder. Only a folder that an earlier demo made, or an empty one, is taken."""
    if data.exists() and any(data.iterdir()):
        if not (data / MARKER).exists():
            raise InputError("is not empty and was not made by the demo: name another folder with --data", file=str(data))
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    (data / MARKER).touch()
    return data


@contextmanager
def scripted_upstream(script: Sequence[Invention]) -> Iterator[str]:
    """A local server that speaks the OpenAI protocol and gives the prepared answers; yields its base URL."""
    from groundcrew.testing import FakeUpstream, ReceivedRequest, Reply

    answers = {each.question.strip(): each.answer for each in script}

    def reply(request: ReceivedRequest) -> Reply:
        asked = request.last_user_text()
        return Reply(text=answers.get(asked.strip(), "I have no prepared answer to this."))

    with FakeUpstream(reply) as upstream:
        yield upstream.url


@contextmanager
def unwound_by_sigterm() -> Iterator[None]:
    """Make SIGTERM end what is inside as any exit does, so that the server in its process of its own ends with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(_signal: int, _frame: object) -> None:
        sys.exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def server(folder: Path, preferred_port: bool) -> Iterator[tuple[str, str | None]]:
    """`groundcrew up` in a process of its own; yields its URL and the admin's password."""
    port = PORT_PREFERRED if preferred_port and _free(PORT_PREFERRED) else 0
    process = subprocess.Popen(
        [sys.executable, "-m", "groundcrew", "up", "--port", str(port), "--data", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
    )
    timer = threading.Timer(START_S_MAX, process.kill)
    timer.start()
    try:
        url, password = _read_start(process)
        timer.cancel()
        yield url, password
    finally:
        timer.cancel()
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _read_start(process: subprocess.Popen[str]) -> tuple[str, str | None]:
    password: str | None = None
    assert process.stdout is not None
    for line in process.stdout:
        if "with password " in line:
            password = line.split("with password ", 1)[1].split(" ", 1)[0]
        if "serves on " in line:
            return line.split("serves on ", 1)[1].split(": console", 1)[0], password
    raise GroundcrewError(f"the server did not start (exit status {process.wait()})")


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _wait_for_interrupt() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        click.echo("\nstopping")


async def _settle_overlaps(services: Services, findings: list[dict[str, Any]]) -> None:
    """Justify what is built beside another, as a person with an account who built neither."""
    from groundcrew.services.overlaps import Terms

    if not findings:
        return
    if SETTLER not in {each.name for each in await services.users.find()}:
        await services.users.create(SETTLER, secrets.token_urlsafe(), roles=("business",), actor="demo:operator")
    why = "measures what grounding prevents on the same mail; retired when the pilot ends"
    until = services.database.clock.now().date() + timedelta(days=90)
    for finding in findings:
        if finding["state"] == "open":
            terms = Terms(disposition="justified_build", reason=why, expires_on=until)
            await services.overlaps.settle(finding["id"], terms, actor=f"user:{SETTLER}")
            report.line(f"overlap with {finding['other']} (score {finding['score']}): justified by {SETTLER}, “{why}”")
