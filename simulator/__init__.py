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
    described.py    a task as ECS knows it and writes it down
    ecs/            clusters, services, tasks to move through life, and the ECS API
    ec2.py          DescribeNetworkInterfaces
    secrets.py      GetSecretValue
    events.py       EventBridge: what ECS sends, and its delivery
    hosts.py        the tasks' addresses and ports
    valkey.py       the real Valkey       proxy.py        a bad network, or TLS, before it
    function.py     Lambda: environments that run the function
    share.py        Lambda's share of a CPU
    sandbox.py      the process of one    environment.py  what runs in it
    emulator.py     the zip under AWS's own runtime client and emulator
"""

from simulator.aws import Simulator
from simulator.calls import Call
from simulator.ecs.services import Service
from simulator.ecs.tasks import Task
from simulator.events import deliver
from simulator.faults import Fault
from simulator.function import Environments, Function, Invocation
from simulator.valkey import Valkey

__all__ = [
    "Call",
    "Environments",
    "Fault",
    "Function",
    "Invocation",
    "Service",
    "Simulator",
    "Task",
    "Valkey",
    "deliver",
]
