"""What can go wrong with a DICOMweb server, and what the operator does then."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator, Retryable

_LATER = N_("Nothing to do: delivery goes on by itself. If it lasts, look at the disk and the log of the server.")

UNREACHABLE = Fault(
    "TLM-DLV-030",
    N_("{peer} cannot be reached: {why}."),
    N_("Check that the server is running and that the address in the settings is right; delivery goes on by itself."),
)
NOT_TRUSTED = Fault(
    "TLM-DLV-031",
    N_("No encrypted connection to {peer} could be set up: {why}."),
    N_("Check the certificate of the server and its end date, and that its authority (CA) is trusted here."),
)
CONNECTION_LOST = Fault(
    "TLM-DLV-032",
    N_("The connection to {peer} ended before it answered: {why}."),
    N_("Nothing to do: the object is sent again. If it lasts, look into the log of the server."),
)
SILENT = Fault(
    "TLM-DLV-033",
    N_("{peer} took too long: no progress within {seconds} s."),
    N_("Nothing to do: the object is sent again. If it lasts, look into the log of the server."),
)
LOGIN_REFUSED = Fault(
    "TLM-DLV-034",
    N_("{peer} does not let us store (HTTP {status})."),
    N_("Check the token, or the name and password, in the settings of this peer, and its rights on the server."),
)
NOT_THERE = Fault(
    "TLM-DLV-035",
    N_("{peer} has no STOW-RS at this address (HTTP {status})."),
    N_("Correct the address in the settings of this peer; it usually ends with /dicom-web."),
)
LEADS_ELSEWHERE = Fault(
    "TLM-DLV-036",
    N_("{peer} redirects to another address (HTTP {status}); images go only to configured addresses."),
    N_("Write the final address of the server into the settings of this peer."),
)
NOT_NOW = Fault("TLM-DLV-037", N_("{peer} cannot take the object now (HTTP {status}). {text}"), _LATER)
REFUSED = Fault(
    "TLM-DLV-038",
    N_("{peer} refused the object (HTTP {status}). {text}"),
    N_("Look at this image: correct it, or ask the administrator of the server what it lacks."),
)
NO_WORD = Fault(
    "TLM-DLV-039",
    N_("{peer} answered HTTP {status}, but did not say that it stores this instance. {text}"),
    N_("Nothing to do: the object is sent again. If it lasts, show this line to the administrator of the server."),
)
BAD_URL = Fault(
    "TLM-DLV-040",
    N_("{url} cannot be the address of a DICOMweb server."),
    N_("Write it like https://server/dicom-web, without name and password."),
)
NO_LEAVE_TO_SEARCH = Fault(
    "TLM-DLV-041",
    N_("{peer} does not let us search (HTTP {status})."),
    N_("Check the token, or the name and password, in the settings of this peer, and its rights on the server."),
)
NO_SEARCH_THERE = Fault(
    "TLM-DLV-042",
    N_("{peer} has no QIDO-RS at this address (HTTP {status})."),
    N_("Correct the address in the settings of this peer, or choose another proof for it."),
)
NO_SEARCH_NOW = Fault(
    "TLM-DLV-043",
    N_("{peer} cannot search now (HTTP {status}). {text}"),
    N_("Nothing to do: it is asked again. If it lasts, look into the log of the server."),
)
NOT_FOUND_THERE = Fault(
    "TLM-DLV-044",
    N_("{peer} does not find this instance in its series (HTTP {status})."),
    N_("Nothing to do: it is sent again. If it repeats, look into the log of the server."),
)
CANNOT_BE_ASKED_FOR = Fault(
    "TLM-DLV-045",
    N_("{peer} cannot be asked for {sop_instance_uid}: its UID, or that of its study or series, cannot be used."),
    N_("Choose another proof for this peer, or export the image from the machine again."),
)
NO_SEARCH_ANSWER = Fault(
    "TLM-DLV-046",
    N_("{peer} answered a search with HTTP {status}, but not with the instance that it was asked for. {text}"),
    N_("Nothing to do: it is asked again. If it lasts, choose another proof for this peer."),
)


class BadUrl(NeedsOperator):
    """The address of a server cannot be used."""


class ServerUnreachable(Retryable):
    """No connection came about."""


class ServerNotTrusted(NeedsOperator):
    """The server could not be told from a stranger."""


class ServerRefusesUs(NeedsOperator):
    """The server wants a login, or is not at this address."""


class ServerLost(Retryable):
    """The connection ended, or was silent, before the answer was there."""


class ServerBusy(Retryable):
    """The server answered, but could not do what it was asked for."""
