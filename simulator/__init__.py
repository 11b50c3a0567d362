"""A pocket AWS on loopback, for the demo, the tests and the benchmarks.

    with Simulator() as aws:
        service = aws.ecs.create_service("arcade", "lobby")
        task = service.start_task()
        with Function(aws.settings(service), root=".") as function:
            print(function.invoke({}).answer)

What is where:

    aws.py          Simulator: everything, started and stopped together
    http.py         the HTTP server       wire.py         AWS's wire formats
    gateway.py      a call's way in       faults.py       what can go wrong on it
    calls.py        the log of calls      throttle.py     the token bucket
    clock.py        the time: the real one, or one that a test moves
    described.py    a task as ECS knows it and writes it down
    ecs/            clusters, services, tasks, and the API:
        tasks.py            tasks to move through life
        life.py             or that move by the clock, and how they fail
        scheduler.py        what a service starts and stops     plan.py         what is next
        deployments.py      definitions.py      instances.py    control_plane.py
        *_api.py            the operations      listing.py      ListTasks, DescribeTasks
    scaling.py      Application Auto Scaling
    elb.py          target groups         sns.py          topics
    logs/           CloudWatch Logs
    web.py          somebody's web server, and its certificate (certificates.py)
    ec2.py          DescribeNetworkInterfaces
    secrets.py      GetSecretValue
    events.py       EventBridge: what ECS sends, and its delivery
    hosts.py        the tasks' addresses and ports
    valkey.py       the real Valkey       proxy.py        a bad network, or TLS, before it
    function.py     Lambda: environments that run the function; lambda_api.py  Invoke
    share.py        Lambda's share of a CPU
    sandbox.py      the process of one    environment.py  what runs in it
    template.py     starts such processes quicker than a new interpreter does, for tests
    emulator.py     the zip under AWS's own runtime client and emulator
"""

from simulator.aws import Simulator
from simulator.calls import Call
from simulator.certificates import Certificate
from simulator.clock import Clock
from simulator.ecs.life import Delays, Failure
from simulator.ecs.services import Service
from simulator.ecs.tasks import Task
from simulator.events import deliver
from simulator.faults import Fault
from simulator.function import Environments, Function, Invocation
from simulator.valkey import Valkey
from simulator.web import Reply, WebHost

__all__ = [
    "Call",
    "Certificate",
    "Clock",
    "Delays",
    "Environments",
    "Failure",
    "Fault",
    "Function",
    "Invocation",
    "Reply",
    "Service",
    "Simulator",
    "Task",
    "Valkey",
    "WebHost",
    "deliver",
]
