"""Dates of certificates, with certificates made by another library."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tolmach.apps.certificate_dates import validity_of
from tolmach.apps.doctor import Installation
from tolmach.apps.doctor_security import certificates
from tolmach.apps.sections import Settings

SINCE = datetime(2026, 3, 1, 10, 20, 30, tzinfo=UTC)


def certificate(since: datetime, until: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Лікарня №3 " + "x" * 40)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("until", [datetime(2027, 1, 1, tzinfo=UTC), datetime(2058, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_dates_are_read_in_both_forms(until: datetime, tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    file.write_bytes(b"# ours\n" + certificate(SINCE, until) + certificate(SINCE, SINCE + timedelta(1)))
    assert validity_of(file) == (SINCE, until)


@pytest.mark.parametrize("cut", [30, 80, 200, 10_000])
def test_what_is_no_certificate_is_said_to_be_none(cut: int, tmp_path: Path) -> None:
    file = tmp_path / "bad.pem"
    whole = certificate(SINCE, SINCE + timedelta(days=9)).decode().replace("-----END CERTIFICATE-----", "")
    file.write_text(whole[:cut] + "\n-----END CERTIFICATE-----\n" if cut < 10_000 else "nothing")
    with pytest.raises(ValueError, match=r"it is damaged|no certificate|padding"):
        validity_of(file)


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (datetime(2026, 2, 1, tzinfo=UTC), "TLM-SRV-212"),
        (datetime(2026, 6, 1, tzinfo=UTC), None),
        (datetime(2026, 12, 10, tzinfo=UTC), "TLM-SRV-211"),
        (datetime(2027, 2, 1, tzinfo=UTC), "TLM-SRV-212"),
    ],
)
def test_certificates_that_end_are_told_in_time(day: datetime, code: str | None, tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(certificate(SINCE, datetime(2027, 1, 1, tzinfo=UTC)))
    files = {"certificate": tmp_path / "a.pem", "key": tmp_path / "a.key"}
    settings = Settings.model_validate({"dicom": {"tls": files}, "http": files})
    found = certificates(Installation(settings, None, {}, lambda: day)) or ()
    assert [one.problem.code for one in found] == ([code] if code else [])


def test_a_certificate_that_is_not_there_is_told() -> None:
    settings = Settings.model_validate({"dicom": {"tls": {"certificate": "none.pem", "key": "none.key"}}})
    found = certificates(Installation(settings, None, {})) or ()
    assert [one.problem.code for one in found] == ["TLM-SRV-213"]
