#!/bin/sh
# Tries the Debian package on a fresh machine: a Debian 12 of its own, booted by a real systemd in a container without network
# (debootstrap, systemd-nspawn). What is done there, and judged, stands in scripts/trial/inside.sh. Needs root, and the network
# once, for Debian's own packages.
# usage: trial.sh PACKAGE.deb DIRECTORY        DIRECTORY keeps the fresh machine for the next time
set -eu
package=$(realpath "$1")
mkdir -p "$2"
place=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
if [ "$(id -u)" -ne 0 ]; then
    echo "trial: needs root, for debootstrap and systemd-nspawn" >&2
    exit 1
fi

# The fresh machine, with what Vireo's package depends on and what tries it; none of its services is started by itself.
base=$place/base
if [ ! -e "$base/ready" ]; then
    rm -rf "$base"
    debootstrap --variant=minbase bookworm "$base" \
        --include=systemd,systemd-sysv,systemd-resolved,dbus,iproute2,procps,bind9-dnsutils,dnsperf,redis-server,python3,curl,ca-certificates
    printf '#!/bin/sh\nexit 101\n' >"$base/usr/sbin/policy-rc.d"
    chmod 755 "$base/usr/sbin/policy-rc.d"
    cp "$package" "$base/srv/vireo.deb"
    chroot "$base" apt-get install -y -q /srv/vireo.deb
    chroot "$base" apt-get purge -y -q vireo
    chroot "$base" systemctl -q disable redis-server systemd-resolved
    rm -rf "$base/usr/sbin/policy-rc.d" "$base/srv/vireo.deb" "$base/var/cache/apt/archives"/*.deb
    touch "$base/ready"
fi

machine=$place/machine
rm -rf "$machine"
trap 'rm -rf "$machine"' EXIT
trap 'exit 130' HUP INT TERM
cp -a --reflink=auto "$base" "$machine"
cp "$package" "$machine/srv/vireo.deb"
cp "$here/trial/inside.sh" "$machine/srv/trial.sh"

# A later version of the same package, to upgrade to.
later=$place/later
rm -rf "$later"
dpkg-deb -R "$package" "$later"
sed -i 's/^\(Version: .*\)$/\1+later1/' "$later/DEBIAN/control"
dpkg-deb --root-owner-group -Zgzip -z1 -b "$later" "$machine/srv/later.deb" >/dev/null
rm -rf "$later"

cat >"$machine/etc/systemd/system/trial.service" <<'UNIT'
[Unit]
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/bin/sh /srv/trial.sh
StandardOutput=file:/srv/told
StandardError=file:/srv/errors
ExecStopPost=/bin/systemctl --no-block poweroff

[Install]
WantedBy=default.target
UNIT
ln -s ../trial.service "$machine/etc/systemd/system/multi-user.target.wants/trial.service"

# A container has no Landlock unless it is let in; a machine has.
timeout -k 10 600 systemd-nspawn -q -D "$machine" --boot --private-network --register=no --keep-unit --console=pipe \
    --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" </dev/null >"$place/console" 2>&1 || true
cat "$machine/srv/told" 2>/dev/null || tail -n 30 "$place/console" >&2
if ! grep -q '^done: all good$' "$machine/srv/told" 2>/dev/null; then
    tail -n 40 "$machine/srv/errors" >&2 2>/dev/null || true
    exit 1
fi
