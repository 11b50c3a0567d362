"""AWS's wire formats: JSON 1.1 (ECS, Logs, ...), the query with XML (EC2, ...), Lambda's paths."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote
from uuid import uuid4
from xml.sax.saxutils import escape

from simulator.http import Request, Response

Service = Literal[
    "application-autoscaling",
    "ec2",
    "ecs",
    "elasticloadbalancing",
    "lambda",
    "logs",
    "secretsmanager",
    "sns",
]
"""The services, as IAM names them in an action: `ecs` in `ecs:StopTask`."""

_TARGETS: Mapping[str, Service] = {
    "AmazonEC2ContainerServiceV20141113": "ecs",
    "AnyScaleFrontendService": "application-autoscaling",
    "Logs_20140328": "logs",
    "secretsmanager": "secretsmanager",
}
# The services of the query protocol, by the version of their API, which each call names.
_VERSIONS: Mapping[str, Service] = {
    "2010-03-31": "sns",
    "2015-12-01": "elasticloadbalancing",
    "2016-11-15": "ec2",
}
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
_NAMESPACES: Mapping[Service, str] = {
    "elasticloadbalancing": "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
    "sns": "http://sns.amazonaws.com/doc/2010-03-31/",
}

# What each service says for the same misfortune: code and HTTP status.
_JSON = {
    "throttled": ("ThrottlingException", 400),
    "denied": ("AccessDeniedException", 400),
    "unknown": ("UnknownOperationException", 400),
}
_ERRORS: Mapping[Service, Mapping[str, tuple[str, int]]] = {
    "ecs": {**_JSON, "internal": ("ServerException", 500)},
    "secretsmanager": {**_JSON, "internal": ("InternalServiceError", 500)},
    "application-autoscaling": {**_JSON, "internal": ("InternalServiceException", 500)},
    "logs": {**_JSON, "internal": ("ServiceUnavailableException", 500)},
    "lambda": {
        "throttled": ("TooManyRequestsException", 429),
        "internal": ("ServiceException", 500),
        "denied": ("AccessDeniedException", 403),
        "unknown": ("UnknownOperationException", 404),
    },
    "ec2": {
        "throttled": ("RequestLimitExceeded", 503),
        "internal": ("InternalError", 500),
        "denied": ("UnauthorizedOperation", 403),
        "unknown": ("InvalidAction", 400),
    },
    "sns": {
        "throttled": ("Throttling", 400),
        "internal": ("InternalError", 500),
        "denied": ("AuthorizationError", 403),
        "unknown": ("InvalidAction", 400),
    },
    "elasticloadbalancing": {
        "throttled": ("Throttling", 400),
        "internal": ("InternalFailure", 500),
        "denied": ("AccessDenied", 403),
        "unknown": ("InvalidAction", 400),
    },
}
_MESSAGES: Mapping[str, str] = {
    "throttled": "Rate exceeded",
    "internal": "Service Unavailable. Please try again later.",
    "denied": "User: arn:aws:sts::111122223333:assumed-role/lambda/function is not authorized "
    "to perform: {service}:{operation} because no identity-based policy allows it",
    "unknown": "The operation {operation} is not one this simulator knows",
}


class ApiError(Exception):
    """An error that AWS answers with: its code, message and HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class ApiCall:
    """A request, read: which service, which operation, with which parameters."""

    service: Service
    operation: str
    parameters: Mapping[str, Any]

    def error(self, misfortune: str) -> ApiError:
        """The service's own error for being throttled, internal, denied or unknown."""
        code, status = _ERRORS[self.service][misfortune]
        message = _MESSAGES[misfortune].format(service=self.service, operation=self.operation)
        return ApiError(code, message, status)

    def answer(self, body: bytes) -> Response:
        """A success."""
        return Response(200, body, self._content_type)

    def failure(self, error: ApiError) -> Response:
        """An error, as the service writes it."""
        body = to_json({"__type": error.code, "message": str(error)})
        if self._xml:
            said = f"<Code>{error.code}</Code><Message>{escape(str(error))}</Message>"
            form = _EC2_ERROR if self.service == "ec2" else _QUERY_ERROR
            sender = "Sender" if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else "Receiver"
            body = form.format(said=said, sender=sender, id=uuid4()).encode()
        headers = {"x-amzn-ErrorType": error.code} if self.service == "lambda" else {}
        return Response(error.status, body, self._content_type, headers=headers)

    @property
    def _xml(self) -> bool:
        return self.service in _VERSIONS.values()

    @property
    def _content_type(self) -> str:
        return "text/xml;charset=UTF-8" if self._xml else "application/x-amz-json-1.1"


_EC2_ERROR = (
    "<Response><Errors><Error>{said}</Error></Errors><RequestID>{id}</RequestID></Response>"
)
_QUERY_ERROR = (
    "<ErrorResponse><Error><Type>{sender}</Type>{said}</Error>"
    "<RequestId>{id}</RequestId></ErrorResponse>"
)


def read(request: Request) -> ApiCall:
    """What a request asks for: JSON 1.1 names its operation in a header, a query in the form.

    Lambda's Invoke has the function in its path, and the event as its body.
    A query's lists and structures are as in JSON, but for EC2's; all values are text.
    """
    if invoked := _INVOKE.fullmatch(request.path):
        event = json.loads(request.body or b"null")
        return ApiCall("lambda", "Invoke", {"FunctionName": unquote(invoked[1]), "Payload": event})
    target = request.headers.get("x-amz-target")
    if target is None:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        operation = form.pop("Action", "")
        service = _VERSIONS.get(form.get("Version", ""), "ec2")
        return ApiCall(service, operation, form if service == "ec2" else _nested(form))
    prefix, _, operation = target.rpartition(".")
    return ApiCall(_TARGETS.get(prefix, "ecs"), operation, json.loads(request.body or b"{}"))


def _nested(form: Mapping[str, str]) -> dict[str, Any]:
    """`Targets.member.1.Id=a` as {"Targets": [{"Id": "a"}]}; indices come in order."""
    top: dict[str, Any] = {}
    for key, value in form.items():
        *path, last = re.sub(r"\.(member|entry)\.", ".", key).split(".")
        inner: dict[str, Any] = top
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    nested: dict[str, Any] = _listed(top)
    nested.pop("Version", None)
    return nested


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(each) for key, each in value.items()}
    return list(inner.values()) if all(key.isdecimal() for key in inner) else inner


def to_json(value: object) -> bytes:
    """JSON without spaces, as AWS writes it."""
    return json.dumps(value, separators=(",", ":")).encode()


def to_xml(service: Service, operation: str, result: Mapping[str, Any]) -> bytes:
    """The answer to a query; None is left out."""
    return (
        f'<{operation}Response xmlns="{_NAMESPACES[service]}">'
        f"<{operation}Result>{_elements(result)}</{operation}Result>"
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata>"
        f"</{operation}Response>"
    ).encode()


def _elements(value: Any) -> str:
    match value:
        case Mapping():
            kept = {key: each for key, each in value.items() if each is not None}
            return "".join(f"<{key}>{_elements(each)}</{key}>" for key, each in kept.items())
        case list():
            return "".join(f"<member>{_elements(each)}</member>" for each in value)
        case bool():
            return str(value).lower()
        case _:
            return escape(str(value))
