"""A large rolling deployment at Lambda's share of a CPU: 5,000 tasks, 20 of them stop each second.

While one environment lists the new tasks, others withdraw the stopping ones. The new tasks must be
listed in the first round: withdrawals never hold a publication up.

    python tests/rolling.py --tasks 5000 --stops 20 --memory 256     (part of make soak)
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from simulator import Environments, Function, Simulator
from simulator.processes import wait_until

if TYPE_CHECKING:
    from concurrent.futures import Future

    from simulator import Invocation

KEY = "ecs:task:iplist"
NEW = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--stops", type=float, default=20, help="each second")
    parser.add_argument("--memory", type=int, default=256, help="MB")
    options = parser.parse_args()
    with Simulator() as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(options.tasks)
        settings = aws.settings(service, key=KEY)
        with (
            Function(settings, timeout=30.0, memory=options.memory) as lister,
            Environments(settings, 8, memory=options.memory) as others,
        ):
            assert "published" == lister.invoke({}).answer["outcome"]
            for each in [others.invoke({"action": "status"}) for _ in range(16)]:
                each.result()  # warm
            stopping = list(service.tasks)
            new = service.start_tasks(NEW)
            aws.events.take()
            aws.valkey.client().delete(f"{{{KEY}}}:ratelimit")
            began = time.monotonic()
            withdrawals: list[Future[Invocation]] = []
            run = lister.start({})
            client = aws.valkey.client()
            wait_until(lambda: bool(client.exists(f"{{{KEY}}}:lease")), "the lister has the lease")
            listed_after = None
            while not run.done():
                stopping.pop().stop()
                withdrawals += [others.invoke(event) for event in aws.events.take()]
                if listed_after is None and new[-1].ip in str(client.get(KEY)):
                    listed_after = time.monotonic() - began
                time.sleep(1 / options.stops)
            took, said = time.monotonic() - began, run.result()
            slowest = max(each.result().duration for each in withdrawals)
        listed = {item["ip"] for item in json.loads(str(aws.valkey.client().get(KEY)))}
        missing = [task for task in new if task.ip not in listed]
        gone = [t for t in service.tasks if t.state.desired_status == "STOPPED" and t.ip in listed]
    print(
        f"{options.tasks} tasks at {options.memory} MB, {len(withdrawals)} stops in {took:.1f} s: "
        f"{said.answer['outcome']} in {said.answer['rounds']} round(s), new tasks listed after "
        f"{listed_after or took:.1f} s, {len(missing)} of {NEW} missing, {len(gone)} stopping "
        f"tasks listed; the slowest stop event took {slowest:.2f} s"
    )
    return int(bool(missing) or bool(gone) or said.answer["outcome"] != "published")


if __name__ == "__main__":
    sys.exit(main())
