"""What can go wrong, in kinds under one root.

Each message says what was tried, on what, and what to do about it. No message holds a password:
messages are built from names and codes, not from values.
"""


class DiscoveryError(Exception):
    """The root: a run that failed. The list in Redis is as it was."""


class SettingsError(DiscoveryError):
    """Environment variables are invalid; the message names each of them."""


class InvalidEventError(DiscoveryError):
    """The function does not handle such an event; the message names the field."""


class EcsError(DiscoveryError):
    """ECS or EC2 did not answer, or not completely."""


class SecretError(DiscoveryError):
    """Secrets Manager did not answer, or the secret holds no password."""


class RegistryError(DiscoveryError):
    """Redis did not answer, refused the password or refused a command.

    `answered`: the connection works, so another command may succeed.
    """

    def __init__(self, message: str, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered


class RecycleError(DiscoveryError):
    """A recycle is not allowed here, or may not start now; nothing was changed."""


class HistoryError(DiscoveryError):
    """The history is not kept here; nothing was read."""


class ActionError(DiscoveryError):
    """AWS did not carry out an act of a recycle.

    `final`: it will not either when it is repeated.
    """

    def __init__(self, message: str, final: bool = False) -> None:
        super().__init__(message)
        self.final = final


class DiagnoseError(DiscoveryError):
    """A diagnosis is not allowed here."""
