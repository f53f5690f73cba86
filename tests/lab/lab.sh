# lab.sh: what the lab's tests share.  Sourced first, with nothing done yet:
#
#     #!/bin/sh
#     # name: the sentence that this test holds to be true.
#     . "${0%/*}/lab.sh"
#     begin 3 --nat
#     ...
#
# A test gets a lab of its own and takes the machine for itself: the lab's
# tests run one after another, whatever make does.  It ends by itself, at the
# first check that fails, or when its time is over; the lab goes with it.
# 77, with the reason, means that this machine can't run it.
# shellcheck shell=sh

set -eu

PATH=$PATH:/usr/sbin:/sbin
top=$(cd "${top_srcdir:-${0%/*}/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
test_name=${0##*/}
: "${LAB_TEST_SECONDS:=150}"

skip() {
	echo "skipped: $*"
	exit 77
}

[ "${HA_LAB:-1}" != 0 ] || skip "HA_LAB is 0"

# One at a time, and not for ever.
if [ -z "${LAB_TEST_ALONE:-}" ]; then
	LAB_TEST_ALONE=yes
	export LAB_TEST_ALONE
	for program in flock timeout unshare nsenter ip nft; do
		command -v "$program" >/dev/null || skip "there is no $program"
	done
	mkdir -p "$build/tests/lab"
	exec flock -o "$build/tests/lab/lock" \
		timeout -k 10 "$LAB_TEST_SECONDS" "$0" "$@"
fi

# Somebody who is not root becomes root of a user namespace.
if [ "$(id -u)" -ne 0 ]; then
	unshare --user --map-root-user --net --mount true 2>/dev/null ||
		skip "not root, and no user namespaces for users"
	exec unshare --user --map-root-user --net --mount sh -c '
		mount -t tmpfs tmpfs /run && exec "$@"' sh "$0" "$@"
fi
unshare --net true 2>/dev/null || skip "no network namespaces"

LAB_PREFIX=$test_name-$$
export LAB_PREFIX
# shellcheck source=tools/cluster.sh
. "$top/tools/cluster.sh"
cluster_programs "$build" || exit 99

# What is left of a run of this test that was killed.
for path in /run/clusterd-lab/"$test_name"-*; do
	[ ! -d "$path" ] || kill -0 "${path##*-}" 2>/dev/null ||
		lab down --prefix "${path##*/}"
done

# Why it failed, as far as the daemons know.
show_logs() {
	for log in "$cluster_dir"/fw-*/stderr "$cluster_dir"/flow.out; do
		[ -s "$log" ] || continue
		echo "--- ${log#"$cluster_dir"/}"
		tail -n 25 "$log"
	done
}

finish() {
	rc=$?
	trap - EXIT
	[ "$rc" -eq 0 ] || [ "$rc" -eq 77 ] || show_logs
	lab down
	exit "$rc"
}

# begin COUNT [OPTION-OF-LAB-UP...]: a lab, and nothing runs in it yet.
begin() {
	count=$1
	trap finish EXIT
	trap 'echo "the time is over"; exit 1' TERM
	trap 'exit 130' INT HUP
	lab up "$@"
}

# check SENTENCE COMMAND...: the sentence is true if the command succeeds.
check() {
	sentence=$1
	shift
	if "$@"; then
		echo "ok: $sentence"
	else
		echo "not true: $sentence"
		exit 1
	fi
}

# not COMMAND...
not() {
	! "$@"
}

# is_active N..., all of them.
is_active() {
	for member in "$@"; do
		cluster_is "$member" active || return 1
	done
}

# start_all [4|6] [MORE-LINES]: daemons on all firewalls, all active.
start_all() {
	cluster_write "$count" "${1:-4}" "${2:-}"
	# shellcheck disable=SC2046 # numbers
	set -- $(seq "$count")
	for member in "$@"; do
		cluster_start "$member"
	done
	check "all members become active" within 20 is_active "$@"
}

# start_flows FAMILY OPTION...: server and client, all flows running.
start_flows() {
	check "the flow server listens" flow_server
	check "the flows start" flow_client "$@"
}

# burst COUNT [FIRST-PORT]: so many short UDP sessions.  They must outlive
# the test.
burst() {
	lab exec client "$FLOW" client "$(lab target 4)" $FLOW_PORT \
		--burst "$1" --from "${2:-2000}" >/dev/null
}

long_udp_timeouts() {
	for member in $(seq "$count"); do
		lab exec "fw-$member" sh -c '
			cd /proc/sys/net/netfilter
			echo 600 >nf_conntrack_udp_timeout
			echo 600 >nf_conntrack_udp_timeout_stream'
	done
}

# verified N: every owner's sessions are equal at all members, says N.
verified() {
	ctl "$1" verify >/dev/null 2>&1
}

# links_of N: "FW-2 ha4 7" for each link of member N, the last the number of
# the connection that is up.
links_of() {
	ctl "$1" links --json | tr -d '\n" ' | sed 's/[{,]/\n/g' | awk -F: '
		$1 == "serial" { serial = $2 }
		$1 == "link" { link = $2 }
		$1 == "connection" {
			sub(/[^0-9a-z].*/, "", $2)
			print serial, link, $2
		}'
}

# counter N NAME: what member N has counted.
counter() {
	ctl "$1" counters --json | tr -d '\n' | sed 's/{/\n{/g' | sed -n \
		's/.*"name": *"'"$2"'".*"value": *\([0-9]*\).*/\1/p'
}

# flow_ports: the client's ports of the four flows.
flow_ports() {
	for name in download upload echo stream; do
		flow_port "$name"
	done
}

# takes_over N: member N owns the four flows' sessions.
takes_over() {
	# shellcheck disable=SC2046 # port numbers
	owns_ports "$1" "${family:-4}" $(flow_ports)
}

# longest_gap: of all flows since the first mark, in ms; after flow_end.
longest_gap() {
	sed -n 's/^flow .* gap_ms=\([0-9]*\) .*/\1/p' "$flow_out" |
		sort -n | tail -n 1
}

gap_below() {
	[ "$(longest_gap)" -lt "$1" ]
}
