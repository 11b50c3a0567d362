"""Certificates for servers on loopback, good ones and bad ones, by an authority of their own."""

import ipaddress
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_BEGAN = timedelta(days=90)  # before it ends, at the latest an hour ago
_CONFIGURATION = """
[ca]
default_ca = authority
[authority]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
x509_extensions = server
[any]
commonName = supplied
[server]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


@dataclass(frozen=True)
class Certificate:
    """A server's certificate: for which names, for how long, and signed by whom."""

    names: tuple[str, ...] = ("localhost", "127.0.0.1")
    days: float = 1.0
    """From now until it ends; below 0 it has ended."""
    signed_by: Literal["authority", "intermediate", "itself"] = "authority"
    """An intermediate authority's own certificate is not sent along: the chain has a gap."""


def issue(
    folder: Path, wanted: Certificate | None = None, name: str = "server"
) -> tuple[Path, Path, Path]:
    """Make them with the `openssl` command: files of the authority, certificate and key.

    The certificates in one folder have one authority, and differ in `name`.
    From 3.13 on Python checks certificates strictly (RFC 5280): one that signs
    itself, or an authority that does not say what its key is for, won't do.
    """
    wanted = wanted or Certificate()
    ca, ca_key = _authority(folder, "ca", None)
    signer = (ca, ca_key)
    if wanted.signed_by == "intermediate":
        signer = _authority(folder, "intermediate", (ca, ca_key))
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    request, configuration = folder / f"{name}.csr", folder / "openssl.cnf"
    (folder / "index.txt").touch()
    itself = wanted.signed_by == "itself"
    names = ",".join(map(_alternative, wanted.names))
    configuration.write_text(_CONFIGURATION.format(folder=folder, names=names))
    subject = f"/CN={wanted.names[0]}"
    _openssl("req", "-new", *_KEY, "-subj", subject, "-out", request, "-keyout", key)
    signing = (
        ("-selfsign", "-keyfile", key) if itself else ("-cert", signer[0], "-keyfile", signer[1])
    )
    now = datetime.now(UTC)
    ends = now + timedelta(days=wanted.days)
    begins = min(ends - _BEGAN, now - timedelta(hours=1))
    dates = ("-startdate", _asn1(begins), "-enddate", _asn1(ends))
    _openssl(
        *("ca", "-batch", "-notext", "-config", configuration, *signing, *dates),
        *("-in", request, "-out", certificate),
    )
    return ca, certificate, key


def _authority(folder: Path, name: str, signer: tuple[Path, Path] | None) -> tuple[Path, Path]:
    """The files of an authority, which signs itself unless another one does."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    if certificate.exists():
        return certificate, key
    by = () if signer is None else ("-CA", signer[0], "-CAkey", signer[1])
    _openssl(
        *("req", "-x509", *_KEY, "-days", "3650", "-subj", f"/CN=Simulator {name}"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-out", certificate, "-keyout", key, *by),
    )
    return certificate, key


def _alternative(name: str) -> str:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return f"DNS:{name}"
    return f"IP:{name}"


def _asn1(moment: datetime) -> str:
    return moment.strftime("%Y%m%d%H%M%SZ")


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
