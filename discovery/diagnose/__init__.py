"""The diagnosis: what is wrong with a service, and why.

    request     a manual event's fields
    look        what it looks with, and the calls under way
    collect     looks at everything at once
    facts       what one look shows
    restarts    stopped tasks by plain reason
    checks      findings on the service, its deployments, events and stopped tasks
    outside     findings on targets, list, endpoints and certificates
    log_checks  findings on the logs
    findings    what a finding is, and the verdict
    correlate   from findings to one cause
    render      the answer
    interfaces  what it needs of the adapter rooms
    log_lines   the lines of the window, and the last lines of stopped tasks

and of log lines, all of it pure: text in, values out:

    levels      the level that a logger gave to its line
    structured  what a JSON or logfmt line says
    access      the HTTP status of an access log's line, and whether it is a health check
    faults      the words by which a fault is known
    words       the class of an error by its words, first that fits
    classify    one line: its class, and the status that it counts for
    forms       the lines of a traceback, in the notation of each language
    traces      lines that belong together: a traceback is one event
    redact      secrets, masked, by the rules of:
    secret_names, secret_urls, secret_forms
                the names beside them, URLs, and forms by which they are known
    shapes      equal messages, grouped
    summary     all of it over a stream of lines
"""
