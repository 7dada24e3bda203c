"""Messages to people who are not in front of the machine: by e-mail, and to a webhook."""

from tolmach.adapters.notices.faults import NoticeNotSent, NoticeRefused
from tolmach.adapters.notices.mail import Mail, MailServer
from tolmach.adapters.notices.notice import Notice
from tolmach.adapters.notices.webhook import Webhook

__all__ = ["Mail", "MailServer", "Notice", "NoticeNotSent", "NoticeRefused", "Webhook"]
