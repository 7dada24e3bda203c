"""Checks of `tolmach doctor --security` on what the configuration opens, and to whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

from tolmach.apps import doctor_faults as faults
from tolmach.apps.certificate_dates import validity_of
from tolmach.apps.doctor import Finding, Installation, serious, warning
from tolmach.apps.doctor_places import http_of
from tolmach.base import N_, Phrase

if TYPE_CHECKING:
    from pathlib import Path

    from tolmach.apps.sections import PeerSettings

OUR_TITLE: Final = "TOLMACH"
SHIPPED_TITLES: Final = frozenset(
    "ANY-SCP ANYSCP ANY-SCU ARCHIVE CLEARCANVAS CONQUESTSRV1 DCM4CHEE DCMQRSCP DICOM ECHOSCU FINDSCU GETSCU HOROS "
    "K-PACS MOVESCU OSIRIX ORTHANC PACS PYNETDICOM RADIANT STORESCP STORESCU WEASIS WEASIS_AE WORKSTATION".split()
)
"""What well-known programs are called when nobody has named them."""
MANY_ADDRESSES: Final = 65_536
TOKEN_IDLE: Final = timedelta(days=90)
TOKEN_LONGEST: Final = timedelta(days=366)
CERTIFICATE_ENDS_SOON: Final = timedelta(days=30)
_SHOWN_AT_ONCE: Final = 20


def is_own_machine(host: str) -> bool:
    """Tell whether a host name or address is this machine, whatever the network does."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def http(here: Installation) -> Sequence[Finding]:
    """Find an HTTP entrance that others reach without TLS, or that nobody has a token for."""
    from tolmach.apps.gateway.faults import OPEN_TO_ALL

    settings = http_of(here.settings)
    if not settings.enabled:
        return []
    found = []
    if not settings.is_local and not settings.has_tls:
        found.append(serious(OPEN_TO_ALL, host=settings.host, why=Phrase(N_("nothing is encrypted"))))
    elif not settings.is_local and here.records is not None and not here.records.tokens.any_valid():
        found.append(serious(OPEN_TO_ALL, host=settings.host, why=Phrase(N_("there is no token yet"))))
    url = settings.public_url or ""
    if url.startswith("http://") and not is_own_machine(urlsplit(url).hostname or ""):
        found.append(serious(faults.PLAIN_PUBLIC_URL, url=url))
    return found


def dicom(here: Installation) -> Sequence[Finding]:
    """Find a DICOM entrance that is open further than it need be."""
    settings, found = here.settings.dicom, []
    if is_own_machine(settings.host):
        return []
    if settings.tls_port is None:
        found.append(warning(faults.DICOM_IN_THE_OPEN, address=f"{settings.host}:{settings.port}"))
    elif not settings.tls.client_certificates:
        found.append(warning(faults.NO_CLIENT_CERTIFICATES))
    if settings.host.strip("[]") in ("", "0.0.0.0", "::", "*"):  # noqa: S104 - looked for, not listened on
        found.append(warning(faults.DICOM_EVERYWHERE, port=settings.port))
    return found


def callers(here: Installation) -> Sequence[Finding] | None:
    """Find callers who may come from so many addresses that they are unknown in all but name."""
    calling = [peer for peer in here.settings.peer if peer.kind == "dicom" and peer.rights]
    if not calling:
        return None
    found = []
    for peer in calling:
        try:
            network = ipaddress.ip_network(peer.host, strict=False)
        except ValueError:
            continue  # a host name stands for the addresses it has
        if network.num_addresses > MANY_ADDRESSES and (network.version == 4 or network.prefixlen < 64):
            make = serious if network.prefixlen == 0 else warning
            facts = {"name": peer.name, "host": peer.host, "count": network.num_addresses}
            found.append(make(faults.CALLS_FROM_ANYWHERE, **facts))
    return found


def titles(here: Installation) -> Sequence[Finding]:
    """Find AE titles that strangers try first, where they could."""
    settings = here.settings
    if is_own_machine(settings.dicom.host):
        return []
    found = []
    if settings.dicom.ae_title == OUR_TITLE:
        found.append(warning(faults.DEFAULT_TITLE, ae_title=OUR_TITLE))
    found += [
        warning(faults.DEFAULT_TITLE_OF_PEER, name=peer.name, ae_title=peer.ae_title)
        for peer in settings.peer
        if peer.kind == "dicom" and peer.rights and peer.ae_title.strip().upper() in SHIPPED_TITLES
    ]
    return found[:_SHOWN_AT_ONCE]


def destinations(here: Installation) -> Sequence[Finding] | None:
    """Find images and secrets that go over the network readable, and certificates that prove nothing."""
    peers = [peer for peer in here.settings.peer if peer.is_destination and peer.kind != "folder"]
    return [one for peer in peers for one in _on_the_way(peer)] if peers else None


def _on_the_way(peer: PeerSettings) -> Iterator[Finding]:
    from tolmach.apps.destinations import tells_secrets_openly
    from tolmach.apps.faults import SECRETS_IN_THE_OPEN

    host = urlsplit(peer.url or "").hostname or "" if peer.kind == "stow" else peer.host
    is_encrypted = (peer.url or "").startswith("https://") if peer.kind == "stow" else peer.tls
    if tells_secrets_openly(peer):
        yield serious(SECRETS_IN_THE_OPEN, name=peer.name)
    elif not is_encrypted and not is_own_machine(host):
        yield warning(faults.PEER_IN_THE_OPEN, name=peer.name)
    if is_encrypted and not peer.tls_check_name:
        yield warning(faults.NAME_NOT_CHECKED, name=peer.name)


def tokens(here: Installation) -> Sequence[Finding] | None:
    """Find tokens that are valid for too long, and those that nobody uses."""
    if here.records is None:
        return None
    now, found = here.now(), []
    for one in here.records.tokens.all():
        if not one.is_valid(now):
            continue
        facts: dict[str, object] = {"name": one.name, "role": one.role}
        if one.expires_at - one.made_at > TOKEN_LONGEST:
            found.append(warning(faults.TOKEN_WITHOUT_END, **facts, until=f"{one.expires_at:%Y-%m-%d}"))
        idle = now - (one.used_at or one.made_at)
        if idle > TOKEN_IDLE:
            found.append(warning(faults.TOKEN_IDLE, **facts, days=idle.days))
    return found


def audit_log(here: Installation) -> Sequence[Finding] | None:
    """Find an audit log that was emptied: it cannot be switched off, and each token that was made stands in it."""
    if here.records is None:
        return None
    if here.records.tokens.all() and next(here.records.events(), None) is None:
        return [serious(faults.AUDIT_LOG_EMPTY)]
    return []


def objects(here: Installation) -> Sequence[Finding] | None:
    """Find a bucket that is talked to in the open; None where objects are in a folder."""
    from tolmach.adapters.objects.s3_address import FOLDER, parse_address

    if here.settings.objects == FOLDER:
        return None
    address = parse_address(here.settings.objects)
    host = urlsplit(address.endpoint).hostname or ""
    return [serious(faults.PLAIN_BUCKET, server=address.server)] if address.is_open and not is_own_machine(host) else []


def database(here: Installation) -> Sequence[Finding] | None:
    """Find a database server that is talked to in the open, or that is believed without proof."""
    text = here.settings.database
    if text == "sqlite":
        return None
    parts = urlsplit(text)
    query = parse_qs(parts.query)
    mode = query.get("sslmode", ["prefer"])[0]
    hosts = [one.rpartition("@")[2] for one in parts.netloc.rpartition("@")[2].split(",")] + query.get("host", [])
    found = []
    for place in hosts:
        host = unquote(place).rpartition(":")[0] if _has_port(place) else unquote(place)
        if not host or host.startswith("/") or is_own_machine(host):
            continue
        if mode not in ("require", "verify-ca", "verify-full"):
            found.append(serious(faults.PLAIN_DATABASE, host=host, mode=mode))
        elif mode != "verify-full":
            found.append(warning(faults.DATABASE_NOT_CHECKED, host=host, mode=mode))
    return found


def _has_port(place: str) -> bool:
    name, colon, port = place.rpartition(":")
    return bool(colon) and port.isdecimal() and (":" not in name or name.endswith("]"))


def notices(here: Installation) -> Sequence[Finding] | None:
    """Find notices that others can read, or that anybody could have sent."""
    from tolmach.apps.noticing import notice_remarks

    notice = here.settings.notice
    if not notice.is_enabled:
        return None
    found = [Finding(problem, "serious") for problem in notice_remarks(here.settings)]
    told = {problem.problem.facts.get("server") for problem in found}
    mail = f"{notice.smtp_host}:{notice.smtp_port}"
    if notice.smtp_host and notice.smtp_tls == "none" and not is_own_machine(notice.smtp_host) and mail not in told:
        found.append(warning(faults.NOTICES_IN_THE_OPEN, server=mail))
    if notice.webhook_url is not None:
        url = urlsplit(notice.webhook_url)
        server = f"{url.scheme}://{url.netloc}"
        if url.scheme == "http" and not is_own_machine(url.hostname or "") and server not in told:
            found.append(warning(faults.NOTICES_IN_THE_OPEN, server=server))
        if not notice.webhook_token:
            found.append(warning(faults.WEBHOOK_UNSIGNED, server=server))
    return found


def certificates(here: Installation) -> Sequence[Finding] | None:
    """Find certificates of ours that are over, or soon will be, or cannot be read."""
    files = list(dict.fromkeys(filter(None, (here.settings.dicom.tls.certificate, http_of(here.settings).certificate))))
    return [one for file in files for one in _dates(here, file)] if files else None


def _dates(here: Installation, file: Path) -> Iterator[Finding]:
    try:
        since, until = validity_of(file)
    except OSError as error:
        yield serious(faults.CERTIFICATE_UNREADABLE, file=file, why=error.strerror or error)
        return
    except ValueError:
        yield serious(faults.CERTIFICATE_UNREADABLE, file=file, why=Phrase(N_("there is no certificate in it")))
        return
    now, shown = here.now(), f"{until:%Y-%m-%d}"
    if not since <= now < until:
        yield serious(faults.CERTIFICATE_OVER, file=file, since=f"{since:%Y-%m-%d}", until=shown)
    elif until - now < CERTIFICATE_ENDS_SOON:
        yield warning(faults.CERTIFICATE_ENDS, file=file, until=shown)
