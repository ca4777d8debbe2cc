# What an INVITE can turn into, with SIPp: reliable provisional responses, offers late and early, hold, session timers, REFER, Replaces.
# SIPp's exit code says whether each message was what its scenario expects, see sipp.sh.

part_features() { # adapter
	adapter=$1 ours_users="alice bob carol dave"
	starts kamailio_up
	# RFC 3262
	parameters="rel100: 'supported'" scenario "SIPp requires 100rel, sends PRACK for 180 and 183" answers_sipp uac-reliable "--progress --ring 1"
	parameters="rel100: 'supported'" scenario "we call SIPp, 183 is reliable" we_send_prack uas-prack
	parameters="rel100: 'required'" scenario "we require 100rel, SIPp sends 183 reliably" we_send_prack uas-prack
	parameters="rel100: 'supported'" scenario "we call SIPp without an offer, it comes in a reliable 183" we_send_prack uas-offers-early --late-offer
	scenario "SIPp requires 100rel, which we do not have: 420" refuses_sipp uac-420 420
	parameters="rel100: 'required'" scenario "we require 100rel, which SIPp does not have: 421" refuses_sipp uac-421 421
	# RFC 3264, RFC 6337
	scenario "we call SIPp without an offer" we_answer_the_offer
	scenario "we call SIPp, hold and resume" we_hold_sipp
	scenario "SIPp calls, early media" answers_sipp uac-call "--progress --ring 1"
	# RFC 3261 section 13.3.1.4
	scenario "SIPp calls, its ACK is late" late_ack
	[ "$long" = 0 ] || scenario "SIPp calls, its ACK never comes" no_ack
	# RFC 4028
	scenario "SIPp calls with a session timer, and refreshes" answers_sipp uac-timer ""
	scenario "SIPp calls with a short session timer: 422" refuses_sipp uac-422 422
	parameters="sessionExpires: 90, sessionRefresher: 'uac'" scenario "we call SIPp with a session timer, it wants a longer one" we_ask_for_a_timer
	[ "$long" = 0 ] || scenario "SIPp calls with a session timer, we refresh" we_refresh
	# RFC 3515
	scenario "SIPp transfers us" sipp_transfers_us
	scenario "we refuse a transfer by SIPp" we_refuse_refer
	scenario "we transfer SIPp" we_transfer_sipp
	# RFC 3891
	scenario "SIPp's call replaces another one" sipp_replaces
}

# What the headers of a message in the scenario say, in the server's words.
traced() { grep -Eq -- "$1" <(trace | tail -c "+$trace_from" | tr -d '\r\0'); }

answers_sipp() { # scenario, flags of `sip answer`
	sipp_calls "$1" "$2" "^call ended: hung up, by the peer"
}
refuses_sipp() { # scenario, status code
	ours bob bob answer
	await bob "bob is in the registrar's table" bound bob 1 bob
	sipp "$1" bob
	ends sipp 0
	await - "the program sent $2" seen "^IN .* $2 .* [0-9]+ INVITE"
	leaves bob bob
}
late_ack() {
	answers_sipp uac-lost-ack ""
	# At 0, 0.5 and 1.5 s, each also on its way to SIPp.
	demand "the 200 came three times" test "$(messages | grep -c "^OUT .* 200 .* 2 INVITE")" -ge 3
}
no_ack() {
	local patience=50 sipp_patience=60
	ours bob bob answer
	await bob "bob is in the registrar's table" bound bob 1 bob
	sipp uac-no-ack bob
	ends sipp 0
	await bob "the program says why" said bob "^call ended: .*ACK"
	demand_ladder bob BYE "R 200"
	leaves bob bob
}

we_send_prack() { # scenario, flags of `sip call`
	local name=$1
	shift
	calls_sipp "$name" 0 2 "as requested, by this side" "" "$@"
	demand_ladder alice PRACK "R 200"
	demand "RAck names the 183" traced "^RAck: [0-9]+ [0-9]+ INVITE"
}
we_answer_the_offer() {
	calls_sipp uas-offers 0 1 "as requested, by this side" "" --late-offer
	demand "the program had the offer" said alice "^offer received"
}
we_hold_sipp() {
	calls_sipp uas-hold 0 4 "as requested, by this side" "" --hold-after 1 --resume-after 2
	demand "the program says so" said alice "^call on hold"
	demand "the program says that it resumed" said alice "^call resumed"
}
we_ask_for_a_timer() {
	local seconds=2
	[ "$long" = 0 ] || seconds=53 patience=75 sipp_patience=90
	ladder="R (407 R )?422 R 200" calls_sipp uas-timer 0 "$seconds" "as requested, by this side"
}
we_refresh() {
	local patience=70 sipp_patience=90
	ours bob bob answer
	await bob "bob is in the registrar's table" bound bob 1 bob
	sipp uac-refreshed bob
	ends sipp 0
	demand_ladder bob UPDATE "R 200"
	leaves bob bob
}

bob_answers() { # flags
	ours bob bob answer "$@"
	await bob "bob is in the registrar's table" bound bob 1 bob
}
sipp_transfers_us() {
	bob_answers --hangup-after 3
	sipp uas-refer
	await_peer "SIPp has registered carol" said sipp "^registered"
	ours alice alice call carol --follow-refer
	await alice "the call with carol is up" said alice "^call established"
	await alice "the program says where it goes" said alice "^REFER from .*carol.* to sip:bob@lab.test"
	await alice "the call with bob is up" said alice "^call established" 2
	await bob "bob has the call" said bob "^call established"
	ends sipp 0
	ends alice 0
	demand "NOTIFY tells SIPp of the outcome" grep -q "^200" <(fragments)
	demand_ladder alice NOTIFY "R 200( R 200)+"
	leaves bob bob
}
# RFC 3515 section 2.4.5: the body of NOTIFY is a status line.
fragments() {
	trace | tail -c "+$trace_from" | tr -d '\r\0' | awk '
		/^[A-Z]+ .* SIP\/2.0$/ { notify = $1 == "NOTIFY"; body = 0 } /^$/ { body = 1 }
		notify && body && sub(/^SIP\/2.0 /, "") { print; notify = 0 }'
}
we_refuse_refer() {
	calls_sipp uas-refused-refer 0 2 "as requested, by this side"
	demand "the program says that it was asked" said alice "^REFER from .*carol"
	demand "there is no second call" refuse said alice "^call established" 2
}
we_transfer_sipp() {
	calls_sipp uas-referred 0 "" "as requested, by this side" "" --transfer bob --transfer-after 1
	demand_ladder alice REFER "R 202"
	demand "the program follows the transfer" said alice "^transfer: 180"
	demand_ladder alice BYE "R 200"
}
sipp_replaces() {
	bob_answers --replaces
	sipp uac-wait-bye bob
	await bob "the first call is up" said bob "^call established"
	await - "the ACK has come" seen "^OUT .* ACK sip:"
	local first
	first=$(dialog_with_bob)
	launch second bash "$work/sipp/run.sh" uac-replaces bob --as dave --timeout 20 -- -key replaces "$first"
	await bob "the second call is up" said bob "^call established" 2
	demand "the program says so" said bob "^call replaced by another one"
	ends sipp 0
	ends second 0
	demand_ladder bob BYE "R 200"
	await bob "both are over" said bob "^call ended" 2
	leaves bob bob
}
# The call of the first 200 to an INVITE, in the words of Replaces, where the callee's tag is to-tag.
dialog_with_bob() {
	trace | tail -c "+$trace_from" | tr -d '\r\0' | awk '
		/^SIP\/2.0 / { ok = $2 == 200 }
		/^Call-ID: / { call = $2 } /^From: / { from = $0; sub(/.*;tag=/, "", from) } /^To: / { to = $0; sub(/.*;tag=/, "", to) }
		/^CSeq: / { invite = $3 == "INVITE" }
		/^$/ { if (ok && invite) { print call ";to-tag=" to ";from-tag=" from; exit } ok = 0 }'
}
