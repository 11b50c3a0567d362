"""A stack of the template, made with `make deploy` on a local AWS that is not ours.

ministack plays CloudFormation, IAM, Lambda, EventBridge, SQS and Secrets Manager,
and holds the function to its role; ECS is the simulator's. What ministack doesn't
know of CloudFormation is taken out of the template first.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config
from conftest import KEY, PASSWORD, ROOT
from zipped import cloned

from simulator import Service, Simulator, processes
from simulator.account import ACCOUNT, REGION
from simulator.emulator import OFFLINE, VERSION
from simulator.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "lobby-list"
TOOLS, CLI = ROOT / ".venv-stack" / "bin", ROOT / ".venv-aws" / "bin"
# ministack 1.5.33 has no such resource, and no alarm on metric math.
UNKNOWN = ("IntoTasks", "IntoRedis", "IntoEndpoints", "NoHealthyTask")
# It names no endpoint either; these are the names that AWS documents, in its order:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpcendpoint.html
MINISTACK = """
from ministack.app import main
from ministack.services.cloudformation import provisioners
attributes = provisioners._ec2_vpc_endpoint_attributes
def named(endpoint):
    *_, region, service = endpoint["ServiceName"].split(".")
    own = "Z1HUB23UULQXV:" + endpoint["VpcEndpointId"]
    names = [f"{own}{zone}.{service}.{region}.vpce.amazonaws.com" for zone in ("", f"-{region}a")]
    if str(endpoint["PrivateDnsEnabled"]).lower() == "true":
        names.append(f"Z1C12344VYDITB0:{service}.{region}.amazonaws.com")
    return {**attributes(endpoint), "DnsEntries": names}
provisioners._ec2_vpc_endpoint_attributes = named
main()
"""
ADMINISTRATOR = {"AWS_ACCESS_KEY_ID": "administrator", "AWS_SECRET_ACCESS_KEY": "of this test"}


class Ministack:
    """A local AWS with one account, which checks permissions. Use as a context manager."""

    def __init__(self, ecs: str) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._folder = tempfile.TemporaryDirectory(prefix="ministack-")
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (open as long as the process)
        env = ADMINISTRATOR | {
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
            "HOME": self._folder.name,
            "TMPDIR": self._folder.name,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "AUTH": "true",  # roles count
            "AWS_ENDPOINT_URL_ECS": ecs,  # the functions inherit it
        }
        self._process = subprocess.Popen(
            [TOOLS / "python", "-c", MINISTACK],
            cwd=self._folder.name,
            env=env,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def client(self, service: str) -> Any:
        """A boto3 client of the administrator."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ADMINISTRATOR["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ADMINISTRATOR["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def log(self) -> str:
        """All it has said, and what functions have printed."""
        self._log.seek(0)
        return self._log.read()

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log()
        with contextlib.suppress(URLError, ConnectionError):
            urlopen(f"{self.url}/_ministack/health", timeout=5).close()
            return True
        return False

    def __enter__(self) -> Self:
        processes.wait_until(self._answers, "ministack answers", 30)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()


@dataclass
class Stack:
    """The stack, and all that is around it."""

    name = NAME
    aws: Simulator
    service: Service
    local: Ministack
    clone: Path
    parameters: dict[str, str]

    def make(
        self, *arguments: str, terminal: int = subprocess.DEVNULL, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run make as a person with an AWS CLI and an account does; at no terminal by default."""
        person = (
            ADMINISTRATOR
            | OFFLINE
            | {
                "PATH": f"{CLI}:{os.environ['PATH']}",
                "AWS_ENDPOINT_URL": self.local.url,
                "AWS_DEFAULT_REGION": REGION,
                "PYTHON_VERSION": VERSION,
                "STACK": NAME,
            }
        )
        return subprocess.run(
            ["make", "--no-print-directory", "-C", str(self.clone), *arguments],
            env=os.environ | person | env,
            stdin=terminal,
            capture_output=True,
            text=True,
            check=False,
        )

    def deploy(
        self, *options: str, stack: str = NAME, **parameters: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `make deploy`, with options for make and parameters for the stack."""
        given = " ".join(f"{name}={value}" for name, value in parameters.items())
        return self.make(*options, "deploy", BUCKET="code", STACK=stack, PARAMETERS=given)

    def function(self, name: str = NAME) -> Any:
        return self.local.client("lambda").get_function_configuration(FunctionName=name)

    def policies(self, name: str = NAME) -> dict[str, Any]:
        """The policies of a stack's role, by name."""
        role = self.function(name)["Role"].rsplit("/", 1)[-1]
        iam = self.local.client("iam")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        held = {name: iam.get_role_policy(RoleName=role, PolicyName=name) for name in names}
        return {name: each["PolicyDocument"] for name, each in held.items()}

    def listed(self) -> list[str] | None:
        """The addresses that a reader gets."""
        text = self.aws.valkey.client().get(KEY)
        return None if text is None else [item["ip"] for item in json.loads(text)]


def template() -> str:
    """The template, without what the local AWS does not know."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for name in UNKNOWN:
        text, found = re.subn(rf"^  {name}:\n(?:    .*\n)*\n", "", text, flags=re.MULTILINE)
        assert (name, 1) == (name, found)
    return text


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Made once: a service of three tasks, Valkey with a password, the VPC, and the stack."""
    clone = cloned(ROOT, tmp_path_factory.mktemp("stack") / "clone")
    (clone / "template.yaml").write_text(template(), encoding="utf-8")
    with Simulator() as aws, Ministack(aws.url) as local:
        aws.valkey.set_password(PASSWORD)
        service = aws.ecs.create_service("arcade", "lobby")
        service.start_tasks(3)
        local.client("s3").create_bucket(Bucket="code")
        ec2 = local.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        groups = [
            ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
            for name in ("tasks", "redis")
        ]
        secrets = local.client("secretsmanager")
        secret = secrets.create_secret(Name="redis", SecretString=PASSWORD)["ARN"]
        parameters = {
            "EcsClusterName": "arcade",
            "EcsServiceName": "lobby",
            "RedisHost": "127.0.0.1",
            "RedisPort": str(aws.valkey.port),
            "RedisKey": KEY,
            "RedisSecretArn": secret,
            "HealthCheckPort": str(aws.hosts.port),
            "HealthCheckTimeout": "0.5",
            "VpcId": vpc,
            "SubnetIds": subnet,
            "TaskSecurityGroupId": groups[0],
            "RedisSecurityGroupId": groups[1],
        }
        made = Stack(aws, service, local, clone, parameters)
        done = made.deploy(**parameters)
        assert 0 == done.returncode, done.stdout + done.stderr + local.log()[-3000:]
        yield made
