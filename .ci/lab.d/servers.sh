# The three servers: Kamailio, Asterisk, and `sip serve`. Each tells what it has in its table and which messages it saw.
# A part has one server at a time: $server, its address $server_url, its $domain, and its trace from the byte $trace_from on.

lab() { "$lab_home/lab" "$@"; }
asterisk() { "$lab_home/asterisk/asterisk" "$@"; }

kamailio_up() { # options of `lab up`
	server=kamailio domain=lab.test
	lab down >/dev/null 2>&1
	lab up "$@" >"$room/up" 2>&1 || { cat "$room/up"; return 1; }
	eval "$(lab env)"
	server_url=$LAB_WS
}
asterisk_up() {
	server=asterisk
	lab up >"$room/up" 2>&1 && asterisk up >>"$room/up" 2>&1 && asterisk_reports >>"$room/up" 2>&1 || { cat "$room/up"; return 1; }
	eval "$(asterisk env)"
	server_url=$AST_WS domain=$AST_DOMAIN
}
serve_up() {
	server=serve domain=lab.test
	local port=$((LAB_PORT_BASE + 85)) users=() user
	for user in alice bob carol dave; do users+=(--user "$user:$user-pw"); done
	"${SIP_SERVER:-$sip}" serve --listen "127.0.0.1:$port" --realm lab.test "${users[@]}" --trace \
		>"$room/serve" 2>"$room/serve.trace" </dev/null 8>&- 9>&- &
	serve_pid=$!
	server_url=ws://127.0.0.1:$port
	local _
	for _ in $(seq 100); do
		grep -q "^listening on" "$room/serve" && return 0
		kill -0 "$serve_pid" 2>/dev/null || break
		sleep 0.1
	done
	cat "$room/serve" "$room/serve.trace"
	return 1
}
servers_down() {
	[ -z "${serve_pid:-}" ] || kill -KILL "$serve_pid" 2>/dev/null
	[ "${server:-}" != asterisk ] || asterisk down
	lab down
} >/dev/null 2>&1

# Before a scenario: nobody of $ours_users is in the table, and the trace begins here.
fresh() {
	trace_from=$(($(trace | wc -c) + 1))
	local user _
	for user in $ours_users; do
		[ "$server" != kamailio ] || lab forget "$user" >/dev/null 2>&1
		for _ in $(seq 50); do bound "$user" 0 && continue 2; sleep 0.1; done
		# `sip serve` has no command to forget a user; its table is what its trace says.
		[ "$server" = serve ] || return 1
	done
}

# Whether the table of the server has that many bindings of a user, or of a program of ours as that user.
bound() { # user, number, [program]
	[ "$(bindings "$1" "${3:+ours-$3}")" = "$2" ]
}
bindings() { # user, User-Agent or nothing
	local table
	case $server in
	kamailio)
		table=$(lab ul "$1" 2>&1)
		case $table in *"AOR not found"* | *AoR:*) ;; *) echo "the registrar does not answer"; return ;; esac
		grep -c "^[[:space:]]*User-Agent: ${2:-.*}\$" <<<"$table"
		;;
	asterisk)
		table=$(asterisk cli database show registrar)
		case $table in *"results found"*) ;; *) echo "the registrar does not answer"; return ;; esac
		grep -c "^/registrar/contact/$1;.*\"user_agent\":\"${2:-.*}\"" <<<"$table"
		;;
	serve)
		# One binding for each Call-ID whose last REGISTER was accepted and asked for more than 0 seconds.
		messages | awk -F ' [|] ' -v user="$1" -v agent="$2" '
			/^IN/ && $2 ~ /^REGISTER / && $6 == user && (agent == "" || $5 == agent) { asked[$4 $3] = $7 }
			/^OUT/ && $2 ~ /^200 / && ($4 $3) in asked { bound[$4] = asked[$4 $3] !~ /expires=0 / }
			END { for (call in bound) sum += bound[call]; print sum + 0 }'
		;;
	esac
}

trace() {
	case $server in
	kamailio) lab trace 2>/dev/null ;;
	asterisk) asterisk log ;;
	serve) cat "$room/serve.trace" ;;
	esac
}
# The messages of the scenario as the server saw them, one a line: direction and peer | start line | CSeq | Call-ID | User-Agent | user | marks
messages() { trace | tail -c "+$trace_from" | tr -d '\r\0' | awk -f "$lab_d/messages.awk"; }
seen() { messages | grep -Eq -- "$1"; }
# The exchanges that a program of ours began with a method: R for each request, and the status of each final response.
ladder() { # program, method
	messages | awk -F ' [|] ' -v agent="ours-$1" -v method="$2" '
		# CANCEL and ACK have no User-Agent: they belong to the program that began the call from the same connection.
		{ split($1, way, " "); from = $4 " " way[2] }
		way[1] == "IN" && $5 == agent { mine[from] = 1 }
		way[1] == "IN" && $2 ~ "^" method " " && from in mine { line = line " R" }
		way[1] == "OUT" && $2 ~ /^[2-6][0-9][0-9] / && $3 ~ " " method "$" && from in mine {
			line = line " " substr($2, 1, 3) ($7 ~ /stale/ ? "stale" : "")
		}
		END { print substr(line, 2) }'
}
exchanged() { # program, method, regular expression of the whole ladder
	[[ $(ladder "$1" "$2") =~ ^($3)$ ]]
}
# Waits for a whole ladder; a failure shows the one that was.
demand_ladder() { # program, method, regular expression
	local end=$((SECONDS + patience))
	until exchanged "$@"; do
		[ "$SECONDS" -le "$end" ] || { echo "not so in $patience s: $2 of $1 goes $3; it goes $(ladder "$1" "$2")"; exit 1; }
		sleep 0.1
	done
}

# WebSocket connections of Kamailio and the edge: the ports of their far ends.
connections() { lab ws 2>/dev/null | sed -n 's/.* wss\{0,1\}:127\.0\.0\.1:\([0-9]*\) -> .*state: OPEN.*/\1/p'; }
connected() { connections | grep -qx "$1"; }
# The connection that a program of ours has registered over, by the port of its end.
port_of() { # program, user
	lab ul "$2" 2>/dev/null | awk -v agent="ours-$1" '
		/User-Agent:/ { mine = $2 == agent }
		/Received:/ && mine { split($2, part, /[:;]/); print part[3] }' | tail -n 1
}
# Whether the table has a program of ours on another connection than before, which is open.
moved() { # program, user, old port
	local port
	port=$(port_of "$1" "$2")
	[ -n "$port" ] && [ "$port" != "$3" ] && connected "$port"
}
