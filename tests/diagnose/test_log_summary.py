"""What the lines of many tasks say together, in bounded memory."""

from __future__ import annotations

import json
import sys
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from benchmarks.log_classes import corpus, mixed
from discovery.diagnose.redact import redact
from discovery.diagnose.shapes import MOST_TASKS, shape
from discovery.diagnose.summary import LogLine, summarise
from discovery.diagnose.words import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = """\
ERROR:root:order 7 could not be stored
Traceback (most recent call last):
  File "/app/store.py", line 20, in put
    cursor.execute(statement)
sqlite3.IntegrityError: UNIQUE constraint failed: orders.id"""
CHAINED = """\
Traceback (most recent call last):
  File "/app/a.py", line 3, in f
    1 / 0
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 5, in f
    raise RuntimeError("while dividing")
RuntimeError: while dividing"""
JAVA = """\
2024-05-06 07:41:02.118 ERROR 1 --- [main] o.s.boot.SpringApplication : Application run failed

org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'flyway'
\tat org.springframework.beans.factory.support.AbstractBeanFactory.get(AbstractBeanFactory.java:8)
\tat com.acme.Main.main(Main.java:9)
Caused by: java.net.ConnectException: Connection refused
\tat java.base/sun.nio.ch.Net.pollConnect(Native Method)
\t... 12 more"""
GO = """\
panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.pick(...)
\t/app/pick.go:9
main.main()
\t/app/main.go:14 +0x1d
exit status 2"""
NODE = """\
node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: connect ECONNREFUSED 127.0.0.1:6379
    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1595:16)
Emitted 'error' event on Commander instance at:
    at RedisSocket.<anonymous> (/app/client.js:412:14) {
  errno: -111,
  code: 'ECONNREFUSED'
}

Node.js v20.11.1"""
DOTNET = """\
fail: Microsoft.AspNetCore.Server.Kestrel[13]
      Connection id "0HL", Request id "0HL:1": An unhandled exception was thrown by the application.
      System.FormatException: Input string was not in a correct format.
         at System.Number.ThrowOverflowOrFormatException()
         at Shop.Orders.Get(Int32 id) in /src/Orders.cs:line 9"""
RUST = """\
thread 'main' panicked at src/main.rs:18:10:
PORT must be set: NotPresent
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9b00956e5/library/std/src/panicking.rs:645:5
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace"""
TRACES = {
    "python": (
        PYTHON,
        "python_traceback",
        "sqlite3.IntegrityError: UNIQUE constraint failed: orders.id",
    ),
    "chained": (CHAINED, "python_traceback", "RuntimeError: while dividing"),
    "java": (
        JAVA,
        "connection_error",
        (
            "org.springframework.beans.factory.BeanCreationException: Error creating bean with name"
            " 'flyway'"
            "; Caused by: java.net.ConnectException: Connection refused"
        ),
    ),
    "go": (GO, "panic", "panic: runtime error: index out of range [#] with length #"),
    "node": (NODE, "connection_error", "Error: connect ECONNREFUSED <ip>"),
    "dotnet": (
        DOTNET,
        "exception",
        "System.FormatException: Input string was not in a correct format.",
    ),
    "rust": (
        RUST,
        "panic",
        "thread 'main' panicked at src/main.rs:#:#: PORT must be set: NotPresent",
    ),
}


def lines_of(text: str, task: str = "a", at: int = 1_000) -> list[LogLine]:
    return [LogLine(at, task, line) for line in text.split("\n")]


@pytest.mark.parametrize("name", TRACES)
def test_a_traceback_is_one_error_by_its_exception(name: str) -> None:
    """Its lines come as events of their own; its message is the line of the exception."""
    text, error, of_shape = TRACES[name]
    calm = [LogLine(1_000, "a", "2024-05-06 07:41:02 INFO started")]
    report = summarise([*calm, *lines_of(text), *calm])
    assert {error: 1} == report.classes
    assert [of_shape] == [group.shape for group in report.groups]
    assert len(text.split("\n")) + 2 == report.lines


@profile(deadline=None)
@given(order=st.randoms(use_true_random=False))
def test_streams_do_not_mix(order: object) -> None:
    """Tracebacks of many tasks that arrive interleaved are joined each for itself."""
    queues = [lines_of(text, task=name) for name, (text, _, _) in TRACES.items()]
    mixed_up = []
    while queues:
        queue = order.choice(queues)  # type: ignore[attr-defined]
        mixed_up.append(queue.pop(0))
        queues = [each for each in queues if each]
    report = summarise(mixed_up)
    assert len(TRACES) == sum(report.classes.values())
    assert {(name,) for name in TRACES} == {group.tasks for group in report.groups}


def test_two_equal_tracebacks_in_a_row_are_two() -> None:
    """One that follows another begins a new event."""
    for text, error, _ in TRACES.values():
        twice = lines_of(text) + lines_of(text, at=1_001)
        assert {error: 2} == summarise(twice).classes, text


def test_what_comes_much_later_is_another_event() -> None:
    """A program that died in a traceback does not swallow what is said minutes later."""
    cut = lines_of("\n".join(PYTHON.split("\n")[:3]))
    later = [LogLine(200_000, "a", "    KeyError: 'late'")]
    assert {"python_traceback": 1, "exception": 1} == summarise([*cut, *later]).classes


def test_equal_messages_are_one_group() -> None:
    """With count, first and last time, and the tasks, whatever the order of the lines."""
    lines = [
        LogLine(3_000, "c", "2024-05-06 07:41:04 ERROR order 1184 of 10.0.3.9 failed after 12ms"),
        LogLine(1_000, "a", "2024-05-06 07:41:02 ERROR order 1182 of 10.0.3.7 failed after 1.5s"),
        LogLine(2_000, "b", "2024-05-06 07:41:03 ERROR order 7 of 10.0.3.8 failed after 300ms"),
    ]
    (group,) = summarise(lines).groups
    assert ("error", 3, 1_000, 3_000) == (group.error, group.count, group.first, group.last)
    assert ("c", "a", "b") == group.tasks
    assert "<time> ERROR order # of <ip> failed after <duration>" == group.shape
    assert lines[0].text == group.sample


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("task 0d3e1f2a-6f2b-4a6a-9d0e-2b1c7c1f5a31 lost", "task <id> lost"),
        ("role arn:aws:iam::123456789012:role/web may not", "role <arn> may not"),
        ("commit 6c33e57f at 0x7ffd7c3e1f28", "commit <hex> at <hex>"),
        ("user 'c-7713' of \"a7\"", "user <value> of <value>"),
        ("at 2024-05-06T07:41:02.118Z [06/May/2024:07:41:02 +0000]", "at <time> [<time> +#]"),
        ("peer [2001:db8::1]:80, 10.0.0.1/24", "peer [<ip>]:#, <ip>"),
        ("mail to ann7@example.com", "mail to <mail>"),
        ("status code 502 after 12 tries", "status code 502 after # tries"),
        ("status code 503 after 9 tries", "status code 503 after # tries"),
        ("\x1b[31mfailed\x1b[0m  twice", "failed twice"),
    ],
)
def test_a_shape_leaves_out_what_varies(message: str, expected: str) -> None:
    """Numbers, ids, addresses, ARNs, times and durations; not the status of an answer."""
    assert expected == shape(message)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '{{"level":"error","t":{0},"msg":"get","error":"dial tcp 10.0.9.{0}:80: i/o timeout"}}',
            "get: dial tcp <ip>: i/o timeout",
        ),
        (
            '{{"severity":"ERROR","message":"order {0} has no lines","trace":"{0}"}}',
            "order # has no lines",
        ),
        (
            (
                r'{{"level":"ERROR","msg":"job {0}","exc_info":"Traceback (most recent call last)'
                r':\n  File \"a.py\", line {0}, in f\nValueError: no row {0}"}}'
            ),
            "job #: ValueError: no row #",
        ),
    ],
)
def test_objects_are_grouped_by_their_message(line: str, expected: str) -> None:
    """Of a JSON line, its message and its fault say what is wrong, not its other fields."""
    report = summarise(LogLine(n, "a", line.format(n)) for n in range(12))
    assert [(expected, 12)] == [(group.shape, group.count) for group in report.groups]


def test_requests_are_grouped_by_path_and_status() -> None:
    """Of an access log's line, the method, the path and the status say what is wrong."""
    line = '10.0.{0}.1 - - [06/May/2024:07:41:0{0} +0000] "GET /orders/{0}?q={0} HTTP/1.1" 502 {0}'
    report = summarise(LogLine(n, "a", line.format(n)) for n in range(9))
    assert [("GET /orders/# status 502", 9)] == [
        (group.shape, group.count) for group in report.groups
    ]
    assert {502: 9} == report.http


def test_a_sample_has_no_secret_and_no_control_character() -> None:
    """It goes to an answer and to a terminal."""
    text = "ERROR \x1b[31mlogin\x1b[0m with password=hunter2secret\x07 failed"
    (group,) = summarise([LogLine(1, "a", text)]).groups
    assert "hunter2secret" not in group.sample + group.shape
    assert (group.sample + group.shape).isprintable()


@pytest.mark.parametrize(
    "fields",
    [
        {"msg": "login failed", "err": {"password": "hunter2xyz", "user": "bob"}},
        {"message": {"db_password": "hunter2xyz", "text": "login failed"}},
        {"msg": "login failed", "err": {"env": [{"name": "DB_PASSWORD", "value": "hunter2xyz"}]}},
        {"msg": "login failed", "err": {"env": [{"Value": "hunter2xyz", "Key": "DB_PASSWORD"}]}},
        {"msg": "login failed", "error": {"headers": {"Set-Cookie": ["id=hunter2xyz", "a"]}}},
        {"msg": "login failed", "error": {"headers": [["cookie", "id=hunter2xyz"], ["a", "b"]]}},
        {"msg": "login failed", "error": {"tokens": {"S": "hunter2xyz"}}},
        {"msg": "login failed", "errors": ["x", {"AccessToken": "hunter2xyz"}]},
        {"fields": {"message": "login failed", "error": {"sessionToken": "hunter2xyz"}}},
        {"msg": "login failed", "err": '{"password": "hunter2xyz"}'},
    ],
)
def test_a_shape_has_no_secret_of_an_object(fields: dict[str, object]) -> None:
    """A field's name says that its value is a secret; it counts also where only values are read."""
    line = json.dumps({"level": "error", **fields})
    (group,) = summarise([LogLine(1, "a", line)]).groups
    assert "hunter2xyz" not in group.sample + group.shape
    assert "login failed" in group.shape


def test_errors_of_many_shapes_are_masked_once_they_are_in_the_report() -> None:
    """Masking what no reader sees took most of the time in a storm of varied messages."""
    word = "abcdefghij"
    shapes = [f"ERROR {a}{b} {c}{d} broke" for a in word for b in word for c in word for d in word]
    lines = [LogLine(at, "a", text) for at, text in enumerate(shapes)]

    def cost(limit: int) -> int:
        """Calls of functions, which a busy machine does not change."""
        calls = 0

        def count(_frame: object, event: str, _arg: object) -> None:
            nonlocal calls
            calls += event == "call" and _frame.f_code is redact.__code__  # type: ignore[attr-defined]

        sys.setprofile(count)
        try:
            report = summarise(lines, limit)
        finally:
            sys.setprofile(None)
        assert limit == len(report.groups)
        return calls

    assert cost(10) <= 2 * 10


def noise(count: int) -> Iterator[LogLine]:
    """Errors no two of which have the same shape, with some that do in between."""
    for number in range(count):
        word = "".join(chr(97 + int(digit)) for digit in str(number))
        yield LogLine(number, f"task-{number % 5_000}", f"ERROR {word} {word[::-1]} broke")
        if number % 10 == 0:
            yield LogLine(number, f"p{number}", "panic: out of luck")
            yield LogLine(number, "q", "ERROR the usual one")


@pytest.mark.soak
def test_memory_stays_bounded() -> None:
    """However many shapes and tasks there are, so much is kept; the rest is counted."""

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            report = summarise(noise(count), limit=50)
            assert 50 >= len(report.groups)
            assert count + 2 * (count // 10) == sum(report.classes.values())
            assert sum(report.classes.values()) == report.ungrouped + sum(
                each.count for each in report.groups
            )
            assert report.truncated
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(8_000), peak(16_000)
    assert large < 1.2 * small
    assert large < 12_000_000


def test_what_is_frequent_and_what_is_grave_is_kept() -> None:
    """A flood of other messages pushes out neither the panic nor the most frequent error."""
    report = summarise(noise(3_000), limit=10)
    assert ("panic", "panic: out of luck", 300) == (
        report.groups[0].error,
        report.groups[0].shape,
        report.groups[0].count,
    )
    assert ("error", "ERROR the usual one", 300) in [
        (group.error, group.shape, group.count) for group in report.groups
    ]
    assert MOST_TASKS == max(len(group.tasks) for group in report.groups)


def test_a_report_of_a_quiet_hour_is_empty() -> None:
    """No errors: no classes, no groups; the requests are in the figures, the health checks not."""
    lines = [line for line in mixed(1_000) if int(line.at) % 100 < 97]
    report = summarise(lines)
    assert ({}, (), False) == (report.classes, report.groups, report.truncated)
    assert {200: 360} == report.http
    assert 970 == report.lines


def test_every_event_of_the_corpus_at_once() -> None:
    """Counts of the whole are the sum of its events, each in a stream of its own."""
    events = corpus("development")
    lines = [
        LogLine(at, str(number), text)
        for number, event in enumerate(events)
        for at, text in enumerate(event.text.split("\n"))
    ]
    expected = {name: sum(event.error == name for event in events) for name in CLASSES}
    assert expected == summarise(lines, limit=2_000).classes


@given(
    st.lists(
        st.tuples(st.integers(0, 5_000), st.sampled_from("ab"), st.text(max_size=60)), max_size=30
    )
)
def test_any_lines_are_summed_up(lines: list[tuple[int, str, str]]) -> None:
    """Whatever the lines are, all are counted and every error is in a group."""
    report = summarise(LogLine(*line) for line in lines)
    assert len(lines) == report.lines
    assert sum(report.classes.values()) == sum(group.count for group in report.groups)
