#!/usr/bin/env bash
# Runs the programs of the guide against `sip serve`, in a network of their own, because they name port 5080.
# Each row at the end: a program, what it must print, and what happens meanwhile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=${CARGO_TARGET_DIR:-target}
if [ -z "${PAGES_NETWORK:-}" ]; then
	cargo build --quiet -p sip-cli
	cargo build --quiet --examples -p sip-tokio -p sip-blocking
	own_network=(unshare --net)
	[ "$(id -u)" = 0 ] || own_network+=(--map-root-user)
	if ! "${own_network[@]}" ip link set lo up 2>/dev/null; then
		echo "NOT RUN: the programs of the guide: this machine gives no network of its own (unshare, ip)"
		exit 0
	fi
	PAGES_NETWORK=own exec "${own_network[@]}" bash "${BASH_SOURCE[0]}"
fi
ip link set lo up
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

sip=$target/debug/sip
at="--server ws://127.0.0.1:5080"
account() { echo "$at --uri sip:$1@localhost --password ${1:0:1}"; }
program() { echo "$target/debug/examples/$1"; }

# Starts a command whose output goes to a file.
start() { # NAME COMMAND...
	"${@:2}" >"$work/$1" 2>&1 &
}
# Waits until a file has a text.
expect() { # NAME TEXT
	for _ in $(seq 600); do
		if grep -qF -- "$2" "$work/$1"; then return; fi
		sleep 0.1
	done
	echo "pages: $1 does not print: $2"
	cat "$work"/*
	exit 1
}

start server "$sip" serve --user alice:a --user bob:b --user carol:c
expect server 127.0.0.1:5080

# first-call.md, coming-from-pjsip.md, README.md
# shellcheck disable=SC2046
start bob "$sip" answer $(account bob)
expect bob registered
for name in first_call first_call_blocking; do
	start "$name" "$(program $name)"
	expect "$name" "ended: "
done

# transfer.md
kill "$!" 2>/dev/null || true
