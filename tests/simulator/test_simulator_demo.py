"""`make demo` checks its steps, and shows what a person has to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import demo

if TYPE_CHECKING:
    import pytest


def test_the_diagnosis_names_the_task_that_ran_out_of_memory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The step shows the cause in one sentence, with the limit, the last line and the remedy."""
    with demo.stage() as story:
        story.service.start_tasks(2)
        story.aws.events.take()
        story.invoke({})
        demo.out_of_memory(story)
    assert [] == story.failed
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "1 of 1 restarts are OutOfMemory in container app; its limit is 512 MiB; the last lines "
        "before: loading 4,000,000 sessions | java.lang.OutOfMemoryError: Java heap space. Raise "
        "the memory of the task and the container, or find what uses it."
    ) in shown


def test_a_step_that_goes_wrong_fails_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without memory faults in the stop, the same step says what was not as expected."""
    monkeypatch.setattr("simulator.ecs.tasks.OUT_OF_MEMORY", "")
    monkeypatch.setattr(demo, "STEPS", (demo.first_reconcile, demo.out_of_memory))
    assert 1 == demo.main()
    assert "NOT AS EXPECTED: the cause is OutOfMemory in its container" in capsys.readouterr().out
