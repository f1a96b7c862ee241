"""The `groundcrew` command: its subcommands load when they are called, so that `--help` is fast; errors become one line."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from importlib import import_module

import click

from groundcrew import __version__
from groundcrew.errors import AuditBroken, GateNotPassed, GroundcrewError

#: Command → module that defines it as a click command of the same name (dashes as underscores), and its line of help.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Run the bank e-mail use case end to end on this machine."),
    "up": ("server", "Start gateway, control plane, console and jobs."),
    "gateway": ("server", "Start a gateway alone (PostgreSQL only)."),
    "control": ("server", "Start console, API and keepers alone (PostgreSQL only)."),
    "worker": ("server", "Work on durable jobs alone (PostgreSQL only)."),
    "apply": ("registry", "Declare providers, models, knowledge bases, policies and use cases from YAML."),
    "status": ("registry", "List the use cases: stage, run state, what each waits for."),
    "key": ("registry", "Create, rotate, list and revoke gateway keys."),
    "user": ("users", "Create, change and close accounts of people who sign in."),
    "hypothesis": ("evidence", "Register and show hypotheses."),
    "gate": ("gates", "Evaluate gates, report on them, publish what they ask for."),
    "advance": ("gates", "Advance a use case one stage, if its gate opens."),
    "demote": ("gates", "Move a use case to an earlier stage, or reject or retire it."),
    "approval": ("governance", "Ask for and give approvals of a version at a gate."),
    "veto": ("veto", "Object to a use case, and take it back once what lifts it has come."),
    "authority": ("veto", "Who may approve and veto besides the holders of a function."),
    "ramp": ("governance", "Show the ramp in scale, or take its next step."),
    "risk": ("risk", "Show the risk tier with its reasons, answer the questionnaire, lower a tier."),
    "controls": ("risk", "Show what the records bear of each control of a framework."),
    "technical-file": ("risk", "Write, file and verify the technical file of a use case."),
    "recertify": ("governance", "Evaluate the criteria of a use case's own stage again."),
    "roi": ("governance", "Show the return on investment as an interval, and what moves it most."),
    "attest": ("evidence", "Attest, as someone who did not build it, what can not be computed."),
    "overlap": ("overlaps", "Compare use cases with each other and with what vendors sell."),
    "settle-overlap": ("overlaps", "Decide what becomes of an overlap."),
    "vendor": ("overlaps", "Import and show what vendors sell or plan."),
    "purgatory": ("overlaps", "List what waits before production: for whom, since when, at what cost."),
    "resource": ("resource", "Show people's days, tokens and money, ask for them, give them back."),
    "champion": ("champion", "Show who carries each unit's use cases, appoint, hand over, read the playbook."),
    "backlog": ("backlog", "Explore hypotheses in boxes, search what was learned."),
    "model": ("models", "Rehearse alternate models, swap to one and back, see who is tied to one vendor."),
    "shadow": ("shadow", "Compare a use case's shadow targets with what answers its calls."),
    "probe": ("evidence", "Send probes with protected health information and record that they are denied."),
    "stop": ("switch", "Trip the kill switch of a scope."),
    "resume": ("switch", "Ask for, or confirm, the reset of a tripped kill switch."),
    "drill": ("switch", "Trip, measure and re-arm a kill switch; the time becomes evidence."),
    "gateways": ("gateways", "Say that a gateway is gone, so that no stop waits for it."),
    "sign-off": ("sign_offs", "List what waits for people, decide it, judge it again, be away."),
    "knowledge": ("knowledge", "Add, approve, list, search and look through knowledge bases."),
    "trust": ("files", "Score answers against their sources, and measure the scores on labels."),
    "eval": ("evaluations", "Run evaluation suites against a model, and compare runs."),
    "jobs": ("jobs", "List, show, cancel and work on durable jobs."),
    "guard": ("files", "Scan texts with a guard."),
    "policy": ("policy", "Show policies, and test one on labelled texts."),
    "experiment": ("experiments", "Plan, run, analyze and conclude experiments."),
    "scan": ("scan", "Find AI that goes past the gateway: in code, logs, expenses, keys."),
    "inventory": ("inventory", "Settle what scans found: owners, deadlines, drafts of use cases."),
    "curate": ("curate", "Build a data set by a recipe: every record is kept, or dropped for one named reason."),
    "dataset": ("dataset", "Register curated data sets, show them, export them for other trainers."),
    "tune": ("tune", "Tune models on data sets; see runs, versions and where each comes from."),
    "codes": ("codes", "List, show, search and import code systems (ICD-10-CM, ICD-10-GM, OPS, CHOP …)."),
    "spend": ("spend", "Show what recorded calls have cost, by use case, unit, model, key, user or day."),
    "outcomes": ("outcomes", "Import business outcomes from a file."),
    "ratings": ("ratings", "Put calls up for rating, see how far raters agree, rotate the secret of rating links."),
    "metrics": ("metrics", "Show the metrics of a use case with their intervals, or what each metric is."),
    "alert": ("alert", "Show alerts and their rules, see to an alert, silence alerts."),
    "incident": ("incident", "Open incidents, tell what happens, close them with a cause."),
    "meeting": ("meeting", "Say when the Stream meets, see its agenda, open and close it, read and verify its minutes."),
    "action": ("meeting", "List, add and finish what somebody has promised in the Stream."),
    "drift": ("drift", "Test files for drift; see references and alarms of the monitors."),
    "channel": ("channels", "List and try channels, look at deliveries, and send one again."),
    "redact": ("records", "Remove the texts of calls that were kept long enough."),
    "audit": ("audit", "Verify, search and sign the audit log; show what a call rested on."),
    "legal-hold": ("legal_hold", "Place, list and lift legal holds: what may not be removed."),
    "export": ("records", "Export calls (Parquet, JSON Lines) or the audit log (JSON Lines)."),
}

EXIT_CHECK_FAILED, EXIT_BAD_INPUT = 1, 2


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are looked up."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"groundcrew.cli.{COMMANDS[name][0]}")
        command = getattr(module, name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Start with `groundcrew demo`. Settings are read from GROUNDCREW_* variables too; options win.",
)
@click.version_option(__version__, prog_name="groundcrew")
def cli() -> None:
    """From pilot to production: a gateway and a control plane that form one ring."""


def run(arguments: Sequence[str] | None = None, *, wiring: object = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 a check failed, 2 bad usage or input."""
    try:
        # Outside its standalone mode click returns the status that a command's Exit carries.
        status = cli.main(
            args=list(arguments) if arguments is not None else None, prog_name="groundcrew", standalone_mode=False, obj=wiring
        )
    except click.Abort:
        print("groundcrew: interrupted", file=sys.stderr)
        return EXIT_BAD_INPUT
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return EXIT_BAD_INPUT
    except click.ClickException as error:
        return _fail(error, EXIT_BAD_INPUT)
    except (GateNotPassed, AuditBroken) as error:
        return _fail(error, EXIT_CHECK_FAILED)
    except (GroundcrewError, OSError) as error:
        return _fail(error, EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        print("groundcrew: interrupted", file=sys.stderr)
        return EXIT_BAD_INPUT
    except Exception as error:
        return _fail(error, EXIT_BAD_INPUT, prefix=f"internal error: {type(error).__name__}: ")
    return status if isinstance(status, int) else 0


def silence_late_threads() -> None:
    """For the rest of this process. A thread of the database's driver that comes back after an interrupt finds the event loop
    closed, and nobody waits for what it brings: that is no news for whoever pressed Ctrl+C."""
    before = threading.excepthook

    def told(arguments: threading.ExceptHookArgs) -> None:
        if not (isinstance(arguments.exc_value, RuntimeError) and str(arguments.exc_value) == "Event loop is closed"):
            before(arguments)

    threading.excepthook = told


def _fail(error: Exception, status: int, prefix: str = "") -> int:
    if os.environ.get("GROUNDCREW_DEBUG"):
        raise error
    message = str(error) or type(error).__name__
    command = "groundcrew"
    if isinstance(error, click.ClickException):
        message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        command = error.ctx.command_path
        message = f"{message.rstrip('.')}; see {command} --help"
    # One line, whatever a driver or a library puts into its messages.
    print(f"{command}: {prefix}{' '.join(message.split())}", file=sys.stderr)
    return status
