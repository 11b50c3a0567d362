"""The zip that is deployed: the same from anywhere, whole, small, and run as Lambda runs it."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from conftest import PASSWORD, ROOT, listed
from redis_helpers import quick, rest
from zipped import Emulator, built, unpacked

from simulator import events
from simulator.emulator import VERSION
from simulator.faults import denied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulator import Simulator

# Builds and environments take seconds of their own when the machine is busy.
pytestmark = pytest.mark.timeout(180)
UNCHECKED_HASH = 0b01  # PEP 552: a hash-based .pyc that is never compared with its source
MINE = {"lambda_function.py", "discovery"}


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that was built."""
    return built(tmp_path_factory)


@pytest.fixture(scope="session")
def bundle(source: Path) -> Path:
    return source / "build" / "lambda.zip"


@pytest.fixture(scope="session")
def task_root(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as Lambda has it: extracted, with times of its own."""
    return unpacked(bundle, tmp_path_factory.mktemp("task"))


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_the_zip_is_small_and_holds_nothing_else(source: Path, bundle: Path) -> None:
    """At most 4.5 MB, 20 MB unzipped: our sources, the locked packages, data of seven services.

    The command line stays at home.
    """
    held = contents(bundle)
    ours = {
        path.relative_to(source).as_posix()
        for path in [source / "lambda_function.py", *(source / "discovery").rglob("*.*")]
        if path.suffix in {".py", ".lua"}
    }
    at_home = {each for each in ours if each.startswith(("discovery/cli/", "discovery/__main__"))}
    assert len(at_home) > 10
    ours -= at_home
    locked = set(
        re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    packages = {name.replace("-", "_") for name in locked} | {"dateutil", "six.py"}

    assert bundle.stat().st_size <= 4_500_000
    assert sum(map(len, held.values())) <= 20_000_000
    sources = {name for name in held if name.endswith((".py", ".lua"))}
    assert ours == {name for name in sources if name.split("/")[0] in MINE}
    tops = {name.split("/")[0] for name in held} - MINE - {"__pycache__"}
    assert set() == {top for top in tops if top.split("-")[0] not in packages}
    data = {name.split("/")[2] for name in held if name.startswith("botocore/data/")}
    services = {"application-autoscaling", "ec2", "ecs", "elbv2", "logs", "secretsmanager", "sns"}
    assert services == {name for name in data if "." not in name}


def test_each_package_comes_with_its_licence(bundle: Path) -> None:
    """The zip has every licence that has to go with its packages."""
    held = contents(bundle)
    packages = {name.split("/")[0] for name in held if ".dist-info/" in name}
    licensed = {name.split("/")[0] for name in held if re.search(r"-info/.*LICEN[CS]E", name)}
    assert len(packages) >= 8
    assert packages == licensed


def test_nothing_of_the_building_machine_is_in_it(source: Path, bundle: Path) -> None:
    """No path of ours in any file, one time for all, rights for everybody to read."""
    places = [str(source), f"{tempfile.gettempdir()}/tmp."]
    traces = [
        (name, place)
        for name, content in contents(bundle).items()
        for place in places
        if place.encode() in content
    ]
    assert [] == traces
    with zipfile.ZipFile(bundle) as opened:
        assert {((1980, 1, 1, 0, 0, 0), 0o100644, 3)} == {
            (each.date_time, each.external_attr >> 16, each.create_system)
            for each in opened.infolist()
        }


def test_bytecode_holds_wherever_it_is_extracted(bundle: Path) -> None:
    """Every .pyc is of this version, unchecked, and names Lambda's folder."""
    tag = "cpython-" + VERSION.replace(".", "")
    compiled = {name: held for name, held in contents(bundle).items() if name.endswith(".pyc")}
    assert f"discovery/sync/__pycache__/run.{tag}.pyc" in compiled
    for name, content in compiled.items():
        assert (name, UNCHECKED_HASH) == (name, int.from_bytes(content[4:8], "little"))
        assert name.endswith(f".{tag}.pyc")
        assert b"/var/task/" in content


@pytest.fixture
def emulator(task_root: Path, aws: Simulator) -> Iterator[tuple[Emulator, Any]]:
    """The zip with a service of three tasks, a password, and JSON logs as in the template."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_tasks(3)
    aws.valkey.set_password(PASSWORD)
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO", "LOG_LEVEL": "DEBUG"}
    with Emulator(task_root, quick(aws, service) | env) as running:
        yield running, service


def test_lambdas_own_client_runs_it(emulator: tuple[Emulator, Any], aws: Simulator) -> None:
    """A reconcile, an event and an error, under AWS's runtime client and emulator."""
    running, service = emulator
    before = listed(aws)
    first = running.invoke(events.scheduled())
    everybody = listed(aws)
    stopped = service.tasks[0]
    stopped.stop()
    rest(aws)
    second = running.invoke(aws.events.take()[-1])
    failed = running.invoke({"action": "dance"})

    assert (None, 3) == (before, len(everybody or []))
    assert ("published", 3, None) == (
        first.document["outcome"],
        first.document["healthy"],
        first.error_type,
    )
    assert [stopped.ip] == second.document["removed"]
    assert "InvalidEventError" == failed.error_type
    assert "expected 'sync' or 'status'" in failed.document["errorMessage"]
    assert PASSWORD not in first.log + second.log + failed.log


def test_its_log_is_json_and_its_figures_are_left_as_they_are(
    emulator: tuple[Emulator, Any],
) -> None:
    """With the template's log format a record is an object, and the line of figures stays EMF."""
    said = emulator[0].invoke({})
    lines = [json.loads(line) for line in said.log.splitlines() if line.startswith("{")]
    figures = [line for line in lines if "_aws" in line]
    records = [line for line in lines if line.get("logger", "").startswith("discovery")]

    assert [3] == [line["HealthyTasks"] for line in figures]
    assert {"INFO"} == {record["level"] for record in records}
    assert any("published generation" in record["message"] for record in records)


def test_a_cold_start_compiles_nothing(bundle: Path, aws: Simulator, tmp_path: Path) -> None:
    """Python writes what it has to compile: after a whole run there is no new file."""
    fresh = unpacked(bundle, tmp_path / "task")
    before = set(fresh.rglob("*"))
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task(address_from="ec2")
    aws.valkey.set_password(PASSWORD)
    with Emulator(fresh, quick(aws, service)) as running:
        assert "published" == running.invoke({}).document["outcome"]
    assert [] == sorted(set(fresh.rglob("*")) - before)


FAULTS = {
    "ListTasks": ("ecs:ListTasks", "EcsError"),
    "DescribeTasks": ("ecs:DescribeTasks", "EcsError"),
    "DescribeNetworkInterfaces": ("ec2:DescribeNetworkInterfaces", "EcsError"),
    "GetSecretValue": ("secretsmanager:GetSecretValue", "SecretError"),
}


def test_errors_of_each_service_are_understood(task_root: Path, aws: Simulator) -> None:
    """With the pruned models an error still has its code: denied names the permission to grant."""
    service = aws.ecs.create_service("arcade", "lobby")
    service.start_task(address_from="ec2")
    aws.valkey.set_password(PASSWORD)
    for operation, (name, error) in FAULTS.items():
        aws.faults.clear()
        aws.faults.set(operation, denied)
        with Emulator(task_root, quick(aws, service)) as running:
            said = running.invoke({})
        assert (operation, error) == (operation, said.error_type)
        assert name in said.document["errorMessage"]
        assert "grant the action to the function's role" in said.document["errorMessage"]
