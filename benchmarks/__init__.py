"""How fast, how lean, and next to whom: `make bench`.

The function and a straightforward one (straightforward/lambda_function.py) are run in
turn against the simulator, where each AWS call takes 30 ms.

    __main__.py   all of it, in order, with progress
    contest.py    the two that are compared, each in a process of its own
    warm.py       a sync of 10 to 5,000 tasks: time, CPU, memory, calls
    silent.py     5,000 tasks that never answer
    storm.py      300 events at 12 environments under ECS's throttle bucket
    stop.py       from a stop event to the task out of the list
    cold.py       a cold start to the first list, from the zip
    share.py      the same with Lambda's share of a CPU: events, the schedule, by memory
    withdrawal.py     a stop event
    share_cold.py     a cold start, its init with a whole CPU
    deployment.py     an event a second for a minute, under ECS's throttle bucket
    diagnosis.py  a diagnosis of 100 tasks and 200,000 log lines, beside its critical path
    peers.py      two from PyPI beside us, each by way of peer_rounds/
    peer_aws.py   what these ask of AWS that the simulator lacks
    measure.py    what is measured of a process
    results.py    figures, as a table and as JSON
    memory.py     time and price of a run by memory
    prices.py     what Lambda costs
    markdown.py   figures and tables as Markdown
    picture.py    how cost grows, as a picture
"""
