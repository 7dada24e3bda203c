"""What `tolmach doctor` can find wrong with an installation, beside what other parts tell of themselves."""

from __future__ import annotations

from tolmach.base import N_, Fault

NOT_WRITABLE = Fault(
    "TLM-SRV-200",
    N_("Nothing can be written into {folder}: {why}."),
    N_("Give the account that runs tolmach the right to write there, or correct the folder in the configuration."),
)
TABLES_OLDER = Fault(
    "TLM-SRV-201",
    N_("The records in {path} are of an older version ({version}); the next start brings them up to {known}."),
    N_("Make a backup before you start tolmach: tolmach backup FILE. An older tolmach cannot read them afterwards."),
)
CLOCK_IMPOSSIBLE = Fault(
    "TLM-SRV-202",
    N_("The clock of this machine says {now}, which cannot be."),
    N_("Set the clock and have it kept right (NTP): ages, expiry dates and certificates go by it."),
)
CLOCK_WENT_BACK = Fault(
    "TLM-SRV-203",
    N_("The records were last written at {at}, and the clock of this machine says {now}."),
    N_("Set the clock and have it kept right (NTP). Nothing is lost, but ages and dates are wrong until then."),
)
CLOCKS_DIFFER = Fault(
    "TLM-SRV-204",
    N_("The clock of {where} differs from this machine's by {seconds} s."),
    N_("Have both kept right by the same time server (NTP)."),
)
PORT_TAKEN = Fault(
    "TLM-SRV-205",
    N_("tolmach would not be able to listen on {address}: {why}."),
    N_("Stop the program that has this port, or give tolmach another address or port in the configuration."),
)
NOT_READABLE = Fault(
    "TLM-SRV-206",
    N_("The folder {folder} of “{name}” cannot be read: {why}."),
    N_("Look whether it is there and connected, and whether the account that runs tolmach may read it."),
)
STAYS_THERE = Fault(
    "TLM-SRV-207",
    N_("Files in {folder} of “{name}” could not be moved or deleted after delivery: {why}."),
    N_('Give the account that runs tolmach the right to write there, or set after = "keep" for this watch.'),
)
WEB_REFUSES = Fault(
    "TLM-SRV-208",
    N_("The web server of {peer} answers a test question with HTTP status {status}."),
    N_("401 or 403: correct token or password of this peer. Else check its url, and the log of that server."),
)
NOT_CONNECTED = Fault(
    "TLM-SRV-209",
    N_("{name} cannot be reached at {address}: {why}."),
    N_("Check that it runs, its host and port in the configuration, and the network between."),
)
LETTERS_BROKEN = Fault(
    "TLM-SRV-210",
    N_("The tables of letters do not recognise {code_page} any more."),
    N_("Install tolmach anew: some of its files are missing or damaged. Until then names would stay as they are."),
)
CERTIFICATE_ENDS = Fault(
    "TLM-SRV-211",
    N_("The certificate in {file} is valid until {until} only."),
    N_("Get a new one, put it in its place, and restart tolmach serve; nothing that waits is lost by that."),
)
CERTIFICATE_OVER = Fault(
    "TLM-SRV-212",
    N_("The certificate in {file} is not valid now, only from {since} until {until}."),
    N_("Look at the clock of this machine first. If it is right: get a new one, and restart tolmach serve."),
)
CERTIFICATE_UNREADABLE = Fault(
    "TLM-SRV-213",
    N_("The certificate in {file} cannot be read: {why}."),
    N_("Check the path and the rights of the file; it must be PEM."),
)
FEW_FILES = Fault(
    "TLM-SRV-214",
    N_("The file system of {folder} has room for {count} more files only."),
    N_("Delete files there that nobody needs: without room for more, images are refused, also where bytes are free."),
)
TOKEN_ENDS = Fault(
    "TLM-SRV-215",
    N_("The token {name} is valid until {until} only."),
    N_("Make a new one with tolmach token create and give it to whoever uses this one."),
)
PROGRAM_BROKEN = Fault(
    "TLM-SRV-216",
    N_("The texts in {language} are missing."),
    N_("Install tolmach anew: some of its files are missing or damaged."),
)
UNKNOWN_TO_PEERS = Fault(
    "TLM-SRV-217",
    N_("{ae_title} at {host} called and is not configured: {count} times, last at {at}."),
    N_("If it is one of yours, add a [[peer]] with its AE title and address; else find out who it is."),
)

# Security -----------------------------------------------------------------------------------------------------------

PLAIN_PUBLIC_URL = Fault(
    "TLM-SRV-230",
    N_("Callers are told to come to {url}: tokens and images go unencrypted."),
    N_("Let the server in front speak TLS, and write https:// into public_url of [http]."),
)
DICOM_IN_THE_OPEN = Fault(
    "TLM-SRV-231",
    N_("Other machines reach the DICOM port {address}, and nothing on it is encrypted."),
    N_("Give [dicom.tls] certificates and a tls_port, and keep devices that cannot use it in a network of their own."),
)
DICOM_EVERYWHERE = Fault(
    "TLM-SRV-232",
    N_("The DICOM port {port} is open on every address of this machine."),
    N_("Write the one address that the devices use into host of [dicom]."),
)
NO_CLIENT_CERTIFICATES = Fault(
    "TLM-SRV-233",
    N_("Callers of the encrypted DICOM port need not show a certificate."),
    N_("Set client_certificates = true in [dicom.tls], and give each device a certificate."),
)
CALLS_FROM_ANYWHERE = Fault(
    "TLM-SRV-234",
    N_("The peer {name} may call from {host}, which is {count} addresses: an AE title alone proves nothing."),
    N_("Write its own address into host, or a network as small as possible."),
)
PEER_IN_THE_OPEN = Fault(
    "TLM-SRV-235",
    N_("Images go to {name} unencrypted."),
    N_("Set tls = true for this peer (https:// in the url of a web server), where it can."),
)
NAME_NOT_CHECKED = Fault(
    "TLM-SRV-236",
    N_("The certificate of {name} is believed whatever name it bears."),
    N_("Have a certificate made with its host name, then leave tls_check_name out."),
)
TOKEN_WITHOUT_END = Fault(
    "TLM-SRV-237",
    N_("The token {name} ({role}) is valid until {until}: longer than a year."),
    N_("Make a new one with tolmach token create, then revoke this one: tolmach token revoke --name {name}."),
)
TOKEN_IDLE = Fault(
    "TLM-SRV-238",
    N_("The token {name} ({role}) has not been used for {days} days."),
    N_("If nobody needs it any more: tolmach token revoke --name {name}."),
)
OPEN_TO_OTHERS = Fault(
    "TLM-SRV-239",
    N_("Other accounts of this machine may read or change {path} (mode {mode})."),
    N_("Let only the account that runs tolmach in: chmod {better} {path}"),
)
SECRET_IN_FILE = Fault(
    "TLM-SRV-240",
    N_("{file} holds a secret ({where}), and other accounts may read it (mode {mode})."),
    N_("Write ${{NAME}} in its place, NAME=… into the .env file beside it, change the secret; chmod {better} {file}"),
)
KEY_OPEN = Fault(
    "TLM-SRV-241",
    N_("The private key {path} can be read by other accounts (mode {mode})."),
    N_("chmod {better} {path}; if others could log in here, have the certificate made anew with another key."),
)
DEFAULT_TITLE = Fault(
    "TLM-SRV-242",
    N_("Our AE title is {ae_title}, as shipped, and other machines reach the DICOM port."),
    N_("Choose one of your own in [dicom], and tell it to the devices: strangers try the known ones first."),
)
DEFAULT_TITLE_OF_PEER = Fault(
    "TLM-SRV-243",
    N_("The peer {name} may call under {ae_title}, the title its program is shipped with."),
    N_("Give that program an AE title of its own, and write it into the configuration."),
)
PLAIN_BUCKET = Fault(
    "TLM-SRV-244",
    N_("Objects and the signatures of requests go to {server} unencrypted."),
    N_("Write https:// into the endpoint of objects, and let that server speak TLS (ca=FILE names its authority)."),
)
PLAIN_DATABASE = Fault(
    "TLM-SRV-245",
    N_("Connections to the database on {host} may go unencrypted (sslmode={mode})."),
    N_("Add ?sslmode=verify-full to database, and sslrootcert=FILE where the authority is your own."),
)
DATABASE_NOT_CHECKED = Fault(
    "TLM-SRV-246",
    N_("Anybody could answer in the place of the database on {host}: sslmode={mode} does not check who does."),
    N_("Use sslmode=verify-full in database, and sslrootcert=FILE where the authority is your own."),
)
RUNS_AS_ROOT = Fault(
    "TLM-SRV-247",
    N_("tolmach runs as root, which may do everything on this machine; its data folder is {folder}."),
    N_("Make an account for it (see docs/running.md), give it the data folder, and run it as that one."),
)
WEBHOOK_UNSIGNED = Fault(
    "TLM-SRV-248",
    N_("The receiver of notices at {server} cannot tell whether they are from tolmach: there is no webhook_token."),
    N_("Set webhook_token in [notice], and have the receiver refuse what comes without it."),
)
NOTICES_IN_THE_OPEN = Fault(
    "TLM-SRV-249",
    N_("Notices go to {server} unencrypted."),
    N_('Use smtp_tls = "starttls" or "tls", and a webhook_url that begins with https://.'),
)
AUDIT_LOG_EMPTY = Fault(
    "TLM-SRV-250",
    N_("Tokens were made, and the audit log knows nothing of it: it was emptied or replaced."),
    N_("Find out who had access to the database. Compare it with a backup, and revoke all tokens: tolmach token list."),
)
