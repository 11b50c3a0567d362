"""Keeps one Redis key true: the healthy addresses of one ECS service.

The way of an event through the package, and what each file is for:

    lambda_function   the composition root: environment -> settings, warm clients, answer
    settings          environment variables -> Settings, or every fault at once
    events            event -> what to do; pure
    sync              the story of a run: rounds of list, check, decide, publish
      rounds            what a run does after each round; pure
    observe           one look at the service, page by page, through the next two
    ecs               ListTasks -> DescribeTasks -> addresses, pipelined
      listing           the calls of one listing that are under way
      described         what AWS tells of a task, reduced to what a run needs; pure
    health            many TCP connects at once
    decide            who is listed, who is not, and why; pure
    registry          Redis: token, publish, withdraw, lease, read
      registry.lua      what each of these writes, whole or not at all
      stored            the JSON in the keys, to and from our values; pure
      connection        the client: TLS, cluster, timeouts, errors in plain words
      credentials       Secrets Manager -> the client's password
    report            what came of a run: the answer and the figures; pure
    metrics           one line of figures a run
    model, errors     the values and the failures all of them speak of
    text              text from outside, as one bounded line
    deadline          how long there still is
    aws               the SDK's answers, read early; what its errors mean to a person
"""
