"""Turns a folder with the installed packages into the function's zip; build.sh runs it.

    python bundle.py STAGE ZIP

The same files give the same bytes: order, times and permissions are fixed, and
nothing of the machine, the user or the folder is in them. It runs under the
Python that Lambda will run, as the bytecode is that version's own.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

# The operations that the function calls; the IAM role allows these and no others.
OPERATIONS = {
    "application-autoscaling": ("DescribeScalableTargets", "RegisterScalableTarget"),
    "ec2": ("DescribeNetworkInterfaces",),
    "ecs": (
        "DescribeServices",
        "DescribeTaskDefinition",
        "DescribeTasks",
        "GetTaskProtection",
        "ListTasks",
        "StopTask",
        "TagResource",
        "UntagResource",
        "UpdateService",
    ),
    "elbv2": ("DescribeTargetHealth",),
    "logs": ("FilterLogEvents", "GetLogEvents"),
    "secretsmanager": ("GetSecretValue",),
    "sns": ("Publish",),
}
# Where Lambda extracts the zip. Bytecode that names its own place needs no mending at import.
TASK_ROOT = "/var/task"
ZIP_LIMIT, UNZIPPED_LIMIT = 4_500_000, 20_000_000
# What pip writes beside a package for its own use, or for a type checker or a person at a shell.
USELESS = {"bin", "__pycache__", "RECORD", "INSTALLER", "REQUESTED", "WHEEL", "top_level.txt"}
USELESS |= {"zip-safe", "direct_url.json", "py.typed"}
# Descriptions for boto3's resources, and time zones for machines that have none.
USELESS_PATHS = ("boto3/data", "boto3/examples", "dateutil/zoneinfo/dateutil-zoneinfo.tar.gz")
# Code that serves other services, other ways to Redis or other platforms: it stays, as source.
NOT_COMPILED = (
    r"/(boto3/(dynamodb|ec2|s3)|s3transfer/(crt|processpool)|dateutil/(rrule|zoneinfo)"
    r"|urllib3/contrib/emscripten|redis/(asyncio/)?multidb"
    r"|redis/commands/(bf|json|search|timeseries|vectorset))\b"
)


def main(stage: Path, target: Path) -> None:
    """Prune, compile, write, and say what came of it."""
    copy_function(Path(__file__).parent.parent, stage)
    prune_packages(stage)
    prune_botocore(stage / "botocore" / "data")
    compile_all(stage)
    unzipped = write_zip(stage, target)
    size = target.stat().st_size
    if size > ZIP_LIMIT or unzipped > UNZIPPED_LIMIT:
        target.unlink()  # nothing is left to be deployed
        raise SystemExit(
            f"the zip has {size:,} bytes, {unzipped:,} unzipped: more than the "
            f"{ZIP_LIMIT:,} and {UNZIPPED_LIMIT:,} that packaging/bundle.py allows"
        )
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"{size / 1e6:.2f} MB ({unzipped / 1e6:.1f} MB unzipped), compiled by CPython {version}")
    print(f"sha256 {hashlib.sha256(target.read_bytes()).hexdigest()}")


def copy_function(root: Path, stage: Path) -> None:
    """The function itself: its Python and its Lua, without the command line."""
    package = root / "discovery"
    files = [root / "lambda_function.py"]
    files += [path for suffix in ("*.py", "*.lua") for path in package.rglob(suffix)]
    files = [each for each in files if each.parent != package / "cli"]
    files.remove(package / "__main__.py")
    for path in files:
        into = stage / path.relative_to(root)
        into.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, into)


def prune_packages(stage: Path) -> None:
    """Leave the packages' code whole, with their licences and names; nothing else.

    Whole, as a module that is first imported on a rare error must be there.
    """
    useless = {stage / path for path in USELESS_PATHS}
    for path in sorted(stage.rglob("*"), reverse=True):  # children go first
        if path in useless or path.name in USELESS or path.suffix == ".pyi":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif path.suffix in {".so", ".pyd", ".dylib"}:
            raise SystemExit(f"{path.name} is machine code: the zip must run on arm64 and x86_64")


def prune_botocore(data: Path) -> None:
    """Of the descriptions of all AWS services keep what OPERATIONS need.

    The first client reads them at each cold start, so they are also made small.
    """
    kept = {"_retry.json", "partitions.json", "sdk-default-configuration.json"}
    wanted: dict[Path, Any] = {}
    prefixes: set[str] = set()  # what the list of endpoints calls the services
    for service, operations in OPERATIONS.items():
        if not (data / service).is_dir():
            raise SystemExit(f"botocore has no data for {service}")
        folder = max(path for path in (data / service).iterdir() if path.is_dir())
        model = read_json(folder, "service-2")
        for extra in folder.glob("service-2*extras.json"):
            merge(model, json.loads(extra.read_bytes()).get("merge", {}))
        prefixes.add(model["metadata"]["endpointPrefix"])
        wanted[folder / "service-2.json"] = prune_service(service, model, operations)
        wanted[folder / "endpoint-rule-set-1.json"] = read_json(folder, "endpoint-rule-set-1")
    endpoints = read_json(data, "endpoints")
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {
            name: services[name] for name in sorted(prefixes & services.keys())
        }
    wanted[data / "endpoints.json"] = endpoints
    wanted.update((data / name, read_json(data, name[: -len(".json")])) for name in kept)
    shutil.rmtree(data)
    for path, document in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, separators=(",", ":")), encoding="utf-8")


def prune_service(service: str, model: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """A service's model with these operations and the shapes that they reach; no prose."""
    missing = set(names) - model["operations"].keys()
    if missing:
        raise SystemExit(f"botocore's {service} has no operation {', '.join(sorted(missing))}")
    operations = {name: model["operations"][name] for name in names}
    shapes: dict[str, Any] = {}
    waiting = references(operations)
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting |= references(shapes[name])
    pruned = {**model, "operations": operations, "shapes": dict(sorted(shapes.items()))}
    without_prose: dict[str, Any] = strip(pruned)
    return without_prose


def references(node: Any) -> set[str]:
    """The shapes that a part of a model names."""
    if isinstance(node, list):
        return {name for each in node for name in references(each)}
    if not isinstance(node, dict):
        return set()
    found = {name for each in node.values() for name in references(each)}
    return found | ({node["shape"]} if isinstance(node.get("shape"), str) else set())


def strip(node: Any) -> Any:
    """The same without the texts for people. A member that happens to be called so is a dict."""
    if isinstance(node, list):
        return [strip(each) for each in node]
    if isinstance(node, dict):
        return {
            name: strip(each)
            for name, each in node.items()
            if not (name == "documentation" and isinstance(each, str))
        }
    return node


def read_json(folder: Path, name: str) -> dict[str, Any]:
    """A data file of botocore, packed or not."""
    plain, packed = folder / f"{name}.json", folder / f"{name}.json.gz"
    text = plain.read_bytes() if plain.exists() else gzip.decompress(packed.read_bytes())
    document: dict[str, Any] = json.loads(text)
    return document


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    """As botocore's loader does with a model's extras."""
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value


def compile_all(stage: Path) -> None:
    """Bytecode that is never checked against its source: it holds whatever a copy does to times.

    In a process of its own, without site packages and with a fixed hash seed: what
    else a process has imported, and how it hashes, can show in the bytes.
    """
    command = [sys.executable, "-S", "-m", "compileall", "-q", "-j", "1"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(stage), "-p", TASK_ROOT]
    command += ["-x", NOT_COMPILED]
    environment = {"PYTHONHASHSEED": "0", "PATH": os.defpath}
    subprocess.run([*command, str(stage)], check=True, env=environment)  # noqa: S603


def write_zip(stage: Path, target: Path) -> int:
    """Write all files, sorted; return their size."""
    unzipped = 0
    with zipfile.ZipFile(target, "w") as bundle:
        for path in sorted(stage.rglob("*"), key=lambda path: path.relative_to(stage).as_posix()):
            if not path.is_file():
                continue
            entry = zipfile.ZipInfo(path.relative_to(stage).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, wherever it is built
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            content = path.read_bytes()
            bundle.writestr(entry, content, compresslevel=9)
            unzipped += len(content)
    return unzipped


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
