"""What can be wrong with a rule, and what to do about it."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator

UNKNOWN_OPERATION = Fault(
    "TLM-EDT-001",
    N_("{where}: “{name}” is not an operation."),
    N_("Use one of: {known}."),
)
WRONG_KEYS = Fault(
    "TLM-EDT-002",
    N_("{where}: {why}."),
    N_("Compare the rule with the examples in the documentation of rules."),
)
BAD_PATTERN = Fault(
    "TLM-EDT-003",
    N_("{where}: the pattern “{pattern}” cannot be used: {why}."),
    N_("Correct the regular expression."),
)
BAD_ATTRIBUTE = Fault(
    "TLM-EDT-004",
    N_("{where}: {why}"),
    N_("Correct the name of the attribute."),
)
NOT_FOR_RULES = Fault(
    "TLM-EDT-005",
    N_("{where}: {path} cannot be changed by a rule."),
    N_(
        "The character set follows from the text repair (--from and --text); the file header follows from the data set."
    ),
)
BAD_RULE_VALUE = Fault(
    "TLM-EDT-006",
    N_("{where}: “{value}” cannot stand in {path} (VR {vr}): {why}."),
    N_("Correct the value."),
)
BAD_CONDITION = Fault(
    "TLM-EDT-007",
    N_("{where}: the condition on {key} is not understood."),
    N_('Use a text, or one of: in = [...], matches = "...", missing = true, not = ...'),
)

NEEDED = Fault(
    "TLM-EDT-008",
    N_("{where}: {path} cannot be deleted or emptied: no archive could keep the object."),
    N_("Give it another value with set, or a fresh one with new_uid."),
)

# Met while a rule runs on one file; the attribute stays as it was and the file goes on.
NOT_IN_TABLE = Fault(
    "TLM-EDT-020",
    N_("“{value}” of {path} is not in the table {table}."),
    N_("Add a line for it to the table, or give the rule a default."),
)
RULE_DID_NOT_FIT = Fault(
    "TLM-EDT-021",
    N_("A rule could not change {path}: {why}"),
    N_("Correct the rule; the attribute was left as it is."),
)
TOO_LONG_FOR_PATTERN = Fault(
    "TLM-EDT-024",
    N_("{path} has {length} characters; patterns are applied to values of no more than {limit}."),
    N_("Use another condition or operation for this attribute."),
)


class BadRule(NeedsOperator):
    """A rule that cannot be understood; nothing is written or sent until it is corrected."""
