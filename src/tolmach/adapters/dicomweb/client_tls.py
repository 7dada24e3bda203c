"""Whom we believe, and who we are, where we call servers that are not DICOM: DICOMweb, HL7.

Beside the authorities of one's own those of the system are believed: a server in the Internet has a certificate of one.

Standard: PS3.15 annex B.12 (BCP 195), as for associations.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from tolmach.adapters.dimse.errors import BadTlsFiles
from tolmach.adapters.dimse.faults import TLS_FILE
from tolmach.adapters.dimse.tls import SUITES, TlsFiles

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def client_context(files: TlsFiles, *, check_name: bool = True) -> ssl.SSLContext:
    """Give a context for outgoing connections, to be shared by all of one peer; raises `BadTlsFiles`.

    With `check_name` the certificate must carry the name or address that we call. Without it any certificate of an
    authority is believed: then those of the system are, only where none of one's own are named.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _VERSIONS[files.minimum]
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.check_hostname = check_name
    if check_name or files.authorities is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    try:
        if files.authorities is not None:
            context.load_verify_locations(files.authorities)
    except (OSError, ValueError) as error:
        raise _unusable(files.authorities, error) from error
    try:
        if files.certificate is not None:
            # A passphrase could only be asked for at a terminal that is not there.
            context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise _unusable(files.certificate, error) from error
    return context


def _unusable(file: Path | None, error: Exception) -> BadTlsFiles:
    if isinstance(error, ssl.SSLError):
        return BadTlsFiles(TLS_FILE, file=file or "", detail=(error.reason or "PEM").replace("_", " ").lower())
    return BadTlsFiles(TLS_FILE, file=file or "", detail=getattr(error, "strerror", None) or str(error))
