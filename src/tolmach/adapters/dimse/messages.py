"""A whole message as P-DATA-TF PDUs: a command set and, where there is one, its small data set.

Standard: PS3.8 section 9.3.5 and annex E, PS3.7 section 6.3.1.
"""

from __future__ import annotations

from tolmach.adapters.dimse import pdu, pdu_codec

LONGEST_PDU = 1 << 17  # where the peer would take even longer ones
_NO_LIMIT = 0


def fragment_length(max_pdu_length: int) -> int:
    """Give the even number of bytes that fit in one P-DATA-TF for a peer with this limit (0: none)."""
    limit = LONGEST_PDU if max_pdu_length == _NO_LIMIT else min(max_pdu_length, LONGEST_PDU)
    return max(limit, pdu.SMALLEST_PEER_PDU) - pdu.PDV_OVERHEAD & ~1


def part_pdus(context_id: int, raw: bytes, length: int, *, is_command: bool) -> list[pdu.Buffer]:
    """Give a command set or a data set in fragments of `length` bytes, each a PDU of its own."""
    if len(raw) <= length:
        header = pdu_codec.encode_p_data_header(context_id, len(raw), is_command=is_command, is_last=True)
        return [header, raw]
    view = memoryview(raw)
    buffers: list[pdu.Buffer] = []
    for start in range(0, len(view), length):
        fragment = view[start : start + length]
        is_last = start + len(fragment) == len(view)
        header = pdu_codec.encode_p_data_header(context_id, len(fragment), is_command=is_command, is_last=is_last)
        buffers += (header, fragment)
    return buffers


def message_pdus(context_id: int, command: bytes, data: bytes, length: int) -> list[pdu.Buffer]:
    """Give the PDUs of a message; `data` is empty where no data set follows."""
    buffers = part_pdus(context_id, command, length, is_command=True)
    return buffers + part_pdus(context_id, data, length, is_command=False) if data else buffers
