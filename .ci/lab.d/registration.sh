# REGISTER, and single requests: the registrar's table and Kamailio's trace say what happened.

part_registration() { # adapter
	adapter=$1 ours_users="alice bob dave brief"
	starts kamailio_up
	scenario "registers over ws" registers ws
	server_url=${LAB_WSS:-} scenario "registers over wss with a private CA" registers wss --ca "${LAB_CA:-}"
	server_url=${LAB_WSS:-} scenario "refuses the certificate of an unknown CA" distrusts
	password=wrong scenario "a wrong password: 401" wrong_password
	scenario "423: registers for longer" interval_too_brief
	scenario "a refresh with a living nonce is one round trip" refreshes "R 200"
	scenario "registerExpires 6: registered all the time, or refused as a setting" short_expiry
	scenario "register: false is honoured, or refused in words" does_not_register
	scenario "OPTIONS to the server" asks_options
	scenario "MESSAGE to an unknown user: 404" message_refused 404
	local code
	for code in 302 404 408 480 486 488 503 603; do
		scenario "a call that is refused with $code" call_refused "$code"
	done

	starts kamailio_up --sha256 --nonce-expire 2
	scenario "SHA-256 digest over ws" registers ws
	server_url=${LAB_WSS:-} scenario "SHA-256 digest over wss" registers wss --ca "${LAB_CA:-}"
	scenario "a stale nonce costs one round trip" refreshes "R 401stale R 200"
}

registers() { # ws or wss, flags
	local scheme=$1
	shift
	ours alice alice register "$@"
	await alice "alice is in the registrar's table" bound alice 1 alice
	demand "her connection is one of $scheme" grep -q "$scheme:127.0.0.1:$(port_of alice alice) .*OPEN" <(lab ws)
	await alice "the program says so" said alice "^registered for 600 s"
	leaves alice alice
	demand_ladder alice REGISTER "R 401 R 200 R 200"
	await - "the last REGISTER asks for 0 seconds" seen "^IN .* REGISTER sip.* ours-alice .*expires=0"
	demand "the program says so" said alice "^unregistered: as requested"
}

distrusts() {
	local alerts
	alerts=$(lab log | grep -c "alert unknown ca")
	ours alice alice register
	ends alice 3
	demand "the program names the certificate" said alice "certificate is not trusted"
	more_alerts() { [ "$(lab log | grep -c "alert unknown ca")" -gt "$alerts" ]; }
	await - "Kamailio gets the TLS alert" more_alerts
	demand "no REGISTER is sent" refuse seen REGISTER
}

wrong_password() {
	ours alice alice register
	ends alice 4
	demand_ladder alice REGISTER "R 401 R 401"
	await - "the second REGISTER has credentials" seen "^IN .* REGISTER sip.* ours-alice .*auth"
	demand "the program names the code" said alice "registration failed: .*401"
	demand "alice is not in the table" bound alice 0
}

interval_too_brief() {
	ours brief brief register
	await brief "brief is in the registrar's table" bound brief 1 brief
	demand "for 1800 seconds" grep -Eq "Expires: (1800|179[0-9])$" <(lab ul brief)
	demand_ladder brief REGISTER "R 401 R 423 R 200"
	await brief "the program says so" said brief "^registered for 1800 s"
	leaves brief brief
}

refreshes() { # the exchange of the refresh
	parameters="registerExpires: 12" ours dave dave register
	await dave "dave is in the registrar's table" bound dave 1 dave
	await dave "he refreshes: $1" exchanged dave REGISTER "R 401 R 200 $1"
	demand "he is in the table" bound dave 1 dave
	leaves dave dave
	demand_ladder dave REGISTER "R 401 R 200 $1 (R 200|$1)"
}

short_expiry() {
	parameters="registerExpires: 6" ours dave dave register
	bound_or_refused() { bound dave 1 dave || said dave registerExpires; }
	await dave "dave is in the registrar's table, or the setting is refused" bound_or_refused
	if ! bound dave 1 dave; then
		ends dave 2
		return
	fi
	local end=$((SECONDS + 14))
	while [ "$SECONDS" -lt "$end" ]; do
		demand "he is in the table all the time" bound dave 1 dave
		demand "the program runs" alive dave
		sleep 0.1
	done
	demand "he has refreshed" exchanged dave REGISTER "R 401 R 200 R 200.*"
	leaves dave dave
}

does_not_register() {
	parameters="register: false" ours bob bob answer
	online_or_refused() { [ -n "$(connections)" ] || said bob "register"; }
	await bob "bob is connected, or the setting is refused" online_or_refused
	if [ -z "$(connections)" ]; then
		ends bob 2
		return
	fi
	# A REGISTER would go out at once.
	sleep 1
	demand "the program runs" alive bob
	demand "no REGISTER is sent" refuse seen "REGISTER"
	demand "bob is not in the table" bound bob 0
	interrupt bob
	ends bob 0
}

asks_options() {
	ours alice alice options sip:lab.test
	ends alice 0
	demand_ladder alice OPTIONS "R (407 R )?200"
	demand "the program says so" said alice "^200 "
}

message_refused() { # code
	ours alice alice message "$1" "is anybody there?"
	ends alice 1
	demand_ladder alice MESSAGE "R (407 R )?$1"
	demand "the program names the code" said alice "^$1 "
}

call_refused() { # code
	ours alice alice call "$1"
	ends alice 1
	demand_ladder alice INVITE "R (407 R )?$1"
	await - "the refusal is acknowledged" seen "^IN .* ACK sip:$1@"
	demand "the program names the code" said alice "^call ended: .*$1"
	[ "$1" != 302 ] || demand "the program names the new target" said alice "elsewhere: .*sip:bob@lab.test"
	await - "alice has unregistered" bound alice 0
}
