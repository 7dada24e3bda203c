"""A Storage SCP of ours in a process of its own, to be watched: `python -m tests.peers.scp_process FOLDER`.

Prints its port, keeps nothing, and ends when its standard input does.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tolmach.adapters.dimse.allow_list import Caller
from tolmach.adapters.dimse.commitment_report_scp import commitment_report_scp
from tolmach.adapters.dimse.reception import ReceptionLimits
from tolmach.adapters.dimse.relayed_service import RelayedService
from tolmach.adapters.dimse.storage_scp import StorageScp, StorageScpSettings
from tolmach.dicom import uids

OBJECT_LIMIT = 64 << 20


def find(event: Any, caller: Caller) -> Iterator[tuple[int, Any]]:
    identifier = event.identifier  # decoded by pydicom, whatever it is
    for _ in range(3):
        yield 0xFF00, identifier


def main(folder: Path) -> None:
    logging.basicConfig(level=logging.ERROR)
    services = [
        commitment_report_scp(lambda *_: 0),
        RelayedService(frozenset({uids.StudyRootQueryRetrieveInformationModelFind}), {"EVT_C_FIND": find}),
    ]
    settings = StorageScpSettings(port=0, limits=ReceptionLimits(object_limit_bytes=OBJECT_LIMIT))
    with StorageScp(settings, folder, lambda _: 0, services=services) as scp:
        print(scp.port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
