"""Value Representations: how their lengths are written, how they are padded, which of them hold text.

Standard: PS3.5 sections 6.2, 7.1.2 and 6.1.2.3.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VR:
    """What tolmach needs to know of one Value Representation."""

    name: str
    long: bool = False  # 32-bit length after two reserved bytes in Explicit VR
    pad: bytes = b" "
    character_set: bool = False  # governed by Specific Character Set
    multi: bool = True  # a backslash separates values
    max_chars: int | None = None  # characters in one value (PN: in one component group)
    word: int = 1  # bytes that byte order applies to


# Standard: PS3.5 table 6.2-1 (character repertoire, length of value) and table 7.1-1 (long forms).
_TABLE = (
    VR("AE", max_chars=16),
    VR("AS", max_chars=4),
    VR("AT", pad=b"\0", word=2),
    VR("CS", max_chars=16),
    VR("DA", max_chars=18),
    VR("DS", max_chars=16),
    VR("DT", max_chars=54),
    VR("FD", pad=b"\0", word=8),
    VR("FL", pad=b"\0", word=4),
    VR("IS", max_chars=12),
    VR("LO", character_set=True, max_chars=64),
    VR("LT", character_set=True, multi=False, max_chars=10240),
    VR("OB", long=True, pad=b"\0"),
    VR("OD", long=True, pad=b"\0", word=8),
    VR("OF", long=True, pad=b"\0", word=4),
    VR("OL", long=True, pad=b"\0", word=4),
    VR("OV", long=True, pad=b"\0", word=8),
    VR("OW", long=True, pad=b"\0", word=2),
    VR("PN", character_set=True, max_chars=64),
    VR("SH", character_set=True, max_chars=16),
    VR("SL", pad=b"\0", word=4),
    VR("SQ", long=True, pad=b""),
    VR("SS", pad=b"\0", word=2),
    VR("ST", character_set=True, multi=False, max_chars=1024),
    VR("SV", long=True, pad=b"\0", word=8),
    VR("TM", max_chars=28),
    VR("UC", long=True, character_set=True),
    VR("UI", pad=b"\0", max_chars=64),
    VR("UL", pad=b"\0", word=4),
    VR("UN", long=True, pad=b"\0"),
    VR("UR", long=True, multi=False),
    VR("US", pad=b"\0", word=2),
    VR("UT", long=True, character_set=True, multi=False),
    VR("UV", long=True, pad=b"\0", word=8),
)

VRS: dict[str, VR] = {vr.name: vr for vr in _TABLE}
SHORT_BY_CODE: dict[bytes, str] = {vr.name.encode(): vr.name for vr in _TABLE if not vr.long}
LONG_BY_CODE: dict[bytes, str] = {vr.name.encode(): vr.name for vr in _TABLE if vr.long}

# VRs whose characters Specific Character Set governs.
TEXT_VRS = frozenset(vr.name for vr in _TABLE if vr.character_set)
# VRs written with letters and digits of the default repertoire.
STRING_VRS = TEXT_VRS | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
