"""Letters: code pages found and spoilt text mended, beside chardet, charset-normalizer and ftfy on the same data.

Names are the hold-out lists of tests/data/text, which the model was not built from. A row counts exact decoded text
over five code pages (cp1251, cp866 or cp1125, koi8-r or koi8-u, ISO 8859-5, Mac Cyrillic); "told" means that the peer
was given these code pages as the only ones possible, which tolmach is not.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import chardet
import charset_normalizer
import ftfy

from tolmach.text.code_pages import decode, encode
from tolmach.text.detect import detect
from tolmach.text.fold import fold_keys
from tolmach.text.spoil import undo
from tolmach.text.translit import transliterate

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "text"
FAMILIES = (("cp1251",), ("cp866", "cp1125"), ("koi8-r", "koi8-u"), ("iso-8859-5",), ("mac-cyrillic",))
CODECS = ["cp1251", "cp866", "cp1125", "koi8_r", "koi8_u", "iso8859_5", "mac_cyrillic"]
CHARDET_NAMES = ["windows-1251", "cp866", "cp1125", "koi8-r", "koi8-u", "iso-8859-5", "maccyrillic"]
PEER_NAMES = 40  # names of each list the peers are asked about; they need milliseconds for each
LANGUAGES = {"uk": "Ukrainian", "ru": "Russian"}
OTHERS = {
    "de": "latin-1", "fr": "latin-1", "es": "latin-1", "pt": "latin-1", "sv": "latin-1", "pl": "iso8859-2",
    "cs": "iso8859-2", "hu": "iso8859-2", "ro": "iso8859-2", "tr": "iso8859-9", "el": "iso8859-7", "he": "iso8859-8",
    "ar": "iso8859-6",
}  # fmt: skip
CHAINS = (
    ("cp1251", "latin-1"), ("cp1251", "iso8859-5"), ("cp1251", "koi8-r"), ("cp866", "cp1251"), ("cp866", "latin-1"),
    ("koi8-r", "latin-1"), ("koi8-r", "cp1251"), ("iso8859-5", "latin-1"), ("iso8859-5", "cp1251"),
    ("utf-8", "latin-1"), ("utf-8", "cp1252"), ("utf-8", "cp1251"), ("utf-8", "iso8859-5"), ("mac-cyrillic", "cp1251"),
)  # fmt: skip
BINS = (0.999, 0.99, 0.95, 0.9)

Case = tuple[str, bytes]
Reader = Callable[[bytes], str | None]


def words(name: str) -> list[str]:
    lines = (DATA / f"holdout_{name}.txt").read_text(encoding="utf-8").splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def shapes(language: str) -> dict[str, list[str]]:
    surnames = words(f"{language}_surnames") + words(f"{language}_fresh")
    given = words(f"{language}_given")
    numbers = [zlib.crc32(name.encode()) for name in surnames]
    pairs = [f"{name}^{given[number % len(given)]}" for name, number in zip(surnames, numbers, strict=True)]
    initials = [
        f"{name}^{given[number % len(given)][0]}^{given[number // 64 % len(given)][0]}"
        for name, number in zip(surnames, numbers, strict=True)
    ]
    return {
        "SURNAME^FIRST": [text.upper() for text in pairs],
        "SURNAME": [text.upper() for text in surnames],
        "SURNAME^F^M": [text.upper() for text in initials],
        "Surname^First": pairs,
        "Surname": surnames,
        "surname": [text.lower() for text in surnames],
    }


def spelled(texts: Iterable[str]) -> list[tuple[str, str, bytes]]:
    made = []
    for text in texts:
        for family in FAMILIES:
            found = next(((page, raw) for page in family if (raw := encode(text, page)) is not None), None)
            if found is not None:
                made.append((family[0], text, found[1]))
    return made


def tolmach_reads(raw: bytes) -> str | None:
    page = detect([raw]).code_page
    return None if page is None else decode(raw, page)


def by_name(raw: bytes, name: str | None) -> str | None:
    try:
        return None if name is None else raw.decode(name)
    except (LookupError, UnicodeDecodeError):
        return None


def chardet_reads(raw: bytes) -> str | None:
    return by_name(raw, chardet.detect(raw)["encoding"])


def chardet_told_reads(raw: bytes) -> str | None:
    return by_name(raw, chardet.detect(raw, include_encodings=CHARDET_NAMES)["encoding"])


def normalizer_reads(raw: bytes) -> str | None:
    best = charset_normalizer.from_bytes(raw).best()
    return None if best is None else by_name(raw, best.encoding)


def normalizer_told_reads(raw: bytes) -> str | None:
    best = charset_normalizer.from_bytes(raw, cp_isolation=CODECS).best()
    return None if best is None else by_name(raw, best.encoding)


PEERS: dict[str, Reader] = {
    "chardet": chardet_reads,
    "chardet told": chardet_told_reads,
    "c-normalizer": normalizer_reads,
    "c-n told": normalizer_told_reads,
}


def share(part: int, whole: int) -> float:
    return 100 * part / max(whole, 1)


def accuracy() -> list[str]:
    missed = []
    print(f"{'names':26}{'n':>6}{'tolmach':>9}{'wrong':>7}" + "".join(f"{name:>14}" for name in PEERS))
    for language, full in LANGUAGES.items():
        for shape, texts in shapes(language).items():
            cases = spelled(texts)
            answers = [(text, tolmach_reads(raw)) for _, text, raw in cases]
            right = share(sum(text == answer for text, answer in answers), len(cases))
            wrong = share(sum(answer not in (None, text) for text, answer in answers), len(cases))
            few = spelled(texts[:: max(1, len(texts) // PEER_NAMES)])
            peers = [share(sum(reader(raw) == text for _, text, raw in few), len(few)) for reader in PEERS.values()]
            row = "".join(f"{peer:14.1f}" for peer in peers)
            print(f"{full + ' ' + shape:26}{len(cases):6}{right:9.2f}{wrong:7.2f}{row}", flush=True)
            bar = {"SURNAME^FIRST": 99.0, "SURNAME": 97.0}.get(shape, 0.0)
            if right < bar or (bar and wrong > 0.2):
                missed.append(f"{full} {shape}")
    return missed


def by_code_page() -> None:
    print(f"\n{'upper case, by code page':26}" + "".join(f"{family[0]:>14}" for family in FAMILIES))
    for language, full in LANGUAGES.items():
        for shape in ("SURNAME^FIRST", "SURNAME"):
            cases = spelled(shapes(language)[shape])
            row = ""
            for family in FAMILIES:
                mine = [(text, raw) for page, text, raw in cases if page == family[0]]
                row += f"{share(sum(tolmach_reads(raw) == text for text, raw in mine), len(mine)):14.2f}"
            print(f"{full + ' ' + shape:26}{row}")


def other_scripts() -> list[tuple[str, bytes]]:
    cases = []
    for language, page in OTHERS.items():
        for word in words(f"{language}_words"):
            for text in sorted({word, word.upper()}):
                raw = encode(text, page)
                if raw is not None and not raw.isascii():
                    cases.append((page, raw))
    return cases


def traps() -> list[str]:
    cases = other_scripts()
    labelled = sum(detect([raw], declared=page).outcome == "cyrillic" for page, raw in cases)
    bare = sum(detect([raw]).outcome == "cyrillic" for _, raw in cases)
    few = cases[:: len(cases) // 200]
    peer = sum(is_cyrillic(chardet_reads(raw)) for _, raw in few)
    told = sum(is_cyrillic(normalizer_reads(raw)) for _, raw in few)
    print(f"\nnames of {len(OTHERS)} other languages called Cyrillic, of {len(cases)}:")
    print(
        f"tolmach {share(labelled, len(cases)):.2f} % with a label and {share(bare, len(cases)):.2f} % without,", end=""
    )
    print(f" chardet {share(peer, len(few)):.1f} %, charset-normalizer {share(told, len(few)):.1f} %")
    return ["other scripts"] if share(labelled + bare, 2 * len(cases)) > 0.5 else []


def is_cyrillic(text: str | None) -> bool:
    return text is not None and any("\u0400" <= character <= "\u04ff" for character in text)


def reliability() -> list[str]:
    counts = {low: [0, 0, 0.0] for low in BINS}
    cases: list[tuple[str | None, bytes]] = [
        (text, raw) for language in LANGUAGES for texts in shapes(language).values() for _, text, raw in spelled(texts)
    ]
    cases += [(None, raw) for _, raw in other_scripts()]
    unsure = 0
    for text, raw in cases:
        found = detect([raw])
        low = next((low for low in BINS if found.confidence >= low), None)
        if found.outcome == "unsure" or low is None:
            unsure += 1
            continue
        answer = None if found.code_page is None else decode(raw, found.code_page)
        counts[low][0] += 1
        counts[low][1] += answer == text
        counts[low][2] += found.confidence
    print(f"\n{'confidence':>12}{'verdicts':>10}{'says':>9}{'right':>9}")
    for low, (number, right, said) in counts.items():
        print(f"{'>= ' + str(low):>12}{number:10.0f}{share(said, number):9.2f}{share(right, number):9.2f}")
    total, wrong = sum(row[0] for row in counts.values()), sum(row[0] - row[1] for row in counts.values())
    print(
        f"of {total:.0f} verdicts >= 0.9, {share(wrong, total):.3f} % wrong; unsure or below: {unsure} of {len(cases)}"
    )
    return ["reliability"] if share(wrong, total) > 0.2 else []


def misread(raw: bytes, page: str) -> str:
    return "".join(bytes((byte,)).decode(page, "ignore") or chr(byte) for byte in raw)


def mending() -> list[str]:
    print(f"\n{'spoilt SURNAME^FIRST':26}{'n':>6}{'tolmach':>9}{'wrong':>7}{'ftfy':>14}")
    total_wrong = total = 0
    for were, taken_for in CHAINS:
        number = mended = wrong = fixed = 0
        for language in LANGUAGES:
            for text in shapes(language)["SURNAME^FIRST"][::3]:
                raw = encode(text, were)
                if raw is None:
                    continue
                spoilt = misread(raw, taken_for)
                found = undo(spoilt)
                number += 1
                mended += found is not None and found.text == text
                wrong += found is not None and found.text != text
                fixed += ftfy.fix_encoding(spoilt) == text
        total, total_wrong = total + number, total_wrong + wrong
        name = f"{were} as {taken_for}"
        print(f"{name:26}{number:6}{share(mended, number):9.1f}{share(wrong, number):7.2f}{share(fixed, number):14.1f}")
    right = [text for name in (*LANGUAGES, *OTHERS) for text in (words(f"{name}_words") if name in OTHERS else [])]
    right += [text for language in LANGUAGES for texts in shapes(language).values() for text in texts]
    touched = sum(undo(text) is not None for text in right)
    print(f"right texts touched: {touched} of {len(right)}; ftfy {sum(ftfy.fix_encoding(t) != t for t in right)}")
    return ["mending"] if share(total_wrong, total) > 0.2 or touched else []


def speed() -> list[str]:
    phrases = ["Міська лікарня", "Рентген органів грудної клітки", "пряма проекція", "Кабінет", "Огляд", "легені"]
    names = shapes("uk")["SURNAME^FIRST"][:150]
    files = [
        [text.encode(page) for text in (name, *phrases[: 3 + number % 4])] + [b"CHEST", b"PA"]
        for number, name in enumerate(names)
        for page in ("cp1251", "cp1125", "koi8_u", "utf-8")
    ]
    ours = timed(lambda values: detect(values), files)
    joined = [[b" ".join(values)] for values in files[::20]]
    print(f"\none file of 6 to 9 values, median: tolmach {ours:.3f} ms", end="")
    print(f", chardet {timed(lambda values: chardet.detect(values[0]), joined):.2f} ms", end="")
    print(
        f", charset-normalizer {timed(lambda values: charset_normalizer.from_bytes(values[0]).best(), joined):.2f} ms"
    )
    program = "import time; from tolmach.text.language import model; s = time.perf_counter(); model(); "
    program += "print(time.perf_counter() - s)"
    loads = [float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(5)]
    load = statistics.median(loads) * 1000
    texts = [[name.encode()] for name in names]
    fold, latin = (
        timed(lambda values, work=work: work(values[0].decode()), texts) * 1000  # type: ignore[misc]
        for work in (fold_keys, lambda text: transliterate(text, "uk-kmu55"))
    )
    print(f"the model loads in {load:.0f} ms; one name: search keys {fold:.0f} µs, transliteration {latin:.0f} µs")
    return (["speed"] if ours > 0.3 else []) + (["load"] if load > 20 else [])


def timed(work: Callable[[list[bytes]], object], files: list[list[bytes]]) -> float:
    times = []
    for values in files:
        start = time.perf_counter()
        work(values)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def main() -> int:
    missed = accuracy()
    by_code_page()
    missed += traps() + reliability() + mending() + speed()
    if missed:
        print("below the bar: " + ", ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
