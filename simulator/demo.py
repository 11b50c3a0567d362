"""`make demo`: the function at work, told on a terminal in under half a minute.

Every step says what happens, shows the function's own log lines and the list
that Redis then holds, and is checked: the exit status is 0 only if all of them
ended as told.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from simulator.aws import Simulator
from simulator.ecs.services import Service
from simulator.function import Function, Invocation

ROOT = Path(__file__).parent.parent
KEY = "ecs:task:iplist"


class Story:
    """What is told, and whether it came true."""

    def __init__(self, aws: Simulator, service: Service, function: Function) -> None:
        self.aws, self.service, self.function = aws, service, function
        self.failed: list[str] = []
        self._steps = 0

    def step(self, title: str, what_happens: str) -> None:
        self._steps += 1
        print(bold(f"\n{self._steps}. {title}"))
        print(f"   {what_happens}\n")

    def invoke(self, event: object) -> Invocation:
        done = self.function.invoke(event)
        self.show_log(done)
        return done

    def show_log(self, done: Invocation) -> None:
        for line in done.log:
            if line.startswith("[") and "Traceback" not in line:
                level, when, _, message = line.split("\t", 3)
                print(dim(f"   {when[11:23]} {level:9} {message}"))

    def check(self, what: str, holds: bool) -> None:
        print(f"   {green('as told') if holds else red('NOT AS TOLD')}: {what}")
        if not holds:
            self.failed.append(what)

    def listed(self) -> dict[str, str]:
        """The list, as any reader gets it: address -> task name."""
        text = self.aws.valkey.client().get(KEY)
        return {item["ip"]: item["task_name"] for item in json.loads(str(text or "[]"))}

    def show_list(self) -> None:
        text = self.aws.valkey.client().get(KEY)
        print(f"\n   $ redis-cli get {KEY}")
        print(f"   {'ip':<14}{'task_name':<12}{'status':<10}update_time")
        for item in json.loads(str(text or "[]")):
            row = f"{item['ip']:<14}{item['task_name']:<12}{item['status']:<10}"
            print(f"   {row}{item['update_time']}")
        print()


def first_reconcile(story: Story) -> None:
    story.step("A first reconcile", "Three tasks run and listen; the schedule asks for a run.")
    tasks = story.service.start_tasks(3)
    story.aws.events.take()
    done = story.invoke({"source": "aws.events", "detail-type": "Scheduled Event"})
    story.show_list()
    story.check("all three are listed", set(story.listed()) == {task.ip for task in tasks})
    story.check("the answer is `published`", outcome(done) == "published")


def scale_out(story: Story) -> None:
    story.step(
        "A scale-out, with a task that is RUNNING before it listens",
        "ECS says RUNNING; the program in the task needs a moment more to open its port.",
    )
    late = story.service.start_task(port="closed")
    (event,) = story.aws.events.take()
    under_way = story.function.start(event)
    # It begins to listen once the first round was published without it.
    state = f"{{{KEY}}}:state"
    await_that(lambda: story.aws.valkey.client().hget(state, "running") == "4")
    late.port("listens")
    done = under_way.result()
    story.show_log(done)
    story.show_list()
    story.check("the next round found it listening", late.ip in story.listed())
    story.check("the first round did not", done.answer["rounds"] > 1)


def closed_port(story: Story) -> None:
    story.step(
        "A task whose port is closed",
        "It runs, but nothing ever listens. It is left out, and the answer says why.",
    )
    task = story.service.start_task(port="closed")
    (event,) = story.aws.events.take()
    done = story.invoke(event)
    story.show_list()
    left_out = {each["task"]: each["reason"] for each in done.answer["excluded"]}
    story.check("it is not listed", task.ip not in story.listed())
    story.check(
        f"the reason is {left_out.get(task.id)!r}", left_out == {task.id: "connection refused"}
    )
    task.stop(reason="it never listened")
    story.aws.events.take()


def told_to_stop(story: Story) -> None:
    story.step(
        "A task is told to stop",
        "It leaves the list before anything else is done, while it still serves.",
    )
    task = story.service.tasks[0]
    task.stop(reason="Scaling activity initiated by deployment")
    (event,) = story.aws.events.take()
    done = story.invoke(event)
    story.show_list()
    story.check("it is gone", task.ip not in story.listed())
    story.check("the answer tells its address", done.answer["removed"] == [task.ip])


def api_failure(story: Story) -> None:
    story.step(
        "ECS fails",
        "DescribeTasks answers 500, again and again. An error is not emptiness.",
    )
    before = story.aws.valkey.client().get(KEY)
    story.aws.faults.set("DescribeTasks", "internal")
    done = story.invoke({})
    story.aws.faults.clear()
    story.show_list()
    story.check("the invocation fails with EcsError", done.error_type == "EcsError")
    story.check("the list is as it was, to the byte", story.aws.valkey.client().get(KEY) == before)


def outcome(done: Invocation) -> str | None:
    return done.answer["outcome"] if done.answer else None


def await_that(condition: Callable[[], bool], seconds: float = 10) -> None:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)


def styled(code: int) -> Callable[[str], str]:
    return lambda text: f"\x1b[{code}m{text}\x1b[0m" if sys.stdout.isatty() else text


bold, dim, red, green = styled(1), styled(2), styled(31), styled(32)


@contextmanager
def stage() -> Iterator[Story]:
    with Simulator(latency=0.03) as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        settings = aws.settings(service, key=KEY, RETRY_INTERVAL="2")
        print(f"A pocket AWS at {aws.url}, a real Valkey at 127.0.0.1:{aws.valkey.port},")
        print("and the real function in a process of its own. Nothing leaves this machine.")
        with Function(settings, root=ROOT) as function:
            yield Story(aws, service, function)


def main() -> int:
    began = time.monotonic()
    with stage() as story:
        for step in (first_reconcile, scale_out, closed_port, told_to_stop, api_failure):
            step(story)
    seconds = time.monotonic() - began
    if story.failed:
        print(red(f"\n{len(story.failed)} not as told: {'; '.join(story.failed)}"))
        return 1
    print(green(f"\nAll five steps ended as told, in {seconds:.0f} s."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
