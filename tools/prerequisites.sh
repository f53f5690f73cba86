# prerequisites.sh: what building and trying clusterd needs, and how to get
# it.  Sourced by demo, check and fresh-debian; it defines functions only.
# shellcheck shell=sh

# Set by who needs more than building and the demo do: a word for each.
: "${MORE_PROGRAMS=}"

# Programs, and modules by the names that pkg-config knows.
BUILD_PROGRAMS='make autoconf automake protoc-c pkg-config ar'
LAB_PROGRAMS='ip nft unshare nsenter mount'
MODULES='libevent_core libevent_extra libprotobuf-c libsodium sqlite3 libmnl
	libnftnl libconfuse jansson smartcols libcap-ng check'

APT_PACKAGES='gcc libc6-dev make autoconf automake pkg-config
	libevent-dev libprotobuf-c-dev protobuf-c-compiler libsodium-dev
	libsqlite3-dev libmnl-dev libnftnl-dev libconfuse-dev libjansson-dev
	libsmartcols-dev libcap-ng-dev check iproute2 nftables util-linux
	mount'
DNF_PACKAGES='gcc make autoconf automake pkgconf-pkg-config
	libevent-devel protobuf-c-devel protobuf-c-compiler libsodium-devel
	sqlite-devel libmnl-devel libnftnl-devel libconfuse-devel jansson-devel
	libsmartcols-devel libcap-ng-devel check-devel iproute nftables
	util-linux'
ZYPPER_PACKAGES='gcc make autoconf automake pkgconf-pkg-config
	libevent-devel libprotobuf-c-devel protobuf-c libsodium-devel
	sqlite3-devel libmnl-devel libnftnl-devel libconfuse-devel
	libjansson-devel libsmartcols-devel libcap-ng-devel check-devel
	iproute2 nftables util-linux'

# Prints what is missing, a word each; nothing when all is there.
missing_prerequisites() {
	PATH=$PATH:/usr/sbin:/sbin
	command -v "${CC:-cc}" >/dev/null || echo "${CC:-cc}"
	for program in $BUILD_PROGRAMS $LAB_PROGRAMS $MORE_PROGRAMS; do
		command -v "$program" >/dev/null || echo "$program"
	done
	for module in $MODULES; do
		pkg-config --exists "$module" 2>/dev/null || echo "$module"
	done
}

# The packages of MORE_PROGRAMS; a program not named here is called like its
# package.
more_packages() {
	for program in $MORE_PROGRAMS; do
		case $program in
		conntrack)
			if command -v apt-get >/dev/null; then
				echo conntrack
			else
				echo conntrack-tools
			fi
			;;
		*) echo "$program" ;;
		esac
	done
}

# Prints the one line that installs everything, without privileges in it.
install_line() {
	more=$(more_packages)
	if command -v apt-get >/dev/null; then
		# shellcheck disable=SC2086 # words, on one line
		echo apt-get install -y --no-install-recommends $APT_PACKAGES $more
	elif command -v dnf >/dev/null; then
		# shellcheck disable=SC2086
		echo dnf install -y $DNF_PACKAGES $more
	elif command -v zypper >/dev/null; then
		# shellcheck disable=SC2086
		echo zypper --non-interactive install $ZYPPER_PACKAGES $more
	else
		return 1
	fi
}

# install_prerequisites LOG: makes sure that everything is there; what the
# package manager says goes to LOG.  Fails with a sentence on stderr.
install_prerequisites() {
	missing=$(missing_prerequisites | tr '\n' ' ')
	[ -n "$missing" ] || return 0
	line=$(install_line) || {
		echo "missing: $missing(and no package manager that is known)" >&2
		return 1
	}
	if [ "$(id -u)" -ne 0 ]; then
		echo "missing: $missing; as root:" >&2
		echo "$line" >&2
		return 1
	fi
	echo "installing what is missing: $missing"
	if command -v apt-get >/dev/null; then
		DEBIAN_FRONTEND=noninteractive
		export DEBIAN_FRONTEND
		apt-get update >>"$1" 2>&1 || :
	fi
	$line >>"$1" 2>&1 </dev/null || {
		tail -n 20 "$1" >&2
		echo "this failed: $line" >&2
		return 1
	}
	missing=$(missing_prerequisites | tr '\n' ' ')
	[ -z "$missing" ] || {
		echo "still missing after the installation: $missing" >&2
		return 1
	}
}

# Prints the files of the tree in the current directory that somebody wrote.
list_sources() {
	if [ -e .git ] && command -v git >/dev/null &&
		git -c safe.directory='*' ls-files -co --exclude-standard 2>/dev/null
	then
		return
	fi
	find . \( -name .git -o -path ./build -o -name .deps \
		-o -name autom4te.cache \) -prune \
		-o -type f ! -name '*.o' ! -name '*.a' ! -name '*.log' \
		! -name '*.trs' ! -name '*.pb-c.[ch]' ! -name Makefile \
		! -name config.status ! -name config.h -print
}

# copy_sources FROM TO: the tree without what was built in it.
copy_sources() {
	mkdir -p "$2"
	(
		cd "$1" || exit
		list_sources | while IFS= read -r path; do
			[ ! -f "$path" ] || echo "$path"
		done | tar -cf - -T -
	) | tar -xf - -C "$2" --no-same-owner
	[ -e "$2/configure.ac" ]
}

# configure_tree SOURCES BUILD LOG [ARGUMENT...]: autoreconf, if that is
# needed, and configure.
configure_tree() {
	sources=$1
	build=$2
	log=$3
	shift 3
	if [ ! -x "$sources/configure" ] || [ -n "$(find \
		"$sources/configure.ac" -newer "$sources/configure")" ]; then
		(cd "$sources" && autoreconf -fi) >>"$log" 2>&1 || return
	fi
	mkdir -p "$build"
	(cd "$build" && "$sources/configure" -q "$@") >>"$log" 2>&1
}

# How many jobs to build with.
jobs_here() {
	getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2
}
