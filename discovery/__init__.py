"""Keeps one Redis key true: the healthy addresses of one ECS service.

An event's way, and each room's reason:

    lambda_function   environment -> clients -> events.route -> one capability
    events            what an event says, and the action that follows from it

    sync/             the core: what a run does
      run               acquires the lease, goes through rounds, releases the lease
      rounds            what follows after each round; pure
      observe           one look at the service: list, describe, probe
      decide            which tasks are listed, and why the others are not; pure
      report            the answer and the figures of a run; pure
      log_lines         what a run logs
    aws/              the adapter to AWS
      task_lister       ListTasks -> DescribeTasks -> addresses, page by page
      listing           the calls of one listing that are in flight
      task_parser       an answer's tasks, checked for completeness; pure
      secrets           the secret's text
      clients, errors   the SDK's clients; its errors in plain words
    store/            the adapter to Redis
      registry          tokens, lease, rate limit, publications, withdrawals
      registry.lua      what each of these writes, whole or not at all
      codec             the JSON in the keys, to and from our values; pure
      client            the client: TLS, cluster, timeouts, errors in plain words
      credentials       the secret's password, for redis-py
    probe/            the adapter to what tasks serve
      tcp               many TCP connects at once
    telemetry/        what leaves the function beside answer and log
      metrics           one line of metrics for each run; pure

    the ground, which every room may use:
      model, errors     the values and the failures that all of them speak of
      interfaces        what capability rooms need of adapter rooms
      settings          environment variables -> settings, or every fault at once
      deadline          how much time is left
      addresses, text   small pure helpers

Adapter rooms (aws, store, probe) never import each other, and capability rooms (sync) never import
adapters: lambda_function puts them together. tests/test_house.py holds these rules.
"""

__version__ = "1.0.0"
