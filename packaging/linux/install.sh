#!/bin/sh
# Puts the built program where it is found, or takes it away again. No network, nothing outside the places named here.
#
#   ./install.sh                 for you alone: ~/.local/opt/tolmach, ~/.local/bin/tolmach, a menu entry
#   sudo ./install.sh --system   for everybody: /opt/tolmach, /usr/local/bin/tolmach, a menu entry
#   ./install.sh --uninstall     [--system] takes the program away; configuration, data and services stay
#
# Running it again, or from a newer folder, replaces the program. DESTDIR=FOLDER puts everything below FOLDER, for packagers.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
marker=.tolmach-program
scope=user
action=install

fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
say() { printf '%s\n' "$*"; }

for argument in "$@"; do
    case $argument in
        --user) scope=user ;;
        --system) scope=system ;;
        --uninstall) action=uninstall ;;
        -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
        *) fail "what is $argument? Try --help." ;;
    esac
done

if [ "$scope" = system ]; then
    program=/opt/tolmach
    bin=/usr/local/bin
    share=/usr/local/share
else
    [ -n "${HOME:-}" ] || fail "HOME is not set"
    program=$HOME/.local/opt/tolmach
    bin=$HOME/.local/bin
    share=${XDG_DATA_HOME:-$HOME/.local/share}
fi
root=${DESTDIR:-}
entry=$share/applications/tolmach.desktop

require_writable() {
    if [ "$scope" = system ] && [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
        fail "for everybody it has to be run as root: sudo $0 --system"
    fi
}

# Only a folder that this script made is ever replaced or removed.
require_ours() {
    [ ! -e "$root$program" ] || [ -f "$root$program/$marker" ] || fail "$root$program is there and is not ours; move it away"
}

icons() { (cd "$here/share/icons" 2>/dev/null && find hicolor -type f) || true; }

refresh_menus() {
    [ -z "$root" ] || return 0
    if command -v update-desktop-database >/dev/null 2>&1; then
        update-desktop-database -q "$share/applications" || true
    fi
    # A cache of icons is renewed where there is one; the new time of the folder tells the others.
    if [ -f "$share/icons/hicolor/icon-theme.cache" ] && command -v gtk-update-icon-cache >/dev/null 2>&1; then
        gtk-update-icon-cache -q -t -f "$share/icons/hicolor" || true
    elif [ -d "$share/icons/hicolor" ]; then
        touch "$share/icons/hicolor"
    fi
}

install_program() {
    [ -x "$here/tolmach" ] && [ -d "$here/_internal" ] || fail "the program is not beside this script"
    new=$root$program.new
    rm -rf "$new"
    mkdir -p "$new"
    for part in tolmach _internal share LICENSE THIRD-PARTY-NOTICES.txt install.sh; do
        cp -R "$here/$part" "$new/"
    done
    # Nobody but its owner may change what everybody starts.
    chmod -R u+rwX,go+rX,go-w "$new"
    : >"$new/$marker"
    if [ -e "$root$program" ]; then
        rm -rf "$root$program.old"
        mv "$root$program" "$root$program.old"
    fi
    mv "$new" "$root$program"
    rm -rf "$root$program.old"
}

install_links() {
    mkdir -p "$root$bin" "$root$share/applications"
    if [ -e "$root$bin/tolmach" ] && [ ! -L "$root$bin/tolmach" ]; then
        fail "$root$bin/tolmach is there and is not ours; move it away, then run this again"
    fi
    ln -sfn "$program/tolmach" "$root$bin/tolmach"
    # A menu need not know the PATH of a shell.
    escaped=$(printf '%s' "$program/tolmach" | sed 's/[\\|&]/\\&/g')
    sed -e "s|^Exec=tolmach|Exec=\"$escaped\"|" -e "s|^TryExec=.*|TryExec=$escaped|" \
        "$here/share/applications/tolmach.desktop" >"$root$entry"
    icons | while IFS= read -r icon; do
        mkdir -p "$root$share/icons/$(dirname -- "$icon")"
        cp "$here/share/icons/$icon" "$root$share/icons/$icon"
    done
}

remove_everything() {
    if [ "$(readlink "$root$bin/tolmach" 2>/dev/null || true)" = "$program/tolmach" ]; then
        rm -f "$root$bin/tolmach"
    fi
    rm -f "$root$entry"
    find "$root$share/icons/hicolor" -type f \( -name tolmach.png -o -name tolmach.svg \) -path '*/apps/*' \
        -exec rm -f {} + 2>/dev/null || true
    rm -rf "$root$program"
}

require_writable
require_ours
umask 022
if [ "$action" = uninstall ]; then
    remove_everything
    refresh_menus
    say "tolmach was removed. Configuration and data stay where they are."
    [ "$scope" = user ] || say "A service of systemd, if one was installed, is removed with: tolmach service remove (before this)"
    exit 0
fi
install_program
install_links
refresh_menus
say "tolmach is at $root$program/tolmach"
case ":$PATH:" in
    *":$bin:"*) ;;
    *) say "$bin is not in your PATH; log in anew, or add it." ;;
esac
if [ "$scope" = system ]; then
    say "To let the agent run with the machine: tolmach --config FILE service install (systemd); after an upgrade: systemctl restart tolmach"
fi
