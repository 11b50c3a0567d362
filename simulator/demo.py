"""`make demo`: the function at work, shown on a terminal in about half a minute.

Every step says what happens, shows the function's own log lines and the list
that Redis then holds, and checks them: the exit status is 0 only if all steps
ended as expected.
"""

import json
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from simulator.aws import Simulator
from simulator.ecs.definitions import ContainerDefinition
from simulator.ecs.life import Delays
from simulator.ecs.services import Service
from simulator.function import Function, Invocation

ROOT = Path(__file__).parent.parent
KEY = "ecs:task:iplist"
HALL = "ecs:task:hall"  # the list of the service that is recycled
THREE = 3  # its tasks
OUT_OF_MEMORY = "OutOfMemory in container app; its limit is 512 MiB"


class Story:
    """The steps as they are shown, and the checks that failed."""

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

    def show_log(self, done: Invocation, about: str = "") -> None:
        for line in done.log:
            if line.startswith("[") and "Traceback" not in line:
                level, when, _, message = line.split("\t", 3)
                if not message.startswith(about):
                    continue
                print(dim(f"   {when[11:23]} {level:9} {message}"))

    def check(self, what: str, holds: bool) -> None:
        print(f"   {green('as expected') if holds else red('NOT AS EXPECTED')}: {what}")
        if not holds:
            self.failed.append(what)

    def listed(self, key: str = KEY) -> dict[str, str]:
        """The list, as any reader gets it: address -> task name."""
        text = self.aws.valkey.client().get(key)
        return {item["ip"]: item["task_name"] for item in json.loads(str(text or "[]"))}

    def show_list(self, key: str = KEY) -> None:
        text = self.aws.valkey.client().get(key)
        print(f"\n   $ redis-cli get {key}")
        print(f"   {'ip':<14}{'task_name':<12}{'status':<10}update_time")
        for item in json.loads(str(text or "[]")):
            row = f"{item['ip']:<14}{item['task_name']:<12}{item['status']:<10}"
            print(f"   {row}{item['update_time']}")
        print()


def first_reconcile(story: Story) -> None:
    story.step("A first reconcile", "Three tasks run and listen; the schedule starts a run.")
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


def stopping(story: Story) -> None:
    story.step(
        "ECS stops a task",
        "It leaves the list before anything else is done, while it still serves.",
    )
    task = story.service.tasks[0]
    task.stop(reason="Scaling activity initiated by deployment")
    (event,) = story.aws.events.take()
    done = story.invoke(event)
    story.show_list()
    story.check("it is gone", task.ip not in story.listed())
    story.check("the answer has its address", done.answer["removed"] == [task.ip])


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


def out_of_memory(story: Story) -> None:
    story.step(
        "A task runs out of memory, and `diagnose` says so",
        "The kernel kills its container: ECS has the exit code, the log has the last lines.",
    )
    task = story.service.running[0]
    story.aws.log(task, "loading 4,000,000 sessions", "java.lang.OutOfMemoryError: Java heap space")
    task.run_out_of_memory()
    story.invoke(story.aws.events.take()[0])
    story.show_list()
    answer = story.function.invoke({"action": "diagnose", "minutes": 5}).answer
    cause = answer["cause"] or {"text": "none", "remedy": "", "confidence": "none"}
    print(f"   diagnosis: {answer['verdict']}, with {cause['confidence']} confidence in the cause")
    for line in textwrap.wrap(f"{cause['text']} {cause['remedy']}", 90):
        print(f"     {line}")
    print()
    story.check("the task is gone from the list", task.ip not in story.listed())
    story.check("the cause is OutOfMemory in its container", OUT_OF_MEMORY in cause["text"])
    story.check("it quotes the last line of the log", "Java heap space" in cause["text"])


class Reader:
    """A program that reads the list all the time, and keeps how long it was."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self.lengths: list[int] = []
        self.reads = True

    def _poll(self) -> None:
        while not self._over.is_set():
            self.lengths.append(len(self._story.listed(HALL)))
            self._over.wait(0.005)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.reads = self._thread.is_alive()  # an error would have ended it
        self._over.set()
        self._thread.join()


def recycled(story: Story) -> None:
    story.step(
        "A recycle: three tasks replaced one by one, under a reader that never stops reading",
        "A fourth task comes first. Each old task leaves the list before it is stopped.",
    )
    service = story.aws.ecs.create_service("arcade", "hall", desired=THREE, steady=True)
    service.delays = Delays().times(0.02)
    settings = story.aws.settings(service, key=HALL, RETRY_INTERVAL="0.2", RECYCLE="true")
    story.aws.clock.run()
    with Function(settings, root=ROOT, timeout=120) as function:
        recycle(story, service, function)
    story.aws.clock.stop()


def recycle(story: Story, service: Service, function: Function) -> None:
    function.invoke({})
    story.show_list(HALL)
    old = set(story.listed(HALL))
    with Reader(story) as reader:
        request = {"action": "recycle", "drain_time": 0.2, "wait_time": 0}
        story.show_log(function.invoke(request), "recycle")
        state: dict[str, Any] = {"outcome": "recycling"}
        limit = time.monotonic() + 60
        while state["outcome"] == "recycling" and time.monotonic() < limit:
            done = function.invoke({"source": "aws.events", "detail-type": "Scheduled Event"})
            story.show_log(done, "recycle")
            state = function.invoke({"action": "recycle", "command": "status"}).answer
    story.show_list(HALL)
    least, most = min(reader.lengths), max(reader.lengths)
    seen = f"{len(reader.lengths)} reads, {least} to {most} addresses"
    story.check(f"the reader never saw fewer than three ({seen})", reader.reads and least == THREE)
    story.check("all three were replaced", state["outcome"] == "recycled" and len(old) == THREE)
    story.check("no old address is left", not old & set(story.listed(HALL)))
    story.check("the service wants three tasks, as before", service.desired == THREE)


STEPS = (
    first_reconcile,
    scale_out,
    closed_port,
    stopping,
    api_failure,
    out_of_memory,
    recycled,
)


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
        aws.ecs.definitions.register("lobby", ContainerDefinition("app", memory=512))
        service = aws.ecs.create_service("arcade", "lobby")
        settings = aws.settings(service, key=KEY, RETRY_INTERVAL="2", DIAGNOSE="true")
        print(f"A pocket AWS at {aws.url}, a real Valkey at 127.0.0.1:{aws.valkey.port},")
        print("and the real function in a process of its own. Nothing leaves this machine.")
        with Function(settings, root=ROOT) as function:
            yield Story(aws, service, function)


def main() -> int:
    began = time.monotonic()
    with stage() as story:
        for step in STEPS:
            step(story)
    seconds = time.monotonic() - began
    if story.failed:
        print(red(f"\n{len(story.failed)} not as expected: {'; '.join(story.failed)}"))
        return 1
    print(green(f"\nAll {len(STEPS)} steps ended as expected, in {seconds:.0f} s."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
