#!/bin/sh
# Installs those of the given Debian packages that are missing. Needs neither network nor rights when none is.
# Services that come with them are neither started now nor at the next boot: tests start their own.
set -eu

missing=
for package in "$@"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    case "$status" in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "install-packages: please install what these Debian packages hold:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "install-packages: as root, run: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

# While this file is there and says 101, packages do not start their services (invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
own_policy=
restore() {
    [ -z "$own_policy" ] || $as_root rm -f "$policy"
    own_policy=
}
trap restore EXIT
trap 'exit 130' HUP INT TERM
if [ ! -e "$policy" ]; then
    own_policy=1
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
fi

install_missing() {
    # shellcheck disable=SC2086 # a list of names, meant to be split
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing </dev/null
}
echo "installing:$missing"
if ! install_missing; then
    $as_root apt-get update -q </dev/null
    install_missing
fi

# Not at the next boot either, and only what came just now.
if command -v systemctl >/dev/null 2>&1; then
    for package in $missing; do
        dpkg-query -L "$package" | sed -n 's|^.*/systemd/system/\([^/@]*\.service\)$|\1|p' | while read -r unit; do
            $as_root systemctl disable -q "$unit" >/dev/null 2>&1 </dev/null || true
        done
    done
fi
