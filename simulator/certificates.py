"""A certificate for 127.0.0.1, and the authority that signed it, for one day."""

import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")


def issue(folder: Path) -> tuple[Path, Path, Path]:
    """Make them with the `openssl` command: files of the authority, certificate and key.

    From 3.13 on Python checks certificates strictly (RFC 5280): one that signs
    itself, or an authority that does not say what its key is for, won't do.
    """
    ca, ca_key = folder / "ca.pem", folder / "ca.key"
    certificate, key = folder / "server.pem", folder / "server.key"
    _openssl(ca, ca_key, "/CN=Simulator CA", "keyUsage=critical,keyCertSign,cRLSign")
    signed_by = ("-CA", str(ca), "-CAkey", str(ca_key))
    names = "subjectAltName=IP:127.0.0.1,DNS:localhost"
    _openssl(certificate, key, "/CN=localhost", names, "basicConstraints=CA:FALSE", *signed_by)
    return ca, certificate, key


def _openssl(certificate: Path, key: Path, subject: str, *options: str) -> None:
    command = ["openssl", "req", "-x509", *_KEY, "-subj", subject]
    command += ["-out", str(certificate), "-keyout", str(key)]
    for option in options:
        command += ["-addext", option] if "=" in option else [option]
    subprocess.run(command, check=True, capture_output=True)
