"""AWS's two wire formats: JSON 1.1 (ECS, Secrets Manager) and EC2's query with XML."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl
from uuid import uuid4
from xml.sax.saxutils import escape

from simulator.http import Request, Response

Service = Literal["ecs", "secretsmanager", "ec2"]

_TARGETS: Mapping[str, Service] = {
    "AmazonEC2ContainerServiceV20141113": "ecs",
    "secretsmanager": "secretsmanager",
}

# What each service says for the same misfortune: code and HTTP status.
_ERRORS: Mapping[tuple[Service, str], tuple[str, int]] = {
    ("ecs", "throttled"): ("ThrottlingException", 400),
    ("ecs", "internal"): ("ServerException", 500),
    ("ecs", "denied"): ("AccessDeniedException", 400),
    ("ecs", "unknown"): ("UnknownOperationException", 400),
    ("secretsmanager", "throttled"): ("ThrottlingException", 400),
    ("secretsmanager", "internal"): ("InternalServiceError", 500),
    ("secretsmanager", "denied"): ("AccessDeniedException", 400),
    ("secretsmanager", "unknown"): ("UnknownOperationException", 400),
    ("ec2", "throttled"): ("RequestLimitExceeded", 503),
    ("ec2", "internal"): ("InternalError", 500),
    ("ec2", "denied"): ("UnauthorizedOperation", 403),
    ("ec2", "unknown"): ("InvalidAction", 400),
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
class Asked:
    """A request, read: which service, which operation, with which parameters."""

    service: Service
    operation: str
    parameters: Mapping[str, Any]

    def error(self, misfortune: str) -> ApiError:
        """The service's own error for being throttled, internal, denied or unknown."""
        code, status = _ERRORS[self.service, misfortune]
        message = _MESSAGES[misfortune].format(service=self.service, operation=self.operation)
        return ApiError(code, message, status)

    def answer(self, body: bytes) -> Response:
        """A success."""
        return Response(200, body, self._content_type)

    def failure(self, error: ApiError) -> Response:
        """An error, as the service writes it."""
        if self.service == "ec2":
            body = (
                f"<Response><Errors><Error><Code>{error.code}</Code>"
                f"<Message>{escape(str(error))}</Message></Error></Errors>"
                f"<RequestID>{uuid4()}</RequestID></Response>"
            ).encode()
        else:
            body = to_json({"__type": error.code, "message": str(error)})
        return Response(error.status, body, self._content_type)

    @property
    def _content_type(self) -> str:
        return "text/xml;charset=UTF-8" if self.service == "ec2" else "application/x-amz-json-1.1"


def read(request: Request) -> Asked:
    """What a request asks for: JSON 1.1 names its operation in a header, EC2 in the form."""
    target = request.headers.get("x-amz-target")
    if target is None:
        form = dict(parse_qsl(request.body.decode()))
        return Asked("ec2", form.pop("Action", ""), form)
    prefix, _, operation = target.rpartition(".")
    return Asked(_TARGETS.get(prefix, "ecs"), operation, json.loads(request.body or b"{}"))


def to_json(value: object) -> bytes:
    """JSON without spaces, as AWS writes it."""
    return json.dumps(value, separators=(",", ":")).encode()
