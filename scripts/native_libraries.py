"""Compiled libraries that other packages bring into the built program, or that the building machine gives.

A library is found by the first word of its file name: `libkrb5-f18b4d11.so.3.3` is `krb5`, `VCRUNTIME140.dll` is
`vcruntime`. One that is not here stops the licence notices, until somebody has read its licence and put it here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Library:
    """What one project's libraries are called, their licence as an SPDX expression, and where the source is.

    `packages` are those of Debian whose copyright file has the text; without one, the text of `packaging/licences`.
    """

    name: str
    words: frozenset[str]
    licence: str
    source: str
    packages: tuple[str, ...] = ()


def _library(name: str, words: str, licence: str, source: str, packages: str = "") -> Library:
    return Library(name, frozenset(words.split()), licence, source, tuple(packages.split()))


_GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"
_X = "https://gitlab.freedesktop.org/xorg/lib"

LIBRARIES = (
    _library("brotli", "brotlicommon brotlidec brotlienc", "MIT", "https://github.com/google/brotli", "libbrotli1"),
    _library("bzip2", "bz2", "bzip2-1.0.6", "https://sourceware.org/bzip2/", "libbz2-1.0"),
    _library(
        "Cyrus SASL",
        "sasl2",
        "BSD-Attribution-HPND-disclaimer",
        "https://github.com/cyrusimap/cyrus-sasl",
        "libsasl2-2",
    ),
    _library(
        "e2fsprogs com_err", "com_err", "MIT", "https://git.kernel.org/pub/scm/fs/ext2/e2fsprogs.git", "libcom-err2"
    ),
    _library("expat", "expat", "MIT", "https://github.com/libexpat/libexpat", "libexpat1"),
    _library("GCC runtime", "stdc++ gcc_s gfortran", _GCC, "https://gcc.gnu.org/git/gcc.git", "libstdc++6"),
    _library("libquadmath", "quadmath", "LGPL-2.1-or-later", "https://gcc.gnu.org/git/gcc.git", "libquadmath0"),
    _library("GNU C library (crypt)", "crypt", "LGPL-2.1-or-later", "https://sourceware.org/git/glibc.git", "libc6"),
    _library(
        "keyutils",
        "keyutils",
        "LGPL-2.1-or-later",
        "https://git.kernel.org/pub/scm/linux/kernel/git/dhowells/keyutils.git",
        "libkeyutils1",
    ),
    _library("libffi", "ffi", "MIT", "https://github.com/libffi/libffi", "libffi8"),
    _library(
        "libjpeg-turbo",
        "jpeg",
        "IJG AND BSD-3-Clause",
        "https://github.com/libjpeg-turbo/libjpeg-turbo",
        "libjpeg62-turbo",
    ),
    _library("liblzma", "lzma", "0BSD", "https://github.com/tukaani-project/xz", "liblzma5"),
    _library("libtiff", "tiff", "libtiff", "https://gitlab.com/libtiff/libtiff", "libtiff6"),
    _library("libuuid", "uuid", "BSD-3-Clause", "https://github.com/util-linux/util-linux", "libuuid1"),
    _library(
        "libwebp",
        "webp webpmux webpdemux sharpyuv",
        "BSD-3-Clause",
        "https://chromium.googlesource.com/webm/libwebp",
        "libwebp7",
    ),
    _library("Little CMS", "lcms2", "MIT", "https://github.com/mm2/Little-CMS", "liblcms2-2"),
    _library(
        "Kerberos", "gssapi_krb5 krb5 k5crypto krb5support", "MIT", "https://github.com/krb5/krb5", "libgssapi-krb5-2"
    ),
    _library("OpenBLAS", "scipy_openblas64_ openblas", "BSD-3-Clause", "https://github.com/OpenMathLib/OpenBLAS"),
    _library("OpenJPEG", "openjp2", "BSD-2-Clause", "https://github.com/uclouvain/openjpeg", "libopenjp2-7"),
    _library("OpenLDAP", "ldap lber", "OLDAP-2.8", "https://git.openldap.org/openldap/openldap", "libldap-2.5-0"),
    _library("OpenSSL", "ssl crypto", "Apache-2.0", "https://github.com/openssl/openssl", "libssl3"),
    _library("PostgreSQL client", "pq", "PostgreSQL", "https://git.postgresql.org/git/postgresql.git", "libpq5"),
    _library("SQLite", "sqlite3", "blessing", "https://sqlite.org/src", "libsqlite3-0"),
    _library(
        "xcb and its tools",
        "xcb xcb-cursor xcb-icccm xcb-image xcb-keysyms xcb-randr xcb-render xcb-render-util"
        " xcb-shape xcb-shm xcb-sync xcb-util xcb-xfixes xcb-xkb",
        "MIT",
        _X,
        "libxcb1 libxcb-cursor0",
    ),
    _library("libXau", "xau", "MIT", _X, "libxau6"),
    _library(
        "xkbcommon", "xkbcommon xkbcommon-x11", "MIT", "https://github.com/xkbcommon/libxkbcommon", "libxkbcommon0"
    ),
    _library("zlib", "z", "Zlib", "https://github.com/madler/zlib", "zlib1g"),
    _library("Zstandard", "zstd", "BSD-3-Clause", "https://github.com/facebook/zstd", "libzstd1"),
    _library("ICU", "icudata icui18n icuuc", "Unicode-3.0", "https://github.com/unicode-org/icu", "libicu72 libicu74"),
    # Windows alone.
    _library(
        "Microsoft Visual C++ runtime",
        "vcruntime msvcp concrt ucrtbase api-ms-win",
        "LicenseRef-Microsoft-Redistributable",
        "https://learn.microsoft.com/cpp/windows/redistributing-visual-cpp-files",
    ),
)

# What the building machine gives is taken along only when it is here: what a machine with a desktop may well lack.
# The rest (C and C++ libraries, X11, fontconfig, FreeType, D-Bus, GLib, GL) belongs to the system and has to fit it.
TAKEN_FROM_SYSTEM = frozenset(
    "brotlicommon brotlidec bz2 com_err crypto ffi gssapi_krb5 k5crypto keyutils krb5 krb5support lzma"
    " sqlite3 ssl uuid xcb-cursor xcb-icccm xcb-image xcb-keysyms xcb-randr xcb-render xcb-render-util xcb-shape"
    " xcb-shm xcb-sync xcb-util xcb-xfixes xcb-xkb xkbcommon xkbcommon-x11 z zstd".split()
)
_HASH = re.compile(r"-[0-9a-f]{8}(?=[.-]|$)")
_WINDOWS = re.compile(r"^(api-ms-win|vcruntime|msvcp|concrt|ucrtbase)")
_VERSION = re.compile(r"-\d+(_\d+)*(-x64)?$")


def word_of(file_name: str) -> str:
    """Give the word a library is known by, without prefix, hash and version."""
    name = _HASH.sub("", file_name)
    if name.lower().endswith(".dll"):
        stem = name[:-4].lower()
        known = _WINDOWS.match(stem)
        return known[1] if known else _VERSION.sub("", stem).removeprefix("lib")
    stem = name.partition(".so")[0].removeprefix("lib")
    return stem.lower() if stem != "stdc++" else stem


def is_bundled_by_a_wheel(file_name: str) -> bool:
    """Whether the name has the hash that wheels give to libraries they bring along."""
    return _HASH.search(file_name) is not None


def library_of(path: str) -> Library | None:
    """Give what a file is, or None when nobody has said yet."""
    word = word_of(PurePosixPath(path.replace("\\", "/")).name)
    return next((library for library in LIBRARIES if word in library.words), None)
