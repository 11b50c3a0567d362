"""The diagnosis: what is wrong with a service, and why.

    levels      the level that a logger gave to its line
    structured  what a JSON or logfmt line says
    access      the HTTP status of an access log's line, and whether it is a health check
    faults      the words by which a fault is known
    classify    one line: its class, and the status that it counts for
    traces      lines that belong together: a traceback is one event
    redact      secrets, masked
    shapes      equal messages, grouped
    summary     all of it over a stream of lines

All of these are pure: text in, values out.
"""
