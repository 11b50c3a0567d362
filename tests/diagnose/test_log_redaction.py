"""Secrets do not survive in samples, whatever form they come in."""

from __future__ import annotations

import json
import string
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from discovery.diagnose.redact import MASK, redact

WORD = string.ascii_letters + string.digits
# `--password --host` has no value, so a secret that begins with two dashes is none to a reader.
BARE = st.text(WORD + "!#$%*+./:=?@^_~-", min_size=8, max_size=40).filter(
    lambda each: not each.startswith("--")
)
TOKEN = st.text(WORD + "-_", min_size=20, max_size=60)
BASE64 = st.text(WORD + "+/", min_size=20, max_size=60)
PASSWORD_IN_URL = st.text(WORD + "!$*+.:=@^_~%-", min_size=8, max_size=40)
PRINTABLE = st.text(string.printable.strip() + " äß", min_size=8, max_size=40)

NAMES = [
    "password",
    "db_password",
    "DB_PASSWORD",
    "spring.datasource.password",
    "passwd",
    "pwd",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "refreshToken",
    "api_key",
    "apiKey",
    "API-KEY",
    "x-api-key",
    "secretAccessKey",
    "aws_secret_access_key",
    "AWS_SESSION_TOKEN",
    "sessionToken",
    "private_key",
    "credentials",
    "AccountKey",
    "SharedAccessKey",
    "signature",
    "jwt",
    "auth",
]
FORMS = (
    "{name}={secret}",
    "failed: {name}={secret} user=shop",
    "{name}: {secret}",
    "{name} = {secret}",
    '{name}="{secret}"',
    "{name}='{secret}'",
    "{{'{name}': '{secret}', 'a': 1}}",
    "--{name} {secret} --host db",
    "--{name}={secret}",
    "https://api.example.com/a?b=1&{name}={secret}&c=2",
    "Server=db;User Id=sa;{name}={secret};Encrypt=True",
    "Config(host=db, {name}={secret}, port=1)",
    "{{{name}:{secret} host:db}}",
    "env {name}=>{secret}",
)


@pytest.mark.parametrize("form", FORMS)
@given(name=st.sampled_from(NAMES), secret=BARE)
def test_a_named_secret_does_not_survive(form: str, name: str, secret: str) -> None:
    """A value under the name of a secret is masked, however name and value are written."""
    assume(secret not in form.format(name=name, secret=""))
    masked = redact(form.format(name=name, secret=secret))
    assert secret not in masked
    assert MASK in masked


@given(name=st.sampled_from(NAMES), secret=PRINTABLE, depth=st.integers(0, 2))
def test_a_secret_in_json_does_not_survive(name: str, secret: str, depth: int) -> None:
    """JSON is masked also where it stands in a string of other JSON, and again in one of that."""
    text: object = {"level": "error", name: secret, "order": 7}
    assume(secret not in json.dumps({**text, name: "", "message": ""}))  # type: ignore[dict-item]
    for _ in range(depth):
        text = {"message": json.dumps(text)}
    masked = redact(json.dumps(text))
    assert json.dumps(secret)[1:-1] not in masked
    assert secret not in masked


@given(parts=st.tuples(TOKEN, TOKEN), depth=st.integers(0, 2))
def test_a_quote_in_a_secret_does_not_end_it(parts: tuple[str, str], depth: int) -> None:
    """A quote that JSON escapes, at whatever depth, belongs to the secret: its rest goes, too."""
    text: object = {"password": '"'.join(parts), "order": 7}
    for _ in range(depth):
        text = {"message": json.dumps(text)}
    masked = redact(json.dumps(text))
    assert [] == [part for part in parts if part in masked]


# Each with a secret of letters and digits, or as JSON and its like quote it.
OTHER_FORMS = (
    '{"name":"DB_PASSWORD","value":"SECRET"}',
    '{"Name":"DB_PASSWORD","Value":"SECRET"}',
    '{"Key":"db-password","Value":"SECRET"}',
    "{'name': 'DB_PASSWORD', 'value': 'SECRET'}",
    r'"{\"name\":\"DB_PASSWORD\",\"value\":\"SECRET\"}"',
    '{"Name":"/prod/db/password","Type":"SecureString","Value":"SECRET","Version":1}',
    '{"ParameterKey":"DbPassword","ParameterValue":"SECRET"}',
    '{"Value":"SECRET","Key":"DB_PASSWORD"}',
    "Name=DB_PASSWORD,Value=SECRET",
    "{Name:DB_PASSWORD Value:SECRET}",
    '<property name="password" value="SECRET"/>',
    '{"name":"cookie","value":"theme=1; session=SECRET"}',
    "{b'password': b'SECRET'}",
    "{u'password': u'a SECRET'}",
    'password=b"a SECRET"',
    '{"password":{"S":"SECRET"}}',
    '{"password":{"M":{"a":{"S":"SECRET"}}},"order":7}',
    r'"{\"password\":{\"S\":\"SECRET\"}}"',
    '{\n  "password": {\n    "S": "SECRET"\n  }\n}',
    '{"password":["a b","SECRET"]}',
    '{"password":["a ] b","SECRET"]}',
    '{"password":["a b","SECRET',
    '{"tokens":[{"a":"SECRET"},{"b":"c SECRET"}]}',
    '{"secrets":"SECRET"}',
    "passwords=SECRET",
    "tokens: [a, SECRET]",
    'Config { password: Some("a SECRET") }',
    "password=Optional[a SECRET]",
    "map[password:map[S:a SECRET]]",
    '{"multiValueHeaders":{"cookie":["theme=1; session=SECRET"]}}',
    '{"multiValueHeaders":{"Authorization":["Bearer a","SECRET"]}}',
    "cookies: theme=1; session=SECRET",
    "[(b'host', b'a'), (b'cookie', b'session=SECRET')]",
    "('x-api-key', 'SECRET')",
    '("password", "a SECRET")',
    '["Host","a","Cookie","session=SECRET"]',
    "<password>SECRET</password>",
    '<ns:DbPassword type="x">a SECRET</ns:DbPassword>',
    "<password><![CDATA[<SECRET]]></password>",
    "&lt;password&gt;SECRET&lt;/password&gt;",
    "12:00:01:password=SECRET",
    "arn:aws:iam::123456789012:user/ann:password=SECRET",
    "a=%7B%22password%22%3A%22SECRET%22%7D",
    "a=%7B%22password%22%3A%20%22SECRET%22%7D",
    "a=%2522password%2522%253A%2522SECRET%2522",
    "invalid token: password: SECRET",
    'credentials: db_password="a SECRET"',
    "credentials: value='a SECRET'",
    'password="a b SECRET',
    "password='a b SECRET",
    '{"password":"a b SECRET',
    "postgres://u:1234/SECRET@db",
    "postgresql+psycopg2://u:1234/SECRET@db.example:5432/shop",
    "redis://:12/SECRET@cache",
    "https://hooks.slack.com/services/T0AB/B0CD/SECRET",
    "https://discord.com/api/webhooks/1234/SECRET",
    "https://api.telegram.org/bot1234:SECRET/sendMessage",
    "curl -u ann:SECRET https://api.example.com",
    "curl -sS --user 'ann:a SECRET' https://api.example.com",
    "curl -uann:SECRET https://api.example.com",
    '["curl","-u","ann:SECRET"]',
    '["mysql","--password","SECRET"]',
    "CREATE USER ann IDENTIFIED BY 'a SECRET'",
    "ALTER USER 'ann'@'%' IDENTIFIED WITH mysql_native_password BY 'SECRET'",
    "grant all on shop to ann identified by 'a SECRET'",
)


@pytest.mark.parametrize("form", OTHER_FORMS)
@given(secret=st.text(WORD, min_size=8, max_size=30).map(lambda each: f"Z7{each}"))
def test_no_common_form_shows_a_secret(form: str, secret: str) -> None:
    """Environments, headers, SQL, XML, URLs and options, in the notations of several languages."""
    masked = redact(form.replace("SECRET", secret))
    assert secret not in masked
    assert masked == redact(masked)


HEADERS = (
    "Authorization: Bearer {secret}",
    "authorization: Basic {secret}",
    "Proxy-Authorization: Digest {secret}",
    "> Authorization: {secret}",
    "curl -H 'Authorization: token {secret}' https://api.example.com",
    "headers: map[Accept:[*/*] Authorization:[Bearer {secret}] Cookie:[sid={secret}]]",
    "Cookie: a=1; session={secret}; b=2",
    "Set-Cookie: id={secret}; Path=/; HttpOnly",
    '{{"headers":{{"cookie":"a=1; session={secret}"}}}}',
    "{{ authorization: 'Bearer {secret}', host: 'a' }}",
    "X-Amz-Security-Token: {secret}",
    "x-api-key: {secret}",
    "got Bearer {secret} from the client",
    "authorization=Bearer {secret}",
)


@pytest.mark.parametrize("form", HEADERS)
@given(secret=st.one_of(TOKEN, BASE64))
def test_a_header_does_not_survive(form: str, secret: str) -> None:
    """Authorization, cookies and keys in headers are masked in the notations of several clients."""
    assume(secret not in form.format(secret=""))
    assert secret not in redact(form.format(secret=secret))


URLS = (
    "postgres://shop:{secret}@db:5432/shop",
    "could not connect to redis://:{secret}@cache:6379/0 (refused)",
    "amqp://guest:{secret}@mq//",
    "mongodb+srv://shop:{secret}@cluster0.example.net/?retryWrites=true",
    "jdbc:mysql://shop:{secret}@db/shop",
    "git clone https://bot:{secret}@github.com/acme/shop.git",
    "shop:{secret}@tcp(db:3306)/shop",
)


@pytest.mark.parametrize("form", URLS)
@given(secret=PASSWORD_IN_URL)
def test_a_password_in_a_url_does_not_survive(form: str, secret: str) -> None:
    """The password goes, the host stays: it says what could not be reached."""
    assume(secret not in form.format(secret=""))
    masked = redact(form.format(secret=secret))
    assert secret not in masked
    assert form.rpartition("@")[2] in masked


SIGNED = (
    "https://b.s3.eu-west-1.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={secret}",
    "https://b.s3.amazonaws.com/k?X-Amz-Security-Token={secret}&X-Amz-Expires=60",
    "https://b.s3.amazonaws.com/k?X-Amz-Credential={secret}%2F20240506%2Feu-west-1&a=1",
    "https://b.s3.amazonaws.com/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature={secret}&Expires=1",
    "https://a.blob.core.windows.net/c/b?sv=2022-11-02&sr=b&sig={secret}&se=2024",
    "https://d.cloudfront.net/a?Expires=1&Signature={secret}&Key-Pair-Id=K",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey={secret};EndpointSuffix=core.windows.net",
    "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=R;SharedAccessKey={secret}",
    "SharedAccessSignature sr=a&sig={secret}&se=1&skn=R",
)


@pytest.mark.parametrize("form", SIGNED)
@given(
    secret=st.one_of(TOKEN, BASE64.map(lambda each: each.replace("/", "%2F").replace("+", "%2B")))
)
def test_a_signed_url_does_not_survive(form: str, secret: str) -> None:
    """AWS' and Azure's signatures and tokens are masked in URLs and connection strings."""
    assume(secret not in form.format(secret=""))
    assert secret not in redact(form.format(secret=secret))


@given(
    prefix=st.sampled_from(["AKIA", "ASIA"]),
    key=st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=16),
)
def test_an_access_key_is_known_by_its_form(prefix: str, key: str) -> None:
    """An AWS access key needs no name beside it."""
    assert key not in redact(f"key {prefix}{key} is not valid")


@given(secret=st.text(WORD + "+/", min_size=36, max_size=36).map(lambda each: f"aB3+{each}"))
def test_a_secret_key_is_known_by_its_form(secret: str) -> None:
    """Nor does an AWS secret key: 40 characters of base64."""
    assert secret not in redact(f"signed with {secret} just now")


@given(parts=st.tuples(*[st.text(WORD + "-_", min_size=10, max_size=60)] * 3))
def test_a_jwt_is_known_by_its_form(parts: tuple[str, str, str]) -> None:
    """A JSON Web Token begins with eyJ; none of its parts survives."""
    head, body, signature = parts
    masked = redact(
        f"token=eyJ{head}.{body}.{signature} rejected; again eyJ{head}.{body}.{signature}"
    )
    assert [] == [part for part in parts if part in masked]


@pytest.mark.parametrize("end", ["\n-----END RSA PRIVATE KEY-----\nafter", ""])
@given(body=st.text(WORD + "+/\n", min_size=64, max_size=400))
def test_a_private_key_is_masked_to_its_end(end: str, body: str) -> None:
    """A PEM block is masked whole, and to the end of the text if it was cut."""
    masked = redact(f"loaded -----BEGIN RSA PRIVATE KEY-----\n{body}{end}")
    assert f"loaded {MASK}" + ("\nafter" if end else "") == masked


@pytest.mark.parametrize(
    "text",
    [
        "dial tcp 10.0.9.12:5432: i/o timeout after 30s",
        "ERROR 1045 (28000): Access denied for user 'shop'@'10.0.3.77' (using password: YES)",
        (
            "User: arn:aws:sts::123456789012:assumed-role/web/9a2e is not authorized to perform:"
            " secretsmanager:GetSecretValue on resource:"
            " arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf"
        ),
        "token expired",
        "no basic auth credentials",
        "tokens: 512 used",
        "http://api.example.com:8080/users?mail=a@b.example timed out",
        "commit 6c33e57648d4a98f675d6db166e0aa01 deployed",
        "java.lang.IllegalStateException: Failed to load ApplicationContext",
        '{"level":"error","msg":"order failed","order":1182}',
        # Families and their revisions.
        "1 of 1 running, auth:12",
        "(task definition user-auth:12)",
        "token:3, cookie:12, jwt:1.",
        "reset-password:12",
        "arn:aws:ecs:eu-west-1:123456789012:task-definition/reset-password:7",
        "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/auth:*",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf:password::",
        # What the rules for other forms might take for one.
        '{"name":"DB_PASSWORD","valueFrom":"arn:aws:ssm:eu-west-1:123456789012:parameter/db"}',
        '{"name":"max_tokens","value":4096}',
        '{"key":"a7","value":"b8"}',
        '{"value":"b8","key":"a7"}',
        "max_tokens=4096 prompt_tokens: 12",
        '{"tokens":5120,"secrets":3}',
        "usage: app <token> <password> --host <host>",
        "<password> must be set",
        "Resource identified by 'abc' not found",
        "docker run -u 1000:1000 app",
        "http://a.example:8080/@scope/pkg",
        "redis://cache:6379/0 refused",
        "mongodb://a:27017,b:27017/shop",
        'allowed headers ["Authorization","Content-Type"]',
        '("Content-Type", "text/html")',
        "delivered to https://example.com/webhooks/7",
        "compass:12 started, bypass: enabled",
        "unable to pull secrets or registry auth: The task cannot pull registry auth",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "/usr/local/lib/python3/site/packages/V2/core/main/handlers/deep/down/a",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """A reason is worth nothing if it is masked away."""
    assert text == redact(text)


PIECES = (
    *('"', '\\"', "'", " ", "=", ":", "=>", "{", "}", "[", "]", "(", ")", ",", "&", "?", "/", "\n"),
    *(
        "%22",
        "%3A",
        "<",
        "</",
        ">",
        "--",
        "b",
        "12",
        "***",
        "://",
        "@",
        "@tcp(",
        "Some",
        "arn:aws:",
    ),
    *(
        "password",
        "tokens",
        "Authorization",
        "cookie",
        "name",
        "value",
        "auth",
        "Bearer ",
        "eyJab.",
    ),
)


@given(st.text(max_size=400) | st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_masking_twice_changes_nothing(text: str) -> None:
    """What is masked stays as it is: a sample may pass here more than once."""
    assert redact(redact(text)) == redact(redact(redact(text)))


def cost(text: str) -> float:
    """Seconds of CPU, the least of three attempts: a busy machine only adds to it."""

    def once() -> float:
        began = time.process_time()
        redact(text)
        return time.process_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize(
    "piece",
    [
        "a.",
        "-",
        "password=",
        "x:",
        "=x:",
        "://",
        "https://a:",
        '\\"',
        "Authorization: ",
        "eyJ",
        "a/B3+",
        "token ",
        "eyJ-",
        "https://a:@!",
        "https://a:@b,",
        "a:@tcp(",
        "redis://a:1/",
        '{"name":"password","value":',
        "name=token value ",
        '"value":"a","name":"',
        "password=[",
        "password:",
        "token: ",
        'password=["',
        'password="',
        "token: Some(",
        '"token":{\n',
        "cookie: [",
        "('token', ",
        '"cookie","',
        "<password>",
        "<password><![CDATA[",
        "&lt;token&gt;a",
        "%22token%22%3A%22",
        "arn:aws:secret:a",
        "token:1",
        "hooks.slack.com/services/a",
        "curl -u ",
        "curl -u a:'",
        "user a identified by ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY",
        f"{'aB3/' * 16}\n",
        "--token ",
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    """A hostile line of a log does not hold up the diagnosis: twice the text, twice the time."""
    short, long = (piece * (length // len(piece)) for length in (3_000, 12_000))
    assert cost(long) < 9 * cost(short)  # 4 is proportional, 16 is quadratic
