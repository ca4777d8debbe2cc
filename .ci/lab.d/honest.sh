# Whether the scenarios notice: each runs with programs that only pretend, and with outages that do not happen. All must fail.

show_honesty() {
	local failed=0
	false_programs
	if [ -n "${LAB_PARTS:-}" ]; then
		honest_parts=$LAB_PARTS
	else
		honest_parts=$(printf '%s\n' "asterisk tokio -- jssip-tokio" "browsers kamailio sipjs-tokio" "browsers serve sipjs011-tokio jssip-tokio" \
			"registration tokio" "calls tokio" "features tokio" "events tokio" "loss tokio")
	fi
	pretend "exits 0" "$work/exits-0" || failed=1
	pretend "exits 1" "$work/exits-1" || failed=1
	pretend "talks" "$work/talks" || failed=1
	# Only the scenarios with an outage are concerned; the others may pass.
	honest_parts=$(printf '%s\n' "loss tokio" "calls tokio" "events tokio")
	LAB_NO_OUTAGES=1 LAB_ONLY=${LAB_ONLY:-^loss|Ctrl-C|after a restart|is cut} pretend "no outages" "$sip" || failed=1
	sed -i -E '/\t(loss |.*Ctrl-C|.*after a restart|.*is cut)/!d' "$work/honest no outages"
	table_of_honesty || failed=1
	return $failed
}

# Programs that send nothing.
false_programs() {
	printf '#!/bin/sh\nexit 0\n' >"$work/exits-0"
	printf '#!/bin/sh\nexit 1\n' >"$work/exits-1"
	# It prints what the real one would, gives the exit code that the command line asks for, and obeys Ctrl-C.
	cat >"$work/talks" <<-'END'
		#!/bin/bash
		trap 'echo "call ended: as requested, by this side"; echo "unregistered: as requested, by this side"; echo stopped; exit 0' INT TERM
		echo "connecting to ws://127.0.0.1, attempt 1"; echo "connected to ws://127.0.0.1"
		case "$*" in
		*"password wrong"*) echo "registration failed: the registrar rejected the user name or password: 401 Unauthorized"; exit 1 ;;
		*--json*)
			for code in 400 403 404 423 488 489; do
				for event in subscription_ended publication_ended response incoming_subscription_ended; do
					echo "{\"event\":\"$event\",\"status\":$code,\"cause\":\"unsubscribed\"}"
				done
			done
			for reason in deactivated probation giveup timeout rejected noresource invariant; do
				echo "{\"event\":\"subscription_ended\",\"cause\":\"terminated\",\"reason\":\"$reason\"}"
				[[ $* != *subscribe* ]] || echo "{\"event\":\"subscription_interrupted\",\"reason\":\"$reason\"}"
			done
			for body in "page <basic>open<" "page <basic>closed<" "<state>confirmed<" "<state>terminated<" "Messages-Waiting: yes Voice-Message: 2/1"; do
				for state in active active terminated; do
					echo "{\"event\":\"notified\",\"state\":\"$state\",\"expires\":30,\"body\":\"$body\",\"presence\":{\"basic\":\"open\"," \
						"\"notes\":\"in the lab\"},\"messages\":{\"waiting\":true},\"dialogs\":\"confirmed\"}"
				done
			done
			for state in "bob open" "dave closed" "bob unknown"; do echo "{\"event\":\"watched\",\"state\":\"$state\"}"; done
			for event in ended published published connected connected disconnected subscription_refreshed; do echo "{\"event\":\"$event\"}"; done
			echo '{"event":"incoming_subscription","package":"presence","from":"alice@lab.test"}'
			case "$*" in *--count* | *--poll*) exit 0 ;; esac
			trap 'exit 0' INT TERM
			sleep 3600 & wait
			;;
		*options*) echo "200 OK"; exit 0 ;;
		*"message 404"*) echo "404 Not Found"; exit 1 ;;
		*message*) echo "200 OK"; exit 0 ;;
		esac
		for word in "$@"; do
			case $word in
			[3-6][0-9][0-9]) echo "call ended: refused, by the peer: $word, elsewhere: <sip:bob@lab.test>"; exit 1 ;;
			wss://*) [[ $* == *--ca* ]] || { echo "the certificate is not trusted"; exit 3; } ;;
			esac
		done
		echo "registered for 600 s; bindings: <sip:x@y.invalid>"; echo "registered again for 1800 s"; echo "call from sip:alice@lab.test"; echo "180 Ringing"
		echo "call established"; echo "disconnected from ws://127.0.0.1"; echo "registered for 600 s"
		echo "MESSAGE from sip:alice@lab.test: hello"; echo "call ended: hung up, by the peer"
		sleep 3600 & wait
	END
	chmod +x "$work"/exits-[01] "$work/talks"
}

# Runs the scenarios with a program, and keeps the results for the table.
pretend() { # name, program
	echo "== with a program that ${1/#no outages/is real, without outages}"
	LAB_RESULTS="$work/honest $1" SIP=$2 SIP_SERVER=$sip LAB_PATIENCE=${LAB_PATIENCE:-4} LAB_QUIET=1 \
		LAB_PARTS=$honest_parts LAB_ONLY=${LAB_ONLY:-} bash .ci/lab
	[ -s "$work/honest $1" ] || [ -n "${LAB_ONLY:-}" ] || { echo "FAILED: nothing ran"; return 1; }
}

# One row for each scenario. A scenario that passes, or whose peers were not ready, makes the whole a failure.
table_of_honesty() {
	awk -F '\t' '
		BEGIN { n = split("exits 0,exits 1,talks,no outages", columns, ",") }
		FNR == 1 { column = FILENAME; sub(/.*honest /, "", column) }
		!($2 in place) { place[$2] = ++rows; names[rows] = $2 }
		{
			word = $1 == "failed" ? "fails" : $1 == "ok" ? "PASSES" : $1 == "broken" ? "NOT READY" : "not run"
			if ($1 == "ok" || $1 == "broken") { wrong++; why[$2] = $3 } else if ($1 == "failed") right++
			cell[$2, column] = word
		}
		END {
			printf "\n%-90s %-10s%-10s%-10s%-10s\n", "scenario", columns[1], columns[2], columns[3], columns[4]
			for (row = 1; row <= rows; row++) {
				line = sprintf("%-90s ", names[row])
				for (i = 1; i <= n; i++) line = line sprintf("%-10s", ((names[row], columns[i]) in cell) ? cell[names[row], columns[i]] : "-")
				print line | "sort"
			}
			close("sort")
			for (name in why) print "not honest: " name ": " why[name]
			printf "%d failed as they must, %d did not\n", right, wrong
			exit wrong > 0 || right == 0
		}' "$work"/honest\ *
}
