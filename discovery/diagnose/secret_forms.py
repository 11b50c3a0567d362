"""Secrets that are known by their own form or by the words around them: patterns. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from discovery.diagnose.secret_names import MASK, NAME


class Form(NamedTuple):
    """A pattern, what takes its place, and what a text has in small letters if it may match."""

    needles: tuple[str, ...]  # one of them; none: it is always tried
    pattern: re.Pattern[str]
    masked: str


# A private key to its end, or to the end of the text if it was cut; an end alone has it above.
KEYS = (
    Form(
        ("-----begin ",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
            r"(?:.*?-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|.*)",
            re.DOTALL,
        ),
        MASK,
    ),
    Form(
        ("-----end ",),
        re.compile(r"\A.*-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----", re.DOTALL),
        MASK,
    ),
)

AROUND = (
    Form(("bearer",), re.compile(r"(?i)\b(bearer)(\s+)[^\s\"',;]{6,}"), rf"\1\2{MASK}"),
    Form(
        ("basic", "digest", "negotiate", "apikey", "token"),
        re.compile(
            r"\b([Bb]asic|[Dd]igest|[Nn]egotiate|[Aa]pi[Kk]ey|[Tt]oken)(\s+)"
            r"(?=\S*\d|\S*=|\S*[a-z][A-Z])[A-Za-z0-9+/=._~-]{8,}"
        ),
        rf"\1\2{MASK}",
    ),
    # Whoever knows these addresses may post there.
    Form(
        ("hooks.slack.com", "/webhook", "api.telegram.org"),
        re.compile(
            r"(?i)(hooks\.slack\.com/(?:services|workflows|triggers)/"
            r"|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/webhookb2/"
            r"|api\.telegram\.org/bot(?=\d))[^\s\"'<>]+"
        ),
        rf"\1{MASK}",
    ),
    # JSON Web Tokens.
    Form(
        ("eyj",),
        re.compile(r"(?<![\w-])([\w-]{0,100}?\b)eyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)*"),
        rf"\1{MASK}",
    ),
)

BESIDE = (
    # <password>...</password>, also where it is escaped; a name alone in such brackets is none.
    Form(
        ("</", "&lt;/"),
        re.compile(
            rf"(?i)((?:<|&lt;)[\w.:-]{{0,60}}?{NAME}(?:\s[^<>&]{{0,200}})?(?:>|&gt;))"
            r"(?!\*\*\*)(?:<!\[CDATA\[[^\]]{0,3000}\]\]>|(?:(?!&lt;)[^<\r\n]){1,3000})(?=</|&lt;/)"
        ),
        rf"\1{MASK}",
    ),
    # {"value": "...", "name": "DB_PASSWORD"}; in the other order the name leads to the value.
    Form(
        ("value",),
        re.compile(
            rf"(?i)(value(\\*[\"'])\s*:\s*)\2[^\"'\\\r\n]{{0,1000}}\2"
            rf"(?=\s*,\s*\2\w{{0,20}}(?:name|key)\2\s*:\s*\2[\w./-]{{0,80}}?{NAME}\2)"
        ),
        rf"\1{MASK}",
    ),
    Form(
        ("password", "passwd", "secret", "token", "api key"),
        re.compile(
            r"(?i)\b((?:password|passwd|secret|token|api key)(?: is| was|:)? )([\"'])(?:(?!\2).)+\2"
        ),
        rf"\1{MASK}",
    ),
    Form(
        ("curl",),
        re.compile(
            r"((?<![\w-])(?:-u|--user|-U|--proxy-user)(?:\\*[\"'],\s*|\s+|=)?)(?!\*\*\*)"
            r"(?:\\*\"[^\"\r\n:]*:[^\"\r\n]*\"?|\\*'[^'\r\n:]*:[^'\r\n]*'?|[^\s\"':]*:[^\s\"']+)"
        ),
        rf"\1{MASK}",
    ),
    # SQL; a sentence has it in small letters.
    Form(
        ("identified",),
        re.compile(
            r"((?:\bIDENTIFIED|(?i:\b(?:user|role|to)\s[^;\r\n]{1,100}?\sidentified))"
            r"(?i:\s+(?:with\s+\S{1,60}\s+)?(?:by|as)\s+(?:password\s+)?))"
            r"(?!\*\*\*)(?:\\*'[^'\r\n]*'?|\\*\"[^\"\r\n]*\"?)"
        ),
        rf"\1{MASK}",
    ),
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
    Form(
        ("akia", "asia", "abia", "acca", "aroa", "aida"),
        re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z0-9]{12,}"),
        MASK,
    ),
    # GitHub, GitLab, Slack, Stripe, OpenAI, Google, SendGrid, npm, Vault, DigitalOcean.
    Form(
        (
            *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "sk_", "rk_"),
            *("pk_", "whsec_", "sk-", "aiza", "sg.", "npm_", "hvs.", "hvb.", "dop_v1_"),
        ),
        re.compile(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
            r"|xox[abeoprs]-[\w-]{8,}"
            r"|(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{12,}|sk-[\w-]{16,}|AIza[\w-]{30,}"
            r"|SG\.[\w-]{10,}\.[\w-]{10,}|npm_[A-Za-z0-9]{20,}|hv[sb]\.[\w-]{20,}"
            r"|dop_v1_[a-f0-9]{20,})"
        ),
        MASK,
    ),
)

SHORTEST_LONG = 40
KEY_LINE = "[A-Za-z0-9+/]{60,76}"  # of a private key: 64 characters, or up to 76
_MIXED = r"(?=[A-Z0-9/+]*[a-z])(?=[a-z0-9/+]*[A-Z])(?=[A-Za-z/+]*\d)"
# Base64 in small and capital letters; a text has such a word of SHORTEST_LONG characters.
LONG = (
    # A line of a private key whose begin and end are elsewhere. A path has more slashes.
    Form(
        (),
        re.compile(
            rf"(?m)^([ \t\"']*)(?!(?:[^\s/]*/){{6}}){_MIXED}{KEY_LINE}={{0,2}}"
            r"(?=(?:\\n)?[ \t\"',+\\]{0,20}\r?$)"
        ),
        rf"\1{MASK}",
    ),
    # AWS' secret keys have 40 characters, its session tokens hundreds: no word and no path looks
    # like that.
    Form(
        (),
        re.compile(
            rf"(?<![A-Za-z0-9/+=_.-]){_MIXED}[A-Za-z0-9/+]{{{SHORTEST_LONG}}}(?![A-Za-z0-9/+])"
        ),
        MASK,
    ),
    Form(
        (),
        re.compile(r"(?<![A-Za-z0-9/+=_.-])(?=[A-Z0-9/+]*[a-z])[A-Za-z0-9/+]{100,}={0,2}"),
        MASK,
    ),
)
