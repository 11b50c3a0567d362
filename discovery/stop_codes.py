"""What exit codes and stop codes mean where ECS gives no better reason: pure data."""

from __future__ import annotations

from typing import NamedTuple

SIGKILL, SIGTERM = 128 + 9, 128 + 15  # the exit codes of a process that such a signal ended


# The history's stoppedReason of a task that ECS forgot before anybody saw it stop.
GONE = "ecs-task-discovery: ECS does not know the task any more, and no stop event arrived"


class StopExplanation(NamedTuple):
    """`text` and `remedy` are one sentence each; no remedy: nothing is to be done.

    A `fault` of None: nobody knows.

    A text may quote ECS's reason, which may hold a signed URL: redact it before it is shown.
    """

    kind: str
    fault: bool | None
    text: str
    remedy: str = ""


# The exit codes that say something. https://repost.aws/knowledge-center/ecs-task-stopped
EXITS = {
    0: StopExplanation(
        "finished",
        True,
        "{Who} finished with exit code 0, which a service's task must not do.",
        "Keep the program in the foreground, or run it as a scheduled task.",
    ),
    126: StopExplanation(
        "not_executable",
        True,
        "The command of {who} may not be executed (exit code 126).",
        "Make the file executable in the image (chmod +x), and name its interpreter.",
    ),
    127: StopExplanation(
        "not_found",
        True,
        "The command of {who} was not found (exit code 127).",
        "Correct entryPoint and command of the task definition, or the image.",
    ),
    132: StopExplanation(
        "illegal_instruction",
        True,
        "{Who} executed an instruction that the CPU does not have (exit code 132).",
        "Build the image for the CPUs that it runs on, without newer extensions.",
    ),
    134: StopExplanation(
        "aborted",
        True,
        "{Who} aborted itself (exit code 134), as after a failed assertion.",
        "Look at the last lines of its log.",
    ),
    SIGKILL: StopExplanation(
        "killed",
        True,
        "{Who} was killed (exit code 137), and ECS does not report that it ran out of memory.",
        "Find the sender of SIGKILL: a supervisor in the container, or the instance's kernel.",
    ),
    139: StopExplanation(
        "segfault",
        True,
        "{Who} crashed with a segmentation fault (exit code 139), which is no lack of memory.",
        "Look for a fault in native code: a library of another version or platform.",
    ),
    SIGTERM: StopExplanation(
        "terminated",
        True,
        "{Who} ended on a SIGTERM that ECS did not send (exit code 143).",
        "Find its sender: a supervisor in the container, or the instance.",
    ),
}

UNSEEN = StopExplanation(
    "unseen",
    None,
    "The task is gone: its stop event did not arrive, and ECS has forgotten it.",
)

STOP_CODES = {
    "SpotInterruption": StopExplanation("spot", False, "AWS took the Spot capacity back."),
    "TerminationNotice": StopExplanation("spot", False, "AWS takes the Spot capacity back."),
    "InfrastructureHealth": StopExplanation(
        "instance_unhealthy",
        True,
        "ECS stopped the task because its container instance was unhealthy.",
        "Wait for the replacement; if it happens again, look at the instances' health.",
    ),
    "EssentialContainerExited": StopExplanation(
        "app_exit",
        True,
        "An essential container ended, and ECS does not say with which exit code.",
        "Look at the last lines of the containers' logs.",
    ),
    "TaskFailedToStart": StopExplanation(
        "start_failure",
        True,
        "The task could not be started.",
        "Read the whole reason, and the events of the service.",
    ),
}
