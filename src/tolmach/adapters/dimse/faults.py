"""Everything that can go wrong on a DICOM association, each with what happened and what to do next.

The codes never change their meaning. `{peer}` is always AETITLE@host:port, as the operator wrote it.
"""

from __future__ import annotations

from tolmach.base import N_, Fault

# Addresses ------------------------------------------------------------------------------------------------------------

NO_AE_TITLE = Fault(
    "TLM-NET-001",
    N_("The address {address} has no AE title."),
    N_("Write it as AETITLE@host:port, for example PACS@192.168.1.10:104."),
)
NO_PORT = Fault(
    "TLM-NET-002",
    N_("The address {address} has no port, or the port is not a number from 1 to 65535."),
    N_("Write it as AETITLE@host:port; most PACS servers use port 104, 11112 or 4242."),
)
NO_HOST = Fault(
    "TLM-NET-003",
    N_("The address {address} has no host name or IP address that can be used."),
    N_("Write it as AETITLE@host:port; put an IPv6 address in brackets, as in PACS@[::1]:104."),
)
BAD_AE_TITLE = Fault(
    "TLM-NET-004",
    N_("{ae_title} cannot be an AE title."),
    N_("Use 1 to 16 English letters, digits or signs, no backslash, not only spaces; capitals matter."),
)
BAD_CALLER_ADDRESS = Fault(
    "TLM-NET-005",
    N_("{address} is not an address that a peer can call from."),
    N_("Write an IP address, a network such as 192.168.1.0/24, or a host name."),
)

# Getting there --------------------------------------------------------------------------------------------------------

CANNOT_RESOLVE = Fault(
    "TLM-NET-010",
    N_("The name {host} of {peer} was not found in the network."),
    N_("Check the spelling, or write the IP address instead of the name."),
)
REFUSED_CONNECTION = Fault(
    "TLM-NET-011",
    N_("{peer} refused the connection: nothing listens on that port."),
    N_("Check that the PACS is running and the port is right. The queue tries again by itself; without it, try again."),
)
UNREACHABLE = Fault(
    "TLM-NET-012",
    N_("{peer} cannot be reached: {detail}."),
    N_("Check the cable, the IP address and the firewall. The queue tries again by itself; without it, try again."),
)
CONNECT_TIMEOUT = Fault(
    "TLM-NET-013",
    N_("{peer} did not answer the connection within {seconds} s."),
    N_("Check that the machine is on, and that no firewall on the way drops this port."),
)
CANNOT_LISTEN = Fault(
    "TLM-NET-014",
    N_("Cannot listen on {address}: {detail}."),
    N_("Another program may be using this port: stop it or choose another port in the settings."),
)

# Refused associations -------------------------------------------------------------------------------------------------

REJECTED = Fault(
    "TLM-NET-020",
    N_("{peer} rejected the association and gave no reason (result {result}, source {source}, reason {reason})."),
    N_("Look into the log of the PACS; usually it does not know our AE title {calling_ae_title} or our IP address."),
)
REJECTED_APPLICATION_CONTEXT = Fault(
    "TLM-NET-021",
    N_("{peer} rejected the association: it does not support the DICOM application context."),
    N_("Check the port: another service of that machine may be listening there."),
)
REJECTED_CALLING_AE_TITLE = Fault(
    "TLM-NET-022",
    N_("{peer} does not know our AE title {calling_ae_title}."),
    N_("Register {calling_ae_title} and this computer's IP address in the PACS, or set the AE title it expects."),
)
REJECTED_CALLED_AE_TITLE = Fault(
    "TLM-NET-023",
    N_("{peer} does not answer to the AE title {called_ae_title}."),
    N_("Ask the PACS administrator for its exact AE title (capitals matter) and correct it in the destination."),
)
REJECTED_PROTOCOL_VERSION = Fault(
    "TLM-NET-024",
    N_("{peer} rejected the association: protocol version not supported."),
    N_("Check the port: another service of that machine may be listening there."),
)
REJECTED_CONGESTION = Fault(
    "TLM-NET-025",
    N_("{peer} is overloaded for the moment (temporary congestion)."),
    N_(
        "The queue tries again by itself; without it, try again in a minute. If it lasts, look at the load of the PACS."
    ),
)
REJECTED_LOCAL_LIMIT = Fault(
    "TLM-NET-026",
    N_("{peer} has no free association (local limit exceeded)."),
    N_(
        "The queue tries again by itself; without it, try again in a minute. "
        "If it lasts, use fewer associations or raise the limit of the PACS."
    ),
)

# Associations that end ------------------------------------------------------------------------------------------------

ABORTED = Fault(
    "TLM-NET-030",
    N_("{peer} aborted the association ({reason})."),
    N_(
        "The queue tries again by itself; without it, try again. "
        "If it repeats, look into the log of the PACS at this minute."
    ),
)
CONNECTION_LOST = Fault(
    "TLM-NET-031",
    N_("The connection to {peer} broke: {detail}."),
    N_("The queue tries again by itself; without it, try again. Sending an image twice does no harm."),
)
RELEASED_BY_PEER = Fault(
    "TLM-NET-032",
    N_("{peer} released the association before we were done."),
    N_(
        "The queue tries again by itself; without it, try again. "
        "If it repeats, raise the idle time of associations in the PACS."
    ),
)
ASSOCIATION_TIMEOUT = Fault(
    "TLM-NET-033",
    N_("{peer} took the connection but did not answer the association request within {seconds} s."),
    N_("Check that this port speaks DICOM (without TLS); if it is the PACS, it hangs: restart it."),
)
RESPONSE_TIMEOUT = Fault(
    "TLM-NET-034",
    N_("{peer} did not answer within {seconds} s."),
    N_(
        "The queue tries again by itself; without it, try again. "
        "If the PACS is just slow, raise dimse_timeout_seconds for it."
    ),
)
SEND_TIMEOUT = Fault(
    "TLM-NET-035",
    N_("{peer} stopped taking data for {seconds} s."),
    N_(
        "Check the disk of the PACS and the network in between. The queue tries again by itself; without it, try again."
    ),
)
TOO_SLOW = Fault(
    "TLM-NET-036",
    N_("{peer} began a message and did not finish it in time ({detail})."),
    N_("Check the network in between. The queue tries again by itself; without it, try again."),
)
PROTOCOL_VIOLATION = Fault(
    "TLM-NET-037",
    N_("{peer} sent something that is against the DICOM protocol: {detail}."),
    N_(
        "The queue tries again by itself; without it, try again. "
        "If it repeats, give this line to the maker of that device."
    ),
)
NOT_DICOM = Fault(
    "TLM-NET-038",
    N_("{peer} does not speak DICOM on this port: {detail}."),
    N_("Check the port; a web server or a TLS port may be listening there."),
)
ASSOCIATION_OVER = Fault(
    "TLM-NET-039",
    N_("The association with {peer} was over before this instance was sent."),
    N_("Nothing to do: it is sent with the next association."),
)

# Presentation contexts ------------------------------------------------------------------------------------------------

SOP_CLASS_NOT_ACCEPTED = Fault(
    "TLM-NET-040",
    N_("{peer} does not take objects of the kind {sop_class}."),
    N_("Enable this SOP class in the PACS, or leave such objects out of this destination."),
)
TRANSFER_SYNTAX_NOT_ACCEPTED = Fault(
    "TLM-NET-041",
    N_("{peer} takes {sop_class}, but not in the transfer syntax {transfer_syntax}."),
    N_("Enable this transfer syntax in the PACS; tolmach never changes compressed pixels."),
)
CONTEXT_NOT_PROPOSED = Fault(
    "TLM-NET-042",
    N_("{sop_class} in {transfer_syntax} was not proposed to {peer} on this association."),
    N_("Nothing to do: it is sent with an association that proposes it."),
)

CONTEXT_NOT_ASKED_FOR = Fault(
    "TLM-NET-043",
    N_("{peer} asked for {sop_class} in {transfer_syntax}, but does not take that on this association."),
    N_("Let the asking program offer this SOP class and transfer syntax with the role of an SCP, or use C-MOVE."),
)

# Answers that are no proof --------------------------------------------------------------------------------------------

WRONG_MESSAGE_ID = Fault(
    "TLM-NET-050",
    N_("{peer} answered message {received}, but {expected} was waiting: the image is not counted as stored."),
    N_(
        "The queue tries again by itself; without it, try again. "
        "If it repeats, the PACS mixes up its answers: tell its maker."
    ),
)
WRONG_SOP_INSTANCE_UID = Fault(
    "TLM-NET-051",
    N_("{peer} confirmed another image ({received}) than the one sent ({expected}): it is not counted as stored."),
    N_(
        "The queue tries again by itself; without it, try again. "
        "If it repeats, the PACS mixes up its answers: tell its maker."
    ),
)
ECHO_FAILED = Fault(
    "TLM-NET-052",
    N_("{peer} answered C-ECHO with status {status}."),
    N_("The connection works, but the PACS is not well: look into its log."),
)

# What we were asked to send -------------------------------------------------------------------------------------------

LENGTH_ODD = Fault(
    "TLM-NET-060",
    N_("The data set of {sop_instance_uid} is empty or has an odd length ({length} bytes) and was not sent."),
    N_("The file is damaged: let tolmach repair it first, or export it again from the device."),
)
LENGTH_LIES = Fault(
    "TLM-NET-061",
    N_("The data set of {sop_instance_uid} changed while it was sent: {declared} bytes were announced, {found} came."),
    N_("The file was still being written: try again when it is complete."),
)

# TLS ------------------------------------------------------------------------------------------------------------------

TLS_FILE_MISSING = Fault(
    "TLM-NET-070",
    N_("There is no certificate to answer encrypted associations with."),
    N_("Name our certificate and its key in the settings, as PEM files."),
)
TLS_FILE = Fault(
    "TLM-NET-071",
    N_("{file} cannot be used for encrypted associations: {detail}."),
    N_(
        "It must be a readable PEM file; key and certificate must belong together, and the key must have no passphrase."
    ),
)
TLS_CERTIFICATE = Fault(
    "TLM-NET-072",
    N_("The certificate of {peer} was not accepted: {detail}."),
    N_("Check its end date, and that its authority (CA) is among those we trust (ca in the settings)."),
)
TLS_NAME = Fault(
    "TLM-NET-073",
    N_("The certificate of {peer} is for another name: {detail}."),
    N_("Write the name from the certificate as host of this peer, or set tls_check_name = false for it."),
)
TLS_REFUSED_BY_PEER = Fault(
    "TLM-NET-074",
    N_("{peer} refused the encrypted connection: {detail}."),
    N_("Usually it wants a certificate from us, or does not trust ours: ask its administrator."),
)
TLS_FAILED = Fault(
    "TLM-NET-075",
    N_("No encrypted connection to {peer} could be set up: {detail}."),
    N_("Check that this port of the peer speaks TLS, version 1.2 or newer."),
)
TLS_CALLER_REFUSED = Fault(
    "TLM-NET-076",
    N_("The encrypted connection of {peer} was refused: {detail}."),
    N_("The device must speak TLS 1.2 or newer and show a certificate of an authority (CA) that we trust."),
)
CALLED_WITHOUT_TLS = Fault(
    "TLM-NET-077",
    N_("{peer} called without encryption on a port that is only for TLS."),
    N_("Switch TLS on in the device, or give it the port without TLS."),
)
CALLED_WITH_TLS = Fault(
    "TLM-NET-078",
    N_("{peer} called with encryption on a port that is without TLS."),
    N_("Give the device the port for TLS, or switch TLS off in it."),
)

# Proof and queries ----------------------------------------------------------------------------------------------------

COMMITMENT_FAILED = Fault(
    "TLM-NET-080",
    N_("{peer} did not accept the Storage Commitment request (status {status}). {comment}"),
    N_("Ask whether Storage Commitment is switched on there for our AE title, or choose another proof for this peer."),
)
QUERY_FAILED = Fault(
    "TLM-NET-081",
    N_("{peer} did not answer the query (status {status}). {comment}"),
    N_("Ask whether queries are allowed there for our AE title; the log of the PACS says more."),
)
NOT_COMMITTED = Fault(
    "TLM-NET-082",
    N_("{peer} does not promise to keep this instance (Storage Commitment, reason {reason})."),
    N_("Nothing to do: it is sent again. If it repeats, look into the log of the PACS."),
)
NOT_MENTIONED = Fault(
    "TLM-NET-083",
    N_("{peer} answered the Storage Commitment request, but did not mention this instance."),
    N_("Nothing to do: it is sent again. If it repeats, choose another proof for this peer."),
)
NOT_FOUND_THERE = Fault(
    "TLM-NET-084",
    N_("{peer} does not find this instance in its series."),
    N_("Nothing to do: it is sent again. If it repeats, look into the log of the PACS."),
)
CANNOT_BE_ASKED_FOR = Fault(
    "TLM-NET-085",
    N_("{peer} cannot be asked for {sop_instance_uid}: its study or series has no UID."),
    N_("Choose another proof for this peer, or export the image from the machine again."),
)
TOO_MANY_ANSWERS = Fault(
    "TLM-NET-086",
    N_("{peer} found more than {limit} objects; the query was stopped there."),
    N_("Ask for less at once, or choose another proof for this peer."),
)
NOBODY_TO_REPORT_TO = Fault(
    "TLM-NET-087",
    N_("{peer} asked for Storage Commitment and has no address to bring the report to."),
    N_("Give this peer host and port in the settings: the port it listens on for reports."),
)
RETRIEVAL_FAILED = Fault(
    "TLM-NET-088",
    N_("{peer} did not send what was asked for (status {status}). {comment}"),
    N_("Ask whether C-GET is allowed there for our AE title; the log of the PACS says more."),
)
