"""Who may call: AE title and address must belong to one caller; names are resolved rarely and never forgotten."""

import pytest

from tolmach.adapters.dimse.allow_list import AllowList, Caller, resolve
from tolmach.adapters.dimse.errors import BadAddress


class NameServer:
    """Answers from a table and counts who asked."""

    def __init__(self, table: dict[str, list[str]]) -> None:
        self.table = table
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host not in self.table:
            raise OSError("not known")
        return self.table[host]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def allow_list(clock: Clock, *callers: Caller, names: NameServer | None = None) -> AllowList:
    return AllowList(callers, clock, names or NameServer({}))


CT = Caller("ct", "CT1", ("10.0.0.5", "10.1.0.0/16", "fd00::/8"))


@pytest.mark.parametrize(
    ("ae_title", "host", "known"),
    [
        ("CT1", "10.0.0.5", True),
        ("CT1", "10.1.255.255", True),
        ("CT1", "10.2.0.0", False),
        ("CT1", "10.0.0.50", False),
        ("CT1", "fd12::1", True),
        ("CT1", "fe80::1%eth0", False),
        ("CT1", "::ffff:10.0.0.5", True),  # how an IPv4 peer looks on an IPv6 socket
        ("ct1", "10.0.0.5", False),
        ("", "10.0.0.5", False),
        ("CT1 ", "10.0.0.5", False),
    ],
)
def test_both_title_and_address_must_match(clock: Clock, ae_title: str, host: str, known: bool) -> None:
    assert (allow_list(clock, CT).find(ae_title, host) is CT) is known


def test_the_address_of_one_does_not_lend_itself_to_the_title_of_another(clock: Clock) -> None:
    mr = Caller("mr", "MR1", ("10.0.0.6",))
    callers = allow_list(clock, CT, mr)
    assert callers.find("CT1", "10.0.0.6") is None
    assert callers.find("MR1", "10.0.0.5") is None
    assert callers.find("MR1", "10.0.0.6") is mr


def test_one_title_at_two_places_is_two_callers(clock: Clock) -> None:
    second = Caller("second ct", "CT1", ("10.9.9.9",))
    callers = allow_list(clock, CT, second)
    assert callers.find("CT1", "10.9.9.9") is second
    assert callers.find("CT1", "10.0.0.5") is CT


def test_names_are_asked_for_at_the_start_and_then_rarely(clock: Clock) -> None:
    names = NameServer({"ct.clinic": ["10.0.0.7", "fd00::7"]})
    caller = Caller("ct", "CT1", ("ct.clinic",))
    callers = allow_list(clock, caller, names=names)
    assert names.asked == []
    callers.refresh()
    assert callers.find("CT1", "10.0.0.7") is caller
    assert callers.find("CT1", "fd00::7") is caller
    for _ in range(100):
        assert callers.find("CT1", "10.0.0.8") is None
        assert callers.find("OTHER", "10.0.0.8") is None
    assert names.asked == ["ct.clinic"]


def test_a_device_that_moved_is_found_at_its_new_address(clock: Clock) -> None:
    names = NameServer({"ct.clinic": ["10.0.0.7"]})
    caller = Caller("ct", "CT1", ("ct.clinic",))
    callers = allow_list(clock, caller, names=names)
    callers.refresh()
    names.table["ct.clinic"] = ["10.0.0.8"]
    clock.now += 61
    assert callers.find("CT1", "10.0.0.8") is caller
    assert callers.find("CT1", "10.0.0.7") is None
    assert names.asked == ["ct.clinic"] * 2


def test_while_the_name_server_is_down_what_was_known_counts(clock: Clock) -> None:
    names = NameServer({"ct.clinic": ["10.0.0.7"]})
    caller = Caller("ct", "CT1", ("ct.clinic",))
    callers = allow_list(clock, caller, names=names)
    callers.refresh()
    names.table.clear()
    clock.now += 61
    callers.refresh()
    assert names.asked == ["ct.clinic"] * 2
    assert callers.find("CT1", "10.0.0.7") is caller


@pytest.mark.parametrize("host", ["", "10.0.0.0/33", "a b", "ct.clinic/24"])
def test_what_is_neither_address_nor_name_is_refused(clock: Clock, host: str) -> None:
    with pytest.raises(BadAddress) as caught:
        allow_list(clock, Caller("ct", "CT1", (host,)))
    assert caught.value.code == "TLM-NET-005"


def test_the_system_knows_this_machine() -> None:
    assert {"127.0.0.1", "::1"} & set(resolve("localhost"))


def test_a_name_that_cannot_be_asked_for_is_not_there() -> None:
    with pytest.raises(OSError, match=r".+"):
        resolve("x" * 64 + ".invalid")
