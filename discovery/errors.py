"""What can go wrong, in five kinds under one root.

Each message says what was tried, on what, and what to do about it. None ever
holds a password: messages are built from names and codes, not from values.
"""


class DiscoveryError(Exception):
    """The root: a run that failed. The list in Redis is as it was."""


class SettingsError(DiscoveryError):
    """The environment variables are unusable; the message names each faulty one."""


class InvalidEventError(DiscoveryError):
    """The event is not one this function answers; the message names the field."""


class EcsError(DiscoveryError):
    """ECS or EC2 did not answer, or not with everything that was asked for."""


class SecretError(DiscoveryError):
    """Secrets Manager did not answer, or the secret holds no password."""


class RegistryError(DiscoveryError):
    """Redis did not answer, refused the password or refused a command.

    `answered`: the connection stood, so another command may pass.
    """

    def __init__(self, message: str, answered: bool = False) -> None:
        super().__init__(message)
        self.answered = answered
