#!/usr/bin/env bash
# Runs the programs of the guide against `sip serve`, in a network of their own, because they name port 5080.
# Each row at the end: a program, what it must print, and what happens meanwhile.
# shellcheck disable=SC2046
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=${CARGO_TARGET_DIR:-target}
if [ -z "${PAGES_NETWORK:-}" ]; then
	cargo build --quiet -p sip-cli
	cargo build --quiet --examples --features xml -p sip-tokio
	cargo build --quiet --examples -p sip-blocking
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
# Each command has a process group of its own, which ends whole: Kamailio is many processes.
end_all() {
	local job
	for job in $(jobs -p); do kill -KILL -- "-$job" || true; done
	wait || true
	rm -rf "$work"
} 2>/dev/null
trap end_all EXIT

sip=$target/debug/sip
at="--server ws://127.0.0.1:5080"
account() { echo "$at --uri sip:$1@localhost --password ${1:0:1}"; }
program() { echo "$target/debug/examples/$1"; }

# Starts a command whose output goes to a file. A SIGINT of the keyboard is for the script alone.
declare -A pids=()
start() { # NAME COMMAND...
	set -m
	"${@:2}" >"$work/$1" 2>&1 </dev/null &
	set +m
	pids[$1]=$!
}
# Waits until a file has a text.
expect() { # NAME TEXT
	for _ in $(seq 600); do
		local lives=0
		kill -0 "${pids[$1]}" 2>/dev/null || lives=1
		if grep -qF -- "$2" "$work/$1"; then return; fi
		[ $lives = 0 ] || break
		sleep 0.1
	done
	broken "$1 does not print: $2"
}
# Until a command succeeds.
again() { # COMMAND...
	for _ in $(seq 300); do
		if "$@"; then return; fi
		sleep 0.2
	done
	broken "never succeeds: $*"
}
ends() { wait "${pids[$1]}" || broken "$1 fails"; } # NAME
fails() { # NAME
	if wait "${pids[$1]}"; then broken "$1 does not fail"; fi
	grep -q "^Error: " "$work/$1" || broken "$1 says nothing"
}
broken() { # TEXT
	echo "pages: $1"
	tail -n +1 "$work"/* 2>/dev/null
	exit 1
}

stop() { # NAME...
	local name
	for name; do
		kill -INT "${pids[$name]}" 2>/dev/null || true
		wait "${pids[$name]}" || true
	done
}

start server "$sip" serve --user alice:a --user bob:b --user carol:c
expect server 127.0.0.1:5080

# README.md, first-call.md, coming-from-pjsip.md
start bob "$sip" answer $(account bob)
expect bob "registered for"
for name in first_call first_call_blocking; do
	start "$name" "$(program "$name")"
	expect "$name" "ended: "
	ends "$name"
done
stop bob

# receiving-calls.md, coming-from-sipgo.md
reachable() { "$sip" options "$1" $(account alice) >"$work/options" 2>&1; } # USER
start answer "$(program answer)"
again reachable bob
start caller "$sip" call bob $(account alice) --hangup-after 1
expect caller "call established"
ends caller
expect answer "ended: "
stop answer

# registration.md
start stay_registered "$(program stay_registered)"
expect stay_registered "registered: "
kill -INT "${pids[stay_registered]}"
ends stay_registered

# transfer.md
start bob "$sip" answer --follow-refer $(account bob)
start carol "$sip" answer $(account carol)
expect bob "registered for"
expect carol "registered for"
start transfer "$(program transfer)"
expect transfer "bob talks to carol"
expect carol "call established"
ends transfer
stop bob carol

# messages.md
start echo_messages "$(program echo_messages)"
again reachable bob
"$sip" message bob Hello $(account alice) >"$work/message" 2>&1 || broken "the bot takes no message"
expect echo_messages "Hello"
expect echo_messages "echoed: "
start send_message "$(program send_message)"
expect send_message "bob: 200 OK"
ends send_message
stop echo_messages

# presence.md
start presence "$(program presence)"
expect presence "bob: "
start publish "$sip" publish --basic open --note "at my desk" $(account bob)
expect presence "bob: open: at my desk"
stop publish presence

# The examples that take their account as arguments, and that no page shows whole.
url=ws://127.0.0.1:5080
start echo_bot "$(program echo_bot)" $url sip:bob@localhost b
expect echo_bot "registered"
start alice "$sip" answer $(account alice)
expect alice "registered for"
"$sip" message bob "an echo" $(account alice) >"$work/message" 2>&1 || broken "the bot takes no message"
expect echo_bot "sip:alice@localhost: an echo"
expect alice "an echo"
start caller "$sip" call bob $(account carol) --hangup-after 0
ends caller
expect echo_bot "sip:carol@localhost calls"
start calls_per_second "$(program calls_per_second)" $url sip:carol@localhost c bob 50 8
ends calls_per_second
expect calls_per_second "50 established"
kill -INT "${pids[echo_bot]}"
ends echo_bot
expect echo_bot "unregistered"

start message_bot "$(program message_bot)" $url sip:bob@localhost b
expect message_bot "registered"
"$sip" message bob "add 2 3" $(account alice) >"$work/message" 2>&1 || broken "the bot takes no question"
expect message_bot "add 2 3 -> 5"
if "$sip" message bob "sing" $(account alice) >"$work/message" 2>&1; then broken "the bot takes what it does not know"; fi
grep -q 488 "$work/message" || broken "the bot does not say 488"
stop message_bot alice

start alice "$sip" answer --follow-refer $(account alice)
start bob "$sip" answer $(account bob)
expect alice "registered for"
expect bob "registered for"
start click_to_call "$(program click_to_call)" $url sip:carol@localhost c alice bob
expect click_to_call "alice and bob are connected"
ends click_to_call
start click_to_call "$(program click_to_call)" $url sip:carol@localhost c missing bob
fails click_to_call
stop alice

start back_to_back "$(program back_to_back)" $url sip:carol@localhost c bob
expect back_to_back "registered"
start caller "$sip" call carol $(account alice) --hangup-after 0
expect caller "call established"
ends caller
expect back_to_back "sip:alice@localhost: connected"
stop back_to_back bob


stop server
start server "$sip" serve $(for n in $(seq 0 999); do echo "--user agent$n:secret"; done)
expect server 127.0.0.1:5080
start thousand_agents "$(program thousand_agents)" $url 1000 secret
ends thousand_agents
expect thousand_agents "1000 messages delivered, 1000 received"
echo "pages: the examples of the adapters run"

# A wrong password ends a program.
stop server
start server "$sip" serve --user alice:another --user bob:b
expect server 127.0.0.1:5080
start first_call "$(program first_call)"
fails first_call
stop server
echo "pages: the programs of the guide run"

# servers.md
if command -v kamailio >/dev/null; then
	mkdir "$work/run"
	start kamailio kamailio -f docs/servers/kamailio.cfg -DD -E -Y "$work/run" -w "$work/run"
	secret() { echo "$at --uri sip:$1@example.com --password secret-${1:0:1}"; }
	again "$sip" register --for 1 $(secret alice) >"$work/register" 2>&1
	start bob "$sip" answer $(secret bob)
	expect bob "registered for"
	start caller "$sip" call bob $(secret alice) --hold-after 1 --resume-after 2 --dtmf 1 --hangup-after 3
	expect caller "call resumed"
	ends caller
	expect bob "tone 1"
	"$sip" message bob Hello $(secret alice) >"$work/message" 2>&1
	expect bob "Hello"
	stop bob kamailio
	echo "pages: docs/servers/kamailio.cfg registers, calls, holds and sends a message"
else
	echo "NOT RUN: docs/servers/kamailio.cfg: Kamailio is not installed"
fi
