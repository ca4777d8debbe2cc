# Asterisk stands between its callers, so each call is two dialogs. Its contacts and its log say what happened.

part_asterisk() { # adapters, then -- and browser cells
	ours_users="alice bob carol dave"
	missing=$no_asterisk
	[ -n "$missing" ] || starts asterisk_up
	local whole=$part
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		part="$whole $1"
		with_asterisk "$1"
		events_with_asterisk
		shift
	done
	part=$whole
	shift
	ours_users="bob dave"
	[ -n "$missing" ] || missing=$no_browser
	local cell
	for cell; do browser_cell "$cell"; done
}

with_asterisk() { # adapter
	adapter=$1
	scenario "registers, and unregisters" asterisk_registers
	password=wrong scenario "a wrong password: 401" wrong_password
	scenario "calls echo and hangs up" calls_echo alice
	scenario "calls echo as carol, with session timers" calls_echo carol
	[ "$long" = 0 ] || scenario "the session of carol is refreshed" session_is_refreshed
	parameters="rel100: 'supported'" scenario "calls echo as dave, who must have 100rel and a session timer" calls_echo dave
	parameters="rel100: 'required'" scenario "calls early as carol, 183 is reliable because we require it" hears_early_media carol
	parameters="rel100: 'supported'" scenario "calls early as dave, 183 is reliable because Asterisk requires it" hears_early_media dave
	parameters="rel100: 'supported'" scenario "calls dave, Asterisk requires 100rel and a session timer of him" asterisk_requires
	# The REFER leads to another domain, where a peer may have sent the challenge.
	parameters="peerRealms: ['asterisk'], weakestPeerAlgorithm: 'MD5'" scenario "calls xfer, Asterisk transfers us" asterisk_refers_us
	scenario "calls a number that hangs up" number_hangs_up
	local pair
	for pair in busy:486 congest:503 reject:403 nobody:404; do
		scenario "calls $pair" refused_by_asterisk "${pair%:*}" "${pair#*:}"
	done
	scenario "MESSAGE through Asterisk" message_through_asterisk
	scenario "Asterisk calls two contacts, one answers, the other is cancelled" asterisk_forks
}

asterisk_registers() {
	ours alice alice register
	await alice "Asterisk has her contact" bound alice 1 alice
	await alice "the program says so" said alice "^registered for"
	leaves alice alice
	demand_ladder alice REGISTER "R 401 R 200 R (401 R )?200"
	await - "the last REGISTER asks for 0 seconds" seen "^IN .* REGISTER sip.* ours-alice .*expires=0"
}

calls_echo() { # user
	ours caller "$1" call echo
	await caller "the call is up" said caller "^call established"
	await caller "Asterisk runs Echo" asterisk_did 'Executing \[echo@default:2\] Echo\("PJSIP/'"$1"
	await - "the 200 has an ACK" seen "^IN .* ACK sip"
	if [ "$1" != alice ]; then
		demand "the 200 has a session timer" asterisk_did "^Session-Expires: [0-9]+"
	fi
	leaves caller "$1"
	demand_ladder caller INVITE "R (40[17] R )?200"
	demand_ladder caller BYE "R 200"
}
# Whether Asterisk logged a line since the scenario began.
asterisk_did() { grep -Eq -- "$1" <(trace | tail -c "+$trace_from"); }

session_is_refreshed() {
	ours carol carol call echo
	await carol "the call is up" said carol "^call established"
	# The interval is 90 s; the refresh is due after half of it.
	patience=60 await carol "a refresh is accepted" session_refresh
	demand "the call goes on" refuse said carol "^call ended"
	leaves carol carol
}
# A request in the dialog, from either side, that got a 200.
session_refresh() {
	messages | awk -F ' [|] ' '
		$2 ~ /^(INVITE|UPDATE) / && $7 ~ /tag/ { asked[$3 $4] = 1 }
		$2 ~ /^200 / && ($3 $4) in asked { done = 1 }
		END { exit !done }'
}

hears_early_media() { # user
	ours caller "$1" call early
	await caller "the 183 has come" said caller "^183 "
	demand_ladder caller PRACK "R 200"
	await caller "the call is up" said caller "^call established"
	demand "the 183 was reliable" asterisk_did "^RSeq: [0-9]+"
	ends caller 0
	demand "the program says who hung up" said caller "^call ended: hung up, by the peer"
	demand_ladder caller INVITE "R (40[17] R )?200"
}
asterisk_requires() {
	ours dave dave answer --progress --ring 1
	await dave "dave has a contact" bound dave 1 dave
	ours alice alice call dave
	await dave "Asterisk calls dave" said dave "^call from"
	demand "it requires 100rel" asterisk_did "^Require: .*100rel"
	await dave "Asterisk sends PRACK" seen "^OUT .* PRACK sip"
	await dave "dave answers it" seen "^IN .* 200 .* [0-9]+ PRACK"
	await dave "dave has the call" said dave "^call established"
	await alice "alice has the call" said alice "^call established"
	leaves alice alice
	await dave "Asterisk hangs up" said dave "^call ended: hung up, by the peer"
	leaves dave dave
}
asterisk_refers_us() {
	ours bob bob answer --hangup-after 2
	await bob "bob has a contact" bound bob 1 bob
	ours alice alice call xfer --follow-refer
	await alice "the call is up" said alice "^call established"
	await alice "Asterisk asks her to call bob" said alice "^REFER from .* to sip:bob@"
	await bob "bob is called" said bob "^call from"
	await alice "the call with bob is up" said alice "^call established" 2
	demand_ladder alice NOTIFY "R 200( R 200)+"
	await alice "Asterisk takes it for a success" asterisk_did "LAB TRANSFERSTATUS SUCCESS"
	ends alice 0
	leaves bob bob
}
number_hangs_up() {
	ours alice alice call bye
	await alice "the call is up" said alice "^call established"
	ends alice 0
	demand "the program says who hung up" said alice "^call ended: hung up, by the peer"
	await - "Asterisk sends BYE" seen "^OUT .* BYE sip"
	await - "the program answers it with 200" seen "^IN .* 200 OK .* [0-9]+ BYE"
}

refused_by_asterisk() { # number, code
	ours alice alice call "$1"
	ends alice 1
	demand_ladder alice INVITE "R (40[17] R )?$2"
	await - "the refusal is acknowledged" seen "^IN .* ACK sip:$1@"
	demand "the program names the code" said alice "^call ended: .*$2"
	await - "alice has unregistered" bound alice 0
}

message_through_asterisk() {
	local text="^MESSAGE from .*alice.*: grüße über Asterisk" try wait
	# Asterisk 16 drops the contacts of all WebSocket clients of an address when one of them leaves. If alice's end overtakes
	# her text on its way to bob, he registers anew and she sends it again.
	for try in 1 2 3; do
		bob_waits
		ours alice alice message bob "grüße über Asterisk"
		ends alice 0
		for wait in $(seq 30); do
			if said bob "$text"; then break 2; fi
			sleep 0.1
		done
		[ "$try" = 3 ] || leaves bob bob
	done
	await bob "bob gets the text" said bob "$text"
	demand_ladder alice MESSAGE "R (40[17] R )?202( R (40[17] R )?202)*"
	await - "bob answers Asterisk with 200" seen "^IN .* 200 .* [0-9]+ MESSAGE"
	leaves bob bob
}

asterisk_forks() {
	ours first bob answer --ring 1
	ours second bob answer --ring 30
	await first "bob has two contacts" bound bob 2
	await second "one of them is the second" bound bob 1 second
	ours caller alice call allbob
	await first "the first answers" said first "^call established"
	await second "the second rings" said second "^call from"
	await second "Asterisk cancels the second" said second "^call ended: .*"
	await - "Asterisk gets 200 for CANCEL" seen "^IN .* 200 .* [0-9]+ CANCEL"
	await - "and 487 for INVITE" seen "^IN .* 487 .* [0-9]+ INVITE"
	leaves caller alice
	await first "Asterisk hangs up" said first "^call ended: hung up, by the peer"
	interrupt second
	leaves first bob
	ends second 0
	await - "bob has no contact" bound bob 0
}
