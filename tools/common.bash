# SPDX-License-Identifier: LGPL-2.1-or-later
# What ./quickstart and ./check share. Sourced, never run.

say() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Runs a command as root: directly, or by sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        die "needs root for: $*  (no sudo here; run it as root, then start me again)"
    fi
}

# packages_of GROUP…: their packages in tools/packages.
packages_of() {
    local group
    for group; do
        sed -n "s/^$group: //p" "$ROOT/tools/packages"
    done | tr '\n' ' '
}

# Installs those of the packages that are missing. Nothing is asked of the network when none is.
install_packages() {
    local missing=() p
    for p; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2> /dev/null)" = installed ] || missing+=("$p")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get > /dev/null || die "these packages are missing, and there is no apt-get: ${missing[*]}"
    say "installing ${missing[*]}"
    apt_install "${missing[@]}" || { as_root apt-get -q update && apt_install "${missing[@]}"; } ||
        die "apt-get could not install them"
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
}

# stage_sources TARGET: a copy of the sources, without what was built here, readable by everyone.
stage_sources() {
    mkdir -p "$1"
    tar -C "$ROOT" --exclude='./build*' --exclude=./.git --exclude=__pycache__ -cf - . | tar -C "$1" --no-same-owner -xf -
    chmod -R a+rX "$1"
}

# build_tree SOURCE BUILD PREFIX [MESON OPTIONS]: configures (again), builds and installs.
build_tree() {
    local source=$1 build=$2 prefix=$3
    shift 3
    if [ -f "$build/build.ninja" ]; then
        meson setup --reconfigure "$build" "$source" --prefix "$prefix" "$@"
    else
        meson setup "$build" "$source" --prefix "$prefix" "$@"
    fi && ninja -C "$build" && meson install -C "$build" --no-rebuild
}

# make_guest NAME: an ordinary user for what must not run as root; removed again by drop_guest
# when it was made here.
make_guest() {
    GUEST=$1 GUEST_IS_OURS=
    if ! id "$GUEST" > /dev/null 2>&1; then
        as_root useradd --create-home --shell /bin/bash "$GUEST" || die "cannot make the user $GUEST"
        GUEST_IS_OURS=1
    fi
    GUEST_HOME=$(getent passwd "$GUEST" | cut -d: -f6)
}

drop_guest() {
    [ -n "${GUEST_IS_OURS-}" ] || return 0
    GUEST_IS_OURS=
    as_root userdel --remove "$GUEST" > /dev/null 2>&1 || true
}

# as_guest COMMAND…: runs it as that user with a clean environment.
as_guest() {
    local keep=() name
    for name in CARREL_MUST_WORK LANG; do
        [ -z "${!name-}" ] || keep+=("$name=${!name}")
    done
    as_root runuser -u "$GUEST" -- env -i -C "$GUEST_HOME" HOME="$GUEST_HOME" USER="$GUEST" LOGNAME="$GUEST" \
        SHELL=/bin/bash PATH=/usr/local/bin:/usr/bin:/bin "${keep[@]}" "$@"
}
