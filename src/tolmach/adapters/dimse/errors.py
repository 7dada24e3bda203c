"""The errors of this adapter: the class says what happened, the base says whether trying again helps."""

from __future__ import annotations

from tolmach.base import NeedsOperator, Refused, Retryable


class BadAddress(NeedsOperator):
    """A destination or an AE title is written in a way that cannot be used."""


class PeerUnreachable(Retryable):
    """No TCP connection came about."""


class CannotListen(NeedsOperator):
    """The SCP's port could not be opened."""


class AssociationRejectedForNow(Retryable):
    """The peer rejected the association for a reason that may pass."""


class AssociationRejected(NeedsOperator):
    """The peer rejected the association and will do so until a setting changes."""


class AssociationAborted(Retryable):
    """The peer sent A-ABORT, or released while we were not done."""


class AssociationLost(Retryable):
    """The connection ended without a word, or the association was over already."""


class PeerTimeout(Retryable):
    """The peer was silent, or slower than any honest peer, beyond a deadline."""


class ProtocolViolation(Retryable):
    """The peer sent bytes that are against PS3.7 or PS3.8, or beyond a limit."""


class BadTlsFiles(NeedsOperator):
    """A certificate, a key or a list of authorities cannot be used."""


class TlsRefused(NeedsOperator):
    """One of the two certificates was not accepted."""


class TlsFailed(Retryable):
    """No encrypted connection came about, or it broke: the other side speaks no TLS, or none that is allowed."""


class ContextNotAccepted(NeedsOperator):
    """The peer does not take this SOP class in this transfer syntax."""


class StoreFailedForNow(Retryable):
    """The peer answered C-STORE with a failure that may pass, or with an answer that proves nothing."""


class StoreRefused(NeedsOperator):
    """The peer answered C-STORE with a failure that stays until the data set or the peer changes."""


class EchoFailed(Retryable):
    """The peer answered C-ECHO with something other than success."""


class ServiceFailedForNow(Retryable):
    """The peer answered a request with a failure that may pass."""


class ServiceRefused(NeedsOperator):
    """The peer answered a request with a failure that stays until somebody changes its settings, or ours."""


class InstanceNotSendable(Refused):
    """The data set's length is odd, empty, or not what was announced; nothing of it counts as sent."""


def sentence_of(comment: str) -> str:
    """Give a peer's own words so that another sentence can stand behind them: with a stop at their end."""
    words = comment.strip()
    return words if not words or words.endswith((".", "!", "?")) else f"{words}."
