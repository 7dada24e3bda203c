"""The UIDs of PS3.6 by keyword, and what a transfer syntax means for the bytes.

Standard: PS3.6 annex A; PS3.5 chapter 10 and annex A.
"""

from __future__ import annotations

from tolmach.dicom import uids_generated
from tolmach.dicom.uids_generated import *  # noqa: F403
from tolmach.dicom.uids_generated import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

SOP_CLASSES = uids_generated.SOP_CLASSES
TRANSFER_SYNTAXES = uids_generated.TRANSFER_SYNTAXES

# The syntaxes whose pixel data is not compressed, so that one can be rewritten as another without touching a pixel.
UNCOMPRESSED = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian})

# The root under which this project's own identifiers stand: a UUID-derived UID, which needs no registration.
# Standard: PS3.5 annex B.2.
IMPLEMENTATION_CLASS_UID = "2.25.30009361393486439330891315454748297344"


def name_of(uid: str) -> str:
    """Give the keyword of a SOP class or transfer syntax, or the UID itself when it is not in the tables."""
    return SOP_CLASSES.get(uid) or TRANSFER_SYNTAXES.get(uid) or uid


__all__ = [
    "IMPLEMENTATION_CLASS_UID",
    "SOP_CLASSES",
    "TRANSFER_SYNTAXES",
    "UNCOMPRESSED",
    "DeflatedExplicitVRLittleEndian",
    "ExplicitVRBigEndian",
    "ExplicitVRLittleEndian",
    "ImplicitVRLittleEndian",
    "name_of",
]
