"""Letters and signs that ISO 8859-5 lacks, and what may stand for them there.

Only for a receiver that reads nothing but ISO_IR 144; UTF-8 needs no substitutes.
"""

from __future__ import annotations

# ISO 8859-5 holds neither Ґ nor typographic signs. Each substitute is what people write by hand in its place.
_FOR_ISO_8859_5 = str.maketrans(
    {
        "Ґ": "Г",
        "ґ": "г",
        "«": '"',
        "»": '"',
        "“": '"',
        "”": '"',
        "„": '"',
        "‘": "'",
        "’": "'",
        "ʼ": "'",
        "–": "-",
        "—": "-",
        "…": "...",
        "°": "гр.",
    }
)


def for_iso_8859_5(text: str) -> bytes | None:
    """Give text as ISO 8859-5 with substitutes where that is usual; None when a letter has none (Kazakh, for one)."""
    try:
        return text.translate(_FOR_ISO_8859_5).encode("iso8859_5")
    except UnicodeEncodeError:
        return None
