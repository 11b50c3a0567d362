"""The catalogue of the reasons that ECS gives for a task's stop: pure data, most specific first.

Wording: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
and the pages that it links to, https://repost.aws/knowledge-center/ecs-task-stopped, and reasons
that users reported. ECS changes its wording, and some tools lower its case.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Rule(NamedTuple):
    """What a reason means. `{who}` in `text` is the container, as far as it is known."""

    pattern: re.Pattern[str]
    kind: str
    fault: bool
    text: str
    remedy: str = ""
    on_ec2: str = ""  # the remedy on container instances, where it differs


def _rule(
    pattern: str, kind: str, text: str, remedy: str = "", on_ec2: str = "", *, fault: bool = True
) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE | re.DOTALL), kind, fault, text, remedy, on_ec2)


def _both(one: str, other: str) -> str:
    """A pattern for texts that match both, in whatever order."""
    return rf"^(?=.*(?:{one}))(?=.*(?:{other}))"


_PULL = r"CannotPull|toomanyrequests|pull rate limit|pull access denied"
_START = r"Cannot(?:Start|Create)Container|OCI runtime|runc|ContainerRuntimeError"
_RESOURCE = r"ResourceInitialization|logging driver|logger args"
_NETWORK = (
    r"i/o timeout|connection issue|request canceled|RequestCanceled|context (?:deadline|cancell?ed)"
    r"|no route to host|network is unreachable|connection (?:refused|reset)|timed out"
    r"|handshake timeout|no such host|send request failed|check your (?:task )?network"
    r"|signal: killed"
)
# With a word beside each figure: a digest or an account's number may contain 403 as well.
_DENIED = (
    r"40[13] (?:Forbidden|Unauthorized)|\(40[13]\)|StatusCode: 40[13]|status code:? 40[13]"
    r"|AccessDenied|access denied|not authorized|authorization failed|no basic auth|denied:"
    r"|has the permissions|may require"
)

_ROUTE = (
    "Give the task's subnets a NAT gateway or the interface endpoints of the service (and S3's "
    "gateway endpoint for ECR), and let port 443 out of its security group and into the endpoints'."
)

# A part of the task could not be made: these say more than why or by whom it was stopped.
FAILURES = (
    _rule(
        r"container init was OOM-killed|cannot allocate memory",
        "out_of_memory",
        "The memory limit was too low for {who} to start.",
        "Raise the memory of the container, and that of the task if it has one.",
    ),
    _rule(
        r"exec format error|descriptor (?:matching|for) platform|no match for platform"
        r"|no matching manifest|does not match the specified platform",
        "wrong_platform",
        "The image of {who} was built for another CPU architecture or operating system.",
        "Build the image for the platform of the task definition (runtimePlatform), or for both.",
    ),
    _rule(
        _both(_START, r"error mounting|mount callback failed|rootfs_linux"),
        "volume",
        "A volume could not be mounted into {who}.",
        "Check the mount points: a file cannot be mounted on a folder, nor a folder on a file.",
    ),
    _rule(
        _both(_START, r"executable file not found|no such file or directory"),
        "not_found",
        "The command of {who} is not in its image.",
        "Correct entryPoint and command of the task definition, or the image; "
        "each word of a command is an element of its own.",
    ),
    _rule(
        _both(_START, r"permission denied"),
        "not_executable",
        "The command of {who} may not be executed.",
        "Make the file executable in the image (chmod +x), and name its interpreter.",
    ),
    _rule(
        r"port is already allocated|address already in use",
        "port_in_use",
        "The host port of {who} was taken.",
        "Let ECS choose the host port (hostPort 0), or use the network mode awsvpc.",
    ),
    _rule(
        r"no space left on device",
        "disk_full",
        "The disk was full when {who} was to start.",
        "Raise the ephemeral storage of the task, or make the image smaller.",
        "Enlarge the volume of the container instance, or remove unused images and logs there.",
    ),
    _rule(
        _both(_PULL, r"toomanyrequests|429 |rate limit|Rate exceeded|ThrottlingException"),
        "image_pull_rate_limit",
        "The registry refused the image of {who}: too many pulls.",
        "Pull with credentials (repositoryCredentials), or through an ECR pull through cache.",
    ),
    _rule(
        _both(_PULL, _NETWORK),
        "image_pull_network",
        "The registry with the image of {who} could not be reached.",
        _ROUTE,
    ),
    _rule(
        _both(_PULL, _DENIED),
        "image_pull_denied",
        "The registry refused to hand out the image of {who}, or does not have it any more.",
        "Check that the tag or digest exists, and grant ecr:BatchGetImage and "
        "ecr:GetDownloadUrlForLayer on it to the task's execution role.",
        "Check that the tag or digest exists, and grant ecr:BatchGetImage and "
        "ecr:GetDownloadUrlForLayer on it to the role of the container instance.",
    ),
    _rule(
        _both(_PULL, r"not found|\(404\)|404 Not Found|manifest unknown|name unknown"),
        "image_pull_not_found",
        "The image of {who} does not exist.",
        "Correct the image of the task definition, or push the tag that it names.",
    ),
    _rule(
        _PULL,
        "image_pull",
        "The image of {who} could not be pulled.",
        "Check that the tag or digest exists, that the role may pull it, and that the subnets "
        "reach the registry.",
    ),
    _rule(
        r"EFS utils|EFS volume|mount\.nfs4?|unsuccessful EFS",
        "resource_efs",
        "An EFS file system could not be mounted.",
        "Check that the file system has a mount target in the task's zone, that its security group "
        "lets port 2049 in, that the folder exists, and that the VPC resolves DNS names.",
    ),
    _rule(
        r"network interface|failed to configure ENI|netplugin|InsufficientFreeAddresses"
        r"|unused device index",
        "network_interface",
        "The network interface of the task could not be made or attached.",
        "Check that the subnets have free addresses, that tag policies allow the interface, and "
        "that the instance has room for one; a timeout passes by itself.",
    ),
    _rule(
        _both(_RESOURCE, r"env(?:ironment)? files?"),
        "resource_env_files",
        "The environment files of {who} could not be downloaded from S3.",
        "Check that the files exist, and grant s3:GetObject and s3:GetBucketLocation to the task's "
        "execution role.",
    ),
    _rule(
        _both(_RESOURCE, _NETWORK),
        "resource_network",
        "The task could not reach what it needs to start: a registry, a secret or its log group.",
        _ROUTE,
    ),
    _rule(
        _both(_RESOURCE, r"log(?:ging driver|ger args| group| stream)"),
        "resource_logs",
        "The log group or stream of {who} could not be used.",
        "Create the log group that the task definition names, in awslogs-region, and grant "
        "logs:CreateLogStream and logs:PutLogEvents to the task's execution role.",
    ),
    _rule(
        _both(_RESOURCE, r"ecr registry auth|registry auth from Amazon ECR|GetAuthorizationToken"),
        "image_pull_denied",
        "The task got no authorization from ECR.",
        "Grant ecr:GetAuthorizationToken on * to the task's execution role.",
    ),
    _rule(
        _both(
            rf"{_RESOURCE}|ResourceNotFoundException",
            r"secrets? from|(?:asm|ssm):|Secrets Manager|Systems Manager|Parameter Store"
            r"|invalid ssm parameters",
        ),
        "resource_secrets",
        "A secret or parameter of the task definition could not be read.",
        "Check that the secret, its version and its JSON key exist in this Region, and grant "
        "secretsmanager:GetSecretValue or ssm:GetParameters, and kms:Decrypt, to the task's "
        "execution role.",
    ),
    _rule(
        r"CannotCreateVolume|EBS volume|EphemeralStorage|attach(?:ing)? volume|ec2:CreateVolume",
        "volume",
        "A volume of the task could not be made or attached.",
        "Check the volume's configuration and the infrastructure role of ECS; a timeout passes by "
        "itself.",
    ),
    _rule(
        r"Capacity is unavailable",
        "capacity",
        "AWS had no capacity for the task.",
        "Allow more zones, another size, or Fargate beside Fargate Spot.",
    ),
    _rule(
        r"unable to assume (?:the )?(?:role|configured)",
        "role",
        "ECS could not assume a role of the task definition.",
        "Check that the role exists and trusts ecs-tasks.amazonaws.com.",
    ),
    _rule(
        r"ResourceInitialization",
        "resource_initialization",
        "Something that the task needs to start could not be set up.",
        "Read the whole reason, and check what it names.",
    ),
    _rule(
        r"(?:ContainerRuntime|Docker)TimeoutError(?!: Could not transition to (?:stop|inspect))",
        "runtime_timeout",
        "The container runtime did not start {who} in time.",
        "Check that the subnets reach the registry and the logs; on an instance, its load.",
    ),
    _rule(
        r"Cannot(?:Start|Create)Container|ContainerRuntimeError|Task failed to start"
        r"|not compatible with the selected compute|^AGENT$",
        "start_failure",
        "{Who} could not be started.",
        "Read the whole reason; it is that of the container runtime or of the scheduler.",
    ),
)

# Why the task was stopped, or what it lost. No full stop: more may follow.
CAUSES = (
    _rule(
        r"failed ELB health check",
        "elb_health",
        "The load balancer's health checks of the task failed",
        "Check path, port, matcher and security groups of the target group, and give a slow start "
        "a longer healthCheckGracePeriodSeconds.",
    ),
    _rule(
        r"failed container health check",
        "container_health",
        "The health check command of a container failed",
        "Run the health check's command in the image (it may lack curl), and give a slow start a "
        "longer startPeriod.",
    ),
    _rule(
        r"failed [\w ]{0,40}health check",
        "health_check",
        "A health check of the task failed",
        "Read the whole reason, and check what it names.",
    ),
    _rule(
        r"Spot Task was interrupted|SpotInterruption",
        "spot",
        "AWS took the Spot capacity back",
        fault=False,
    ),
    _rule(
        r"Host EC2 \(instance|container instance dereg|container instance .{0,60}"
        r"(?:stopped|terminated|deregistered)",
        "instance_gone",
        "The container instance was stopped, terminated or deregistered under the task",
        "Drain instances before they end (managed draining of the capacity provider).",
    ),
    _rule(
        r"in DRAINING state",
        "draining",
        "ECS moved the task away from a container instance that drains",
        fault=False,
    ),
    _rule(
        r"performing maintenance on the underlying|task retirement",
        "retirement",
        "AWS retired the task to maintain its infrastructure",
        fault=False,
    ),
    _rule(
        r"Scaling activity initiated by",
        "scaling",
        "ECS stopped the task for a scale-in or a deployment",
        fault=False,
    ),
    _rule(
        r"stopped by user",
        "stopped_by_user",
        "A StopTask call stopped the task",
        fault=False,
    ),
)

# What the container runtime says while a task ends: a reason only if there is no better one.
AFTERMATH = (
    _rule(
        r"Cannot(?:Stop|Inspect)Container|TimeoutError|InternalError",
        "internal",
        "ECS or the container runtime had a fault of its own.",
        "Wait for the replacement; if it happens again, look at the instance, or open a case.",
    ),
)
