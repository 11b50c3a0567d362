"""Runs a command: from its arguments to printed lines and an exit code."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any, NoReturn

from discovery.cli import aws, environment, exits, handler, output, parser
from discovery.cli.output import (
    complain,
    on_terminal,
    print_json,
    print_lines,
    progress,
    terminal,
)
from discovery.cli.safe import masked
from discovery.errors import DiscoveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

log = logging.getLogger("discovery.cli")


def run(arguments: Sequence[str]) -> NoReturn:
    """Run a command and end the process with its exit code.

    At once: threads of calls that were given up on would hold it.
    """
    output.prepare()
    try:
        code = main(arguments)
    except SystemExit as end:  # of argparse
        code = end.code if isinstance(end.code, int) else exits.UNSEEN
    except KeyboardInterrupt:
        code = exits.INTERRUPTED
    except BrokenPipeError:
        code = exits.PIPE_CLOSED
    os._exit(output.finish(code))


def main(arguments: Sequence[str]) -> int:
    """The exit code. Raises SystemExit, KeyboardInterrupt or BrokenPipeError."""
    options = parser.parse(arguments)
    output.log_to_stderr(options)
    try:
        env = environment.with_options(os.environ, options)
        aws.use(options.region, options.profile, env)
        return _COMMANDS[options.command](options, env)
    except DiscoveryError as error:
        complain(f"{error}")
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 (Python's own exit code for it would be "degraded")
        complain(f"{type(error).__name__}: {error}. Run with --verbose for more.")
        if options.verbose:
            complain(traceback.format_exc())
    return exits.UNSEEN


# The commands. Each has the options and the variables, and returns the exit code.


def _diagnose(options: Any, env: Mapping[str, str]) -> int:
    from discovery.cli import show_diagnosis  # noqa: PLC0415 (each command loads its own)

    found = _diagnoses(options, env, tuple(_wanted(options)))
    if options.json:
        print_json(_together(found))
    elif options.quiet:
        print_lines(show_diagnosis.line(*each) for each in found)
    else:
        print_lines(show_diagnosis.diagnoses(found, terminal(), options.verbose))
    return exits.of_verdicts(answer["verdict"] for _, answer in found)


def _wanted(options: Any) -> list[str]:
    from discovery.diagnose.request import CHECKS  # noqa: PLC0415

    only, skip = options.only or CHECKS, options.skip or ()
    return [each for each in CHECKS if each in only and each not in skip]


def _together(found: Sequence[tuple[str, Mapping[str, Any]]]) -> Any:
    """One service: its answer. Several: each with its name."""
    if len(found) == 1:
        return found[0][1]
    return {"services": [{"name": name, **answer} for name, answer in found]}


def _diagnoses(
    options: Any, env: Mapping[str, str], checks: tuple[str, ...]
) -> list[tuple[str, Any]]:
    """The answer for each service, masked."""
    from discovery.deadline import Deadline  # noqa: PLC0415
    from discovery.diagnose import request as requests  # noqa: PLC0415

    params = {"minutes": options.minutes}
    if hasattr(options, "limit"):
        params["limit"] = options.limit
    request = requests.request(params)._replace(checks=checks)
    with progress(options):
        if options.function:
            log.info("waiting for the function %s", options.function)
            answer = handler.answer({"action": "diagnose", **params}, options, env)
            return [(options.function, masked(answer))]
        from discovery.cli import diagnosing  # noqa: PLC0415

        deadline = Deadline(time.monotonic() + options.timeout)
        found = diagnosing.diagnose(diagnosing.targets(options.services, env), request, deadline)
        return [(masked(name), masked(answer)) for name, answer in found]


def _logs(options: Any, env: Mapping[str, str]) -> int:
    from discovery.cli import show_logs  # noqa: PLC0415
    from discovery.diagnose.request import LAST_LINES  # noqa: PLC0415

    if options.what == "pull":
        return _pull(options, env)
    part = "restarts" if options.what == "restarts" else "logs"
    found = _diagnoses(options, env, ("tasks", LAST_LINES) if part == "restarts" else ("logs",))
    screen = terminal()
    for name, answer in found if not options.quiet and not options.json else ():
        print(screen.paint(name, "strong"))
        print_lines(getattr(show_logs, options.what)(answer, screen, options.verbose))
        for each in answer["findings"]:
            if each["severity"] == "unknown":
                print_lines(screen.paragraph(each["what"], "    ", "  not seen: "))
    if options.json:
        shown = (part, "findings")  # which say what was not seen
        print_json(
            _together([(name, {each: answer[each] for each in shown}) for name, answer in found])
        )
    return exits.of_logs((answer for _, answer in found), part)


def _pull(options: Any, env: Mapping[str, str]) -> int:
    from discovery.cli import diagnosing, show_logs  # noqa: PLC0415
    from discovery.cli.pull import Pull  # noqa: PLC0415
    from discovery.deadline import Deadline  # noqa: PLC0415
    from discovery.diagnose import request as requests  # noqa: PLC0415

    requests.request({"minutes": options.minutes})
    # On a terminal the lines themselves are the progress.
    with progress(options, shown=not sys.stdout.isatty()):
        deadline = Deadline(time.monotonic() + options.timeout)
        targets = diagnosing.targets(options.services, env)
        pull = Pull(targets, options.minutes, deadline)
        for each in pull.lines():
            if options.json:
                print(json.dumps(show_logs.pulled_fields(each)))
            elif not options.quiet:
                print(show_logs.pulled(each, len(targets) != 1))
    for text in pull.unseen:
        complain(text)
    return exits.UNSEEN if pull.unseen else exits.WELL


def _event(
    options: Any, env: Mapping[str, str], event: Mapping[str, Any], show: Any, code: Any
) -> int:
    """A command that is one event: sends it, and shows the answer."""
    with progress(options):
        name = f"the function {options.function}" if options.function else "the answer"
        log.info("waiting for %s", name)
        answer = masked(handler.answer(event, options, env))
    if options.json:
        print_json(answer)
    elif not options.quiet:
        print_lines(show(answer, terminal()))
    return int(code(answer))


def _given(options: Any, names: Iterable[str]) -> dict[str, Any]:
    """The event's fields for the options that were given."""
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _history(options: Any, env: Mapping[str, str]) -> int:
    from discovery.cli import show_history  # noqa: PLC0415

    return _event(
        options, env, {"action": "history"} | _given(options, ("task", "since", "stopped")),
        lambda answer, screen: show_history.history(answer, screen, options.verbose),
        lambda _: exits.WELL,
    )  # fmt: skip


def _status(options: Any, env: Mapping[str, str]) -> int:
    from discovery.cli import show_list  # noqa: PLC0415

    return _event(options, env, {"action": "status"}, show_list.status, exits.of_status)


def _sync(options: Any, env: Mapping[str, str]) -> int:
    from discovery.cli import show_list  # noqa: PLC0415

    event = {"action": "sync"} | _given(options, ("dry_run",))
    return _event(options, env, event, show_list.synced, exits.of_sync)


def _list(options: Any, env: Mapping[str, str]) -> int:
    from discovery.cli import show_list  # noqa: PLC0415

    if not options.watch:
        return _event(options, env, {"action": "status"}, show_list.listed, exits.of_status)
    from discovery.cli.watch import watch  # noqa: PLC0415

    shown: Any = None
    for answer in watch(env, lambda: handler.answer({"action": "status"}, options, env), complain):
        tasks = [each.get("ip") for each in answer["tasks"]]
        redrawn = on_terminal(sys.stdout) and not options.json
        if redrawn:
            print("\x1b[H\x1b[J", end="")
        elif shown == (answer["generation"], tasks):
            continue
        shown = (answer["generation"], tasks)
        if options.json:
            print(json.dumps(masked(answer)))
        else:
            print_lines(show_list.listed(masked(answer), terminal()))
        sys.stdout.flush()
    return exits.WELL


def _recycle(options: Any, env: Mapping[str, str]) -> int:
    from discovery.cli import show_recycle  # noqa: PLC0415
    from discovery.recycle.request import FIELDS  # noqa: PLC0415

    start = options.what == "start"
    fields = _given(options, FIELDS) if start else {"command": options.what}
    event = {"action": "recycle"} | fields
    return _event(options, env, event, show_recycle.recycle, exits.of_recycle)


_COMMANDS = {
    "diagnose": _diagnose,
    "logs": _logs,
    "history": _history,
    "status": _status,
    "sync": _sync,
    "list": _list,
    "recycle": _recycle,
}
