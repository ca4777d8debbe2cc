# Calls with SIPp, whose exit code says whether it saw what its scenario expects; and what a caller does who loses patience.

part_calls() { # adapter
	adapter=$1 ours_users="alice bob carol"
	starts kamailio_up
	scenario "SIPp calls and hangs up" sipp_calls uac-call "" "hung up, by the peer"
	scenario "SIPp calls without an offer" sipp_calls uac-late-offer "" "hung up, by the peer"
	scenario "SIPp sends MESSAGE" sipp_calls uac-message "" "^MESSAGE from sip:alice@lab.test: hello"
	scenario "SIPp sends OPTIONS" sipp_calls uac-options "" "^registered"
	scenario "SIPp calls, sends re-INVITE, hangs up" sipp_calls uac-reinvite "" "hung up, by the peer"
	scenario "SIPp calls and cancels" sipp_calls uac-cancel "--ring 20" "^call ended: .*cancel"
	scenario "SIPp calls and gets 486" sipp_calls uac-expect "--reject 486" "^call ended: .*" --code 486
	scenario "SIPp calls and waits for our BYE" we_hang_up_on_sipp

	scenario "we call SIPp and hang up" calls_sipp uas-answer 0 1 "as requested, by this side"
	scenario "we call SIPp, SIPp hangs up" calls_sipp uas-bye 0 15 "hung up, by the peer"
	scenario "we call SIPp and get 486" calls_sipp uas-reject 1 1 "^call ended: refused, by the peer: 486"
	scenario "we call SIPp, its 200 comes repeatedly" calls_sipp uas-retransmit 0 3 "as requested, by this side"
	scenario "we call SIPp, a second 200 comes late" calls_sipp uas-fork 0 3 "as requested, by this side"
	scenario "we call SIPp, SIPp sends re-INVITE" calls_sipp uas-reinvite 0 6 "as requested, by this side"
	scenario "we call SIPp, SIPp sends INFO, MESSAGE, OPTIONS" calls_sipp uas-dialog 0 4 "as requested, by this side"
	scenario "we call SIPp, SIPp sends UPDATE" calls_sipp uas-update 0 3 "as requested, by this side" "--code $update_code"
	scenario "we call SIPp and cancel" cancels_sipp
	scenario "the second Ctrl-C ends the program, because CANCEL is unanswered" leaves_at_once
}

# What UPDATE without a description is answered with.
update_code=200

sipp_calls() { # scenario, flags of `sip answer`, what the program says, flags of SIPp
	local name=$1 flags=$2 words=$3
	shift 3
	# shellcheck disable=SC2086
	ours bob bob answer $flags
	await bob "bob is in the registrar's table" bound bob 1 bob
	sipp "$name" bob "$@"
	ends sipp 0
	await bob "the program says: $words" said bob "$words"
	leaves bob bob
}

we_hang_up_on_sipp() {
	ours bob bob answer
	await bob "bob is in the registrar's table" bound bob 1 bob
	sipp uac-wait-bye bob
	await bob "the call is up" said bob "^call established"
	leaves bob bob
	demand_ladder bob BYE "R 200"
	ends sipp 0
}

calls_sipp() { # scenario, exit code of the program, seconds until it hangs up or nothing, what it says, flags of SIPp in one word, flags
	local name=$1 code=$2 seconds=$3 words=$4 flags=${5:-}
	shift $(($# < 5 ? $# : 5))
	# shellcheck disable=SC2086
	sipp "$name" $flags
	await_peer "SIPp has registered carol" said sipp "^registered"
	ours alice alice call carol ${seconds:+--hangup-after "$seconds"} "$@"
	ends alice "$code"
	ends sipp 0
	demand "the program says: $words" said alice "$words"
	demand_ladder alice INVITE "${ladder:-R (407 R )?$([ "$code" = 0 ] && echo 200.* || echo 486)}"
	await - "alice has unregistered" bound alice 0
}

cancels_sipp() {
	sipp uas-ring
	await_peer "SIPp has registered carol" said sipp "^registered"
	ours alice alice call carol
	await alice "carol rings" said alice "^180 "
	interrupt alice
	ends alice 1
	ends sipp 0
	demand_ladder alice CANCEL "R 200"
	demand_ladder alice INVITE "R (407 R )?487"
	demand "the program says so" said alice "^call ended: .*"
}

leaves_at_once() {
	ours alice alice call ring
	await alice "the far end rings" said alice "^180 "
	await - "Kamailio has the INVITE" seen "^IN .* INVITE sip:ring@.* ours-alice "
	outage freeze
	# The scenario must not leave a frozen server behind.
	trap 'lab thaw; end_all' EXIT
	interrupt alice
	sleep 0.5
	demand "the first one waits for an answer to CANCEL" alive alice
	interrupt alice
	local end=$((SECONDS + 4))
	while alive alice; do
		demand "the second one ends the program within 4 s" test "$SECONDS" -le "$end"
		sleep 0.1
	done
	wait "${pids[alice]}"
	demand "the exit code says that it was not done" test $? != 0
	outage thaw
	await - "CANCEL was on its way" seen "^IN .* CANCEL sip:ring@"
}
