"""The command line, `python -m discovery`, for a person's own machine.

    parser       the commands and their options; pure
    options      what the commands have in common; pure
    main         from arguments to an exit code
    environment  options and variables -> the settings of each service; pure
    aws          the session, ListServices, Invoke
    handler      one event, answered by a deployed function or by this process
    diagnosing   one service or many: looked at, then the logs of those that are not healthy
    pull         the lines of the window, oldest first
    watch        the list, followed by pub/sub
    output       standard output and error, open or not, and what is written there
    exits        from answers to exit codes; pure
    safe         texts from outside, made safe for a terminal; pure
    terminal     width, colours, wrapped text; pure
    table        rows and columns that fit; pure
    progress     a line on the terminal while a command takes long
    show_*       answers, formatted for a person; pure

Nothing imports this room, and it is not in the zip: a cold start pays nothing for it.
"""
