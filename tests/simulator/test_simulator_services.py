"""Secrets Manager and EC2, called by the real boto3 clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_ec2 import EC2Client
    from types_boto3_secretsmanager import SecretsManagerClient

    from simulator import Service, Simulator


@pytest.fixture
def options(aws: Simulator) -> dict[str, Any]:
    return {
        "endpoint_url": aws.url,
        "region_name": "us-east-1",
        "aws_access_key_id": "id",
        "aws_secret_access_key": "key",
        "config": Config(retries={"total_max_attempts": 1}),
    }


@pytest.fixture
def secrets(options: dict[str, Any]) -> SecretsManagerClient:
    return boto3.client("secretsmanager", **options)


@pytest.fixture
def ec2(options: dict[str, Any]) -> EC2Client:
    return boto3.client("ec2", **options)


@pytest.fixture
def service(aws: Simulator) -> Service:
    return aws.ecs.create_service("arcade", "lobby")


def test_a_secret_is_read_by_name_or_arn(aws: Simulator, secrets: SecretsManagerClient) -> None:
    """Text comes as text, bytes as bytes."""
    arn = aws.secrets.put("redis", '{"password": "p"}')
    aws.secrets.put("binary", b"\x00\xff")

    assert secrets.get_secret_value(SecretId="redis")["ARN"] == arn
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == '{"password": "p"}'
    assert secrets.get_secret_value(SecretId="binary")["SecretBinary"] == b"\x00\xff"


def test_a_rotated_secret_keeps_its_arn(aws: Simulator, secrets: SecretsManagerClient) -> None:
    """It has a new value and a new version."""
    arn = aws.secrets.put("redis", "old")
    old = secrets.get_secret_value(SecretId=arn)

    assert aws.secrets.put("redis", "new") == arn
    new = secrets.get_secret_value(SecretId=arn)
    assert (old["SecretString"], new["SecretString"]) == ("old", "new")
    assert old["VersionId"] != new["VersionId"]


def test_an_unknown_secret_is_not_found(secrets: SecretsManagerClient) -> None:
    """The error is Secrets Manager's own."""
    with pytest.raises(secrets.exceptions.ResourceNotFoundException):
        secrets.get_secret_value(SecretId="nothing")


def addresses(answer: Any) -> list[str]:
    return [interface["PrivateIpAddress"] for interface in answer["NetworkInterfaces"]]


def test_interfaces_are_found_by_id_and_by_filter(service: Service, ec2: EC2Client) -> None:
    """Both give the address of a task that says nothing of it itself."""
    one, two, _ = service.start_tasks(3, address_from="ec2")
    wanted = [one.state.eni, two.state.eni]
    by_filter: Any = [{"Name": "network-interface-id", "Values": wanted}]

    assert addresses(ec2.describe_network_interfaces(NetworkInterfaceIds=wanted)) == [
        one.ip,
        two.ip,
    ]
    assert addresses(ec2.describe_network_interfaces(Filters=by_filter)) == [one.ip, two.ip]


def test_one_unknown_id_fails_the_call_but_not_a_filter(service: Service, ec2: EC2Client) -> None:
    """A task that has stopped has no interface any more."""
    task, stopped = service.start_tasks(2)
    stopped.becomes("STOPPED")
    ids = [task.state.eni, stopped.state.eni]
    by_filter: Any = [{"Name": "network-interface-id", "Values": ids}]

    with pytest.raises(ClientError, match=r"InvalidNetworkInterfaceID\.NotFound"):
        ec2.describe_network_interfaces(NetworkInterfaceIds=ids)
    assert addresses(ec2.describe_network_interfaces(Filters=by_filter)) == [task.ip]


def test_a_filter_takes_at_most_200_values(service: Service, ec2: EC2Client) -> None:
    """201 are refused; 200 give 200 addresses."""
    ids = [task.state.eni for task in service.start_tasks(201, port="closed")]

    def describe(values: list[str]) -> Any:
        by_filter: Any = [{"Name": "network-interface-id", "Values": values}]
        return ec2.describe_network_interfaces(Filters=by_filter)

    assert len(addresses(describe(ids[:200]))) == 200
    with pytest.raises(ClientError, match="FilterLimitExceeded"):
        describe(ids)


def test_interfaces_come_in_pages(service: Service, ec2: EC2Client) -> None:
    """Of the size in the request, in the order tasks started."""
    tasks = service.start_tasks(12)
    paginator = ec2.get_paginator("describe_network_interfaces")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 5}))

    assert [len(page["NetworkInterfaces"]) for page in pages] == [5, 5, 2]
    assert [ip for page in pages for ip in addresses(page)] == [task.ip for task in tasks]


def test_an_ipv6_interface_has_its_address_elsewhere(service: Service, ec2: EC2Client) -> None:
    """It is in Ipv6Addresses, and there is no private IPv4 address."""
    service.start_task(ip="::1")

    (interface,) = ec2.describe_network_interfaces()["NetworkInterfaces"]

    assert [each["Ipv6Address"] for each in interface["Ipv6Addresses"]] == ["::1"]
    assert "PrivateIpAddress" not in interface
