"""What can be doubtful about text, and what to do about it. None of these stops an image."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator, Refused

UNSURE = Fault(
    "TLM-TXT-010",
    N_("It is not sure in which code page {attributes} is written; it reads as it did before."),
    N_("If you know the code page of this machine, say it with --from or in the profile."),
)
ODD_ONE_OUT = Fault(
    "TLM-TXT-011",
    N_("{attributes} does not fit the code page {code_page} of the other text; it reads as it did before."),
    N_("Look at the attribute and set it by hand if it matters."),
)
CODE_STRING = Fault(
    "TLM-TXT-012",
    N_("{attribute} may hold only A-Z, 0-9, blank and underscore, and no such form was found for “{text}”."),
    N_("Give it a value with a rule, for example a table for this machine (map)."),
)
UNKNOWN_LABEL = Fault(
    "TLM-TXT-013",
    N_("Specific Character Set says “{term}”, which the standard does not know."),
    N_("Nothing to do: the text was judged by its bytes."),
)
FOREIGN_CODE = Fault(
    "TLM-TXT-017",
    N_("{attribute} holds letters of another script, where only A-Z, 0-9, blank and underscore are allowed."),
    N_("Nothing was changed; give it a value with a rule if the receiver minds."),
)
LOST = Fault(
    "TLM-TXT-018",
    N_("Letters of {attributes} were replaced by question marks before the file came here; they are gone."),
    N_("Take the right value from the worklist or the referral and set it with a rule."),
)
CUT_CHARACTER = Fault(
    "TLM-TXT-019",
    N_("{attributes} was cut in the middle of a letter before the file came here; the broken end was dropped."),
    N_("Nothing to do, unless the missing end matters: then set the value with a rule."),
)
GREW_TOO_LONG = Fault(
    "TLM-TXT-014",
    N_("{attribute} has {length} characters after transliteration, {limit} are allowed; nothing was cut."),
    N_("Shorten it with a rule, or send this receiver UTF-8."),
)
ILLEGAL_LETTERS = Fault(
    "TLM-TXT-021",
    N_("{attributes} holds letters where only plain Latin ones, digits and signs are allowed."),
    N_("Give it a value with a rule; it was left as it is."),
)
ILLEGAL_META = Fault(
    "TLM-TXT-023",
    N_("The file meta information holds letters where none are allowed: {attributes}."),
    N_("Nothing to do: a copy keeps them, and a receiver never sees them."),
)
LOOKALIKES = Fault(
    "TLM-TXT-022",
    N_("{attribute} mixes Latin and Cyrillic letters that look alike: “{text}” should perhaps read “{proposed}”."),
    N_("If so, correct it with a rule; nothing was changed, because searching and identifiers depend on it."),
)
UNKNOWN_POLICY = Fault(
    "TLM-TXT-015",
    N_("“{policy}” is not a way to write text."),
    N_("Use utf-8, iso_ir_144, as-is, a code page such as cp1251, or transliterate:RULE."),
)
UNKNOWN_CODE_PAGE = Fault(
    "TLM-TXT-016",
    N_("“{code_page}” is not a code page tolmach knows."),
    N_("Use auto or one of: {known}."),
)
NOT_VERIFIED = Fault(
    "TLM-TXT-020",
    N_("The repaired data set does not read back as planned at {path}: {why}."),
    N_("The file was left as it is. Please report this as an error in tolmach, with this line."),
)


class UnknownPolicy(NeedsOperator):
    """A way to write or read text was named that does not exist."""


class NotVerified(Refused):
    """What was written does not read back as planned: the repair is thrown away."""
