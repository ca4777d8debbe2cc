# One scenario: its own directory, its own processes, its own view of the trace. It ends at the first demand that does not hold.
# A scenario runs in a subshell, so `exit` ends the scenario alone: 0 held, 1 a demand did not hold, 2 a peer was not ready.

# How long a condition may take to come true, in seconds. Waits end as soon as it does, or as soon as the program is gone.
patience=${LAB_PATIENCE:-20}
declare -A pids=()
number=0

scenario() { # name, function, arguments...
	local name="$part: $1"
	shift
	outcome="not run"
	[[ $name =~ ${LAB_ONLY:-} ]] || return 0
	if [ -n "${missing:-}" ]; then
		record "not run" "$name" "$missing"
		return
	fi
	if [ -n "${unready:-}" ]; then
		record broken "$name" "$unready" 0
		return
	fi
	try "$name" "$@"
	# A peer has faults and races of its own, so a scenario that fails is tried once more. The run says how many, and three is
	# the most.
	if [ "$outcome" = failed ] && [ -z "${LAB_QUIET:-}" ]; then
		record again "$name" "$(tail -n 1 "$here/verdict")" "$took"
		try "$name" "$@"
	fi
	record "$outcome" "$name" "$(tail -n 1 "$here/verdict")" "$took"
}

try() { # name, function, arguments...
	local began=$EPOCHREALTIME
	shift
	number=$((number + 1)) here=$room/$number
	mkdir -p "$here"
	(
		trap end_all EXIT
		trap 'exit 2' TERM
		fresh || { echo "the peers are not ready"; exit 2; }
		"$@"
	) >"$here/verdict" 2>&1
	case $? in 0) outcome=ok ;; 1) outcome=failed ;; *) outcome=broken ;; esac
	keep_events
	took=$(awk "BEGIN { printf \"%.1f\", $EPOCHREALTIME - $began }")
}

# Prints one line for a scenario and keeps it for the last line of the run. A failure shows what everybody said.
record() { # outcome, name, reason, seconds
	(
		flock 9
		printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$results"
		case $1 in
		ok) echo "ok       $2 ($4 s)" ;;
		"not run") echo "NOT RUN: $2: $3" ;;
		*)
			[ "$1" = again ] && echo "AGAIN    $2 ($4 s): $3" || echo "FAILED   $2 ($4 s): $3"
			[ -z "${LAB_QUIET:-}${unready:-}" ] || exit 0
			for file in "$here"/*; do
				case $file in *.json5 | *.wire | *.png | */verdict) continue ;; esac
				printf '    -- %s\n' "${file##*/}"
				tail -n 12 "$file" | cut -c 1-300 | sed 's/^/    /'
			done
			;;
		esac
	) 9>"$results.lock"
}

# Starts a process in a group of its own, with its output in a file of the scenario.
launch() { # name, command...
	local name=$1
	shift
	set -m
	"$@" >"$here/$name" 2>&1 </dev/null 8>&- 9>&- &
	pids[$name]=$!
	set +m
}
# Starts the program. Its User-Agent marks its messages in the trace and in the registrar's table.
ours() { # name, user, subcommand, arguments...; $parameters are further parameters of the configuration
	local name=$1 user=$2 subcommand=$3
	shift 3
	echo "{ userAgentString: 'ours-$name', ${parameters:-} }" >"$here/$name.json5"
	launch "$name" "$sip" "$subcommand" --config "$here/$name.json5" --adapter "$adapter" \
		--server "$server_url" --uri "sip:$user@$domain" --password "${password:-$user-pw}" "$@"
}
# SIPp, as another user of the registrar.
sipp() { # scenario, arguments...
	launch sipp bash "$work/sipp/run.sh" "$@" --timeout "${sipp_patience:-30}"
}
alive() { kill -0 "${pids[$1]}" 2>/dev/null; }
end_all() {
	local name
	for name in "${!pids[@]}"; do
		alive "$name" || continue
		kill -CONT -- "-${pids[$name]}" 2>/dev/null
		# SIPp unregisters when it is told to end; the program is cut off, because the scenario is over.
		if [ "$name" = sipp ]; then kill -TERM -- "-${pids[$name]}"; else kill -KILL -- "-${pids[$name]}"; fi
	done 2>/dev/null
	wait 2>/dev/null
}

demand() { # what, command...
	local what=$1
	shift
	"$@" || { echo "not so: $what"; exit 1; }
}
refuse() { ! "$@"; }
# Waits until a command succeeds, for as long as a process of the scenario lives, and $unless, if it is set, does not succeed.
await() { # process or -, what, command...
	local name=$1 what=$2 end=$((SECONDS + patience)) gone=
	shift 2
	until "$@"; do
		[ -z "$gone" ] || { echo "$name ended, and not so: $what"; exit 1; }
		[ "$SECONDS" -le "$end" ] || { echo "not so in $patience s: $what"; exit 1; }
		if [ -n "${unless:-}" ] && $unless; then echo "$unless, and not so: $what"; exit 1; fi
		# Once more after the end, because the last thing that the process did may be what is awaited.
		[ "$name" = - ] || alive "$name" || gone=1
		sleep 0.1
	done
}
# The same for what a peer must do before the program has a part in it.
await_peer() { # what, command...
	local what=$1 end=$((SECONDS + 30))
	shift
	until "$@"; do
		[ "$SECONDS" -le "$end" ] || { echo "a peer is not ready: $what"; exit 2; }
		sleep 0.1
	done
}
# Waits for the end of a process, and looks at its exit code.
ends() { # process, exit code
	local end=$((SECONDS + patience)) status
	while alive "$1"; do
		[ "$SECONDS" -le "$end" ] || { echo "not so in $patience s: $1 ends"; exit 1; }
		sleep 0.1
	done
	wait "${pids[$1]}"
	status=$?
	[ "$status" = "$2" ] || { echo "$1 ends with exit code $status, not $2"; exit 1; }
}
interrupt() { kill -INT "${pids[$1]}"; }
# Ctrl-C: the program ends as it should, and the registrar no longer has it.
leaves() { # process, user
	interrupt "$1"
	ends "$1" 0
	await - "$2 is no longer in the registrar's table" bound "$2" 0 "$1"
}
# Whether a process printed a line at least once, or that many times.
said() { # process, regular expression, [times]
	# Without the number that the program gives a call while there are several.
	[ "$(sed -E 's/^call [0-9]+: //' "$here/$1" | grep -Ec -- "$2")" -ge "${3:-1}" ]
}

# Everything that takes something away from the program goes through here: `.ci/lab --honest` makes it do nothing.
outage() { # suspend PID, resume PID, or a command of the lab
	[ -z "${LAB_NO_OUTAGES:-}" ] || return 0
	case $1 in
	suspend) kill -STOP "$2" ;;
	resume) kill -CONT "$2" ;;
	*) lab "$@" >/dev/null 2>&1 ;;
	esac
}
