"""Secrets in a text, masked: pure."""

from __future__ import annotations

import re

MASK = "***"

# What a secret is called, as a field, a variable or a parameter; `db_password` and `x-api-key` too.
_NAME = (
    r"(?:[\w.-]*?(?:pass(?:word|wd|phrase|code)?|pwd|secret(?:[_-]?(?:access[_-]?)?key|[_-]?string|[_-]?id)?"
    r"|token|api[_-]?key|apikey|access[_-]?key(?:[_-]?id)?|account[_-]?key|shared[_-]?access[_-]?key"
    r"|private[_-]?key|encryption[_-]?key|signing[_-]?key|master[_-]?key|auth[_-]?key|client[_-]?key"
    r"|credentials?|session[_-]?id|signature|x-amz-(?:security-token|credential|signature)|jsessionid"
    r"|phpsessid|otp|pin[_-]?code|cvv|(?<![a-z])(?:sig|sid|sas|jwt|auth|authorization|cookie|dsn))(?:[_-]?\d+)?)"
)
_QUOTED = r"\\*\"(?:[^\"\\]|\\(?!\").)*\\*\"|'(?:[^'\\]|\\.)*'"

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
    # Headers: the value to the end of the line, or of the quoted string that the header stands in.
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-amz-security-token|x-api-key|x-auth-token"
            r"|x-csrf-token|www-authenticate)(\\*[\"']?\s*[:=]\s*)"
            r"(?!\s)(?:\\*\"(?:[^\"\\]|\\(?!\").)*|'(?:[^'\\]|\\.)*|\[[^\]\r\n]*|[^\r\n\"']*)"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer|basic|digest|negotiate|apikey|token)(\s+)[A-Za-z0-9+/=._~:-]{6,}"), rf"\1\2{MASK}"),
    # user:password@ in a URL: the password may have an @ of its own.
    (re.compile(r"([A-Za-z][\w+.-]*://)[^\s/?#\"'<>@]*:[^\s\"'<>]*@(?=[\w.\[%-])"), rf"\1{MASK}@"),
    (re.compile(r"([A-Za-z][\w+.-]*://)[^\s/?#\"'<>@:]{16,}@(?=[\w.\[%-])"), rf"\1{MASK}@"),
    # JSON Web Tokens.
    (re.compile(r"\beyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)*"), MASK),
    # name=value, "name": "value", name: value, --name value.
    (
        re.compile(
            rf"(?i)(?<![A-Za-z0-9])({_NAME})(\\*[\"']?\]?\s*(?:=>|:=|=|:|%3[dD])\s*)"
            rf"(?:{_QUOTED}|\\*[\"']?(?!\*\*\*)[^\s,;&\"'\\)\]}}<>]+(?:\\*[\"'])?)"
        ),
        rf"\1\2{MASK}",
    ),
    (
        re.compile(rf"(?i)(--?{_NAME}\s+)(?:{_QUOTED}|(?!-)[^\s,;\"']+)"),
        rf"\1{MASK}",
    ),
    (
        re.compile(r"(?i)\b((?:password|passwd|secret|token|api key)(?: is| was|:)? )([\"'])(?:(?!\2).)+\2"),
        rf"\1{MASK}",
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    (re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{12,}(?![a-z])"), MASK),
    # What is known by its own form: GitHub, GitLab, Slack, Stripe, OpenAI, Google, SendGrid, npm.
    (
        re.compile(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{8,}"
            r"|(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{12,}|sk-[\w-]{16,}|AIza[\w-]{30,}"
            r"|SG\.[\w-]{10,}\.[\w-]{10,}|npm_[A-Za-z0-9]{20,}|hv[sb]\.[\w-]{20,}|dop_v1_[a-f0-9]{20,})"
        ),
        MASK,
    ),
    # AWS secret keys have 40 characters of base64, session tokens hundreds: too long for a word.
    (re.compile(r"(?<![A-Za-z0-9/+=_.-])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*[\d/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"), MASK),
    (re.compile(r"(?<![A-Za-z0-9/+=_.-])[A-Za-z0-9/+]{100,}={0,2}"), MASK),
)


def redact(text: str) -> str:
    """The text with `***` for what is a password, a token, a key or a signature.

    It masks by the names that secrets have and by the forms that they have. A secret that has
    neither, such as a bare word in a sentence, is not known for one.
    """
    for pattern, masked in _RULES:
        text = pattern.sub(masked, text)
    return text
