"""The words by which a fault is known: pure.

Each class has a pattern that holds in any line, and one that holds only in a line that its logger
called a warning or an error: there a bare word says enough. A configuration (`--timeout 30`), a
count of zero and a name (`ErrorBoundary`) are no fault, so the patterns ask for more than a word.
"""

from __future__ import annotations

import re

# What says that nothing happened is taken out before anything else is looked for.
_COUNTED = (
    r"errors?|failures?|exceptions?|timeouts?|panics?|fatals?|problems?|warnings?|failed|refused"
)
_KEY = r"(?:[a-z]+_)*(?:[a-z]+|Errors?|Failures?|Exceptions?|Timeouts?)(?:_[a-z]+)*"
# `0 errors`, `no error`, `not an error`.
_NO_SUCH = re.compile(
    r"(?i:\b(?:no|0|zero|without(?: any)?|not an?|free of)[ -](?:\w+ )?(?:(?:fatal|critical) )?"
    rf"(?:{_COUNTED})\b|\bnon-fatal\b|\berror[ -]free\b)"
)
_VALUE = (
    r"(?:0(?:\.0+)?%?(?![\w.])|\[\]|\{\}|none\b|null\b|nil\b|<nil>|false\b|n/a\b"
    r"|\"\"(?!\S)|''(?!\S))"
)
_EMPTY = re.compile(rf"[=: ][\"']?{_VALUE}")
# `errors=0`, `"last_error": null`; but not `TimeoutException: null`, whose message is empty.
_NONE_OF_IT = re.compile(
    rf"(?<![\w.$])[\"']?(?=[\w]*(?i:{_COUNTED})){_KEY}[\"']?(?:[=:] ?| )[\"']?{_VALUE}"
)


def without_nothing(text: str) -> str:
    """The text without what says that nothing happened."""
    if (
        "0 " in text
        or "no" in text
        or "No" in text
        or "ero " in text
        or "ithout" in text
        or "free" in text
    ):
        text = _NO_SUCH.sub(" ", text)
    return _NONE_OF_IT.sub(" ", text) if _EMPTY.search(text) else text


# AWS' codes for who may not do something. As a code, with no package before it, it is no exception.
_AWS_AUTH = (
    r"AccessDenied(?:Exception)?|UnauthorizedOperation|UnrecognizedClient(?:Exception)?"
    r"|ExpiredToken(?:Exception)?|InvalidClientTokenId|InvalidSignature(?:Exception)?"
    r"|SignatureDoesNotMatch|InvalidAccessKeyId|NotAuthorized(?:Exception)?"
    r"|MissingAuthenticationToken"
    r"|IncompleteSignature|OptInRequired|AuthFailure|InvalidToken|TokenRefreshRequired"
)
_AWS_CODE = (
    rf"(?:{_AWS_AUTH}|ThrottlingException|Throttling|RequestLimitExceeded|ValidationException)"
)

PANIC = re.compile(
    r"^panic: |^panic\(|\Agoroutine \d+ \[|\bpanicked at\b|\bhttp: panic serving\b"
    r"|\bKernel panic - not syncing|\bpanic recovered\b|\brecovered from panic\b"
    r"|\bObserved a panic\b"
    r"|^\d{4}/\d\d/\d\d [\d:.]+ panic: |\bRecovery from panic\b"
    r"|\bruntime error: (?:invalid memory address|index out of range|slice bounds out of range"
    r"|integer divide)",
    re.MULTILINE,
)
PANIC_SAID = re.compile(r"\bpanic(?:s|ked|king)?\b", re.IGNORECASE)

FATAL = re.compile(
    r"(?<!no )\b[Ff](?:atal|ATAL) (?:[Pp]ython )?(?:error|ERROR|Error)\b|^(?:FATAL|CRITICAL)\b"
    r"|\bsegfault at\b|\bSegmentation fault\b|\bgeneral protection fault\b|\(core dumped\)"
    r"|\b(?:exited on|killed by|terminated by) signal (?:4|6|7|8|11|SIGSEGV|SIGABRT|SIGBUS)\b"
    r"|^SIG(?:SEGV|ABRT|BUS|ILL)\b|^Bus error|^Aborted\b",
    re.MULTILINE,
)

OOM = re.compile(
    r"\b[Oo]ut [Oo]f [Mm]emory\b|(?<!On)OutOfMemory(?:Error|Exception)?\b|\bOOM command not allowed"
    r"|\boom[-_](?:kill(?:er)?\b|reaper\b)(?! ?[=]?[0-9]| disabled)|\bOOM[- ]?[Kk]ill(?:ed|er)?\b"
    r"|\bKill(?:ed)? process \d+|\b(?:No|Array)?_?(?:Array)?MemoryError\b"
    r"|\b[Cc]annot allocate memory\b"
    r"|\bENOMEM\b|\b[Ii]nsufficient memory\b|\bmemory allocation of \d+ bytes failed"
    r"|\bfailed to allocate memory\b|\bUnable to allocate [\d.]+ [KMGT]iB\b|\bheap out of memory\b"
    r"|\bos::commit_memory\b.*\bfailed\b|\bused memory > 'maxmemory'"
    r"|\bkilled as a result of limit of\b"
    r"|\bAllowed memory size of \d+ bytes exhausted|\bReached heap limit\b|\bstd::bad_alloc\b"
    r"|\bexceed(?:s|ed|ing)? (?:the |its )?memory limit\b"
)

TIMEOUT = re.compile(
    r"(?i:\btimed[ -]?out\b(?! waiters)|\bdeadline (?:exceeded|has elapsed)|\bDeadlineExceeded\b"
    r"|\bDEADLINE_EXCEEDED\b|\btime limit \([^)]*\) exceeded|\btime limit exceeded)"
    r"|\b(?:[\w$]+[.:]+)*\w*(?:Timeout|TimedOut|TimeLimitExceeded)(?:Error|Exception)?\b(?=[:(]|$"
    r"|'|\b with #<)"
    r"|^(?:[\w$]+[.:]+)*\w*Timeout(?:Error|Exception|Expired)?\b(?! ?=)"
    r"|\bE(?:SOCKET)?TIMEDOUT\b|\bTimeLimitExceeded\b"
    r"|(?i:\b(?:i/o|connect(?:ion)?|read|write|request|network|socket|handshake|lock|statement"
    r"|query"
    r"|operation|pool|handler|worker|response|headers?|execution|gateway|acquire) time-?out\b"
    r"(?! ?[=:] ?\d| (?:is|of|set|to|in|\d|handler|middleware|ready|enabled)))"
    r"|(?i:\btimeout (?:exceeded|expired|reached|error|occurred|while|during|performing|acquiring"
    r"|waiting|after|reading|writing|connecting|period elapsed|specified has expired)\b)"
    r"|(?i:\btimeout of \d+ ?\w* exceeded)|\bdue to (?:\w+ )?timeout\b|\bexecution expired\b"
    r"|\bExecution Timeout Expired\b|\bconfigured HttpClient\.Timeout\b"
    r"|\bMaximum execution time\b|\bcould not obtain a connection from the pool within\b",
    re.MULTILINE,
)
TIMEOUT_SAID = re.compile(
    r"(?i:(?<![-\w.\"'])timeout\b(?!['\"]? ?[=:] ?['\"]?\d| (?:of )?\d|[-_]))"
    r"|\b[A-Z]\w*Timeout(?:Error|Exception|Expired)?\b(?!=)"
)

CONNECTION = re.compile(
    r"\bE(?:CONN(?:REFUSED|RESET|ABORTED)|PIPE|HOSTUNREACH|NETUNREACH|NOTFOUND|AI_AGAIN)\b"
    r"|(?i:\bconnection (?:was |has been )?(?:refused|reset|aborted|terminated|broken|lost)\b"
    r"(?! earlier|=)|\bbroken pipe\b|\bno route to host\b|\bnetwork is unreachable\b"
    r"|\bno such host\b"
    r"|\bname (?:or service not known|does not resolve)|\btemporary failure in name resolution"
    r"|\bcould not (?:be resolved|resolve host|translate host name)|\bserver misbehaving\b"
    r"|\bcommunications link failure\b|\bsocket hang up\b|\bno live upstreams\b"
    r"|\bprematurely closed connection\b|\bclosed the connection unexpectedly\b"
    r"|\bconnection (?:already )?closed(?: by (?:server|peer)|$)|\bTLS handshake error\b"
    r"|\bcertificate (?:verify failed|signed by unknown authority)|\bx509: "
    r"|\bself[- ]signed certificate\b)"
    r"|\b(?:Connection|BrokenPipe)(?:Refused|Reset|Aborted)?Error\b(?=[:(]|$|')"
    r"|\bConnectException\b"
    r"|\b(?:[Cc]ould not|[Cc]annot|[Cc]an't|[Ff]ailed to|[Uu]nable to|not possible to) connect\b"
    r"|\b[Cc]an't reach database server\b|\bMySQL server has gone away\b|\bLost connection to\b"
    r"|\bconnection to server at .* failed\b|\bFailed to establish a new connection\b"
    r"|\bRemote ?[Dd]isconnected\b|\bRemote end closed\b|\bServer ?[Dd]isconnected\b"
    r"|\bDisconnectException\b"
    r"|\b(?:Connect|Connection|Communications|BrokerUnreachable|UnknownHost|NoRouteToHost"
    r"|NoHttpResponse"
    r"|SSLHandshake|ClientAbort|RedisConnection|JedisConnection|MongoNetwork|CannotConnect)"
    r"(?:Error|Exception)\b(?=[:( \]]|$)|\bConnectionBad\b|\bConnectionNotEstablished\b"
    r"|\bSocketException\b|\bCERTIFICATE_VERIFY_FAILED\b|\bSSL_do_handshake\(\) failed"
    r"|\bSSL SYSCALL error: EOF|\bSSL peer shut down\b|\bThe connection attempt failed\b"
    r"|\bThis connection has been closed\b|\bAll connection attempts failed\b"
    r"|\bout of available brokers\b|\bdriver: bad connection\b|\buse of closed network connection\b"
    r"|\bclient_exceptions\.Client\w+Error\b|\bnetwork-related or instance-specific error\b"
    r"|\b(?:connect|dial) error\b|\bcode = Unavailable desc = (?:connection|error reading)"
    r"|\bConnection terminated\b|\bgetaddrinfo(?: |:|Error)|\bgaierror\b|\bAMQP connection closed\b"
    r"|\bconnection \d+ to \S+ closed\b|: (?:unexpected )?EOF$|\bcould not connect to\b"
    r"|\bactively refused\b|\bNameResolutionError\b|\b[Hh]ost is (?:unreachable|down)\b"
    r"|\bSSLError\b"
    r"|\b[Hh]andshake (?:failed|failure)\b|\b[Pp]eer closed connection\b|\bHost ?[Uu]nreachable\b"
    r"|\bConnect to \S+ failed\b|\bbootstrap: Disconnected\b|\bdial (?:tcp|udp|unix) ",
    re.MULTILINE,
)
CONNECTION_SAID = re.compile(
    r"(?i:\bdisconnected\b|\bcould not be established\b|\bconnection to broker lost\b"
    r"|\bconnection error\b|\bunreachable\b|\bconnection (?:was |is )?(?:closed|dropped)\b)"
)

_PHRASES = (
    r"Internal Server Error|Not Implemented|Bad Gateway|Service (?:Temporarily )?Unavailable"
    r"|Gateway Time-?out"
    r"|HTTP Version Not Supported|Server Error"
)
HTTP_5XX = re.compile(
    rf"\b5\d\d[ :'\"]{{1,3}}(?:{_PHRASES})\b|\b(?:{_PHRASES})[: ]{{1,2}}5\d\d\b|^(?:{_PHRASES}): /"
    r"|(?i:\bstatus(?: ?code)?(?: is|:|=| does not indicate success:)? ?['\"]?(?:HTTP )?5\d\d\b)"
    r"|\bHTTP(?:/[\d.]+| Error| status:?)? 5\d\d\b|\bHttpServerErrorException\b"
    r"|\bFeignException\$(?:InternalServerError|BadGateway|ServiceUnavailable|GatewayTimeout)"
    r"|\bAn error occurred \(5\d\d\)|^(?:GET|POST|PUT|PATCH|DELETE|HEAD) \S+ \(5\d\d\)"
    r"|\bunexpected (?:HTTP )?status(?: code)?:? 5\d\d\b|\bHTTP/[\d.]+ 5\d\d ",
    re.MULTILINE,
)

HTTP_5XX_SAID = re.compile(
    r"(?i:\b(?:returned|respond(?:ed|s)|answered|answers|got|received|returns"
    r"|failed)[: ]{1,2}(?:with )?(?:an? )?(?:HTTP )?"
    r"(?:status )?(?:code )?5\d\d\b(?! ?(?:ms|bytes|rows|items|messages)))"
)

TRACEBACK = re.compile(r"\bTraceback \(most recent call last\)")

_NAME = r"(?:[\w$]+(?:\.|::|\$))*[A-Za-z_]\w*(?:Error|Exception|Exit|Interrupt|Failure)"
_BARE_CODE = rf"(?<![\w.$]){_AWS_CODE}\b"
EXCEPTION = re.compile(
    # A name that stands first, or first behind what announces it.
    rf"^(?:\s|[-|+*])*(?:(?:Caused by|Suppressed|Uncaught|Unhandled exception\.?"
    rf"|--->):? )?(?!Error\b)(?!{_BARE_CODE})"
    rf"{_NAME}(?: \[\w+\]| \(\w+\))?(?::|\s*$| \()"
    r"|^(?:Caused by|Suppressed): |\bException in (?:thread|callback|ASGI)\b"
    r"|(?i:\buncaught ?exception\b|\bunhandled exception\b|\bunhandled ?(?:promise ?)?rejection\b)"
    r"|\bUncaught [A-Z]\w+|\bPHP Fatal error:  Uncaught|\bthrew exception\b|\bnested exception is\b"
    r"|^[A-Z]\w+(?:::[A-Z]\w+)+(?::| \()|\([A-Z]\w*Error\)$|^terminate called after throwing\b"
    rf"|(?<=\s)(?!Error\b)(?!{_BARE_CODE})(?:[\w$]+(?:\.|::))*[A-Z]\w*(?:Error|Exception)(?=: \S)"
    r"|\ban exception was raised\b|^(?:.*: )?[A-Z]\w*Error \(|\n\s+at \S|\n\tfrom "
    r"|^[a-z]\w*\.MatchError\b",
    re.MULTILINE,
)
# Anywhere in a line that is called a warning or an error: a name with something behind it.
EXCEPTION_SAID = re.compile(
    rf"(?<![\w.$/])(?!Error\b)(?!(?:An )?{_AWS_CODE}\b)(?:[\w$]+(?:\.|::|\$|\\))*[A-Z]\w*(?:Error"
    rf"|Exception)"
    r"(?: \[\w+\])?(?=[:(\]\"'\\]|$| \()"
    r"|\*\* \([A-Z][\w.]*\) |\bERR_[A-Z_]{6,}|\b[A-Z]\w+(?:::[A-Z]\w+)+: ",
    re.MULTILINE,
)

AUTH = re.compile(
    rf"{_BARE_CODE}(?<!ThrottlingException)(?<!Throttling)(?<!RequestLimitExceeded)(?<!ValidationException)"
    r"|(?i:\baccess (?:is )?denied\b|\bnot authori[sz]ed (?:to|on)\b|\bcommand denied to user\b"
    r"|\bauth(?:entication|orization)? (?:failed|failure|error)\b|\bauthentication failed\b"
    r"|\binvalid (?:credentials|api[ -]key|token|signature|username-password|access token|bearer)\b"
    r"|\bbad (?:credentials|auth)\b|\b(?:token|jwt|signature)\b[^,.]{0,24}\bexpired\b"
    r"|\blogin (?:failed|was refused)\b|\bpassword (?:mismatch|authentication failed)\b)"
    r"|\b(?:NOAUTH|WRONGPASS|NOPERM|ACCESS_REFUSED|Unauthenticated|UNAUTHENTICATED"
    r"|PERMISSION_DENIED"
    r"|PermissionDenied)\b|\bUnable to locate credentials\b|\bNoCredentialProviders\b"
    r"|\bno valid providers in chain\b|\bCould not load credentials\b|\bPartial credentials\b"
    r"|\bno EC2 IMDS role\b|\bno basic auth credentials\b"
    r"|\bsecurity token included in the request\b"
    r"|\brequest signature we calculated\b|\bno pg_hba\.conf entry\b|\bmust be owner of\b"
    r"|\bpermission denied for (?:table|schema|relation|database|sequence|function|view)\b"
    r"|\b[Pp]ermission denied \((?:publickey|keyboard|password)|\bToken has been expired\b"
    r"|\b(?:invalid_grant|invalid_client|invalid_token)\b|\bis expired by\b"
    r"|\bERR invalid password\b"
    r"|\btoken signature is invalid\b|\b401 Unauthorized\b|\b403 Forbidden\b"
    r"|\(403\) when calling\b",
)
AUTH_SAID = re.compile(
    r"(?i:\bunauthori[sz]ed\b|\bforbidden\b|\bauthentication\b|\bcredentials?\b"
    r"|\bnot authori[sz]ed\b"
    r"|\binsufficient (?:permissions?|privileges?|scope)\b|\bpermission denied\b|\baccess denied\b"
    r"|\bsignature verification failed\b|\b(?:incorrect|wrong|invalid) (?:user(?:name)?|password"
    r"|login)\b"
    r"|\bno user/password was provided\b|\bwas not found in \S*htpasswd"
    r"|\bvalidate the token\b|\bjwt\b[^.]{0,24}\b(?:signature|invalid|malformed)\b)"
    r"|\b(?:status(?: ?code)?:? ?|HTTP(?:/[\d.]+)? )?\b(?:401|403) (?:Unauthorized|Forbidden"
    r"|Client Error)"
    r"|\bstatus code 40[13]\b|\bStatusCode: 40[13]\b",
)
# A directory that may not be listed, a file that may not be read: nobody has to log in for those.
FILES = re.compile(
    r"(?i:\bdirectory index of\b|\b(?:open|mkdir|touch|exec|bind|stat|unlink|cp|mv"
    r"|rm)\b.*permission denied"
    r"|\(13: Permission denied\)|\bErrno 13\b|\bEACCES\b)"
)

ERROR = re.compile(
    r"^(?:\W*\s)?(?:error|Error|ERROR|Errors?)\b(?=[:(]| [A-Z\d])"
    r"|\b[Ff](?:ailed|AILED) (?:to|TO)\b(?! acquire)|^[^\w\s]*\s*Failed\b"
    r"|\b[Aa]n error (?:has )?occurred\b"
    r"|(?i:\berror (?:while|during|loading|writing|reading|starting|processing|opening|parsing"
    r"|condition|from)\b)"
    r"|\bNo such file or directory\b|\bno such file or directory\b|: (?:command )?not found$"
    r"|\b[Pp]ermission denied\b|\b[Nn]o space left on device\b|\bToo many open files\b"
    r"|\baddress already in use\b|\bexec format error\b|\bRead-only file system\b"
    r"|\*\*\* .* Error \d"
    r"|^-ERR |\b[Ff]ailed opening\b|\bUnable to access\b|\bPHP Parse error\b|\bfailed with\b"
    r"|^\d{4}/\d\d/\d\d [\d:.]+ [Ee]rror: |\bcannot (?:open|create|access|start|load|find"
    r"|execute)\b"
    r"|\b(?:[Uu]nable to|[Cc]ould not) [a-z]|\bexit(?:ed)?(?: with)? (?:code|status) [1-9]"
    r"|\bfail(?:ed|ure):|\bFAILED$",
    re.MULTILINE,
)
