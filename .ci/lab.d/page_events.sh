# Pages that subscribe, publish and answer MESSAGE as told. The lab's pages lack a part of it, so copies of them get further commands.

make_pages() { # directory
	cp -r "$lab_home/browser" "$1"
	local stack
	for stack in sipjs sipjs011; do
		sed -i '/^run(agent);$/d' "$1/page-$stack.js"
		"page_of_$stack" >>"$1/page-$stack.js"
		echo "run(agent);" >>"$1/page-$stack.js"
	done
}
# publish PACKAGE EXPIRES BODY, modify BODY, unpublish; refuse CODE answers each later MESSAGE with it, refuse 0 with 200.
page_of_sipjs() {
	cat <<-'END'
		Object.assign(agent, {
		  publish(event, expires, ...body) {
		    publisher = new Publisher(ua, UserAgent.makeURI(target(opts.user)), event, { body: body.join(' '), contentType: 'application/pidf+xml', expires: Number(expires) });
		    publisher.stateChange.addListener((state) => emit('publication', { state }));
		    return publisher.publish(body.join(' '));
		  },
		  modify: (...body) => publisher.publish(body.join(' ')),
		  unpublish: () => publisher.unpublish(),
		  async refuse(code) {
		    ua.delegate.onMessage = (m) => { emit('message', { from: uri(m.request.from.uri), body: m.request.body }); Number(code) ? m.reject({ statusCode: Number(code) }) : m.accept(); };
		    emit('refusing', { code });
		  },
		});
	END
}
page_of_sipjs011() {
	cat <<-'END'
		let publication;
		Object.assign(agent, {
		  async publish(event, expires, ...body) {
		    publication = ua.publish(target(opts.user), event, body.join(' '), { contentType: 'application/pidf+xml', expires: Number(expires) });
		    publication.on('published', () => emit('publication', { state: 'Published' }));
		    publication.on('unpublished', () => emit('publication', { state: 'Unpublished' }));
		    publication.on('failed', (r) => emit('publication', { state: 'Failed', code: r?.status_code }));
		  },
		  async modify(...body) { publication.publish(body.join(' ')); },
		  async unpublish() { publication.unpublish(); },
		});
	END
}
pidf() { # user, basic
	printf '%s' '<?xml version="1.0" encoding="UTF-8"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:'"$1"'@lab.test">' \
		"<tuple id=\"page\"><status><basic>$2</basic></status></tuple></presence>"
}

# Scenarios of the cells of Kamailio and `sip serve`, see browsers.sh.
events_cell() {
	[ "$stack" != jssip ] || return 0
	in_cell "the page subscribes to us, and unsubscribes" page_watches_us
	in_cell "the page watches our calls, until we leave" page_watches_our_calls
	[ "$server" != serve ] || in_cell "we publish, the page watches" page_watches_what_we_publish
	in_cell "the page sends MESSAGE, we refuse it" we_refuse_a_message
	[ "$stack" = sipjs011 ] || in_cell "we send the page MESSAGE, it refuses it" page_refuses_a_message
	# `sip serve` reports a state at most every 5 s.
	[ "$server" != serve ] || [ "$stack$long" = sipjs0110 ] || in_cell "the page publishes, we watch" page_publishes
}
page_watches_us() {
	# `sip serve` answers for presence itself, and sends a SUBSCRIBE to other packages on to us.
	local package=presence state="<basic>open<"
	[ "$server" != serve ] || package=dialog state="<dialog-info"
	bob_is_present
	page page subscribe bob "$package" 120
	await bob "the page gets our state" heard page notify "\"state\":\"active.*$state"
	demand "the program says who subscribes" told bob incoming_subscription "\"package\":\"$package\""
	demand "and that it is alice" told bob incoming_subscription 'alice@'
	page page unsubscribe
	await bob "the page's last SUBSCRIBE is for 0 seconds" wire page send 'SUBSCRIBE .*\\r\\nExpires: *0\\r'
	await bob "it gets the last NOTIFY" wire page recv 'NOTIFY .*Subscription-State: *terminated;reason=timeout'
	await bob "the program says that it ended" told bob incoming_subscription_ended
	leaves bob bob
}
page_watches_our_calls() {
	bob_is_present
	page page subscribe bob dialog 120
	await bob "the page sees that there is no call" heard page notify '"state":"active.*<dialog-info'
	page video call bob
	unless="heard video terminated" await bob "the call is up at the other page" heard video established
	await bob "the page sees that it is up" heard page notify '<state[^>]*>confirmed<'
	page video bye
	await bob "the call is over" told bob ended
	await bob "the page sees that it is over" heard page notify "" 3
	interrupt bob
	await - "the page's subscription ends with us" wire page recv 'NOTIFY .*Subscription-State: *terminated'
	ends bob 0
	demand "the program says so" told bob incoming_subscription_ended
}
page_watches_what_we_publish() {
	publishes --basic closed --note "in the lab"
	page page subscribe bob presence 120
	await bob "the page sees it" heard page notify '"state":"active.*<basic>closed<.*in the lab'
	page page unsubscribe
	await bob "it gets the last NOTIFY" wire page recv 'NOTIFY .*Subscription-State: *terminated'
	interrupt bob
	ends bob 0
	demand "bob removed it" told bob publication_ended '"outcome":"removed"'
}
we_refuse_a_message() {
	bob_waits --refuse-messages 488 --json
	page page message bob "grüße aus $stack"
	await bob "the page hears that it was refused" heard page message-failed '"code":488'
	demand "the program had the text" told bob request "grüße aus $stack"
	leaves bob bob
}
page_refuses_a_message() {
	page_is_reachable
	page page refuse 488
	await_peer "the page will refuse MESSAGE" heard page refusing
	ours bob bob message alice "grüße an $stack" --json
	ends bob 1
	page page refuse 0
	await - "the page had the text" heard page message "grüße an $stack"
	demand "the program names the code" told bob response '"status":488'
	demand_ladder bob MESSAGE "R (40[17] R )?488"
}
page_publishes() {
	ours bob bob subscribe alice --event presence --json
	await bob "bob watches alice" told bob notified '"state":"active"'
	page page publish presence 60 "$(pidf alice open)"
	await bob "the page's state is published" heard page publication Published
	await bob "bob sees it" told bob notified "page.*<basic>open<"
	page page modify "$(pidf alice closed)"
	await bob "bob sees the change" told bob notified "page.*<basic>closed<"
	local states
	states=$(states_of bob .)
	page page unpublish
	await bob "the page removes it" heard page publication Unpublished
	await bob "bob sees that it is gone" told bob notified . $((states + 1))
	interrupt bob
	ends bob 0
	demand_ladder bob SUBSCRIBE "R (40[17] R )?200 R (40[17] R )?200"
}
