"""The template: clean by its linter, whole by the contract, and what comes of it as a stack."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from conftest import ROOT

from discovery.settings import ProcessSettings, ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
pytest_plugins = ("stack",)

# What the template cannot know, so it has no default for it.
REQUIRED = {"EcsClusterName", "EcsServiceName", "RedisHost", "RedisKey", "VpcId", "SubnetIds"}

# The parameter of this setting says what it does to the role, too.
RENAMED = {"RECYCLE": "AllowRecycle", "HISTORY": "AllowHistory", "DIAGNOSE": "AllowDiagnose"}

# The SDK's name of a service, where it is not that of the service's endpoint.
SDK_NAMES = {"elasticloadbalancing": "elbv2"}

NO_VALUE = {"Ref": "AWS::NoValue"}


@pytest.fixture
def parameters(stack: Stack) -> dict[str, str | None]:
    """The template's own parameters and their defaults."""
    body = (stack.clone / "template.yaml").read_text()
    summary = stack.local.client("cloudformation").get_template_summary(TemplateBody=body)
    return {each["ParameterKey"]: each.get("DefaultValue") for each in summary["Parameters"]}


@pytest.fixture(scope="module")
def reached(stack: Stack) -> Iterator[str]:
    """The name of a stack with the endpoints of a diagnosis; of its two subnets one is for them.

    It goes before its schedule comes, as nothing answers at the endpoints.
    """
    ec2 = stack.local.client("ec2")
    subnet = ec2.create_subnet(VpcId=stack.parameters["VpcId"], CidrBlock="10.0.2.0/24")
    more = {
        "SubnetIds": f"{stack.parameters['SubnetIds']},{subnet['Subnet']['SubnetId']}",
        "EndpointSubnetIds": stack.parameters["SubnetIds"],
        "CreateEndpoints": "true",
        "CreateEc2Endpoint": "true",
        "AllowDiagnose": "true",
    }
    done = stack.deploy("--old-file=build", stack="reached", **(stack.parameters | more))
    assert 0 == done.returncode, done.stdout + done.stderr
    yield "reached"
    client = stack.local.client("cloudformation")
    client.delete_stack(StackName="reached")
    client.get_waiter("stack_delete_complete").wait(
        StackName="reached", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def outputs(stack: Stack, name: str = "") -> dict[str, str]:
    (described,) = stack.local.client("cloudformation").describe_stacks(
        StackName=name or stack.name
    )["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def processed(stack: Stack) -> Any:
    """The stack's template as SAM translates it."""
    client = stack.local.client("cloudformation")
    return client.get_template(StackName=stack.name, TemplateStage="Processed")["TemplateBody"]


def test_the_linter_has_nothing_to_say() -> None:
    """cfn-lint, with its informational rules: no error, no warning, no remark."""
    linter = str(ROOT / ".venv-stack" / "bin" / "cfn-lint")
    command = [linter, "--include-checks", "I", "--template", str(ROOT / "template.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ("", 0) == (done.stdout + done.stderr, done.returncode)


def test_every_setting_is_a_parameter_with_the_same_default(
    stack: Stack, parameters: dict[str, str | None]
) -> None:
    """Each variable that the function reads is set, from a parameter that defaults to its own."""
    set_there = stack.function()["Environment"]["Variables"]
    every = [*fields(ProcessSettings), *fields(ServiceSettings)]
    settings = {each.metadata["name"]: each.metadata["default"] for each in every}
    assert settings.keys() == set_there.keys()
    for variable, default in settings.items():
        words = RENAMED.get(variable, "".join(word.title() for word in variable.split("_")))
        assert words in parameters
        wanted = "" if words in REQUIRED or default is None else default
        assert (words, wanted) == (words, parameters[words] or "")


def test_the_functions_time_holds_all_rounds(parameters: dict[str, str | None]) -> None:
    """By default: three rounds with their waits and checks, and a third of that for the rest."""
    held = {name: float(parameters[name] or 0) for name in ("RetryCount", "RetryInterval")}
    rounds = held["RetryCount"] * (
        held["RetryInterval"] + float(parameters["HealthCheckTimeout"] or 0)
    )
    assert rounds * 4 / 3 <= float(parameters["Timeout"] or 0)


def test_the_function_is_as_the_template_says(stack: Stack) -> None:
    """With its own log group, and JSON logs that leave botocore's below INFO out."""
    function = stack.function()
    assert ("arm64", 256, 30) == (
        *function["Architectures"],
        function["MemorySize"],
        function["Timeout"],
    )
    assert {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
        "LogGroup": f"/aws/lambda/{stack.name}",
    } == function["LoggingConfig"]
    client = stack.local.client("lambda")
    kept = client.get_function_event_invoke_config(FunctionName=stack.name, Qualifier="$LATEST")
    assert (1, 300) == (kept["MaximumRetryAttempts"], kept["MaximumEventAgeInSeconds"])
    assert "DeadLetters" in kept["DestinationConfig"]["OnFailure"]["Destination"]


def test_the_function_is_in_its_vpc_and_bounded(stack: Stack) -> None:
    """Which ministack takes for granted: so this looks at what SAM makes of the template."""
    function = processed(stack)["Resources"]["Function"]["Properties"]
    group = {"Fn::GetAtt": ["SecurityGroup", "GroupId"]}
    chosen = {"Fn::If": ["NewSecurityGroup", group, {"Ref": "SecurityGroupId"}]}
    assert {"SubnetIds": {"Ref": "SubnetIds"}, "SecurityGroupIds": [chosen]} == function[
        "VpcConfig"
    ]
    limit = {"Fn::If": ["LimitedConcurrency", {"Ref": "ReservedConcurrency"}, NO_VALUE]}
    assert limit == function["ReservedConcurrentExecutions"]


def endpoints(stack: Stack) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = stack.local.client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    return made


def test_no_endpoint_answers_for_a_name_that_others_use(stack: Stack) -> None:
    """Private DNS would lead the whole VPC to endpoints that only the function may use."""
    resources = processed(stack)["Resources"].values()
    made = [each["Properties"] for each in resources if each["Type"] == "AWS::EC2::VPCEndpoint"]
    assert 7 == len(made)
    assert [False] * 7 == [each["PrivateDnsEnabled"] for each in made]


def test_the_function_is_led_to_each_endpoint_by_name(stack: Stack, reached: str) -> None:
    """Each URL is the endpoint's own name for all zones, in the variable that botocore reads."""
    variables = stack.function(reached)["Environment"]["Variables"]
    led = {name: value for name, value in variables.items() if name.startswith("AWS_")}
    wanted = {}
    for each in endpoints(stack):
        region, service = each["ServiceName"].split(".")[-2:]
        (url,) = (value for value in led.values() if each["VpcEndpointId"] in value)
        assert f"https://{each['VpcEndpointId']}.{service}.{region}.vpce.amazonaws.com" == url
        client: Any = boto3.client(SDK_NAMES.get(service, service), region_name=region)
        wanted["AWS_ENDPOINT_URL_" + client.meta.service_model.service_id.hyphenize()] = url
    assert {name.upper().replace("-", "_"): url for name, url in wanted.items()} == led
    assert {"ecs", "ec2", "secretsmanager", "elasticloadbalancing", "logs"} == {
        each["ServiceName"].split(".")[-1] for each in endpoints(stack)
    }


def test_without_endpoints_the_function_takes_awss_own_addresses(stack: Stack) -> None:
    """No variable leads it elsewhere, not even an empty one."""
    variables = stack.function()["Environment"]["Variables"]
    assert [] == [name for name in variables if name.startswith("AWS_")]


def test_endpoints_take_one_subnet_of_each_zone(stack: Stack, reached: str) -> None:
    """A function may have several of a zone, an endpoint may not: so they may be chosen apart."""
    chosen = [stack.parameters["SubnetIds"]]
    assert [chosen] * 5 == [each["SubnetIds"] for each in endpoints(stack)], reached


def test_endpoints_are_in_the_functions_subnets_otherwise(stack: Stack) -> None:
    """Without EndpointSubnetIds they are where the function is."""
    document = processed(stack)
    given = [{"Ref": "EndpointSubnetIds"}, {"Ref": "SubnetIds"}]
    endpoints = [each for each in document["Resources"] if each.endswith("Endpoint")]
    assert 7 == len(endpoints)
    for name in endpoints:
        held = document["Resources"][name]["Properties"]["SubnetIds"]
        assert {"Fn::If": ["OwnEndpointSubnets", *given]} == held
    empty = {"Fn::Equals": [{"Fn::Join": ["", given[0]]}, ""]}
    assert {"Fn::Not": [empty]} == document["Conditions"]["OwnEndpointSubnets"]


def test_the_new_security_group_lets_out_what_is_needed(stack: Stack, reached: str) -> None:
    """To the tasks' port, to Redis and to the endpoints, each by its group; to no address."""
    groups = stack.local.client("ec2").describe_security_groups(
        GroupIds=[outputs(stack, reached)["SecurityGroup"]]
    )
    (group,) = groups["SecurityGroups"]
    opened = {
        (each["FromPort"], pair["GroupId"])
        for each in group["IpPermissionsEgress"]
        for pair in each["UserIdGroupPairs"]
    }
    ports = {port for port, _ in opened}
    assert [] == [each["IpRanges"] for each in group["IpPermissionsEgress"] if each["IpRanges"]]
    assert {
        int(stack.parameters["HealthCheckPort"]),
        int(stack.parameters["RedisPort"]),
        443,
    } == ports
    assert (
        int(stack.parameters["RedisPort"]),
        stack.parameters["RedisSecurityGroupId"],
    ) in opened


def test_the_outputs_say_what_is_needed_next(stack: Stack) -> None:
    """The function's name, the command to invoke it, its log group and its dashboard."""
    values = outputs(stack)
    assert stack.name == values["FunctionName"]
    assert f"/aws/lambda/{stack.name}" == values["LogGroup"]
    assert f"dashboards:name={stack.name}" in values["Dashboard"]
    assert f"--function-name {stack.name}" in values["InvokeCommand"]


def test_the_dashboard_and_the_alarms_name_figures_that_are_published(stack: Stack) -> None:
    """A figure that is spelled otherwise in the function would be empty, and never alarm."""
    cloudwatch = stack.local.client("cloudwatch")
    board = json.loads(cloudwatch.get_dashboard(DashboardName=stack.name)["DashboardBody"])
    shown = {
        metric[1]
        for widget in board["widgets"]
        for metric in widget["properties"]["metrics"]
        if metric[0] != "..."  # the one before it, otherwise
    }
    template = (ROOT / "template.yaml").read_text()
    watched = set(re.findall(r"^ +MetricName: (\w+)", template, re.MULTILINE))
    files = ["sync/report.py", "recycle/report.py", "telemetry/metrics.py"]
    source = (ROOT / "lambda_function.py").read_text()
    source += "".join((ROOT / "discovery" / each).read_text() for each in files)
    outcomes = {"Published", "Kept", "Coalesced", "Superseded"}  # Outcome's values, capitalized
    lambdas = {"Errors", "Throttles", "AsyncEventsDropped", "ApproximateNumberOfMessagesVisible"}
    ours = (shown | watched) - outcomes - lambdas
    assert {"RunningTasks", "HealthyTasks", "EventToPublish", "Failed", "Degraded"} <= ours
    assert [] == [name for name in sorted(ours) if name not in source]


def reaches(stack: Stack, name: str) -> dict[str, str]:
    """What each of a stack's rules invokes, by the rule's name in the template."""
    client = stack.local.client("events")
    targets = {}
    for rule in client.list_rules()["Rules"]:
        if rule["Name"].startswith(f"{name}-"):
            (target,) = client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            targets[rule["Name"].split("-Function")[1].partition("-")[0]] = target["Arn"]
    return targets


def test_the_rules_invoke_the_function_itself(stack: Stack) -> None:
    """Without SnapStart there is no version and no alias."""
    function = stack.function()
    client = stack.local.client("lambda")
    rules = ("TaskChange", "ServiceChange", "InstanceChange", "Reconcile")
    assert dict.fromkeys(rules, function["FunctionArn"]) == reaches(stack, stack.name)
    assert "None" == function["SnapStart"]["ApplyOn"]
    assert [] == client.list_aliases(FunctionName=stack.name)["Aliases"]
    versions = client.list_versions_by_function(FunctionName=stack.name)["Versions"]
    assert ["$LATEST"] == [each["Version"] for each in versions]


def test_with_snapstart_the_rules_invoke_the_newest_version(stack: Stack) -> None:
    """By an alias, which each deployment moves, even if it changes nothing; the version before it
    goes. A setting that changes is in the new version, and the rules may invoke the alias."""
    name = "snapped"
    client = stack.local.client("lambda")
    seen = []
    steps = ("INFO", "true"), ("INFO", "true"), ("WARNING", "true"), ("WARNING", "false")
    for level, snap in steps:
        parameters = stack.parameters | {"SnapStart": snap, "LogLevel": level}
        done = stack.deploy("--old-file=build", stack=name, **parameters)
        assert 0 == done.returncode, done.stdout + done.stderr
        versions = client.list_versions_by_function(FunctionName=name)["Versions"]
        published = [each["Version"] for each in versions if each["Version"] != "$LATEST"]
        targets = set(reaches(stack, name).values())
        if snap == "false":
            assert ([], {stack.function(name)["FunctionArn"]}) == (published, targets)
            break
        (version,) = published
        alias = client.get_alias(FunctionName=name, Name="live")
        live = client.get_function_configuration(FunctionName=name, Qualifier="live")
        kept = client.get_function_event_invoke_config(FunctionName=name, Qualifier="live")
        policy = json.loads(client.get_policy(FunctionName=name, Qualifier="live")["Policy"])
        assert (version, {alias["AliasArn"]}) == (alias["FunctionVersion"], targets)
        assert ("PublishedVersions", level) == (
            live["SnapStart"]["ApplyOn"],
            live["Environment"]["Variables"]["LOG_LEVEL"],
        )
        assert (1, 300) == (kept["MaximumRetryAttempts"], kept["MaximumEventAgeInSeconds"])
        assert "DeadLetters" in kept["DestinationConfig"]["OnFailure"]["Destination"]
        assert [alias["AliasArn"]] * 4 == [each["Resource"] for each in policy["Statement"]]
        seen.append(version)
    assert 3 == len(set(seen))
    stack.local.client("cloudformation").delete_stack(StackName=name)


def test_snapstart_is_refused_on_a_python_without_it(stack: Stack) -> None:
    """The rule of the template names what it needs, before anything is created."""
    (assertion,) = processed(stack)["Rules"]["SnapStartNeedsItsRuntime"]["Assertions"]
    refused = [each["Fn::Equals"][1] for each in assertion["Assert"]["Fn::Not"][0]["Fn::Or"]]
    assert ["python3.9", "python3.10", "python3.11"] == refused
