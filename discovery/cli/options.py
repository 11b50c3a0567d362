"""The common parts of the commands: their descriptions, and the options of all. Pure."""

from __future__ import annotations

import argparse
from typing import Any

from discovery.diagnose.request import CHECKS

PROGRAM = "python -m discovery"
TIMEOUT = 300.0  # seconds
_DAY = 86_400.0  # seconds


def parser(**given: Any) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **given
    )


def command(commands: Any, name: str, help: str, more: str, example: str) -> Any:
    made = commands.add_parser(
        name,
        help=help,
        description=f"{help[0].upper()}{help[1:]}.\n\n{more}".rstrip(),
        epilog="example:\n" + "\n".join(f"  {PROGRAM} {each}" for each in example.split("\n")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.usage = "%(prog)s [options]"
    where = made.add_argument_group("where")
    where.add_argument(
        "--function", metavar="NAME", default="",
        help="invoke this deployed function (default: work here, with your own credentials)",
    )  # fmt: skip
    where.add_argument("--region", default="", help="AWS Region (default: AWS_REGION)")
    where.add_argument(
        "--profile", default="", help="profile of the AWS configuration (default: AWS_PROFILE)"
    )
    where.add_argument("--cluster", default="", help="name or ARN (default: ECS_CLUSTER_NAME)")
    where.add_argument("--service", default="", help="name or ARN (default: ECS_SERVICE_NAME)")
    where.add_argument("--key", default="", help="key of the list in Redis (default: REDIS_KEY)")
    where.add_argument(
        "--timeout", type=seconds, default=TIMEOUT, metavar="SECONDS",
        help=f"what is not done by then is given up (default: {TIMEOUT:g})",
    )  # fmt: skip
    output = made.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="the whole answer as JSON")
    output.add_argument("--quiet", action="store_true", help="a line for each service, or none")
    output.add_argument(
        "--verbose", action="store_true", help="all details, and a log of what is done"
    )
    return made


def seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= _DAY:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 86400 seconds")
    return seconds


def checks(text: str) -> list[str]:
    words = text.replace(",", " ").split()
    for word in words:
        if word not in CHECKS:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(CHECKS)}")
    return words


def window(made: Any, groups: bool) -> None:
    made.add_argument(
        "--minutes", type=int, default=60, help="how far back to look, 1 to 10080 (default: 60)"
    )
    if groups:
        made.add_argument(
            "--limit", type=int, default=200,
            help="groups of equal errors that are kept, 1 to 1000 (default: 200)",
        )  # fmt: skip
    made.add_argument(
        "--log-pattern", default="", metavar="GROUP",
        help="log group with {service}, {cluster} or {family}, where a task definition names "
        "none (default: LOG_PATTERN)",
    )  # fmt: skip


def services(made: Any) -> None:
    made.usage = "%(prog)s [SERVICE ...] [options]"
    made.add_argument(
        "services", nargs="*", metavar="SERVICE",
        help="names or ARNs; `all` means every service of the cluster (default: ECS_SERVICE_NAME; "
        "without it, all)",
    )  # fmt: skip
