# SUBSCRIBE, NOTIFY and PUBLISH (RFC 6665, RFC 3903). Each scenario looks at what the peer saw, and at what the program printed as JSON.

part_events() { # adapter
	adapter=$1 ours_users="alice bob carol dave"
	starts kamailio_up
	# We subscribe to SIPp, which reports 1 to 3 states.
	scenario "SIPp's NOTIFY overtakes its 200" we_subscribe_to_sipp uas-notifies-first 2
	scenario "another notifier answers our SUBSCRIBE: its NOTIFY gets 481" we_subscribe_to_sipp uas-notifies-forks 2
	scenario "a NOTIFY without Subscription-State gets 400" we_subscribe_to_sipp uas-no-state 2
	scenario "SIPp's 423: we subscribe for longer" we_subscribe_to_sipp uas-interval 1
	is_for tokio && scenario "SIPp shortens the subscription: we refresh in time" we_subscribe_to_sipp uas-shortens 2
	local reason
	for reason in deactivated "probation;retry-after=2" "giveup;retry-after=2" timeout; do
		[ "$long" = 1 ] || case $reason in giveup* | timeout) continue ;; probation*) is_for blocking || continue ;; esac
		scenario "SIPp terminates it, ${reason%;*}: we subscribe anew" we_subscribe_anew uas-terminates "$reason"
	done
	for reason in rejected noresource invariant; do
		[ "$long" = 1 ] || [ "$reason" = rejected ] || continue
		scenario "SIPp terminates it, $reason: we do not subscribe again" we_do_not_subscribe_again "$reason"
	done
	scenario "SIPp refuses the package: 489" sipp_refuses_the_package
	scenario "an unknown user: 404" subscription_refused 404 nosuch presence 404
	scenario "a forbidden resource: 403" subscription_refused 403 403 presence 403
	# SIPp subscribes to us.
	scenario "SIPp's NOTIFY belongs to no subscription: 481" sipp_asks uac-notify
	scenario "SIPp subscribes to a package that we do not have: 489" sipp_asks uac-bad-event
	scenario "SIPp subscribes for 5 s: 423" sipp_asks uac-interval
	scenario "SIPp subscribes to us, refreshes, unsubscribes" sipp_watches_us uac-refreshes unsubscribed 1
	scenario "SIPp polls our presence" sipp_watches_us uac-polls unsubscribed
	scenario "SIPp answers our NOTIFY by 481" sipp_watches_us uac-forgets '"status":481'
	is_for blocking && scenario "SIPp subscribes to us, our connection is cut, SIPp refreshes" we_come_back_to_our_watcher
	if [ "$long" = 1 ]; then
		scenario "SIPp's refresh gets 481: we subscribe anew" we_subscribe_anew uas-forgets
		scenario "no NOTIFY follows SIPp's 200: timer N" no_notify
		patience=75 sipp_patience=90 scenario "SIPp does not refresh, its subscription expires" sipp_watches_us uac-expires expired
	fi

	starts kamailio_up --presence
	# Without a GRUU, because this server sends NOTIFY to the user of the Contact at the address of the connection.
	local parameters="register: false"
	scenario "we publish, two of us watch, we remove it" we_publish_and_watch
	is_for tokio && scenario "we publish for 8 s and refresh" we_refresh_our_publication
	is_for blocking && scenario "a publication expires, because its publisher is gone" publication_expires
	scenario "the server shortens a subscription to 3600 s" kamailio_shortens
	scenario "the server wants 30 s or more: 423" kamailio_wants_longer
	scenario "we poll" we_poll
	scenario "waiting messages" waiting_messages
	scenario "we watch two at once" we_watch_two
	scenario "we watch after the connection is cut" watches_again kill-ws --abrupt
	scenario "we watch and publish after a restart" watches_again restart --hard
	missing=$no_browser
	stack=sipjs
	[ "$adapter" != blocking ] || stack=sipjs011
	[ -n "$missing$unready" ] || open_page page alice
	[ -n "$missing$unready" ] || page_is_registered page >"$room/up" 2>&1 || unready="the page does not register: $(tail -n 1 "$room/up")"
	mark_pages
	scenario "a page of $stack publishes, we watch" page_publishes
	mark_pages
	# SIP.js 0.11 has a GRUU as Contact, see above.
	[ "$stack" = sipjs011 ] || scenario "we publish, a page of $stack watches" page_watches_what_we_publish
	close_pages
	missing=

	[ "$long" = 1 ] || return 0
	starts serve_up
	parameters=
	part="events serve $adapter"
	scenario "we publish, two of us watch, we remove it" we_publish_and_watch
	scenario "we watch two at once" we_watch_two
}

# A slow scenario runs with one adapter; in the long run, and when it must fail, with any.
is_for() { [ "$long" = 1 ] || [ -n "${LAB_QUIET:-}" ] || [ "$adapter" = "$1" ]; } # adapter

# What the program printed with --json: an event, as often as asked, whose line matches a regular expression.
told() { # program, event, [regular expression], [times]
	[ "$(grep -F "\"event\":\"$2\"" "$here/$1" | grep -Ec -- "${3:-.}")" -ge "${4:-1}" ]
}
# A program that ends by itself, or was asked to.
ends_well() { # program
	ends "$1" 0
	demand "$1 unsubscribed" told "$1" subscription_ended
	demand "$1 names no failure" refuse told "$1" error
}
leaves_well() { interrupt "$1"; ends_well "$1"; } # program

subscribes_to_carol() { # flags
	ours alice alice subscribe carol --event presence --expires 120 --accept application/pidf+xml --json "$@"
}
sipp_is_ready() { # scenario, flags
	sipp "$@"
	await_peer "SIPp has registered carol" said sipp "^registered"
}
we_subscribe_to_sipp() { # scenario, number of states
	sipp_is_ready "$1"
	subscribes_to_carol --count "$2"
	ends sipp 0
	ends_well alice
	demand "the program printed $2 states" told alice notified '"state":"active"' "$2"
	demand "the first one is open" grep -q "<basic>open<" <(grep -m 1 -F '"event":"notified"' "$here/alice")
	[ "$2" = 1 ] || demand "and the last one is closed" told alice notified "<basic>closed<"
	await - "the last SUBSCRIBE asks for 0 seconds" seen "^IN .* SUBSCRIBE sip.* ours-alice .*expires=0 "
}

# SIPp's first subscription ends, its second one goes on until we leave it.
we_subscribe_anew() { # scenario, reason
	sipp_is_ready "$1" --calls 2 -- -key reason "${2:-}"
	subscribes_to_carol
	await alice "the program says that it is interrupted" told alice subscription_interrupted "${2:+\"reason\":\"${2%%;*}\"}"
	if [[ ${2:-} == *retry-after=* ]]; then
		# A second before it is due.
		sleep 1
		demand "no SUBSCRIBE follows before it is due" test "$(new_subscriptions)" = 1
	fi
	await alice "the second subscription reports its state" told alice notified "<basic>open<" 2
	demand "it is a subscription of its own" test "$(new_subscriptions)" = 2
	leaves_well alice
	ends sipp 0
}
# The Call-IDs of the SUBSCRIBEs outside dialogs.
new_subscriptions() { messages | awk -F ' [|] ' '/^IN/ && $2 ~ /^SUBSCRIBE / && $7 !~ /tag/ { print $4 }' | sort -u | grep -c .; }
we_do_not_subscribe_again() { # reason
	sipp_is_ready uas-terminates -- -key reason "$1"
	subscribes_to_carol
	ends sipp 0
	ends alice 1
	demand "the program says why" told alice subscription_ended "\"reason\":\"$1\""
	demand "no SUBSCRIBE followed" test "$(new_subscriptions)" = 1
	demand "it was not interrupted" refuse told alice subscription_interrupted
}
no_notify() {
	local patience=45 sipp_patience=60
	sipp_is_ready uas-silent
	subscribes_to_carol
	ends alice 1
	demand "the program says why" told alice subscription_ended '"cause":"no notify"'
	ends sipp 0
}

sipp_refuses_the_package() {
	sipp_is_ready uas-refuses
	subscribes_to_carol
	ends alice 1
	demand "the program names the code" told alice subscription_ended '"status":489'
	ends sipp 0
}
subscription_refused() { # code, target, package, final responses of the server
	ours alice alice subscribe "$2" --event "$3" --json
	ends alice 1
	demand "the program names the code" told alice subscription_ended "\"status\":$1"
	demand_ladder alice SUBSCRIBE "R (40[17] R )?$4"
}

sipp_asks() { # scenario
	bob_is_present
	sipp "$1" bob
	ends sipp 0
	demand "the program has no subscription" refuse told bob incoming_subscription
	leaves bob bob
}
bob_is_present() { # flags
	ours bob bob answer --presence --json "$@"
	await bob "bob is in the registrar's table" bound bob 1 bob
}
sipp_watches_us() { # scenario, cause of the end, refreshes
	bob_is_present
	sipp "$1" bob
	await bob "the program has a subscription" told bob incoming_subscription '"package":"presence"'
	ends sipp 0
	[ -z "${3:-}" ] || demand "it was refreshed" told bob subscription_refreshed . "$3"
	await bob "the program says why it ended" told bob incoming_subscription_ended "$2"
	leaves bob bob
}

we_come_back_to_our_watcher() {
	local before
	bob_is_present
	sipp uac-returns bob
	await bob "the program has a subscription" told bob incoming_subscription
	await bob "SIPp has the first NOTIFY" seen "^OUT .* 200 .* NOTIFY"
	before=$(port_of bob bob)
	outage kill-ws --abrupt
	await bob "bob is in the table on another connection" moved bob bob "$before"
	await bob "SIPp refreshes" told bob subscription_refreshed
	ends sipp 0
	await bob "SIPp ends it" told bob incoming_subscription_ended '"cause":"unsubscribed"'
	leaves bob bob
}

# Kamailio as presence server.
watches() { # program, user, target, flags
	local name=$1 user=$2 target=$3
	shift 3
	ours "$name" "$user" subscribe "$target" --event presence --json "$@"
	await "$name" "$user watches $target" told "$name" notified '"state":"active"'
}
publishes() { # flags
	ours bob bob publish --json "$@"
	await bob "bob's state is published" told bob published
}
we_publish_and_watch() {
	watches alice alice bob
	watches carol carol bob
	publishes --basic open --note "in the lab"
	await alice "alice sees it" told alice notified "<basic>open<"
	await carol "carol sees it" told carol notified "<basic>open<"
	demand "she reads it" told alice notified '"presence":.*"basic":"open".*in the lab'
	demand "the server has it" traced "<basic>open</basic>"
	interrupt bob
	ends bob 0
	demand "bob removed it" told bob publication_ended
	demand_ladder bob PUBLISH "R (40[17] R )?200 R (40[17] R )?200"
	await - "the last PUBLISH asks for 0 seconds" seen "^IN .* PUBLISH sip.* ours-bob .*expires=0 "
	await alice "alice sees that there is no state" told alice notified . 3
	leaves_well alice
	leaves_well carol
	demand "alice unsubscribed" seen "^IN .* SUBSCRIBE sip.* ours-alice .*expires=0 "
}
we_refresh_our_publication() {
	publishes --basic open --expires 8
	await bob "bob refreshes" told bob published . 2
	demand "with the entity tag of the server" traced "^SIP-If-Match: "
	interrupt bob
	ends bob 0
	demand_ladder bob PUBLISH "R (407 R )?200 R (407 R )?200 R (407 R )?200"
}
publication_expires() {
	watches alice alice bob
	publishes --basic open --expires 5
	await alice "alice sees it" told alice notified "<basic>open<"
	kill -KILL -- "-${pids[bob]}" 2>/dev/null
	patience=30 await alice "alice sees that there is no state" told alice notified . 3
	demand "no SUBSCRIBE was needed" exchanged alice SUBSCRIBE "R (407 R )?200"
	leaves_well alice
}
kamailio_shortens() {
	watches alice alice bob --expires 99999
	demand "the program says so" told alice notified '"expires":(3600|3599)'
	demand "the server shortens it" traced "^Expires: 3600"
	leaves_well alice
}
kamailio_wants_longer() {
	watches alice alice bob --expires 10
	demand_ladder alice SUBSCRIBE "R (407 R )?423 R (407 R )?200"
	demand "the program says for how long" told alice notified '"expires":(30|29)'
	leaves_well alice
}
we_poll() {
	publishes --basic open
	ours alice alice subscribe bob --event presence --poll --json
	ends_well alice
	demand "the program has a state" told alice notified '"state":"terminated"'
	demand_ladder alice SUBSCRIBE "R (407 R )?200"
	await - "the SUBSCRIBE asks for 0 seconds" seen "^IN .* SUBSCRIBE sip.* ours-alice .*expires=0 "
	interrupt bob
	ends bob 0
}
waiting_messages() {
	printf 'Messages-Waiting: yes\r\nVoice-Message: 2/1 (1/0)\r\n' >"$here/summary"
	ours bob bob subscribe bob --event message-summary --json
	await bob "bob subscribes to his own messages" told bob notified '"state":"active"'
	ours server bob publish --event message-summary --body "$here/summary" \
		--content-type application/simple-message-summary --json
	await server "the summary is published" told server published
	await bob "bob has messages" told bob notified 'Voice-Message: 2/1.*"waiting":true'
	leaves_well bob
	demand_ladder bob SUBSCRIBE "R (407 R )?200 R (407 R )?200"
	interrupt server
	ends server 0
	demand_ladder server PUBLISH "R (407 R )?200 R (407 R )?200"
}
we_watch_two() {
	publishes --basic open --note "at work"
	ours dave dave publish --basic closed --json
	await dave "dave's state is published" told dave published
	ours alice alice watch bob dave --json
	await alice "alice sees bob" told alice watched "bob.*open|open.*bob"
	await alice "alice sees dave" told alice watched "dave.*closed|closed.*dave"
	interrupt bob
	ends bob 0
	await alice "alice sees that bob has left" bob_is_gone
	interrupt alice
	ends alice 0
	demand "she unsubscribed from both" test "$(messages | grep -Ec "^IN .* SUBSCRIBE sip.* ours-alice .*expires=0 ")" -ge 2
	interrupt dave
	ends dave 0
}
bob_is_gone() { grep -F '"event":"watched"' "$here/alice" | grep bob | tail -n 1 | grep -vq open; }
# The server has lost everything, or the connections alone. All come back.
watches_again() { # outage
	local states
	watches alice alice bob --expires 600
	publishes --basic open --expires 10
	await alice "alice sees it" told alice notified "<basic>open<"
	states=$(states_of alice "<basic>open<")
	outage "$@"
	await alice "alice has lost her connection" told alice disconnected
	await bob "bob has lost his" told bob disconnected
	await alice "alice is connected again" told alice connected . 2
	await bob "bob is connected again" told bob connected . 2
	await alice "alice sees bob's state again" told alice notified "<basic>open<" $((states + 1))
	demand "she subscribes on the new connection" test "$(messages | grep -c "^IN .* SUBSCRIBE sip.* ours-alice ")" -ge 2
	if [ "$1" = restart ]; then
		demand "the server did not know her subscription" seen "^OUT .* 481 .* SUBSCRIBE"
		demand "she says so" told alice subscription_interrupted '"status":481'
		demand "the server did not know bob's state" seen "^OUT .* 412 .* PUBLISH"
	else
		demand "her subscription went on" refuse told alice subscription_interrupted
	fi
	states=$(states_of alice .)
	interrupt bob
	ends bob 0
	await alice "alice sees that bob has left" told alice notified . $((states + 1))
	leaves_well alice
}
states_of() { grep -F '"event":"notified"' "$here/$1" | grep -Ec -- "$2"; } # program, regular expression
