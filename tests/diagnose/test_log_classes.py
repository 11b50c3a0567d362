"""The class of a log line: held against a corpus, half of which no rule was written from."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.log_classes import GOAL, PARTS, corpus, scores
from discovery.diagnose.classify import classify, examine
from discovery.diagnose.summary import LogLine, summarise
from discovery.diagnose.words import CLASSES

CLIENT = "10.0.1.20 - - [06/May/2024:07:41:02 +0000]"


def test_the_corpus_has_enough_lines() -> None:
    """There are 1,200 lines, 400 of them held out; nearly half are no errors."""
    parts = {part: corpus(part) for part in PARTS}
    every = [event for part in parts.values() for event in part]
    assert len(every) >= 1_200
    assert len(parts["held_out"]) >= 400
    assert sum(event.error is None for event in every) >= 0.45 * len(every)
    assert min(sum(event.error == name for event in parts["held_out"]) for name in CLASSES) >= 20


def test_no_line_is_in_both_parts() -> None:
    """A held-out line that a rule was written from would prove nothing."""
    assert set() == {event.text for event in corpus("held_out")} & {
        event.text for event in corpus("development")
    }


@pytest.mark.parametrize("name", CLASSES)
def test_held_out_lines_have_their_class(name: str) -> None:
    """Precision and recall are at least 0.95 on lines that no rule was written from."""
    score = scores("held_out")[name]
    assert score.precision >= GOAL
    assert score.recall >= GOAL


@pytest.mark.parametrize("name", CLASSES)
def test_development_lines_have_their_class(name: str) -> None:
    """The lines that the rules were written from are all right."""
    score = scores("development")[name]
    assert (1.0, 1.0) == (score.precision, score.recall)


@pytest.mark.parametrize("part", PARTS)
def test_http_figures_have_each_answer_once(part: str) -> None:
    """Each answered request counts under its status; a health check that passes counts nowhere."""
    wrong = [
        (event.status, status, event.text)
        for event in corpus(part)
        if event.status != (status := examine(event.text).status)
    ]
    assert len(wrong) <= 0.01 * len(corpus(part)), wrong


@pytest.mark.parametrize("part", PARTS)
def test_an_event_split_into_lines_is_one_error(part: str) -> None:
    """A container's log driver splits what one write put out: a traceback is still one error."""
    events = [event for event in corpus(part) if "\n" in event.text]
    wrong = []
    for event in events:
        lines = [LogLine(at, "task", text) for at, text in enumerate(event.text.split("\n"))]
        expected = {} if event.error is None else {event.error: 1}
        if expected != (got := summarise(lines).classes):
            wrong.append((expected, got, event.text))
    assert len(events) > 40
    assert len(wrong) <= 0.05 * len(events), wrong


@given(
    st.one_of(st.text(max_size=300), st.text(alphabet='{}[]":,.\\ \n\tEeRrOolLvV01=', max_size=120))
)
def test_any_text_is_classified(text: str) -> None:
    """A log holds whatever a program wrote: nothing in it stops the diagnosis."""
    assert classify(text) in {*CLASSES, None}


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "level",
                        "msg",
                        "error",
                        "status",
                        "method",
                        "path",
                        "res",
                        "req",
                        "record",
                        "log",
                        "fields",
                        "err",
                        "severity",
                        "x",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
@example({"level": "\u00b9"})  # a digit, and no number
@example({"level": "9" * 5000})
@example({"status": "\u00b9\u00b2\u00b3"})
def test_any_json_is_classified(value: object) -> None:
    """Fields have whatever types their sender gave them."""
    import json  # noqa: PLC0415

    assert classify(json.dumps({"level": "error", "x": value})) in CLASSES
    assert classify(json.dumps(value)) in {*CLASSES, None}
    assert classify(json.dumps({"x": value})) in {*CLASSES, None}


@pytest.mark.parametrize("status", [200, 204, 301, 302, 304])
@pytest.mark.parametrize(
    "path", ["/health", "/healthz", "/ping", "/status", "/ready", "/live", "/api/health"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_health_check_that_passes_is_nothing(method: str, path: str, status: int) -> None:
    """It is no error and in no figure."""
    line = (
        f'10.0.1.20 - - [06/May/2024:07:41:02 +0000] "{method} {path} HTTP/1.1" {status} 2 "-" "-"'
    )
    assert (None, None) == (examine(line).error, examine(line).status)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, "error"), (401, "auth_error"), (403, "auth_error"), (404, "error"), (503, "http_5xx")],
)
def test_a_health_check_that_fails_is_a_finding(status: int, error: str) -> None:
    """Whatever a client's 4xx means elsewhere: here the load balancer will take the task out."""
    line = f'{CLIENT} "GET /x HTTP/1.1" {status} 2 "-" "ELB-HealthChecker/2.0"'
    assert (error, status) == (examine(line).error, examine(line).status)
