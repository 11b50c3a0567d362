"""Keeps one Redis key true: the healthy addresses of one ECS service.

An event's way, and each room's reason:

    lambda_function   environment -> clients -> routing -> one capability
    events            what an event says; pure
    routing           the action that follows from it; pure

    sync/             the core: what a run does
      run               acquires the lease, goes through rounds, releases the lease
      rounds            what follows after each round; pure
      observe           one look at the service: list, describe, probe
      decide            which tasks are listed, and why the others are not; pure
      report            the answer and the figures of a run; pure
      log_lines         what a run logs
    recycle/          a capability: every task of the service replaced, a few at a time
      request, start    a manual event's fields; may a recycle start
      record, facts     what Redis keeps of it; what one look shows
      machine, restore  from record and facts to the next act
      acts, perform     the acts, and what carries them out
      advance           look, decide, write ahead, act, again
      report            answers, log lines, messages
      interfaces        what it needs of the adapter rooms
    diagnose/         a capability: what is wrong with the service, and why; read only
      request           a manual event's fields
      look, collect     what it looks with; many calls at once, each by the deadline
      facts             what one look shows
      checks, outside, log_checks, restarts
                        from facts to findings; pure
      findings          a finding, and the verdict; pure
      correlate         from findings to one cause; pure
      render            the answer, masked and bounded; pure
      interfaces        what it needs of the adapter rooms
      log_lines         lines of the window, last lines of stopped tasks
      summary           lines -> classes, groups, HTTP figures, in bounded memory; pure, as are:
      classify          the class of one line, by the modules below
      structured, access, levels, words, faults
                        JSON, access logs, levels, words and patterns of errors
      traces, forms     tracebacks joined to one event, by language
      shapes            equal messages grouped
      redact, secret_names, secret_urls, secret_forms
                        secrets masked, by the names beside them and by their forms
    history/          the latest state of each task and instance, where HISTORY is on
      records           from an event or a description to what is kept; pure
      reconcile         a listing corrects what events missed
      request, report   a manual event's fields, and its answer; pure
      interfaces        what it needs of the adapter rooms
    wiring/           puts a capability and its adapters together, on first use
      recycle, messages, history, diagnose
    aws/              the adapter to AWS
      task_lister       ListTasks -> DescribeTasks -> addresses, page by page
      listing           the calls of one listing that are in flight
      task_parser       an answer's tasks, checked for completeness; pure
      secrets           the secret's text
      service_reader    a service, its scaling, its target groups
      service_writer    what a recycle changes of them, one attempt each
      inspector         the service, tasks, definitions and targets of a diagnosis
      log_reader        CloudWatch Logs, within a budget of pages
      unseen            what AWS refuses a diagnosis, by action and resource
      clients, errors   the SDK's clients; its errors in plain words
      snapstart         what is made at the init, and anew after a restore from a snapshot
    store/            the adapter to Redis
      registry          tokens, lease, rate limit, publications, withdrawals
      registry.lua      what each of these writes, whole or not at all; with it, in this order,
      ground.lua        the keys and the clock
      ratelimit.lua     a token bucket
      items.lua         where the list has a task's item
      scripts           loads such files as one script
      recycles          a recycle's record: compare-and-set under a lease
      recycles.lua      the same, in Redis
      history           the records of the history, by version; history.lua: the same, in Redis
      codec             the JSON in the keys, to and from our values; pure
      client            the client: TLS, cluster, timeouts, errors in plain words
      credentials       the secret's password, for redis-py
    probe/            the adapter to what tasks serve
      tcp               many TCP connects at once
      http, tls         an endpoint's answer; a host's certificate
    telemetry/        what leaves the function beside answer and log
      metrics           one line of metrics for each run; pure
      messages          what people read of a recycle; pure
      notifications     messages to an SNS topic
      mail              messages by SMTP

    cli/              the command line, which __main__ starts on a person's machine

    the ground, which every room may use:
      model, errors     the values and the failures that all of them speak of
      interfaces        what capability rooms need of adapter rooms
      settings          environment variables -> settings, or every fault at once
      inspection        what a diagnosis sees around a service
      service           what ECS says of a service, apart from its tasks
      task_record       what a person needs of a task's latest state
      stops             why a task stopped, in plain words
      stop_rules        the reasons that ECS gives
      stop_codes        the codes of containers and stops
      lenient           readers that take odd fields for absent ones
      deadline          how much time is left
      addresses, text   small pure helpers

Adapter rooms (aws, store, probe) never import each other, and capability rooms (sync, recycle,
diagnose) never import adapters: lambda_function and wiring/ put them together. Nothing
imports cli.
tests/test_house.py holds these rules.
"""

__version__ = "1.0.0"
