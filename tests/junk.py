"""What fuzzing draws from: real shapes that were broken, and junk; the same in every run.

To look further: FUZZ_EXAMPLES=20000 python -m pytest tests/test_fuzz.py --timeout=0
"""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING, Any

from builders import CLUSTER_ARN, ECS, SERVICE_ARN, TASK_ID
from hypothesis import HealthCheck
from hypothesis import settings as profile
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
fuzz = profile(
    max_examples=EXAMPLES or 300,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# Words that mean something to the product take a mutation further than the first check.
WORDS = st.sampled_from(
    [
        "aws.ecs", "aws.events", "Scheduled Event", "ECS Task State Change", "ECS Service Action",
        "service:lobby", "service:bar", "family:lobby", "lobby", "arcade", "casino", CLUSTER_ARN,
        f"{ECS}:cluster/casino", SERVICE_ARN, f"{ECS}:service/casino/lobby", f"{ECS}:service/lobby",
        f"{ECS}:task/arcade/{TASK_ID}", "RUNNING", "STOPPED", "STOPPING", "sync", "status", "true",
        "auto", "false", "0", "1", "80", "nan", "-1", "1e400", "9" * 400, "10.0.0.1", "fd00::1",
    ]
)  # fmt: skip
TEXT = WORDS | st.text(max_size=20)
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value, as its container and its key there."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from spots(value[key])


@st.composite
def mutated(draw: st.DrawFn, *shapes: Any) -> Any:
    """One of the shapes, with parts of it lost, replaced or added at any depth."""
    whole = [copy.deepcopy(draw(st.sampled_from(shapes)))]
    for _ in range(draw(st.integers(1, 4))):
        container, key = draw(st.sampled_from(list(spots(whole))))
        if container is not whole and draw(st.booleans()):
            del container[key]
        else:
            container[key] = draw(JUNK)
        if isinstance(container, dict) and draw(st.booleans()):
            container[draw(TEXT)] = draw(JUNK)
    return whole[0]


@st.composite
def garbled(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text of which a piece was lost or overwritten, or which was left whole."""
    text = draw(texts)
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    return text[:start] + draw(st.sampled_from(["", "}", '"', "null", "\0"])) + text[end:]
