#!/usr/bin/env bash
# Installs the real peers the tests talk to (DCMTK, Orthanc), what the fault tests and windows need, as the system's packages.
# May be repeated.
# When it cannot, it says so in one line and ends well: the tests that need the peers will then fail, and say which.
set -euo pipefail

# program or file:package
wanted=(
    dcmdump:dcmtk dcmsend:dcmtk echoscu:dcmtk storescp:dcmtk findscu:dcmtk movescu:dcmtk getscu:dcmtk
    gdcmscu:libgdcm-tools Orthanc:orthanc
    /usr/share/orthanc/plugins/libOrthancDicomWeb.so:orthanc-dicomweb
    Xvfb:xvfb
    openssl:openssl strace:strace faketime:faketime mkfs.ext4:e2fsprogs mkfs.xfs:xfsprogs mount:mount
)
# What windows need: the libraries Qt loads for a screen, and letters to draw. Their papers stand at the same place on
# every architecture.
for package in libegl1 libgl1 libdbus-1-3 libfontconfig1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0 \
    libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 fonts-dejavu-core; do
    wanted+=("/usr/share/doc/$package:$package")
done
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf 'peers: %s\n' "$*" >&2; }

missing=()
for pair in "${wanted[@]}"; do
    command -v "${pair%%:*}" >/dev/null || [ -e "${pair%%:*}" ] || missing+=("${pair##*:}")
done
# Its programs stand in no PATH, but in a folder of their version.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -gt 0 ] || exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if ! command -v apt-get >/dev/null; then
    say "missing: ${missing[*]}; this system has no apt-get, so install them by hand. The tests that need them will fail."
    exit 0
fi
if [ "$(id -u)" = 0 ]; then
    root=(env)
elif sudo -n true 2>/dev/null; then
    root=(sudo -n env)
else
    say "missing: ${missing[*]}; not root and no sudo without a password. Run: sudo apt-get install ${missing[*]}. The tests that need them will fail."
    exit 0
fi

# Debian starts a service as soon as it is installed. The tests start their own Orthanc on a free port; nobody asked for
# one on 4242 and 8042, so services may not start during the installation, and Orthanc's does not start at boot either.
policy=/usr/sbin/policy-rc.d
forbid_services() {
    [ ! -e "$policy" ] || return 0
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
    trap '"${root[@]}" rm -f "$policy"' EXIT
}

say "installing ${missing[*]}"
forbid_services
if ! { "${root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
    "${root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"; } \
    </dev/null >/dev/null; then
    say "apt-get could not install ${missing[*]}; the lines above say why. The tests that need them will fail."
    exit 0
fi
if [[ " ${missing[*]} " == *" orthanc "* ]] && [ -d /run/systemd/system ]; then
    "${root[@]}" systemctl --quiet disable --now orthanc 2>/dev/null || say "could not switch off the orthanc service; it may hold ports 4242 and 8042"
fi
