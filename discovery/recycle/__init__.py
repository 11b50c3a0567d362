"""A capability: every task of the service replaced, a few at a time, with the list true throughout.

record      what is kept in Redis: the request, what stood before, the batch in hand; pure
facts       what one look shows of the service, its scaling and the list; pure
start       may a recycle start, and the plan of it; pure
judge       what a look means: progress, lost writes, failure; pure
machine     from a record and the facts to the next act; pure
restore     the machine's last part: scaling and count as they were; pure
advance     looks, decides, writes the record ahead, acts, again
acts        carries out one act
report      the answer, the log lines and the messages of a recycle; pure
"""
