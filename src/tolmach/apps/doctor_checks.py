"""The two lists of `tolmach doctor`, in the order they are made."""

from __future__ import annotations

from typing import Final

from tolmach.apps import doctor_peers, doctor_permissions, doctor_places, doctor_security
from tolmach.apps.doctor import Check
from tolmach.base import N_

INSTALLATION: Final = (
    Check("configuration", N_("Configuration"), doctor_places.configuration),
    Check("letters", N_("Tables of letters"), doctor_places.letters),
    Check("data-folder", N_("Data folder"), doctor_places.data_folder),
    Check("objects", N_("Objects in S3"), doctor_places.objects),
    Check("room", N_("Room on the disk"), doctor_places.room),
    Check("clocks", N_("Clocks"), doctor_places.clocks),
    Check("ports", N_("Ports to listen on"), doctor_places.ports),
    Check("folders", N_("Watched folders"), doctor_places.folders),
    Check("peers", N_("Destinations"), doctor_peers.peers),
    Check("queue", N_("What waits"), doctor_peers.queue),
    Check("strangers", N_("Callers turned away"), doctor_peers.strangers),
    Check("certificates", N_("Certificates"), doctor_security.certificates),
    Check("tokens", N_("Tokens that end soon"), doctor_peers.tokens_soon),
)

SECURITY: Final = (
    Check("http", N_("HTTP open to others"), doctor_security.http),
    Check("dicom", N_("DICOM open to others"), doctor_security.dicom),
    Check("callers", N_("Who may call"), doctor_security.callers),
    Check("titles", N_("AE titles as shipped"), doctor_security.titles),
    Check("destinations", N_("Images on their way"), doctor_security.destinations),
    Check("notices", N_("Notices on their way"), doctor_security.notices),
    Check("database", N_("Connection to the database"), doctor_security.database),
    Check("objects", N_("Connection to the bucket"), doctor_security.objects),
    Check("certificates", N_("Certificates"), doctor_security.certificates),
    Check("tokens", N_("Tokens"), doctor_security.tokens),
    Check("audit-log", N_("Audit log"), doctor_security.audit_log),
    Check("account", N_("The account it runs as"), doctor_permissions.account),
    Check("permissions", N_("Rights of files and folders"), doctor_permissions.permissions),
    Check("secrets", N_("Secrets in the configuration"), doctor_permissions.secrets),
    Check("switches", N_("Switches for tests"), doctor_places.switches),
)
