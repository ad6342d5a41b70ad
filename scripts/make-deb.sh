#!/bin/sh
# Makes a Debian package of a built program. Needs dpkg-dev, and no rights.
# usage: make-deb.sh PROGRAM DIRECTORY      (DPKG_DEB_OPTIONS=-z1 for a quick one)
set -eu
umask 022
program=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."

version=$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)
if [ "$("$program" --version)" != "${version%-*}" ]; then
    echo "make-deb: packaging/debian/changelog has version $version, the program $("$program" --version)" >&2
    exit 1
fi
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
tree=$work/debian/vireo
doc=$tree/usr/share/doc/vireo

# A user is made by adduser, which is there where systemd is not.
make -s install BINARY="$program" DESTDIR="$tree" PREFIX=/usr SYSCONFDIR=/etc UNITDIR=/lib/systemd/system \
    ZSHDIR=/usr/share/zsh/vendor-completions SYSUSERSDIR=/unused >/dev/null
rm -rf "$tree/unused"
gzip -9n "$tree"/usr/share/man/man*/*
mkdir -p "$doc" "$tree/usr/share/lintian/overrides" "$tree/DEBIAN"
install -m 644 packaging/debian/copyright README.md SECURITY.md "$doc"
gzip -9nc packaging/debian/changelog >"$doc/changelog.Debian.gz"
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
install -m 644 packaging/debian/lintian-overrides "$tree/usr/share/lintian/overrides/vireo"

install -m 755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$tree/DEBIAN"
(cd "$tree" && find etc -type f | sed 's|^|/|') >"$tree/DEBIAN/conffiles"
(cd "$tree" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
# dpkg-shlibdeps wants to find itself beside a source package's control file.
printf 'Source: vireo\n\nPackage: vireo\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O debian/vireo/usr/bin/vireo | sed -n 's/^shlibs:Depends=//p')
size=$(du -k -s --apparent-size "$tree" | cut -f1)
sed -e "s|@version@|$version|; s|@architecture@|$architecture|; s|@depends@|$depends|; s|@size@|$size|" \
    packaging/debian/control.in >"$tree/DEBIAN/control"

# shellcheck disable=SC2086 # options, meant to be split
dpkg-deb ${DPKG_DEB_OPTIONS:-} --root-owner-group --build "$tree" "$out/vireo_${version}_$architecture.deb"
