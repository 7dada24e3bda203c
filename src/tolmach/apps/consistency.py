"""What settings must agree on among themselves, and the words for those that do not.

Only what the configuration says is looked at here; what is on the disk is looked at by `places`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from tolmach.base import N_

if TYPE_CHECKING:
    from tolmach.apps.sections import PeerSettings, Settings

AE_TITLE = N_("an AE title has 1 to 16 English letters, digits or signs")
HOST_MISSING = N_("host must be given")
URL_MISSING = N_("url must be given, beginning with http:// or https://")
FOLDER_MISSING = N_("folder must be given")
NO_PATH = N_("it must be the path of a folder")
PORT_MISSING = N_("port must be given for the peer {name}, which something is delivered to")
NAMED_TWICE = N_("the name {name} is given twice")
SAME_PEER = N_("it has the AE title and the address of {other}")
UNKNOWN_DESTINATION = N_("no peer is named {name}; there are: {known}")
UNKNOWN_PROFILE = N_("no profile is named {name}; there are: {known}")
KEYS_MISSING = N_("certificate and key must both be given")
NO_DATABASE = N_("write sqlite, or postgresql://user:password@host/name")
BAD_SIZE = N_("write a number of bytes, or a share such as 5%")
NO_SUCH_PROOF = N_("a peer of kind {kind} cannot give that proof; use response")
BAD_OBJECTS = N_("write folder, or s3://BUCKET/PREFIX?endpoint=https://HOST:PORT ({why})")
TWO_PLACES = N_("it is for objects in a folder, and objects names a bucket: take one of the two away")
BAD_WINDOW = N_("write a time of day from and to, as in 20:00-06:00")
NO_MOVE_TO = N_('move_to must be given with after = "move"')
NO_MAIL_FROM = N_("mail_from and mail_to must be given with smtp_host")
NOWHERE = N_("its images would stay nowhere: give it a destination or an export folder, or enable the archive")

OWN_WORDS = (
    AE_TITLE,
    HOST_MISSING,
    URL_MISSING,
    FOLDER_MISSING,
    NO_PATH,
    PORT_MISSING,
    NAMED_TWICE,
    SAME_PEER,
    UNKNOWN_DESTINATION,
    UNKNOWN_PROFILE,
    KEYS_MISSING,
    BAD_SIZE,
    NO_DATABASE,
    BAD_OBJECTS,
    TWO_PLACES,
    NO_SUCH_PROOF,
    BAD_WINDOW,
    NO_MOVE_TO,
    NO_MAIL_FROM,
    NOWHERE,
)


def fail(words: str, **facts: object) -> PydanticCustomError:
    """Give the error for a setting; the fact `where` names its place when it is not where the error is raised."""
    return PydanticCustomError(words, words, dict(facts))


def require_consistent(settings: Settings) -> None:
    """Require names that are known and given once, and a way for everything; raises what pydantic understands."""
    _require_single("[[peer]], [[watch]]", (*(one.name for one in settings.peer), *_names_of_watches(settings)))
    _require_single("[[profile]]", (one.name for one in settings.profile))
    _require_distinct_peers(settings)
    if settings.storage.folder is not None and settings.objects != "folder":
        raise fail(TWO_PLACES, where="storage.folder")
    for number, route in enumerate(settings.route, 1):
        _require_ways(settings, f"[[route]] {number}", route.to, route.profile)
    routed = {source for route in settings.route for source in route.from_}
    for watch in settings.watch:
        where = f"watch {watch.name}"
        _require_ways(settings, where, watch.to, watch.profile)
        if not (settings.archive.enabled or watch.to or watch.export_folder or watch.name in routed):
            raise fail(NOWHERE, where=where)


def _names_of_watches(settings: Settings) -> Iterator[str]:
    """Give the names watches take among the peers: their own, and that of the destination an export folder is."""
    for watch in settings.watch:
        yield watch.name
        if watch.export_peer is not None:
            yield watch.export_peer.name


def _require_single(where: str, names: Iterable[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise fail(NAMED_TWICE, where=where, name=name)


def _require_distinct_peers(settings: Settings) -> None:
    """Require that whom we call is one peer each, and that who calls us may do one thing.

    One program may listen on two ports: two peers, who look the same when they call.
    """
    callers: dict[tuple[str, str], PeerSettings] = {}
    called: dict[tuple[str, str, int], str] = {}
    for peer in settings.peer:
        if peer.kind != "dicom":
            continue
        title, host = peer.ae_title.strip(), peer.host.casefold()
        alike = callers.setdefault((title, host), peer) if peer.rights else peer
        same = alike.name if set(alike.rights) != set(peer.rights) else None
        same = same or (called.get((title, host, peer.port)) if peer.port else None)
        if same is not None:
            raise fail(SAME_PEER, where=f"peer {peer.name}", other=same)
        if peer.port:
            called[title, host, peer.port] = peer.name


def _require_ways(settings: Settings, where: str, destinations: Iterable[str], profile: str | None) -> None:
    peers = {one.name: one for one in settings.peer}
    for name in destinations:
        if name not in peers:
            raise fail(UNKNOWN_DESTINATION, where=where, name=name, known=", ".join(peers) or "-")
        if not peers[name].is_destination:
            raise fail(PORT_MISSING, where=where, name=name)
    profiles = [one.name for one in settings.profile]
    if profile is not None and profile not in profiles:
        raise fail(UNKNOWN_PROFILE, where=where, name=profile, known=", ".join(profiles) or "-")
