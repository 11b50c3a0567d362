"""What a service's scheduler decides: the pure part."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simulator.ecs.plan import Goal, Plan, Standing, bounds, plan


def tasks(count: int, deployment: str = "new", well: bool = True, **more: bool) -> list[Standing]:
    return [Standing(f"{deployment}{n}{well}", deployment, well, **more) for n in range(count)]


def goal(desired: int, minimum: int = 100, maximum: int = 200, failed: bool = False) -> Goal:
    return Goal(desired, *bounds(desired, minimum, maximum), "new", failed)


def test_starts_what_is_missing_and_stops_what_is_too_much() -> None:
    """Of one deployment, that is all; tasks that start are counted."""
    assert Plan(3, []) == plan(goal(3), [])
    assert Plan(1, []) == plan(goal(3), tasks(1) + tasks(1, well=False))
    assert Plan(0, ["new0True"]) == plan(goal(1), tasks(2))


def test_stops_first_what_is_not_well() -> None:
    """In a scale-in it takes the task that starts, not the one that serves."""
    assert ["new0False"] == plan(goal(2), tasks(2) + tasks(1, well=False)).stop


def test_leaves_protected_tasks() -> None:
    """Even if the service then has more than it wants."""
    assert [] == plan(goal(1), tasks(3, protected=True)).stop


def test_a_deployment_adds_before_it_takes_away() -> None:
    """With 100 and 200 per cent the old tasks stay until as many new ones are well."""
    old = tasks(3, "old")
    assert Plan(3, []) == plan(goal(3), old)
    assert Plan(0, []) == plan(goal(3), old + tasks(3, well=False))
    assert ["old0True"] == plan(goal(3), old + tasks(1) + tasks(2, well=False)).stop
    assert 3 == len(plan(goal(3), old + tasks(3)).stop)


def test_a_deployment_within_100_per_cent_takes_away_first() -> None:
    """With 50 and 100 per cent of four, two go, then two come."""
    old = tasks(4, "old")
    assert Plan(0, ["old0True", "old1True"]) == plan(goal(4, 50, 100), old)
    assert Plan(2, []) == plan(goal(4, 50, 100), old[2:])


def test_a_failed_deployment_starts_none_and_keeps_the_old_ones() -> None:
    """What is lost then is lost for good."""
    assert Plan(0, []) == plan(goal(3, failed=True), tasks(2, "old"))


standings = st.lists(
    st.builds(
        Standing,
        st.uuids().map(str),
        st.sampled_from(["new", "old", "older"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


@given(standings, st.integers(0, 8), st.sampled_from([(0, 100), (50, 150), (100, 200)]))
def test_no_plan_breaks_a_bound(found: list[Standing], desired: int, percents: Any) -> None:
    """It stops no protected task, nor an old one below the lower bound; it starts none above."""
    wanted = goal(desired, *percents)

    decided = plan(wanted, found)

    by_id = {task.id: task for task in found}
    stopped = [by_id[each] for each in decided.stop]
    assert not any(task.protected for task in stopped)
    assert decided.start == 0 or decided.start + len(found) <= wanted.upper
    surplus = [task for task in stopped if task.deployment == "new"]
    well = sum(task.well for task in found) - sum(task.well for task in surplus)
    left = sum(task.well for task in found) - sum(task.well for task in stopped)
    assert left >= min(well, wanted.lower)
