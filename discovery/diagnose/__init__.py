"""The diagnosis: what is wrong with a service, and why.

    levels      the level that a logger gave to its line
    structured  what a JSON or logfmt line says
    access      the HTTP status of an access log's line, and whether it is a health check
    faults      the words by which a fault is known
    words       the class of an error by its words, first that fits
    classify    one line: its class, and the status that it counts for
    forms       the lines of a traceback, in the notation of each language
    traces      lines that belong together: a traceback is one event
    redact      secrets, masked
    shapes      equal messages, grouped
    summary     all of it over a stream of lines

All of these are pure: text in, values out.
"""
