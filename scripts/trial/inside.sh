#!/bin/sh
# What is tried on the fresh machine, as root, without network. Each line that it prints is a thing that was tried: `good` with its
# figures, or `BAD`.
set -u
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
bad=0

good() { echo "good: $*"; }
bad() { echo "BAD:  $*"; bad=$((bad + 1)); }
# Judges the command before it.
judge() { if [ "$1" -eq 0 ]; then shift; good "$*"; else shift; bad "$*"; fi; }
now() { date +%s.%N; }
since() { echo "$(now) $1" | awk '{ printf "%.1f s", $1 - $2 }'; }
# Waits until a command succeeds, at most so many seconds.
await() {
    left=$(($1 * 10))
    shift
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.1
    done
}
ask() { dig +tries=1 +time=5 +short @127.0.0.1 "$@"; }
answers() { [ -n "$(dig +tries=1 +time=1 +short @127.0.0.1 "$@" | grep -v '^;')" ]; }
# The service with this configuration.
serve() {
    cat >/etc/vireo/vireo.yaml
    systemctl restart vireo
}
pid() { systemctl show -P MainPID vireo; }

ip link set lo up
ip address add 192.0.2.10/24 dev lo

# --- install
dpkg -i /srv/vireo.deb >/dev/null 2>&1
judge $? "the package is installed"
await 10 systemctl -q is-active vireo
judge $? "the service runs at once"
[ "$(ask localhost)" = 127.0.0.1 ]
judge $? "it answers for localhost"
[ "$(ps -o user= -p "$(pid)")" = vireo ]
judge $? "as user vireo"
journalctl -q -u vireo | grep -q 'sandbox="landlock'
judge $? "bound to its own directories (sandbox)"
grep -q '^NoNewPrivs:.*1' "/proc/$(pid)/status"
judge $? "without a way to more rights"
systemd-analyze security --no-pager --threshold=15 vireo >/srv/exposure 2>&1
judge $? "systemd-analyze security: $(tail -n 1 /srv/exposure | sed 's/^[^O]*//')"
vireo check | grep -q good
judge $? "vireo check finds the installed configuration good"

# An upstream: another Vireo with records of its own.
mkdir /srv/up
cat >/srv/up/vireo.yaml <<'YAML'
listen: ["127.0.0.2:53"]
upstreams: ["127.0.0.9"]
control: "off"
local: |
  www.trial.example. 300 IN A 192.0.2.80
  one.trial.example. 300 IN A 192.0.2.81
  two.trial.example. 300 IN A 192.0.2.82
  lists.trial.example. 300 IN A 192.0.2.10
  new.trial.example. 300 IN A 192.0.2.83
YAML
upstream() { systemd-run -q --unit=upstream /usr/bin/vireo serve --config /srv/up/vireo.yaml; }

# --- configure
sed -i 's/^# upstreams:.*/upstreams: ["127.0.0.2"]/; s/^#upstreams:.*/upstreams: ["127.0.0.2"]/' /etc/vireo/vireo.yaml
grep -q '^upstreams:' /etc/vireo/vireo.yaml || echo 'upstreams: ["127.0.0.2"]' >>/etc/vireo/vireo.yaml
upstream
vireo reload | grep -q 'changed: upstreams'
judge $? "vireo reload says that upstreams changed"
[ "$(ask www.trial.example)" = 192.0.2.80 ]
judge $? "a name is asked of the new upstream"
cp /etc/vireo/vireo.yaml /srv/edited.yaml
echo 'wrokers: 1' >>/etc/vireo/vireo.yaml
vireo reload >/dev/null 2>/srv/message
[ $? -eq 2 ] && grep -q 'did you mean workers?' /srv/message && [ "$(ask www.trial.example)" = 192.0.2.80 ]
judge $? "a mistake is told with the nearest key, and changes nothing"
cp /srv/edited.yaml /etc/vireo/vireo.yaml

# --- observe
vireo explain two.trial.example | grep -q 127.0.0.2
judge $? "vireo explain names the upstream"
vireo upstreams | grep -q 127.0.0.2 && vireo stats >/dev/null && vireo cache list 2>/dev/null | grep -q trial.example
judge $? "vireo upstreams, stats and cache list"
journalctl -q -u vireo | grep -q 'serving'
judge $? "the journal has its lines"
serve <<'YAML'
upstreams: ["127.0.0.2"]
log: {queries: {to: /var/log/vireo/queries.log}}
YAML
[ "$(ask www.trial.example)" = 192.0.2.80 ] && await 5 grep -q www.trial.example /var/log/vireo/queries.log
judge $? "the query log is written where README has it"
cp /srv/edited.yaml /etc/vireo/vireo.yaml
systemctl restart vireo

# --- this machine asks it: a plain resolv.conf, then systemd-resolved's
asked_here() { [ "$(getent hosts www.trial.example | cut -d' ' -f1)" = 192.0.2.80 ]; }
rm -f /etc/resolv.conf
echo 'nameserver 127.0.0.9' >/etc/resolv.conf
! asked_here && vireo setup | grep -q /etc/resolv.conf && ! asked_here
judge $? "vireo setup shows what to change, and changes nothing"
vireo setup --apply >/dev/null && asked_here
judge $? "with --apply programs of this machine ask it"
vireo setup --undo --apply >/dev/null && [ "$(cat /etc/resolv.conf)" = 'nameserver 127.0.0.9' ]
judge $? "and --undo takes it back to the letter"
# It asks nobody while this machine has no interface but loopback.
ip link add outside type veth peer name elsewhere && ip link set elsewhere up && ip link set outside up
ip address add 198.51.100.1/24 dev outside
systemctl start systemd-resolved
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
vireo setup --apply >/srv/setup 2>&1
await 10 asked_here
judge $? "the same where systemd-resolved answers programs"
vireo setup --undo --apply >/dev/null && [ "$(readlink /etc/resolv.conf)" = ../run/systemd/resolve/stub-resolv.conf ] && ! asked_here
judge $? "and back"
systemctl stop systemd-resolved
ip link del outside

# --- operate: twenty restarts under load
echo 'localhost A' >/srv/names
# 10,000 queries a second for so many seconds, in the background. The answers to what a restart has kept waiting come at once: more
# than a client's socket holds unless it is told to (-b, KiB).
load() {
    dnsperf -s 127.0.0.1 -d /srv/names -Q 10000 -l "$1" -t 5 -q 2000 -b 2048 >/srv/load 2>&1 &
    load=$!
}
# Waits for the end of the load, and judges that each of at least so many queries was answered.
judge_load() {
    kill -0 $load
    judge $? "the load lasts longer than that"
    wait $load
    sent=$(awk '/Queries sent:/ { print $3 }' /srv/load)
    lost=$(awk '/Queries lost:/ { print $3 }' /srv/load)
    [ "${lost:-1}" -eq 0 ] && [ "${sent:-0}" -ge "$1" ]
    judge $? "$2: ${sent:-none} queries sent, ${lost:-all} lost"
}
before=$(now)
load 60
count=0
while [ $count -lt 20 ]; do
    sleep 2
    systemctl restart vireo
    count=$((count + 1))
done
judge_load 570000 "20 restarts in $(since "$before") at 10,000 queries/s"

# --- what may happen to it
former=$(pid)
begin=$(now)
kill -KILL "$former"
await 10 answers localhost
judge $? "back after kill -9 within $(since "$begin")"
mkdir -p /run/systemd/system/vireo.service.d
printf '[Service]\nWatchdogSec=3s\n' >/run/systemd/system/vireo.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart vireo
former=$(pid)
begin=$(now)
kill -STOP "$former"
await 60 sh -c "[ \$(systemctl show -P MainPID vireo) -ne $former ] && [ \$(systemctl show -P MainPID vireo) -ne 0 ]"
await 10 answers localhost
judge $? "a process that stands still is ended by the watchdog (3 s), and another serves after $(since "$begin")"
rm -r /run/systemd/system/vireo.service.d
systemctl daemon-reload

# --- what is not there at boot, and comes
systemctl stop upstream
serve <<'YAML'
upstreams: ["127.0.0.2"]
YAML
await 10 systemctl -q is-active vireo
judge $? "it starts while its upstream is dead"
timeout 10 dig +tries=1 +time=6 @127.0.0.1 one.trial.example | grep -q SERVFAIL
judge $? "and says SERVFAIL"
upstream
begin=$(now)
await 30 answers one.trial.example
judge $? "well $(since "$begin") after its upstream came"

serve <<'YAML'
upstreams: ["127.0.0.2"]
cache: {redis: "redis://127.0.0.1:6379"}
YAML
answers two.trial.example
judge $? "it starts and answers while its Redis is not there"
systemctl start redis-server
begin=$(now)
await 60 sh -c 'vireo cache flush --all >/dev/null; dig +tries=1 +time=1 +short @127.0.0.1 two.trial.example >/dev/null; [ "$(redis-cli exists vireo:1:two.trial.example.:A:IN)" = 1 ]'
judge $? "answers are shared $(since "$begin") after Redis came"
systemctl stop redis-server
begin=$(now)
answers www.trial.example
judge $? "an answer $(since "$begin") after Redis went"

serve <<'YAML'
upstreams: ["127.0.0.2"]
lists: {ads: {from: ["http://lists.trial.example:8000/ads.txt"], refresh: 1h}}
YAML
answers www.trial.example
judge $? "it starts and answers while the server of its lists is not there"
mkdir /srv/www
printf 'www.trial.example\n' >/srv/www/ads.txt
begin=$(now)
systemd-run -q --unit=lists --working-directory=/srv/www python3 -m http.server 8000 --bind 192.0.2.10
await 120 sh -c '[ "$(dig +tries=1 +time=1 +short @127.0.0.1 www.trial.example)" = 0.0.0.0 ]'
judge $? "names of the list are denied $(since "$begin") after its server came"
systemctl stop lists

serve <<'YAML'
listen: ["127.0.0.1:53", "192.0.2.77:53"]
upstreams: ["127.0.0.2"]
YAML
await 5 answers localhost
judge $? "it starts while an address of its own is not there"
ip address add 192.0.2.77/24 dev lo
begin=$(now)
await 10 sh -c '[ "$(dig +tries=1 +time=1 +short @192.0.2.77 localhost)" = 127.0.0.1 ]'
judge $? "serves there $(since "$begin") after it came"

systemctl stop vireo
ip link set lo down
systemctl start vireo
await 10 systemctl -q is-active vireo
judge $? "it starts without any network"
ip link set lo up
begin=$(now)
await 30 answers new.trial.example
judge $? "well $(since "$begin") after the network came"

# --- secure: systemd opens the ports
install -D -m 644 /usr/share/vireo/socket-activated.conf /etc/systemd/system/vireo.service.d/socket-activated.conf
systemctl daemon-reload
systemctl stop vireo
systemctl -q enable --now vireo.socket
await 10 answers localhost
judge $? "a query starts it by its socket"
[ "$(awk '/^CapBnd/ { print $2 }' "/proc/$(pid)/status")" = 0000000000000000 ]
judge $? "then without any capability: $(systemd-analyze security --no-pager vireo | tail -n 1 | sed 's/^[^O]*//')"
dpkg -r vireo >/dev/null 2>&1
! systemctl -q is-active vireo.socket && [ ! -L /etc/systemd/system/sockets.target.wants/vireo.socket ]
judge $? "removed in that form, its sockets are gone too"
rm -r /etc/systemd/system/vireo.service.d
dpkg -i /srv/vireo.deb >/dev/null 2>&1
systemctl restart vireo

# --- upgrade
cp /srv/edited.yaml /etc/vireo/vireo.yaml
systemctl restart vireo
former=$(pid)
load 15
dpkg -i --force-confdef --force-confold /srv/later.deb >/dev/null 2>&1
judge $? "a later version is installed over it"
await 10 systemctl -q is-active vireo && [ "$(pid)" != "$former" ]
judge $? "and serves"
judge_load 140000 "an upgrade at 10,000 queries/s"
cmp -s /srv/edited.yaml /etc/vireo/vireo.yaml
judge $? "the edited configuration is as it was"

# --- away
dpkg -r vireo >/dev/null 2>&1
[ -e /etc/vireo/vireo.yaml ] && ! systemctl -q is-active vireo && [ ! -e /usr/bin/vireo ]
judge $? "removed, the configuration stays"
dpkg -P vireo >/dev/null 2>&1
left=$(find / -xdev -name '*vireo*' ! -path '/proc/*' ! -path '/sys/*' ! -path '/srv/*' ! -path '/run/*' \
    ! -path '/var/log/journal/*' ! -path '/tmp/*' ! -path '/var/tmp/*' 2>/dev/null)
[ -z "$left" ]
judge $? "purged, nothing is left${left:+: $left}"

[ "$bad" -eq 0 ] && echo "done: all good" || echo "done: $bad bad"
