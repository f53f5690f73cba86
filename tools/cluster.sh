# cluster.sh: a clusterd in each firewall of a lab.  Sourced by demo and by
# the tests in tests/lab; it defines functions and a few names only.
# shellcheck shell=sh
#
# The caller sets
#   LAB_PREFIX  the lab that is up, exported
#   top         where the sources are
# and calls cluster_programs first.  Members are called by their number: N
# runs in fw-N, and its serial is FW-N.  What belongs to member N stands in
# $cluster_dir/fw-N; when the lab goes down, that goes with it.

: "${top:?}" "${LAB_PREFIX:?}"

CLIENT=10.1.0.254
CLIENT6=fd00:1::254
FLOW_PORT=7000

lab() {
	"$top/tools/lab" "$@"
}

# cluster_programs BUILD: finds the programs of a build; fails with a
# sentence on stderr.
cluster_programs() {
	CLUSTERD=$1/clusterd/clusterd
	CLUSTERCTL=$1/tools/clusterctl
	FLOW=$1/tools/flow
	for program in "$CLUSTERD" "$CLUSTERCTL" "$FLOW"; do
		[ -x "$program" ] || {
			echo "there is no $program" >&2
			return 1
		}
	done
	cluster_dir=/run/clusterd-lab/$LAB_PREFIX
}

# Hundredths of a second since the machine started.
now_cs() {
	read -r up _ </proc/uptime
	echo "${up%.*}${up#*.}"
}

# within SECONDS COMMAND...: tries until it succeeds or the time is over.
within() {
	until_cs=$(($(now_cs) + $1 * 100))
	shift
	while ! "$@"; do
		[ "$(now_cs)" -lt "$until_cs" ] || return 1
		sleep 0.1
	done
}

# --- configuration -----------------------------------------------------------

# cluster_key N: the public key of member N, made at the first call.
cluster_key() {
	mkdir -p "$cluster_dir/fw-$1"
	[ -e "$cluster_dir/fw-$1/block" ] ||
		"$CLUSTERCTL" identity init "FW-$1" \
			"$cluster_dir/fw-$1/identity" >"$cluster_dir/fw-$1/block"
	sed -n 's/.*public-key *= *"\([^"]*\)".*/\1/p' \
		"$cluster_dir/fw-$1/block" | head -n 1
}

# cluster_member N KEY [4|6]: its block for the file.
cluster_member() {
	if [ "${3:-4}" = 6 ]; then
		ha4=fd00:4::$1/64
		ha4_backup=fd00:5::$1/64
	else
		ha4=10.4.0.$1/24
		ha4_backup=10.5.0.$1/24
	fi
	cat <<-END
	member "FW-$1" {
	  index = $1
	  name = "fw-$1"
	  site = "lab"
	  ha4-address = "$ha4"
	  ha4-backup-address = "$ha4_backup"
	  public-key = "$2"
	}
	END
}

# cluster_write COUNT [4|6] [MORE-LINES]: identities, secret and the file of
# members 1 to COUNT.  The thresholds are the shortest that are allowed.
cluster_write() {
	[ -e "$cluster_dir/secret" ] ||
		"$CLUSTERCTL" secret init "$cluster_dir/secret" >/dev/null
	{
		cat <<-END
		cluster {
		  id = 7
		  description = "lab"
		}
		ha4 {
		  port = 7404
		  keepalive-threshold = 1000
		}
		ha4-backup {
		  port = 7405
		  keepalive-threshold = 1000
		}
		END
		echo "${3:-}"
		number=1
		while [ "$number" -le "$1" ]; do
			cluster_member "$number" "$(cluster_key "$number")" \
				"${2:-4}"
			number=$((number + 1))
		done
	} >"$cluster_dir/cluster.conf"
}

# What runs in the background calls the script itself: it becomes the
# program, so that $! is the program's.

# --- daemons -----------------------------------------------------------------

# cluster_start N [CONF]: CLUSTERD_FLAGS, from the environment, go along.
cluster_start() {
	member_dir=$cluster_dir/fw-$1
	mkdir -p "$member_dir/state" "$member_dir/run" "$member_dir/log"
	# shellcheck disable=SC2086 # options are words
	"$top/tools/lab" exec "fw-$1" "$CLUSTERD" \
		-c "${2:-$cluster_dir/cluster.conf}" \
		-i "$member_dir/identity" -s "$cluster_dir/secret" \
		-d "$member_dir/state" -r "$member_dir/run" \
		-l "$member_dir/log" -f ${CLUSTERD_FLAGS:-} \
		>>"$member_dir/stderr" 2>&1 </dev/null &
	echo $! >"$member_dir/pid"
}

# cluster_signal N SIGNAL
cluster_signal() {
	kill "-$2" "$(cat "$cluster_dir/fw-$1/pid")" 2>/dev/null
}

cluster_alive() {
	kill -0 "$(cat "$cluster_dir/fw-$1/pid")" 2>/dev/null
}

cluster_gone() {
	! cluster_alive "$1"
}

# cluster_stop N: in good order; fails when it does not end in time.
cluster_stop() {
	cluster_signal "$1" TERM || :
	within 10 cluster_gone "$1"
}

# ctl N VERB...: asks member N.
ctl() {
	member=$1
	shift
	"$CLUSTERCTL" -s "$cluster_dir/fw-$member/run/control.sock" "$@"
}

cluster_is() {
	[ "$(ctl "$1" state --json 2>/dev/null | json_value state)" = "$2" ]
}

# --- what members say --------------------------------------------------------

# json_value KEY: the first value of that key on standard input, bare.
json_value() {
	tr -d '\n' | sed 's/[{,]/&\n/g' | sed -n \
		's/^ *"'"$1"'": *"\{0,1\}\([^",}]*\).*/\1/p' | head -n 1
}

# sessions N FILTER...: how many sessions member N knows that match.
sessions() {
	member=$1
	shift
	count=$(ctl "$member" session brief --limit 1 "$@" --json 2>/dev/null |
		tr -d '\n' | sed -n 's/.*"total": *\([0-9]*\).*/\1/p')
	echo "${count:-0}"
}

# has_sessions N COUNT FILTER...: at least so many.
has_sessions() {
	member=$1
	least=$2
	shift 2
	[ "$(sessions "$member" "$@")" -ge "$least" ]
}

# source_of 4|6: the filter for what the client opened.
source_of() {
	if [ "$1" = 6 ]; then
		echo $CLIENT6
	else
		echo $CLIENT
	fi
}

# owns_ports N 4|6 PORT...: member N says that it owns the client's sessions
# from these ports.
owns_ports() {
	owner=FW-$1
	rows=$(ctl "$1" session brief --owner "$owner" --role owned \
		--source "$(source_of "$2")" --json 2>/dev/null |
		tr -d '\n' | sed 's/{/\n{/g')
	shift 2
	for port in "$@"; do
		echo "$rows" | grep -q "\"source_port\": *${port}[,}]" || return 1
	done
}

# --- flows -------------------------------------------------------------------

# flow_server: in the lab's server, on both families.
flow_server() {
	"$top/tools/lab" exec server "$FLOW" server "$(flow_any)" \
		$FLOW_PORT --for 600 >"$cluster_dir/flow-server.out" 2>&1 </dev/null &
	within 5 grep -qs listening "$cluster_dir/flow-server.out"
}

flow_any() {
	if [ -d /proc/sys/net/ipv6 ]; then
		echo ::
	else
		echo 0.0.0.0
	fi
}

# flow_client 4|6 OPTION...: in the lab's client; its lines go to
# $cluster_dir/flow.out, its number to $flow_pid.
flow_client() {
	family=$1
	shift
	flow_out=$cluster_dir/flow.out
	: >"$flow_out"
	"$top/tools/lab" exec client "$FLOW" client \
		"$(lab target "$family")" $FLOW_PORT "$@" >"$flow_out" 2>&1 </dev/null &
	flow_pid=$!
	within 15 grep -q '^running' "$flow_out"
}

# flow_port NAME: the client's port of a flow that runs.
flow_port() {
	sed -n "s/^running.* $1=\([0-9]*\).*/\1/p" "$flow_out"
}

# flow_mark: what comes from here on is "after".
flow_mark() {
	kill -USR1 "$flow_pid"
}

# flow_resumed NUMBER: every flow went on behind that mark.
flow_resumed() {
	grep -q "^resumed $1 " "$flow_out"
}

# flow_end: ends the client; its exit status says whether all survived.
flow_end() {
	kill -TERM "$flow_pid"
	wait "$flow_pid"
}
