# Connections that are lost. Each scenario first shows that there was one, then that it is gone, then what became of it.

part_loss() { # adapter
	adapter=$1 ours_users="alice bob dave"
	starts kamailio_up
	scenario "registers again after a close frame" registers_again kill-ws
	scenario "registers again after an abrupt end" registers_again kill-ws --abrupt
	scenario "registers again after a restart" registers_again restart
	scenario "a call outlives close frames" call_outlives kill-ws
	scenario "a call outlives a restart" call_outlives restart --hard
	scenario "leaves a frozen server and finds it again" frozen

	# Flow-Timer of 2 s, and the server closes connections that do not answer its ping of every 3 s.
	starts kamailio_up --flow-timer 2 --ws-ping 3
	scenario "the server loses patience with a suspended program, which comes back" asleep

	starts kamailio_up --edge
	scenario "one of two flows is cut in a call" one_flow_cut
}

# Waits for the registration of a program and keeps the port of its connection in a variable of that name.
on_connection() { # program, user, variable
	await "$1" "$2 is in the registrar's table" bound "$2" 1 "$1"
	printf -v "$3" %s "$(port_of "$1" "$2")"
	demand "the server holds the connection of $2" connected "${!3}"
}

registers_again() { # outage
	local old
	ours alice alice register
	on_connection alice alice old
	outage "$@"
	await alice "the server no longer holds the connection at port $old" refuse connected "$old"
	await alice "alice is in the table on another connection, which is open" moved alice alice "$old"
	await alice "the program says that it lost one" said alice "^disconnected from"
	demand "it registers twice" said alice "^registered" 2
	leaves alice alice
}

# Both ends lose their connections in the call: each comes back, the call is repaired, and BYE ends it.
call_outlives() { # outage
	local callee caller
	ours bob bob answer
	on_connection bob bob callee
	ours alice alice call bob
	await alice "the call is up" said alice "^call established"
	await bob "the call is up" said bob "^call established"
	on_connection alice alice caller
	outage "$@"
	await alice "alice's connection is gone" refuse connected "$caller"
	await bob "bob's connection is gone" refuse connected "$callee"
	await alice "alice is in the table on another connection" moved alice alice "$caller"
	await bob "bob is in the table on another connection" moved bob bob "$callee"
	await alice "alice repairs the call by a re-INVITE" repaired alice
	await bob "bob repairs the call by a re-INVITE" repaired bob
	leaves alice alice
	demand_ladder alice BYE "R 200"
	await bob "bob hears that she hung up" said bob "^call ended: hung up, by the peer"
	leaves bob bob
}
# Whether a re-INVITE of the program got a 200, and the 200 its ACK.
repaired() { # program
	messages | awk -F ' [|] ' -v agent="ours-$1" '
		/^IN/ && $2 ~ /^INVITE / && $5 == agent && $7 ~ /tag/ { split($3, number, " "); asked[$4 number[1]] = 1 }
		/^OUT/ && $2 ~ /^200 / && $3 ~ / INVITE$/ { split($3, number, " "); if ($4 number[1] in asked) accepted[$4 number[1]] = 1 }
		/^IN/ && $2 ~ /^ACK / { split($3, number, " "); if ($4 number[1] in accepted) done = 1 }
		END { exit !done }'
}

# The keep-alive finds the connection dead, and the agent comes back when the server does.
frozen() {
	local old
	ours dave dave register
	on_connection dave dave old
	trap 'lab thaw; end_all' EXIT
	outage freeze
	patience=$((2 * patience + 5)) await dave "the program leaves the silent server" said dave "^disconnected from"
	demand "the server is frozen" suspended "$(cat "$LAB_DIR/main/pid")"
	outage thaw
	await dave "the old connection is gone" refuse connected "$old"
	await dave "dave is in the table on another connection" moved dave dave "$old"
	leaves dave dave
}

# SIGSTOP suspends the program for longer than its binding lasts and than the server waits.
asleep() {
	local old
	parameters="registerExpires: 12" ours dave dave register
	on_connection dave dave old
	demand "the server closes no connection yet" refuse grep -q "LAB ws closed .*:$old\$" <(lab log)
	outage suspend "${pids[dave]}"
	await dave "the server closes the connection at port $old of its own accord" closed_by_server "$old"
	await dave "the binding runs out" bound dave 0
	demand "the program is suspended" suspended "${pids[dave]}"
	demand "it has registered once" refuse said dave "^registered" 2
	outage resume "${pids[dave]}"
	patience=8 await dave "dave is in the table on another connection" moved dave dave "$old"
	await dave "the program says so" said dave "^registered" 2
	demand "it noticed the loss" said dave "^disconnected from"
	leaves dave dave
}
closed_by_server() { grep -q "LAB ws closed .*:$1\$" <(lab log) && ! connected "$1"; }

suspended() { [ "$(cut -d ' ' -f 3 "/proc/$1/stat")" = T ]; } # PID

# Two flows (RFC 5626): one to the registrar, one to an edge proxy in front of it.
one_flow_cut() {
	local direct
	cat >"$here/flows.json5" <<-END
		{ uri: "sip:bob@lab.test", password: "bob-pw", outboundFlows: 2, userAgentString: "ours-bob",
		  wsServers: [{ ws_uri: "$LAB_WS", weight: 2 }, { ws_uri: "$LAB_EDGE_WS", weight: 1 }] }
	END
	launch bob "$sip" answer --config "$here/flows.json5" --adapter "$adapter"
	await bob "bob has two bindings in the registrar's table" bound bob 2 bob
	direct=$(lab ul bob | awk '
		/Received:/ { split($2, part, /[:;]/); port = part[3] }
		/Path: \[not set\]/ { print port }')
	demand "the server holds the connection of the first flow" connected "$direct"
	ours alice alice call bob
	await alice "the call is up" said alice "^call established"
	await bob "the call is up" said bob "^call established"
	# The edge has connections with the same numbers, and `kill-ws` would close both.
	outage rpc ws.close "$(lab ws | sed -n "s/^[[:space:]]*\([0-9]*\): ws:127.0.0.1:$direct -> .*/\1/p")"
	await bob "the connection of the first flow is gone" refuse connected "$direct"
	await bob "the program says that it lost one" said bob "^disconnected from ${LAB_WS%/}"
	await bob "the first flow is back" said bob "^registered" 3
	demand "bob has two bindings" bound bob 2 bob
	leaves alice alice
	demand_ladder alice BYE "R 200"
	await bob "bob hears that she hung up" said bob "^call ended: hung up, by the peer"
	demand "the other flow kept the agent registered" refuse said bob "^unregistered"
	leaves bob bob
}
