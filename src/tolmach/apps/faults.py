"""What can be wrong with how the program was called or configured."""

from __future__ import annotations

from tolmach.base import N_, Fault, NeedsOperator

USAGE = Fault("TLM-CLI-001", N_("{why}"), N_("Run “{command} --help” to see how it is used."))
INTERRUPTED = Fault("TLM-CLI-002", N_("Interrupted."), N_("What was finished is complete; run the same command again."))
NOTHING_TO_DO = Fault(
    "TLM-CLI-003", N_("Neither --out nor --in-place was given."), N_("Say where the repaired copies go: --out FOLDER.")
)
BOTH_TARGETS = Fault("TLM-CLI-004", N_("--out and --in-place cannot be used together."), N_("Choose one of them."))
TWO_FOR_ONE = Fault(
    "TLM-CLI-005",
    N_("{path} and another file would get the same name {out}."),
    N_("Give the folder that holds both, or fix them into different folders."),
)
BAD_ASSIGNMENT = Fault(
    "TLM-CLI-007", N_("“{text}” is not an assignment."), N_("Write it as KEYWORD=VALUE, for example PatientSex=F.")
)
BAD_PROOF = Fault(
    "TLM-CLI-008",
    N_("“{proof}” is no kind of proof."),
    N_("Use one of: response, commitment, query."),
)
DEMO_FAILED = Fault(
    "TLM-CLI-009",
    N_("The demonstration did not end as it must: {why}"),
    N_("Please report this as an error in tolmach, with this line."),
)
UNKNOWN_COMMAND = Fault(
    "TLM-CLI-010",
    N_("There is no command “{name}”; the nearest is {nearest}."),
    N_("Run “tolmach --help” to see all commands."),
)
UNKNOWN_OPTION = Fault(
    "TLM-CLI-011",
    N_("“{command}” has no option {name}; the nearest is {nearest}."),
    N_("Run “{command} --help” to see all options."),
)
MISSING = Fault(
    "TLM-CLI-012",
    N_("“{command}” needs: {name}."),
    N_("Run “{command} --help” to see how it is used."),
)
BAD_OPTION = Fault(
    "TLM-CLI-013",
    N_("{name} cannot have that value."),
    N_("Use one of: {known}."),
)
NOT_UTF_8_LINE = Fault(
    "TLM-CLI-014",
    N_("Line {number} is not UTF-8 text and was left as it is."),
    N_("Convert the text to UTF-8 first; tolmach detect tells the code page."),
)
AS_IS_ALONE = Fault(
    "TLM-CLI-016",
    N_("--as-is sends the bytes untouched, and {option} would have no effect."),
    N_("Leave one of the two out."),
)

UNKNOWN_DEVICE = Fault(
    "TLM-CLI-017",
    N_("Nothing is remembered of “{device}”."),
    N_("See the names with tolmach devices list."),
)
UID_TOO_LONG = Fault(
    "TLM-CLI-018",
    N_("Its {keyword} has {length} characters, and 64 are allowed: archives break the association over it."),
    N_("Export the image from the machine again, or give it a new one with the rule new_uid."),
)
OUTPUT_LOST = Fault(
    "TLM-CLI-019",
    N_("The output cannot be written: {why}."),
    N_("Free some space or write it somewhere else, then run the command again."),
)
NO_VALUE = Fault(
    "TLM-CLI-020",
    N_("{name} needs a value."),
    N_("Run “tolmach --help” to see how it is used."),
)

BAD_CONFIGURATION = Fault(
    "TLM-CFG-001", N_("{file}: {where}: {why}."), N_("Correct the configuration; tolmach config check tries it out.")
)
UNKNOWN_KEY = Fault(
    "TLM-CFG-002",
    N_("{file}: {where} is not a setting; the nearest is {nearest}."),
    N_("Correct the configuration; tolmach config check tries it out."),
)
NO_CONFIGURATION = Fault(
    "TLM-CFG-003", N_("{file} cannot be read: {why}"), N_("Check the path, or correct the file at the place named.")
)
UNKNOWN_PROFILE = Fault(
    "TLM-CFG-004",
    N_("There is no profile “{name}”; there are: {known}."),
    N_("Correct the name, or add a [[profile]] with it to the configuration."),
)
UNKNOWN_PEER = Fault(
    "TLM-CFG-005",
    N_("There is no peer “{name}”; there are: {known}."),
    N_("Write the destination as AETITLE@host:port, or add a [[peer]] with that name."),
)
BAD_TABLE = Fault(
    "TLM-CFG-006", N_("The table {file} cannot be used: {why}"), N_("It must be a UTF-8 text with two columns.")
)
NOT_UTF_8 = Fault(
    "TLM-CFG-007",
    N_("{file} is not UTF-8 text."),
    N_("Open it in an editor and save it again with the encoding UTF-8."),
)
NOT_A_DICOM_PEER = Fault(
    "TLM-CFG-008",
    N_("The peer “{name}” is of kind {kind} and does not speak DICOM."),
    N_("Name a peer of kind dicom."),
)
CONFIGURATION_THERE = Fault(
    "TLM-CFG-009",
    N_("{file} is there already, and it is not as init writes it."),
    N_("It was left as it is. Go on editing it, or name another file: tolmach init FILE."),
)


class BadCall(NeedsOperator):
    """The program was called in a way it cannot follow; exit status 2."""


class BadConfiguration(NeedsOperator):
    """The configuration cannot be used; exit status 2."""


UNSAFE_TEST = Fault(
    "TLM-SRV-001",
    N_("{name} is set: images are not safe, they are lost when the power fails."),
    N_("Unset it at once, unless this is a test of tolmach itself."),
)
USELESS_ROUTE = Fault(
    "TLM-SRV-002",
    N_("A route begins at {source}, which is not a configured peer with the right to store."),
    N_('Add a [[peer]] of that name with rights = ["store"], or correct the name in the route.'),
)
SECRETS_IN_THE_OPEN = Fault(
    "TLM-SRV-003",
    N_("The token or password for the peer {name} goes over the network unencrypted: its url begins with http://."),
    N_("Write https:// into the url of this peer, and let its server speak TLS; then change the password."),
)
BAD_TIME = Fault(
    "TLM-CLI-025",
    N_("“{text}” is no time."),
    N_("Write a date or time, as in 2026-11-22 or 2026-11-22T10:00, or how long ago: 90m, 2h, 3d."),
)
UNKNOWN_DESTINATION = Fault(
    "TLM-CLI-021",
    N_("There is no peer {name} in the configuration."),
    N_("Use one of: {known}."),
)
LEFT_OUT = Fault(
    "TLM-CLI-022",
    N_("Objects whose file is missing or damaged, and which are not in the backup: {count}."),
    N_("Run tolmach verify, which names them; the backup is good apart from that."),
)
MISSING_AFTER_RESTORE = Fault(
    "TLM-CLI-023",
    N_("The restored records know an object whose file is not there: {sha256}."),
    N_("Bring its file back from another backup, or have the image sent again; tolmach verify names what is missing."),
)
NEWER_BACKUP = Fault(
    "TLM-CLI-024",
    N_("{file} was written by a newer tolmach ({version})."),
    N_("Install that version, then restore; nothing was changed."),
)
NOT_PROVED = Fault(
    "TLM-CLI-026",
    N_("{peer} said that it stores the file, but did not prove it. {why}"),
    N_("Look for the image in the archive; if it is not there, send it again. --proof response trusts the answer."),
)


class NotProved(NeedsOperator):
    """The archive's word was good, and its proof is missing."""


RECORDS_GONE = Fault(
    "TLM-SRV-004",
    N_("The data folder {folder} holds images and no database: the records were lost."),
    N_("Restore a backup with tolmach restore, or make the records anew with tolmach rebuild; then start again."),
)


NOBODY_THERE = Fault(
    "TLM-SRV-005",
    N_("Lines of the queue for “{name}”, which is not configured as a destination: {count}."),
    N_("Configure a [[peer]] of that name, or give these lines up with tolmach queue drop --to {name}."),
)


class RecordsGone(NeedsOperator):
    """Stored objects are there, and nothing is known about them."""
