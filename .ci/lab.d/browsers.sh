# Browsers and the program through a server. The page's events and the server's trace say what happened.
# A cell is a server, a stack and an adapter; each cell runs the same scenarios.

part_browsers() { # kamailio or serve, cells such as sipjs-tokio...
	local kind=$1 cell
	shift
	ours_users="bob dave"
	missing=$no_browser
	[ -n "$missing" ] || starts "${kind}_up"
	for cell; do browser_cell "$cell"; done
}

browser_cell() { # stack-adapter
	stack=${1%-*} adapter=${1#*-}
	local whole=$part server_unready=${unready:-}
	part="$whole $stack $adapter"
	[ -n "$missing" ] || open_pages
	in_cell "the page calls and hangs up" page_calls_and_hangs_up
	in_cell "the page calls, holds and resumes, we hang up" page_holds_and_we_hang_up
	in_cell "the page calls with video" page_calls_with_video
	in_cell "the page calls and cancels" page_cancels
	in_cell "the page calls and gets 486" page_gets_486
	in_cell "the page sends MESSAGE" page_sends_message
	in_cell "we call the page and hang up" we_call_the_page_and_hang_up
	in_cell "we call the page, it holds, resumes and hangs up" called_page_holds_and_hangs_up
	in_cell "we call the page and cancel" we_cancel
	in_cell "we call the page and get 486" we_get_486
	in_cell "we send the page MESSAGE" we_send_message
	midcall_cell
	[ "$server" = asterisk ] || events_cell
	close_pages
	unready=$server_unready
	part=$whole
}
open_pages() {
	[ -z "${unready:-}" ] || return 0
	local features=(--rel100 supported --early-media)
	[ "$stack" != jssip ] || features=(--session-timers)
	open_page page alice "${features[@]}"
	open_page video carol --video
	if ! { page_is_registered page && page_is_registered video; } >"$room/up" 2>&1; then
		unready="the pages do not register: $(tail -n 1 "$room/up")"
	fi
}
# A page that a failed scenario left in a call would disturb the next one.
in_cell() { # name, function
	mark_pages
	scenario "$@"
	if [[ $outcome == failed || $outcome == broken ]] && { heard page calling || heard page incoming || heard video calling; }; then
		close_pages
		open_pages
	fi
}

bob_waits() { # flags of `sip answer`
	ours bob bob answer "$@"
	await bob "bob is in the registrar's table" bound bob 1 bob
}
page_is_in_call_with_bob() { # page
	page "$1" call bob
	unless="heard $1 terminated" await bob "the call is up at the page" heard "$1" established
	await bob "the call is up" said bob "^call established"
}
page_hangs_up() { # page
	page "$1" bye
	await bob "bob hears that the page hung up" said bob "^call ended: hung up, by the peer"
	await - "the call is over at the page" heard "$1" terminated
}
# BYE reaches the page.
we_hang_up() {
	leaves bob bob
	demand_ladder bob BYE "R 200"
	await - "the page gets BYE" heard page bye
	await - "the call is over at the page" heard page terminated
}
# RFC 3264 section 6.1: the answer to a held stream does not send back; section 6: it has the m-lines of the offer.
page_holds_and_resumes() {
	page page hold
	unless="heard page terminated" await bob "the page's hold is accepted" heard page reinvite-ok
	demand "the answer to hold is recvonly or inactive, not $(answer_to page)" answered_with page "(recvonly|inactive) / audio:taken"
	page page unhold
	unless="heard page terminated" await bob "the page's resumption is accepted" heard page reinvite-ok . 2
	demand "the answer is sendrecv again, not $(answer_to page)" answered_with page "sendrecv / audio:taken"
	demand "the call goes on at the page" refuse heard page terminated
	demand "the call goes on" refuse said bob "^call ended"
}

page_calls_and_hangs_up() {
	bob_waits
	page_is_in_call_with_bob page
	page_hangs_up page
	leaves bob bob
}
page_holds_and_we_hang_up() {
	bob_waits
	page_is_in_call_with_bob page
	page_holds_and_resumes
	we_hang_up
}
page_calls_with_video() {
	bob_waits
	page_is_in_call_with_bob video
	demand "the page offers two m-lines" test "$(offers video)" = 2
	demand "the answer takes audio and refuses video, not $(answer_to video)" answered_with video "sendrecv .*/ audio:taken video:refused"
	page_hangs_up video
	leaves bob bob
}
page_cancels() {
	bob_waits --ring 30
	page page call bob
	await bob "the page hears ringing" heard page progress '"code":180'
	await bob "it rings" said bob "^call from .*alice"
	page page cancel
	await bob "bob hears that the caller gave up" said bob "^call ended: .*cancel"
	await - "the call is over at the page" heard page terminated
	await - "CANCEL is answered with 200" seen "^OUT .* 200 .* [0-9]+ CANCEL"
	await - "INVITE is answered with 487" seen "^OUT .* 487 .* [0-9]+ INVITE"
	leaves bob bob
}
page_gets_486() {
	bob_waits --reject 486
	page page call bob
	await bob "the page gets 486" heard page rejected '"code":486'
	await bob "bob says so" said bob "^call ended"
	leaves bob bob
}
page_sends_message() {
	bob_waits
	page page message bob "grüße aus $stack"
	await bob "bob gets the text" said bob "^MESSAGE from .*alice.*: grüße aus $stack"
	await bob "the page hears that it arrived" heard page message-ok
	leaves bob bob
}

# Asterisk 16 drops the contacts of all WebSocket clients of an address when one of them disconnects, so the page registers again.
page_is_reachable() {
	[ "$server" = asterisk ] && bound alice 0 || return 0
	page page register
	await_peer "the page registers again" bound alice 1
}
we_call_the_page() {
	page_is_reachable
	ours bob bob call alice
	await bob "the page rings" heard page incoming
	await bob "we hear it ring" said bob "^180 "
}
page_answers() {
	page page answer
	await bob "the call is up" said bob "^call established"
	unless="heard page terminated" await bob "the call is up at the page" heard page established
}
we_call_the_page_and_hang_up() {
	we_call_the_page
	page_answers
	we_hang_up
}
called_page_holds_and_hangs_up() {
	we_call_the_page
	page_answers
	page_holds_and_resumes
	page_hangs_up page
	ends bob 0
}
we_cancel() {
	we_call_the_page
	interrupt bob
	ends bob 1
	demand_ladder bob CANCEL "R 200"
	demand_ladder bob INVITE "R (40[17] R )?487"
	await - "the call is over at the page" heard page terminated
	await - "bob has unregistered" bound bob 0
}
we_get_486() {
	we_call_the_page
	page page reject 486
	ends bob 1
	demand "the program names the code" said bob "^call ended: .*486"
	demand_ladder bob INVITE "R (40[17] R )?486"
}
we_send_message() {
	page_is_reachable
	ours bob bob message alice "grüße an $stack"
	ends bob 0
	await - "the page gets the text" heard page message "grüße an $stack"
	demand_ladder bob MESSAGE "R (40[17] R )?20[02]"
}
