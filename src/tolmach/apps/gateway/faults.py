"""What can be wrong with the HTTP entrance, or with those who come to it."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator, Refused

OPEN_TO_ALL = Fault(
    "TLM-SRV-120",
    N_("HTTP on {host} would be open to others without protection: {why}."),
    N_("Listen on 127.0.0.1, or give certificate and key in [http] and make a token: tolmach token create."),
)
CANNOT_LISTEN = Fault(
    "TLM-SRV-121",
    N_("Cannot listen for HTTP on {address}: {why}."),
    N_("Another program may be using this port: stop it or choose another port in [http]."),
)
BAD_KEYS = Fault(
    "TLM-SRV-122",
    N_("The certificate of [http] cannot be used: {why}."),
    N_("Check both files: PEM, the key without a passphrase and belonging to the certificate."),
)
NO_TOKEN = Fault(
    "TLM-SRV-130",
    N_("This needs a token, and the request brings none that is valid."),
    N_("Send the header Authorization: Bearer TOKEN; a token is made by: tolmach token create."),
)
NO_RIGHT = Fault(
    "TLM-SRV-131",
    N_("The role {role} may not do this."),
    N_("Use a token of another role, or have one made by: tolmach token create."),
)
FOREIGN_HOST = Fault(
    "TLM-SRV-132",
    N_("The request is meant for {host}, which is not this server."),
    N_("Use the address this server is known by, or add its name to allowed_hosts in [http]."),
)
FOREIGN_ORIGIN = Fault(
    "TLM-SRV-133",
    N_("A page of {origin} may not use this server."),
    N_("Open the pages of this server itself."),
)
TOO_MANY_HEADERS = Fault(
    "TLM-SRV-134",
    N_("The head of the request is larger than allowed."),
    N_("Send fewer or shorter headers."),
)
NOT_LOCAL = Fault(
    "TLM-SRV-135",
    N_("Probes answer this machine and the addresses in probe_addresses."),
    N_("Ask from this machine, add the address to probe_addresses in [http], or send a token."),
)
UNFORESEEN = Fault(
    "TLM-SRV-136",
    N_("Answering failed in a way nobody foresaw."),
    N_("Look into the log of tolmach, and send what it says to its makers."),
)
NO_SUCH_PATH = Fault(
    "TLM-SRV-137",
    N_("There is nothing to do {method} for at this address."),
    N_("docs/dicomweb.md lists the addresses and what can be done with them."),
)

NO_ARCHIVE = Fault(
    "TLM-SRV-138",
    N_("This station keeps no archive: over HTTP nothing can be found or retrieved here."),
    N_(
        "Ask the archive itself. If this one shall keep images, set enabled = true in [archive] "
        "and restart tolmach serve."
    ),
)


class UnsafeHttp(NeedsOperator):
    """The entrance would be open to people nobody let in."""


class CannotListenHttp(NeedsOperator):
    """The port could not be opened, or its certificate not be used."""


class Unauthorized(Refused):
    """Nobody we know (401)."""


class Forbidden(Refused):
    """Somebody we know, who may not do this; or a request that is not meant for us (403)."""


class NoArchive(Refused):
    """What is asked of an archive is asked of a station that has none (404)."""


class HeadTooLarge(Refused):
    """More in front of the body than anybody needs (431)."""


class NoSuchPath(Refused):
    """No such address, or nothing of the kind is done there (404, 405)."""
