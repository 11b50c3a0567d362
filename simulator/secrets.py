"""Secrets Manager: secrets that are put by a test and read with GetSecretValue."""

import base64
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.account import ACCOUNT, REGION
from simulator.gateway import Operation
from simulator.wire import ApiError, to_json


@dataclass(frozen=True)
class _Secret:
    name: str
    arn: str
    value: str | bytes
    version_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: float = field(default_factory=time.time)


class Secrets:
    """The secrets of one account and region."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, _Secret] = {}

    def put(self, name: str, value: str | bytes) -> str:
        """Store a secret, text or binary, and return its ARN.

        A new value for a known name keeps the ARN and gets a new version, as
        a rotation does.
        """
        with self._lock:
            known = self._by_name.get(name)
            arn = known.arn if known else _arn(name)
            self._by_name[name] = _Secret(name, arn, value)
            return arn

    def operations(self) -> Mapping[str, Operation]:
        """The Secrets Manager operations this simulator knows."""
        return {"GetSecretValue": self._get_secret_value}

    def _get_secret_value(self, parameters: Mapping[str, Any]) -> bytes:
        name = parameters.get("SecretId", "")
        with self._lock:
            found = [s for s in self._by_name.values() if name in (s.name, s.arn)]
        if not found:
            message = "Secrets Manager can't find the specified secret."
            raise ApiError("ResourceNotFoundException", message)
        secret = found[0]
        answer = {
            "ARN": secret.arn,
            "Name": secret.name,
            "VersionId": secret.version_id,
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": secret.created_at,
        }
        if isinstance(secret.value, bytes):
            answer["SecretBinary"] = base64.b64encode(secret.value).decode()
        else:
            answer["SecretString"] = secret.value
        return to_json(answer)


def _arn(name: str) -> str:
    # Secrets Manager appends six characters of its own choice.
    return f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-{uuid.uuid4().hex[:6]}"
