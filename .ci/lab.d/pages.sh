# SIP.js and JsSIP in headless Chromium. A page lives for all scenarios of a cell; its events are the lines of $room/NAME.

# Starts a page.
open_page() { # name, user, flags of `lab agent`
	local name=$1 user=$2
	shift 2
	rm -f "$room/$name.in"
	mkfifo "$room/$name.in"
	set -m
	node "$work/browser/agent.mjs" --stack "$stack" --user "$user" --ws "$server_url" --domain "$domain" --wire "$@" \
		<"$room/$name.in" >"$room/$name" 2>"$room/$name.errors" 8>&- 9>&- &
	page_pids[$name]=$!
	set +m
	exec {fd}>"$room/$name.in"
	page_inputs[$name]=$fd
}
page_is_registered() { # name
	local _
	for _ in $(seq 900); do
		grep -q '"ev":"registered"' "$room/$1" && return 0
		kill -0 "${page_pids[$1]}" 2>/dev/null || break
		sleep 0.1
	done
	cat "$room/$1" "$room/$1.errors"
	return 1
}
close_pages() {
	local name
	[ ${#page_pids[@]} -gt 0 ] || return 0
	for name in "${!page_pids[@]}"; do
		page "$name" quit
		exec {page_inputs[$name]}>&-
	done
	local _
	for _ in $(seq 50); do
		kill -0 "${page_pids[@]}" 2>/dev/null || break
		sleep 0.1
	done
	for name in "${!page_pids[@]}"; do kill -KILL -- "-${page_pids[$name]}"; done
	wait "${page_pids[@]}"
	page_pids=() page_inputs=()
} 2>/dev/null
declare -A page_pids=() page_inputs=() page_from=()

# A scenario begins: what the pages did before does not count.
mark_pages() {
	local name
	for name in "${!page_pids[@]}"; do page_from[$name]=$(($(wc -l <"$room/$name") + 1)); done
}

page() { # name, command
	local name=$1
	shift
	# A page that has ended must not end the part by SIGPIPE.
	(trap '' PIPE; echo "$*" >&"${page_inputs[$name]}") 2>/dev/null
}
# The events of a page since the scenario began.
heard() { # name, event, [regular expression of its fields], [times]
	local all
	all=$(tail -n "+${page_from[$1]}" "$room/$1" | grep -F "\"ev\":\"$2\"" | grep -Ec -- "${3:-.}")
	[ "$all" -ge "${4:-1}" ]
}
# What the pages did in the scenario, for whoever looks into its failure.
keep_events() {
	local name
	for name in "${!page_pids[@]}"; do
		tail -n "+${page_from[$name]}" "$room/$name" >"$here/$name.wire"
		grep -v '"ev":"wire"' "$here/$name.wire" >"$here/$name"
		[ -s "$here/$name" ] || rm -f "$here/$name" "$here/$name.wire"
	done
}
# The last answer that a page got to an INVITE of its own: its directions and its m-lines, such as "recvonly audio:9 video:0".
answer_to() { # name
	tail -n "+${page_from[$1]}" "$room/$1" | grep -F '"dir":"recv","data":"SIP/2.0 200' | grep 'CSeq: [0-9]* INVITE' | tail -n 1 |
		sed 's/\\r\\n/\n/g' | awk '
			/^m=/ { lines = lines " " substr($1, 3) ":" ($2 == 0 ? "refused" : "taken") }
			/^a=(sendrecv|sendonly|recvonly|inactive)$/ { directions = directions substr($0, 3) " " }
			END { print directions "/" lines }'
}
answered_with() { # name, regular expression
	[[ $(answer_to "$1") =~ ^($2)$ ]]
}
# What it was asked for last, in the same form.
offers() { # name
	tail -n "+${page_from[$1]}" "$room/$1" | grep -F '"dir":"send","data":"INVITE ' | tail -n 1 | grep -o '\\nm=' | wc -l
}
