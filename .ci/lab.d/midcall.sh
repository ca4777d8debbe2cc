# What happens in a call with a page: hold by us, tones, transfers, early media, reliable provisional responses, session timers.

midcall_cell() {
	in_cell "we call the page, hold and resume" we_hold_the_page
	in_cell "the page calls, we hold and resume" we_hold_the_calling_page
	in_cell "tones by INFO, both ways" tones_both_ways
	if [ "$server" = asterisk ]; then
		in_cell "Asterisk connects the page elsewhere, because we transfer it" asterisk_transfers_the_page
		in_cell "Asterisk connects us elsewhere, because the page transfers us" asterisk_transfers_us
		return
	fi
	in_cell "the page transfers us" page_transfers_us
	in_cell "we transfer the page" we_transfer_the_page
	# SIP.js writes the URI that its agent takes for a target without angle brackets; one with Replaces needs them (RFC 3261
	# section 20).
	[ "$stack" != jssip ] || in_cell "the page transfers one of us to another one, attended" page_transfers_attended
	# SIP.js 0.11 takes a REFER in a confirmed call alone, and drops one that comes while its re-INVITE, our hold, completes.
	[ "$stack" = sipjs011 ] || in_cell "we transfer the page, attended" we_transfer_the_page_attended
	# The agents of the others take no call with Replaces.
	[ "$stack" != sipjs ] || in_cell "we are transferred to the page, attended" transferred_to_the_page
	if [ "$stack" = jssip ]; then
		in_cell "the page calls, early media" page_hears_early_media
		in_cell "the page calls with a session timer" page_calls_with_timer
		parameters="sessionExpires: 90" in_cell "we call the page with a session timer" we_call_with_timer
	else
		parameters="rel100: 'supported'" in_cell "the page calls, early media, 183 is reliable" page_sends_prack
		# SIP.js 0.11 fails to make its description now and then when it sends a reliable 183.
		[ "$stack" = sipjs011 ] ||
			parameters="rel100: 'supported'" in_cell "we call the page, 183 is reliable" we_send_the_page_prack
	fi
}

# A message of the page, with its description: recv or send, then a regular expression from the start line on.
wire() { heard "$1" wire "\"dir\":\"$2\",\"data\":\"$3"; }

page_is_called_by_bob() { # flags of `sip call`
	page_is_reachable
	ours bob bob call alice "$@"
	await bob "the page rings" heard page incoming
	page_answers
}
# RFC 3264 section 8.4: sendonly, answered by recvonly. Asterisk keeps both to itself.
we_are_seen_to_hold() {
	await bob "the hold is accepted" said bob "^call on hold"
	await bob "the hold is over" said bob "^call resumed"
	if [ "$server" != asterisk ]; then
		demand "the page is asked to hold" wire page recv "INVITE .*a=sendonly"
		demand "the page agrees" wire page send "SIP/2.0 200 .*CSeq: [0-9]+ INVITE.*a=(recvonly|inactive)"
		await bob "the page is asked twice" heard page reinvite . 2
		demand "the page agrees to the end of the hold" wire page send "SIP/2.0 200 .*CSeq: [0-9]+ INVITE.*a=sendrecv"
	else
		demand "Asterisk is asked to hold" seen "^IN .* INVITE .*sendonly"
		demand "Asterisk agrees" seen "^OUT .* 200 .* INVITE .*recvonly"
		demand "Asterisk looks for its music" asterisk_did "Music class default requested"
	fi
	demand "the call goes on at the page" refuse heard page terminated
}
we_hold_the_page() {
	page_is_called_by_bob --hold-after 1 --resume-after 2
	we_are_seen_to_hold
	demand_ladder bob INVITE "R (40[17] R )?200 R 200 R 200"
	we_hang_up
}
we_hold_the_calling_page() {
	bob_waits --hold-after 1 --resume-after 2
	page_is_in_call_with_bob page
	we_are_seen_to_hold
	demand_ladder bob INVITE "R 200 R 200"
	page_hangs_up page
	leaves bob bob
}

tones_both_ways() {
	page_is_called_by_bob --dtmf "1#"
	demand_ladder bob INFO "R 200 R 200"
	await bob "the page gets the first tone" wire page recv 'INFO .*Signal= *1'
	await bob "the page gets the second tone" wire page recv 'INFO .*Signal= *#'
	page page dtmf 5
	await bob "the tone of the page" said bob "^tone 5"
	await bob "the page hears that it was taken" wire page recv 'SIP/2.0 200 .*CSeq: [0-9]+ INFO'
	we_hang_up
}

dave_waits() { # flags of `sip answer`
	ours dave dave answer "$@"
	await dave "dave is in the registrar's table" bound dave 1 dave
}
# RFC 3515: what the other side of a REFER hears of it.
notified() { wire page recv 'NOTIFY .*\\r\\nSIP/2.0 200'; }
page_transfers_us() {
	dave_waits
	page_is_called_by_bob --follow-refer
	page page refer dave
	await bob "we are asked to call dave" said bob "^REFER from .*alice.* to sip:dave@lab.test"
	await bob "the call with dave is up" said bob "^call established" 2
	await dave "dave has a call from bob" said dave "^call from .*bob"
	await bob "the page hears of it" notified
	await bob "and takes it" wire page send 'SIP/2.0 200 .*CSeq: [0-9]+ NOTIFY'
	# Some stacks hang up by themselves.
	heard page terminated || page page bye
	await bob "the first call is over" said bob "^call ended"
	await - "the call is over at the page" heard page terminated
	interrupt bob
	await dave "bob hangs up" said dave "^call ended: hung up, by the peer"
	ends bob 0
	leaves dave dave
}
we_transfer_the_page() {
	dave_waits
	bob_waits --transfer dave --transfer-after 1
	page_is_in_call_with_bob page
	await bob "the page is asked to call dave" heard page refer
	await bob "dave has a call from the page" said dave "^call from .*alice"
	await dave "the call is up" said dave "^call established"
	demand_ladder bob REFER "R 202"
	if reports; then
		await bob "we hang up, because it succeeded" said bob "^call ended: as requested"
	else
		interrupt bob
	fi
	demand_ladder bob BYE "R 200"
	await - "the page gets BYE" heard page bye
	demand "the page goes on with dave" refuse said dave "^call ended"
	leaves dave dave
	demand_ladder dave BYE "R 200"
	! reports || leaves bob bob
	ends bob 0
}
# SIP.js 0.11 counts its NOTIFYs from a random CSeq number on, so that the other side may have to refuse them (RFC 3261
# section 12.2.2) and does not learn the outcome.
reports() { [ "$stack" != sipjs011 ]; }

# RFC 3891: the page calls bob and dave, and dave's call to bob replaces the page's.
page_transfers_attended() {
	bob_waits --replaces
	dave_waits --follow-refer
	page_is_in_call_with_bob page
	local first
	first=$(dialog_of_page)
	page page call dave
	await dave "the call with dave is up" said dave "^call established"
	await dave "both calls are up at the page" heard page established . 2
	page page refer "sip:bob@lab.test?Replaces=$first"
	await dave "dave is asked to call bob" said dave "^REFER from .*alice.* to sip:bob@lab.test, in place of a call there"
	await bob "bob takes the call in place of the page's" said bob "^call replaced by another one"
	await dave "the call with bob is up" said dave "^call established" 2
	await - "the page gets BYE" heard page bye
	await dave "the page hears of it" notified
	heard page terminated . 2 || page page bye
	await dave "the page's second call is over" said dave "^call ended"
	interrupt dave
	await bob "dave hangs up" said bob "^call ended" 2
	ends dave 0
	leaves bob bob
}
# The dialog of the last 200 to an INVITE of the page, as a header of a URI.
dialog_of_page() {
	tail -n "+${page_from[page]}" "$room/page" | grep -F '"dir":"recv","data":"SIP/2.0 200' | grep 'CSeq: [0-9]* INVITE' | tail -n 1 |
		sed 's/\\r\\n/\n/g' | awk '
			/^(Call-ID|i): / { call = $2 } /^From: / { from = $0; sub(/.*;tag=/, "", from) } /^To: / { to = $0; sub(/.*;tag=/, "", to) }
			END { gsub(/@/, "%40", call); print call "%3Bto-tag%3D" to "%3Bfrom-tag%3D" from }'
}
we_transfer_the_page_attended() {
	dave_waits --replaces
	bob_waits --transfer dave --transfer-after 1 --attended
	page_is_in_call_with_bob page
	await bob "dave has a call from bob" said dave "^call from .*bob"
	await bob "the page is asked to hold" wire page recv "INVITE .*a=sendonly"
	await bob "the page is asked to call dave" heard page refer
	demand_ladder bob REFER "R 202"
	await dave "the page's call is there" said dave "^call from .*alice.*, in place of one that is up"
	await dave "it replaces bob's" said dave "^call replaced by another one"
	await dave "it is up" said dave "^call established" 2
	await bob "our calls are over" said bob "^call ended" 2
	await - "the page gets BYE" heard page bye
	interrupt dave
	ends dave 0
	# To bob, and to the page.
	demand_ladder dave BYE "R 200 R 200"
	leaves bob bob
	ends bob 0
}
transferred_to_the_page() {
	dave_waits --follow-refer
	page_is_reachable
	ours bob bob call dave --transfer alice --attended
	await bob "the page rings" heard page incoming
	page page answer
	await bob "the call is up at the page" heard page established
	await dave "dave is asked to call the page" said dave "^REFER from .*bob.*, in place of a call there"
	await dave "the page is called with Replaces" wire page recv "INVITE .*Replaces: "
	await dave "the page has a second call" heard page incoming . 2
	page page answer
	await dave "the call is up" said dave "^call established" 2
	await bob "the transfer is done" said bob "^call ended" 2
	ends bob 0
	await - "the page has one call" heard page terminated
	interrupt dave
	ends dave 0
	demand_ladder dave BYE "(R 200 ?)+"
	await - "the page has none" heard page terminated . 2
}

page_hears_early_media() {
	bob_waits --progress --ring 1
	page page call bob
	await bob "the page hears 183" heard page progress '"code":183'
	demand "with a description" wire page recv "SIP/2.0 183 .*m=audio"
	unless="heard page terminated" await bob "the call is up at the page" heard page established
	page_hangs_up page
	leaves bob bob
}
page_sends_prack() {
	bob_waits --progress --ring 1
	page page call bob
	await bob "the page hears 183" heard page progress '"code":183'
	demand "it is reliable" wire page recv "SIP/2.0 183 .*RSeq: [0-9]+.*m=audio"
	await bob "the page sends PRACK" wire page send "PRACK .*RAck: [0-9]+ [0-9]+ INVITE"
	await bob "and we answer it" wire page recv "SIP/2.0 200 .*CSeq: [0-9]+ PRACK"
	unless="heard page terminated" await bob "the call is up at the page" heard page established
	page_hangs_up page
	leaves bob bob
}
we_send_the_page_prack() {
	page_is_reachable
	ours bob bob call alice
	await bob "the page rings" heard page incoming
	await bob "we hear it ring" said bob "^180 "
	page page reliable 183
	await bob "we hear it" said bob "^183 "
	demand_ladder bob PRACK "R 200"
	await bob "the answer came with it" said bob "^answer received"
	page_answers
	we_hang_up
}

page_calls_with_timer() {
	bob_waits
	page_is_in_call_with_bob page
	demand "the page asks for 90 s" wire page send "INVITE .*Session-Expires: *90"
	demand "the session has a timer" wire page recv "SIP/2.0 200 .*Session-Expires: *90;refresher=ua"
	refreshed
	page_hangs_up page
	leaves bob bob
}
we_call_with_timer() {
	page_is_called_by_bob
	demand "we ask for 90 s" wire page recv "INVITE .*Session-Expires: *90"
	demand "the page agrees" wire page send "SIP/2.0 200 .*Session-Expires: *90"
	refreshed
	we_hang_up
}
# Half of the interval is 45 s.
refreshed() {
	[ "$long" = 1 ] || return 0
	patience=60 await bob "a refresh is accepted" session_refresh
	demand "the call goes on" refuse said bob "^call ended"
}

# The page's call is with Asterisk, which takes our REFER and answers the page's other side from then on.
asterisk_transfers_the_page() {
	bob_waits --transfer echo --transfer-after 1
	page_is_in_call_with_bob page
	demand_ladder bob REFER "R 202"
	await bob "Asterisk connects the page to Echo" asterisk_did 'Executing \[echo@default:2\] Echo\("PJSIP/alice'
	await bob "the call is over, because it succeeded" said bob "^call ended"
	demand "the page goes on" refuse heard page terminated
	page page bye
	await - "the call is over at the page" heard page terminated
	leaves bob bob
}
asterisk_transfers_us() {
	bob_waits
	page_is_in_call_with_bob page
	page page refer echo
	await bob "Asterisk connects bob to Echo" asterisk_did 'Executing \[echo@default:2\] Echo\("PJSIP/bob'
	demand "Asterisk took the REFER" wire page recv 'SIP/2.0 202 .*CSeq: [0-9]+ REFER'
	demand "the call of bob goes on" refuse said bob "^call ended"
	leaves bob bob
	demand_ladder bob BYE "R 200"
	heard page terminated || page page bye
	await - "the call is over at the page" heard page terminated
}
