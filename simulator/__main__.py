"""Starts a pocket AWS with one service, and says how to point the function at it."""

import argparse
import shlex
import signal

from simulator.aws import Simulator


def main() -> None:
    """Run until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m simulator", description=__doc__)
    parser.add_argument("--tasks", type=int, default=3, help="tasks of the service (3)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds an AWS call takes (0)")
    options = parser.parse_args()
    signals = (signal.SIGINT, signal.SIGTERM)
    # Blocked before any thread starts, so that sigwait alone gets them.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with Simulator(latency=options.latency) as aws:
        service = aws.ecs.create_service("arcade", "lobby", desired=options.tasks, steady=True)
        aws.clock.run()
        for name, value in aws.settings(service).items():
            print(f"export {name}={shlex.quote(value)}")
        for task in service.tasks:
            print(f"# {task.id} listens on {task.ip}:{aws.hosts.port}")
        print("# Running until Ctrl-C.", flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
