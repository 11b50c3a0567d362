"""Secrets in a text, masked: pure."""

from __future__ import annotations

import re

MASK = "***"

# What a secret is called, as a field, a variable or a parameter; `db_password` and `x-api-key` too.
_NAME = (
    r"(?:[\w.-]{0,40}?(?:pass(?:word|wd|phrase|code)?|pwd|secret(?:[_-]?(?:access[_-]?)?key"
    r"|[_-]?string|[_-]?id)?"
    r"|token|api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?|account[_-]?key"
    r"|shared[_-]?access[_-]?key"
    r"|private[_-]?key|encryption[_-]?key|signing[_-]?key|master[_-]?key|auth[_-]?key"
    r"|client[_-]?key"
    r"|credentials?|session[_-]?id|signature|x-amz-(?:security-token|credential|signature)"
    r"|jsessionid"
    r"|phpsessid|otp|pin[_-]?code|cvv|(?<![a-z])(?:sig|sid|sas|jwt|auth|authorization|cookie"
    r"|dsn))(?:[_-]?\d+)?)"
)
# A quoted string, also within another that escapes its quotes once or more.
_QUOTED = r"(?P<escape>\\*)\"[^\r\n]*?(?<!\\)(?P=escape)\"|'(?:[^'\\]|\\.)*'"
_HEADER = (
    r"(?:proxy-)?authorization|(?:set-)?cookie2?|x-amz-security-token|x-(?:[a-z]+-)?api-key"
    r"|x-auth-token"
    r"|x-(?:csrf|xsrf|access|session|vault)-token|x-goog-iam-\w+"
)
# A value that stands bare: to the next blank or separator; a comma within it belongs to it.
_BARE = r"(?:[^\s,;&\"']|,(?!\s|[\w.-]+[=:]))+"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A private key to its end, or to the end of the text if it was cut.
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:.*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|.*)",
            re.DOTALL,
        ),
        MASK,
    ),
    # A header's value: a quoted string, Go's list, to the quote before the name, or the whole line.
    (re.compile(rf"(?i)\b({_HEADER})(\\*[\"']?\s*[:=]\s*)(?:{_QUOTED})"), rf"\1\2{MASK}"),
    (re.compile(rf"(?i)\b({_HEADER})([:=]\s*)\[[^\]\r\n]*\]"), rf"\1\2[{MASK}]"),
    (re.compile(rf"(?i)([\"'])({_HEADER})(\s*:\s*)(?:(?!\1)[^\r\n])+"), rf"\1\2\3{MASK}"),
    (re.compile(rf"(?i)(?<![\"'\w-])({_HEADER})(\s*:\s*)(?!\*\*\*|\[\*)[^\r\n]+"), rf"\1\2{MASK}"),
    (re.compile(r"(?i)(?<![\w-])(authorization|cookie)(=)(?!\*\*\*)[^\r\n]+"), rf"\1\2{MASK}"),
    (re.compile(r"(?i)\b(bearer)(\s+)[^\s\"',;]{6,}"), rf"\1\2{MASK}"),
    (
        re.compile(
            r"\b([Bb]asic|[Dd]igest|[Nn]egotiate|[Aa]pi[Kk]ey|[Tt]oken)(\s+)"
            r"(?=\S*\d|\S*=|\S*[a-z][A-Z])[A-Za-z0-9+/=._~-]{8,}"
        ),
        rf"\1\2{MASK}",
    ),
    # user:password@ in a URL. A password may have an @ of its own; a port ends at the path. An IAM
    # token is a password of over 1,000 characters; the bound keeps a hostile text cheap.
    (
        re.compile(
            r"([A-Za-z][\w+.-]{0,30}://)[^\s/?#\"'<>@]*:(?!\d{1,5}[/?#])[^\s\"'<>]{0,3000}@"
            r"(?=[\w.\[%-])"
        ),
        rf"\1{MASK}@",
    ),
    (re.compile(r"([A-Za-z][\w+.-]{0,30}://)[^\s/?#\"'<>@:]{16,}@(?=[\w.\[%-])"), rf"\1{MASK}@"),
    # Go's MySQL driver: user:password@tcp(host:port)/name.
    (re.compile(r"(?<![\w/.-])[\w.-]+:[^\s\"'<>]{1,3000}@(?=(?:tcp|unix)\()"), f"{MASK}@"),
    # JSON Web Tokens.
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)*"), MASK),
    # name=value, "name": "value", name: value, --name value. An ARN's `:secret:` names no secret.
    (
        re.compile(
            rf"(?i)(?<![A-Za-z0-9])(?<!\d:)({_NAME})(\\*[\"']?\]?\s*(?:=>|:=|=|:|%3d)\s*)"
            rf"(?!\*\*\*|(?:YES|NO)\))(?:{_QUOTED}|\[[^\]\s]*\]|\\*[\"']?{_BARE}(?:\\*[\"'])?)"
        ),
        rf"\1\2{MASK}",
    ),
    (
        re.compile(rf"(?i)((?<![\w-])--?{_NAME}\s+)(?!\*\*\*)(?:{_QUOTED}|(?!--)[^\s\"']+)"),
        rf"\1{MASK}",
    ),
    (
        re.compile(
            r"(?i)\b((?:password|passwd|secret|token|api key)(?: is| was|:)? )([\"'])(?:(?!\2).)+\2"
        ),
        rf"\1{MASK}",
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    (re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{12,}"), MASK),
    # What is known by its own form: GitHub, GitLab, Slack, Stripe, OpenAI, Google, SendGrid, npm,
    # Vault.
    (
        re.compile(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
            r"|xox[abeoprs]-[\w-]{8,}"
            r"|(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{12,}|sk-[\w-]{16,}|AIza[\w-]{30,}"
            r"|SG\.[\w-]{10,}\.[\w-]{10,}|npm_[A-Za-z0-9]{20,}|hv[sb]\.[\w-]{20,}"
            r"|dop_v1_[a-f0-9]{20,})"
        ),
        MASK,
    ),
    # AWS' secret keys have 40 characters of base64 in small and capital letters, its session tokens
    # hundreds: no word and no path looks like that.
    (
        re.compile(
            r"(?<![A-Za-z0-9/+=_.-])(?=[A-Z0-9/+]*[a-z])(?=[a-z0-9/+]*[A-Z])(?=[A-Za-z/+]*\d)"
            r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
        ),
        MASK,
    ),
    (re.compile(r"(?<![A-Za-z0-9/+=_.-])(?=[A-Z0-9/+]*[a-z])[A-Za-z0-9/+]{100,}={0,2}"), MASK),
)


def redact(text: str) -> str:
    """The text with `***` for what is a password, a token, a key or a signature.

    It masks by the names that secrets have and by the forms that they have. A secret that has
    neither, such as a bare word in a sentence, is not known for one.
    """
    for pattern, masked in _RULES:
        text = pattern.sub(masked, text)
    return text
