"""What can go wrong with a notice. None of it disturbs delivery."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator, Retryable

UNREACHABLE = Fault(
    "TLM-SRV-030",
    N_("Notices cannot be sent, {server} cannot be reached: {why}."),
    N_("Check the address under [notice] and that the server runs. Delivery goes on, and the notice is tried again."),
)
NOT_TRUSTED = Fault(
    "TLM-SRV-031",
    N_("Notices cannot be sent, no encrypted connection to {server} could be set up: {why}."),
    N_("Check the certificate of the server, and that its authority stands in ca under [dicom.tls]."),
)
LOST = Fault(
    "TLM-SRV-032",
    N_("A notice may not have been sent, the connection to {server} ended too early: {why}."),
    N_("Nothing to do: it is tried again, and delivery goes on. If it lasts, look into the log of that server."),
)
LOGIN_REFUSED = Fault(
    "TLM-SRV-033",
    N_("Notices cannot be sent, {server} does not let us in: {text}"),
    N_("Check smtp_user and smtp_password under [notice]."),
)
NO_STARTTLS = Fault(
    "TLM-SRV-034",
    N_("Notices cannot be sent, the mail server {server} does not offer STARTTLS."),
    N_('Write smtp_tls = "tls" with port 465 under [notice]; "none" only in a network that nobody else can read.'),
)
MAIL_REFUSED = Fault(
    "TLM-SRV-035",
    N_("The mail server {server} refused the notice: {text}"),
    N_("Check mail_from and mail_to under [notice], and whether this machine may send mail there."),
)
RECIPIENTS_REFUSED = Fault(
    "TLM-SRV-036",
    N_("The notice went to some of its recipients; the mail server {server} refused: {recipients}."),
    N_("Correct these addresses in mail_to under [notice]."),
)
BAD_ADDRESS = Fault(
    "TLM-SRV-037",
    N_("“{address}” cannot be the address of an e-mail."),
    N_("Correct mail_from or mail_to under [notice]; write it like name@clinic.example."),
)
CANNOT_LOG_IN = Fault(
    "TLM-SRV-038",
    N_("The mail server {server} offers no way to log in that fits, or the password has letters that are not English."),
    N_("Use a password of English letters, digits and signs; or leave smtp_user out where no login is needed."),
)
WEBHOOK_REFUSED = Fault(
    "TLM-SRV-040",
    N_("The webhook at {server} did not take the notice (HTTP {status}). {text}"),
    N_("Check webhook_url and webhook_token under [notice]; the notice is tried again."),
)
LEADS_ELSEWHERE = Fault(
    "TLM-SRV-041",
    N_("The webhook at {server} leads to another address (HTTP {status}); notices go only to the configured one."),
    N_("Write the final address into webhook_url under [notice]."),
)
BAD_WEBHOOK = Fault(
    "TLM-SRV-042",
    N_("webhook_url is not an address that a notice can be sent to."),
    N_("Write it like https://server/path, without name and password; a token belongs into webhook_token."),
)

TOO_SLOW = N_("it took longer than {seconds} s")


class NoticeNotSent(Retryable):
    """A notice could not be sent now; later it may go."""


class NoticeRefused(NeedsOperator):
    """A notice cannot be sent before somebody changes the settings, or the server."""
