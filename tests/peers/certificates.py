"""Certificates made on the spot with the openssl command: authorities, and whom they vouch for."""

import subprocess
from pathlib import Path

from tolmach.adapters.dimse.tls import TlsFiles, TlsVersion

RSA = ("-newkey", "rsa:2048", "-nodes")
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """A certificate authority of the tests."""

    def __init__(self, openssl: Path, folder: Path, name: str) -> None:
        self._openssl = openssl
        self._folder = folder / name
        self._folder.mkdir()
        self.certificate = self._folder / "authority.pem"
        self._key = self._folder / "authority.key"
        names = ("-subj", f"/CN={name}", "-keyout", self._key, "-out", self.certificate)
        self._run("req", "-x509", *CURVE, "-days", "30", *names)

    def issue(
        self,
        name: str,
        *,
        alternative_names: str = "IP:127.0.0.1,IP:::1,DNS:localhost",
        days: int = 30,
        believes: "Authority | None" = None,
        minimum: TlsVersion = "1.2",
        key_kind: tuple[str, ...] = CURVE,
    ) -> TlsFiles:
        """Give a certificate with its key, and this authority (or another) as the one to believe."""
        base = self._folder / name
        request, extensions = base.with_suffix(".csr"), base.with_suffix(".ext")
        certificate, key = base.with_suffix(".pem"), base.with_suffix(".key")
        extensions.write_text(f"subjectAltName={alternative_names}\n" if alternative_names else "")
        self._run("req", "-new", *key_kind, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        signed = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-extfile", extensions)
        self._run("x509", "-req", "-in", request, "-days", str(days), "-out", certificate, *signed)
        return TlsFiles(certificate, key, (believes or self).certificate, minimum)

    def locked(self, key: Path) -> Path:
        """Give a copy of a key that needs a passphrase."""
        copy = key.with_suffix(".locked.pem")
        self._run("pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", copy)
        return copy

    def _run(self, *arguments: object) -> None:
        subprocess.run([self._openssl, *map(str, arguments)], check=True, capture_output=True)
