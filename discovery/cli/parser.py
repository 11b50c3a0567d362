"""The commands, their options, and the help that a person reads. Pure."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from discovery.cli import options
from discovery.cli.options import PROGRAM
from discovery.diagnose.request import CHECKS

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION = """\
Shows what an ECS service's list holds, what happened to its tasks, and what is wrong with them.

With --function a deployed function answers. Without it the command works here, with your own AWS
credentials and the function's environment variables (ECS_CLUSTER_NAME, ECS_SERVICE_NAME,
REDIS_HOST, REDIS_KEY, ...). Options replace variables. `diagnose` and `logs` need neither Redis
nor the VPC.
"""
_EPILOG = """\
exit codes:
  0  healthy
  1  degraded or failing
  2  unknown, or the command itself failed

examples:
  python -m discovery diagnose --cluster arcade             every service of the cluster
  python -m discovery diagnose lobby --cluster arcade       one service
  python -m discovery diagnose --function ecs-task-discovery
  python -m discovery logs errors lobby --minutes 15
  python -m discovery list --watch

`python -m discovery COMMAND --help` has the options of a command.
"""


def parser() -> argparse.ArgumentParser:
    top = options.parser(prog=PROGRAM, description=_DESCRIPTION, epilog=_EPILOG)
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _diagnose(commands)
    _logs(commands)
    _history(commands)
    _simple(commands)
    _recycle(commands)
    return top


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options. Exits with 2 and a message if they are wrong."""
    top = parser()
    given = top.parse_args(arguments)
    if given.function:
        _check_function(top, given)
    if set(getattr(given, "skip", None) or ()) >= set(CHECKS):
        top.error("--skip leaves nothing to look at")
    return given


def _check_function(top: argparse.ArgumentParser, given: argparse.Namespace) -> None:
    """A deployed function has settings of its own, and answers one event."""
    local = ("cluster", "service", "key", "endpoint", "domain", "log_pattern", "only", "skip")
    reasons = {f"--{name.replace('_', '-')}": "a function has its own settings" for name in local}
    reasons["SERVICE"] = "a function looks at its own service"
    reasons["--watch"] = "--watch reads Redis itself"
    reasons["logs pull"] = "name the SERVICE and --cluster"
    found = [f"--{name.replace('_', '-')}" for name in local if getattr(given, name, None)]
    found += ["SERVICE"] if getattr(given, "services", None) else []
    found += ["--watch"] if getattr(given, "watch", False) else []
    found += ["logs pull"] if getattr(given, "what", "") == "pull" else []
    if found:
        top.error(f"--function and {found[0]} exclude each other: {reasons[found[0]]}")


def _diagnose(commands: Any) -> None:
    made = options.command(
        commands,
        "diagnose",
        "say what is wrong with a service, and why; reads only",
        "Of several services it first looks at everything but the logs, then at the logs of those\n"
        "that are degraded or failing. The list in Redis, --endpoint and --domain belong to the\n"
        "service of ECS_SERVICE_NAME, or to the only one that is named.",
        "diagnose lobby --cluster arcade --minutes 30\ndiagnose all --skip targets,endpoints",
    )
    options.services(made)
    options.window(made, groups=True)
    one = made.add_mutually_exclusive_group()
    listed = ", ".join(CHECKS)
    one.add_argument(
        "--only", type=options.checks, metavar="CHECKS", help=f"look only at these: {listed}"
    )
    one.add_argument("--skip", type=options.checks, metavar="CHECKS", help="look at all but these")
    made.add_argument(
        "--endpoint", action="append", metavar="URL",
        help="http:// or https:// URL to look at; may be repeated (default: HTTP_ENDPOINTS)",
    )  # fmt: skip
    made.add_argument(
        "--domain", action="append", metavar="HOST",
        help="host or host:port whose certificate to look at; may be repeated (default: DOMAIN)",
    )  # fmt: skip


_LOGS = {
    "pull": (
        "print the log lines of the window, oldest first",
        (
            "Secrets are masked. It streams, so that a million lines need no memory. Each line\n"
            "has the time, the beginning of the task's id, the container and the text; --json\n"
            "makes each line an object."
        ),
        "logs pull lobby --minutes 10 | grep -i refused",
    ),
    "errors": (
        "group the errors in the logs by class and shape",
        "Exits with 1 if there are any.",
        "logs errors lobby --minutes 15",
    ),
    "restarts": (
        "say why tasks stopped, with their last lines",
        "Exits with 1 if any of them stopped by a fault.",
        "logs restarts all --cluster arcade",
    ),
    "summary": (
        "count log lines, errors by class, and HTTP answers by status",
        "Exits with 1 if there are errors.",
        "logs summary all --cluster arcade --minutes 5",
    ),
}


def _logs(commands: Any) -> None:
    made = commands.add_parser(
        "logs",
        help="read the services' logs in CloudWatch",
        description="Reads the services' logs in CloudWatch.",
        epilog=f"example:\n  {PROGRAM} logs errors lobby --cluster arcade",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    whats = made.add_subparsers(dest="what", metavar="WHAT", required=True)
    for name, texts in _LOGS.items():
        each = options.command(whats, name, *texts)
        options.services(each)
        options.window(each, groups=name == "errors")


def _history(commands: Any) -> None:
    made = options.command(
        commands,
        "history",
        "show the latest state of tasks and instances, and why they stopped",
        "It is kept where the function has HISTORY=true, a day for stopped tasks.",
        "history --stopped --since 60",
    )
    made.add_argument("--task", metavar="ID", help="one task, by id or ARN")
    made.add_argument("--since", type=float, metavar="MINUTES", help="changes since, up to 1440")
    made.add_argument("--stopped", action="store_const", const=True, help="stopped tasks only")


def _simple(commands: Any) -> None:
    options.command(
        commands,
        "status",
        "show what Redis holds, and how old it is",
        "Makes no ECS call and writes nothing. Exits with 1 if the list is more than 3 minutes\n"
        "old, degraded, or lacks tasks that run.",
        "status --function ecs-task-discovery",
    )
    made = options.command(
        commands,
        "sync",
        "list the tasks now, check them, and write the list",
        "Without --function the tasks are checked from here, so run it inside the VPC: a task\n"
        "that accepts no connection from here leaves the list. Exits with 1 if running tasks are\n"
        "not healthy.",
        "sync --dry-run",
    )
    made.add_argument(
        "--dry-run",
        action="store_const",
        const=True,
        help="do all but write, and say why a task is left out",
    )
    made = options.command(
        commands,
        "list",
        "show the list of healthy tasks",
        "With --watch it follows the list: it subscribes to the channel of the key, and reads the\n"
        "list at each change and every minute. Its Redis user needs +subscribe besides.",
        "list --watch",
    )
    made.add_argument("--watch", action="store_true", help="follow the changes until Ctrl-C")


def _recycle(commands: Any) -> None:
    made = commands.add_parser(
        "recycle",
        help="replace every task of the service, a few at a time",
        description="Replaces every task of the service, a few at a time. The function has to "
        "allow it (RECYCLE=true), as it goes on with what is started here.",
        epilog=f"example:\n  {PROGRAM} recycle start --batch-size 10% --dry-run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    whats = made.add_subparsers(dest="what", metavar="WHAT", required=True)
    start = options.command(
        whats,
        "start",
        "start a recycle, or show the one that goes on",
        "",
        "recycle start --batch-size 10% --wait-time 60 --function ecs-task-discovery",
    )
    _start_options(start)
    for name, help in (
        ("status", "show how far the recycle is"),
        ("pause", "hold the recycle before the next stop"),
        ("resume", "go on with a recycle that was paused"),
        ("cancel", "finish the tasks in hand, restore the service, and end"),
    ):
        options.command(whats, name, help, "", f"recycle {name} --function ecs-task-discovery")


def _start_options(start: Any) -> None:
    flag = argparse.BooleanOptionalAction
    start.add_argument(
        "--maintain-service-state", action=flag, default=None,
        help="raise the desired count first, so that the list never gets shorter (default: yes)",
    )  # fmt: skip
    start.add_argument(
        "--batch-size", metavar="N", help='tasks at a time, or a share such as "10%%" (default: 1)'
    )
    for name, help, limits, default in (
        ("wait-time", "between a replacement and the next batch", "0 to 86400", 30),
        ("drain-time", "between a task's removal from the list and its stop", "0 to 1800", 5),
        ("replacement-timeout", "without progress, after which it fails", "30 to 86400", 600),
        ("settle-time", "that a replacement has to stay listed", "0 to 86400", 0),
    ):
        start.add_argument(
            f"--{name}", type=float, metavar="SECONDS",
            help=f"seconds {help}, {limits} (default: {default})",
        )  # fmt: skip
    start.add_argument(
        "--started-before", metavar="TIME",
        help="tasks created before it have to go; ISO 8601 with a zone (default: now)",
    )  # fmt: skip
    start.add_argument(
        "--allow-outage", action=flag, default=None,
        help="recycle even if the list is empty for a while (default: no)",
    )  # fmt: skip
    start.add_argument(
        "--dry-run", action="store_const", const=True, help="show the plan, and change nothing"
    )
