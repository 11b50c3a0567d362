"""Lambda's Invoke: the way of a call to the functions that are deployed."""

from collections.abc import Mapping
from typing import Any

from simulator.account import ACCOUNT, REGION
from simulator.function import Function
from simulator.gateway import Operation
from simulator.http import Response
from simulator.wire import ApiError, to_json

_NOT_FOUND = 404


class Functions:
    """The functions of the account, by name."""

    def __init__(self) -> None:
        self._deployed: dict[str, Function] = {}

    def deploy(self, name: str, function: Function) -> None:
        """Have Invoke find the function; it stays the caller's to close."""
        self._deployed[name] = function

    def operations(self) -> Mapping[str, Operation]:
        """Invoke, as RequestResponse."""
        return {"Invoke": self._invoke}

    def _invoke(self, parameters: Mapping[str, Any]) -> Response:
        """An error of the function is a success of the call, with a header that says so.

        https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
        """
        name = parameters["FunctionName"].partition(":function:")[2] or parameters["FunctionName"]
        function = self._deployed.get(name.partition(":")[0])
        if function is None:
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
            message = f"Function not found: {arn}"
            raise ApiError("ResourceNotFoundException", message, _NOT_FOUND)
        done = function.invoke(parameters["Payload"])
        if done.error_type is None:
            return Response(200, to_json(done.answer), "application/json")
        failure = {"errorMessage": done.error_message, "errorType": done.error_type}
        headers = {"X-Amz-Function-Error": "Unhandled"}
        return Response(200, to_json(failure), "application/json", headers=headers)
