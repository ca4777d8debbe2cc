# SIPp as notifier and as subscriber (RFC 6665), of the same steps as in sipp.sh.

sipp_scenarios+=(uas-notifies-first uas-notifies-forks uas-terminates uas-interval uas-shortens uas-forgets uas-silent uas-no-state
	uas-refuses uac-notify uac-bad-event uac-interval uac-refreshes uac-returns uac-polls uac-forgets uac-expires uac-message-refused)

# Notifier: takes the SUBSCRIBE that begins a subscription, and keeps what later messages need.
receives_subscribe() { receives_call "$@" | sed 's/"INVITE"/"SUBSCRIBE"/'; } # seen
responds_to_subscribe() { responds_to_call "$@" | sed 's/ INVITE$/ SUBSCRIBE/; s/<send retrans="500">/<send>/'; } # status, header fields
# presence of carol, open or closed.
presence() { # subscription state, basic
	printf '%s' "Event: presence\nSubscription-State: $1\nContent-Type: application/pidf+xml\nContent-Length: [len]\n\n" \
		'<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:carol@lab.test">' \
		"<tuple id=\"t1\"><status><basic>$2</basic></status></tuple></presence>"
}
notifies_presence() { requests NOTIFY "$1" "$(presence "$2" "$3")"; } # CSeq number, subscription state, basic
# The subscriber ends it: SUBSCRIBE for 0 seconds, and the last NOTIFY.
is_left() { # CSeq number
	receives SUBSCRIBE "Expires: *0"
	responds "200 OK" "Expires: 0"
	notifies_presence "$1" "terminated;reason=timeout" closed
	gets 200
}
begins_subscription() { # Expires
	receives_subscribe "Event: *presence"
	responds_to_subscribe "200 OK" "Expires: $1"
	notifies_presence 1 "active;expires=$1" open
	gets 200
}

# RFC 6665 section 4.1.2.4: a NOTIFY may overtake the 200.
sipp_uas_notifies_first() {
	receives_subscribe "Event: *presence"
	notifies_presence 1 "active;expires=120" open
	gets 200
	waits 300
	responds_to_subscribe "200 OK" "Expires: 120"
	notifies_presence 2 "active;expires=120" closed
	gets 200
	is_left 3
}
# RFC 6665 section 4.4.1: another notifier, by another tag in From, that the subscriber does not want.
sipp_uas_notifies_forks() {
	begins_subscription 120
	notifies_presence 1 "active;expires=120" closed | sed 's/tag=\[pid\]uas/tag=[pid]other/'
	gets 481
	notifies_presence 2 "active;expires=120" closed
	gets 200
	is_left 3
}
# The first subscription ends with [reason]; a second one is not disturbed.
sipp_uas_terminates() {
	printf '<Global variables="subscriptions"/>\n'
	begins_subscription 120
	printf '<nop><action><add assign_to="subscriptions" value="1"/>'
	printf '<test assign_to="again" variable="subscriptions" compare="equal" value="2"/></action></nop>\n<nop next="2" test="again"/>\n'
	notifies_presence 2 "terminated;reason=[reason]" closed
	printf '<recv response="200" next="3"/>\n<label id="2"/>\n'
	is_left 2
	printf '<label id="3"/>\n'
	waits 10
}
# RFC 6665 section 4.1.2.1.
sipp_uas_interval() {
	receives_subscribe "Expires: *120"
	responds_to_subscribe "423 Interval Too Brief" "Min-Expires: 600"
	receives_subscribe "Expires: *600"
	responds_to_subscribe "200 OK" "Expires: 600"
	notifies_presence 1 "active;expires=600" open
	gets 200
	is_left 2
}
# RFC 6665 section 4.1.2.1: the notifier shortens the subscription, and the subscriber refreshes within that time.
sipp_uas_shortens() {
	begins_subscription 8
	receives SUBSCRIBE "Expires: *120"
	responds "200 OK" "Expires: 120"
	notifies_presence 2 "active;expires=120" closed
	gets 200
	is_left 3
}
# RFC 6665 section 4.1.2.2: a refresh is answered 481, so the subscriber begins a new subscription.
sipp_uas_forgets() {
	printf '<Global variables="subscriptions"/>\n'
	begins_subscription 8
	printf '<nop><action><add assign_to="subscriptions" value="1"/>'
	printf '<test assign_to="again" variable="subscriptions" compare="equal" value="2"/></action></nop>\n<nop next="2" test="again"/>\n'
	receives SUBSCRIBE "Expires: *120"
	responds "481 Subscription does not exist"
	printf '<nop next="3"/>\n<label id="2"/>\n'
	is_left 2
	printf '<label id="3"/>\n'
	waits 10
}
# Timer N: no NOTIFY follows.
sipp_uas_silent() {
	receives_subscribe
	responds_to_subscribe "200 OK" "Expires: 120"
	waits 33000
}
# RFC 6665 section 8.2.3: a NOTIFY has Subscription-State.
sipp_uas_no_state() {
	begins_subscription 120
	requests NOTIFY 2 "Event: presence"
	gets 400
	notifies_presence 3 "active;expires=120" closed
	gets 200
	is_left 4
}
sipp_uas_refuses() {
	receives_subscribe
	responds_to_subscribe "489 Bad Event" "Allow-Events: dialog"
}

# Subscriber: SUBSCRIBE or another method, the challenge, and the same again with credentials and CSeq 2.
asks() { # method, header fields
	local number
	for number in 1 2; do
		{
			printf '%s\n' "$1 sip:[service]@lab.test SIP/2.0" "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]" \
				"Max-Forwards: 70" "From: <sip:[me]@lab.test>;tag=[pid]sipp[call_number]" "To: <sip:[service]@lab.test>" \
				"Call-ID: [call_id]" "CSeq: $number $1" "$contact" "User-Agent: lab-sipp" "$allow"
			[ $number = 1 ] || printf '[authentication]\n'
			rest "$2"
		} | message 'retrans="500"'
		may_get 100
		[ $number = 2 ] || printf '<recv response="407" auth="true"/>\n'
	done
}
subscribes() { asks SUBSCRIBE "Event: presence\nAccept: application/pidf+xml\nExpires: $1"; } # Expires
is_notified() { # Subscription-State
	receives NOTIFY "Event: *presence.*Subscription-State: *$1|Subscription-State: *$1.*Event: *presence"
	responds "${2:-200 OK}"
}
begins_to_watch() {
	subscribes 120
	gets 200 "Expires: *120"
	is_notified active
}

# A NOTIFY that belongs to no subscription.
sipp_uac_notify() {
	asks NOTIFY "$(presence "active;expires=120" open)"
	gets 481
}
sipp_uac_bad_event() {
	asks SUBSCRIBE "Event: conference\nExpires: 120"
	gets 489 "Allow-Events: *[^[:cntrl:]]*presence"
}
sipp_uac_interval() {
	subscribes 5
	gets 423 "Min-Expires: *60"
}
sipp_uac_refreshes() { refreshes_and_leaves 300; }
# The notifier loses its connection in between.
sipp_uac_returns() { refreshes_and_leaves 3000; }
refreshes_and_leaves() { # milliseconds until the refresh
	begins_to_watch
	waits "$1"
	requests SUBSCRIBE 3 "Event: presence\nExpires: 100"
	gets 200 "Expires: *100"
	is_notified "active;expires=(100|99)"
	waits 300
	requests SUBSCRIBE 4 "Event: presence\nExpires: 0"
	gets 200 "Expires: *0"
	is_notified "terminated;reason=timeout"
}
# RFC 6665 section 4.4.3.
sipp_uac_polls() {
	subscribes 0
	gets 200 "Expires: *0"
	is_notified "terminated;reason=timeout"
}
# RFC 6665 section 4.2.2: a NOTIFY that is answered 481 ends the subscription.
sipp_uac_forgets() {
	subscribes 120
	gets 200
	is_notified active "481 Subscription does not exist"
	waits 500
	requests SUBSCRIBE 3 "Event: presence\nExpires: 120"
	gets 481
}
# RFC 6665 section 4.2.2: the subscription expires.
sipp_uac_expires() {
	subscribes 60
	gets 200 "Expires: *60"
	is_notified active
	is_notified "terminated;reason=timeout"
}
sipp_uac_message_refused() {
	asks MESSAGE "Content-Type: text/plain\nContent-Length: [len]\n\nhello"
	gets "[code]"
}
