# SIPp scenarios that the lab lacks, put together from steps. `make_sipp DIRECTORY` writes them beside those of the lab.
# A step is a function that prints XML. `seen` in a step is a POSIX regular expression that the message must match.

make_sipp() { # directory
	cp -r "$lab_home/sipp" "$1"
	local name role steps
	for name in "${sipp_scenarios[@]}"; do
		role=${name%%-*}
		steps=$("sipp_${name//-/_}")
		{
			printf '<?xml version="1.0" encoding="UTF-8" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="%s">\n' "$name"
			printf '%s\n' "$steps"
			[ "$role" = uac ] || printf '<Reference variables="remote,local,cseq,via,rr,u1,u2"/>\n'
			# SIPp wants each variable to be used, and none that is not set.
			[[ $steps != *'"seen"'* ]] || printf '<Reference variables="seen"/>\n'
			printf '</scenario>\n'
		} >"$1/$name.xml"
	done
}

sdp() { # direction, setup
	printf '%s\n' v=0 "o=sipp 1 1 IN IP4 127.0.0.1" s=- "c=IN IP4 127.0.0.1" "t=0 0" "a=group:BUNDLE 0" \
		"m=audio 9 UDP/TLS/RTP/SAVPF 111 0" a=mid:0 "a=rtpmap:111 opus/48000/2" "a=rtpmap:0 PCMU/8000" a=rtcp-mux \
		a=ice-ufrag:lab0 a=ice-pwd:labpasswordlabpasswordla \
		"a=fingerprint:sha-256 1A:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09:1A:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09" \
		"a=setup:${2:-active}" "a=$1"
}
# Header fields, each on a line, then a description or nothing.
rest() { # header fields, direction or -, setup
	printf '%b' "${1:+$1\n}"
	if [ "${2:--}" = - ]; then
		case $1 in *'\n\n'*) ;; *) printf 'Content-Length: 0\n\n' ;; esac
	else
		printf 'Content-Type: application/sdp\nContent-Length: [len]\n\n'
		sdp "$2" "${3:-}"
	fi
}
message() { # attributes of <send>; the message on standard input
	printf '<send%s><![CDATA[\n' "${1:+ $1}"
	cat
	printf '\n]]></send>\n'
}
check() { # regular expression or nothing
	[ -z "${1:-}" ] || printf '<action><ereg regexp="%s" search_in="msg" check_it="true" assign_to="seen"/></action>' "$1"
}
contact="Contact: <sip:[me]@[local_ip]:[local_port];transport=[transport]>"
allow="Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY, MESSAGE"
waits() { printf '<pause milliseconds="%s"/>\n' "$1"; } # milliseconds
receives() { printf '<recv request="%s">%s</recv>\n' "$1" "$(check "${2:-}")"; } # method, seen
gets() { printf '<recv response="%s" rrs="true">%s</recv>\n' "$1" "$(check "${2:-}")"; } # status code, seen
may_get() { local code; for code; do printf '<recv response="%s" optional="true"/>\n' "$code"; done; }

# Callee: takes a call, and keeps what later responses to it need.
receives_call() { # seen
	cat <<-'END'
		<recv request="INVITE" rrs="true"><action>
		<ereg regexp=".*" search_in="hdr" header="From:" assign_to="remote"/>
		<ereg regexp=".*" search_in="hdr" header="To:" assign_to="local"/>
		<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="cseq"/>
		<ereg regexp="Via: [^[:cntrl:]]*([[:cntrl:]]+Via: [^[:cntrl:]]*)*" search_in="msg" assign_to="via,u1"/>
		<ereg regexp="Record-Route: [^[:cntrl:]]*([[:cntrl:]]+Record-Route: [^[:cntrl:]]*)*" search_in="msg" assign_to="rr,u2"/>
	END
	[ -z "${1:-}" ] || printf '<ereg regexp="%s" search_in="msg" check_it="true" assign_to="seen"/>\n' "$1"
	printf '</action></recv>\n'
}
responds_to_call() { # status, header fields, direction or -, setup
	local repeats=
	[[ $1 != 2* ]] || repeats='retrans="500"'
	{
		printf '%s\n' "SIP/2.0 $1" "[\$via]" "[\$rr]" "From:[\$remote]" "To:[\$local];tag=[pid]uas[call_number]" "Call-ID: [call_id]" \
			"CSeq: [\$cseq] INVITE" "$contact" "$allow"
		rest "${2:-}" "${3:--}" "${4:-}"
	} | message "$repeats"
}
# Either side: responds to the last request.
responds() { # status, header fields, direction or -
	{
		printf '%s\n' "SIP/2.0 $1" "[last_Via:]" "[last_Record-Route:]" "[last_From:]" "[last_To:]" "[last_Call-ID:]" "[last_CSeq:]" \
			"$contact" "$allow"
		rest "${2:-}" "${3:--}"
	} | message ""
}
# Either side: a request in the dialog.
requests() { # method, CSeq number, header fields, direction or -, setup
	local repeats='retrans="500"'
	[ "$1" != ACK ] || repeats=
	{
		printf '%s\n' "$1 [next_url] SIP/2.0" "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]" "[routes]" "Max-Forwards: 70"
		if [ "$role" = uas ]; then
			printf '%s\n' "From:[\$local];tag=[pid]uas[call_number]" "To:[\$remote]"
		else
			printf '%s\n' "From: <sip:[me]@lab.test>;tag=[pid]sipp[call_number]" "To: <sip:[service]@lab.test>[peer_tag_param]"
		fi
		printf '%s\n' "Call-ID: [call_id]" "CSeq: $2 $1" "$contact" "User-Agent: lab-sipp"
		rest "${3:-}" "${4:--}" "${5:-}"
	} | message "$repeats"
}
# Caller: INVITE, the challenge, and INVITE again with credentials and CSeq 2.
calls() { # header fields
	local number
	for number in 1 2; do
		{
			printf '%s\n' "INVITE sip:[service]@lab.test SIP/2.0" "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]" \
				"Max-Forwards: 70" "From: <sip:[me]@lab.test>;tag=[pid]sipp[call_number]" "To: <sip:[service]@lab.test>" \
				"Call-ID: [call_id]" "CSeq: $number INVITE" "$contact" "User-Agent: lab-sipp" "$allow"
			[ $number = 1 ] || printf '[authentication]\n'
			rest "${1:-}" sendrecv actpass
		} | message 'retrans="500"'
		may_get 100
		[ $number = 2 ] || { printf '<recv response="407" auth="true"/>\n'; acknowledges_failure 1; }
	done
}
acknowledges_failure() { # CSeq number
	printf '%s\n' "ACK sip:[service]@lab.test SIP/2.0" "[last_Via:]" "Max-Forwards: 70" "From: <sip:[me]@lab.test>;tag=[pid]sipp[call_number]" \
		"[last_To:]" "Call-ID: [call_id]" "CSeq: $1 ACK" "Content-Length: 0" "" | message ""
}
is_hung_up_on() { receives BYE; responds "200 OK"; }
hangs_up() { requests BYE "$1"; gets 200; } # CSeq number

sipp_scenarios=(uac-reliable uac-421 uac-420 uac-422 uac-lost-ack uac-no-ack uac-timer uac-refreshed uac-replaces
	uas-hold uas-offers uas-timer uas-referred uas-refused-refer uas-offers-early)

# RFC 3262: each provisional response is reliable, and the second one comes after PRACK for the first one.
sipp_uac_reliable() {
	calls "Require: 100rel"
	reliable_gets 180 3
	reliable_gets 183 4
	gets 200
	requests ACK 2
	waits 500
	hangs_up 5
}
reliable_gets() { # status code, CSeq number of PRACK
	printf '<recv response="%s" rrs="true"><action>' "$1"
	printf '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="seen"/>'
	printf '<ereg regexp="100rel" search_in="hdr" header="Require:" check_it="true" assign_to="tag"/></action></recv>\n'
	printf '<Reference variables="tag"/>\n'
	requests PRACK "$2" 'RAck: [$seen] 2 INVITE'
	gets 200 "CSeq: $2 PRACK"
}
sipp_uac_420() {
	calls "Require: 100rel"
	gets 420 "Unsupported: *100rel"
	acknowledges_failure 2
}
sipp_uac_421() {
	calls
	gets 421 "Require: *100rel"
	acknowledges_failure 2
}
# RFC 4028 section 9.
sipp_uac_422() {
	calls 'Supported: timer\nSession-Expires: 60'
	may_get 180
	gets 422 "Min-SE: *90"
	acknowledges_failure 2
}
# The 200 comes again until ACK, RFC 3261 section 13.3.1.4. SIPp counts it once.
sipp_uac_lost_ack() {
	calls
	may_get 180
	gets 200
	waits 1800
	requests ACK 2
	waits 1000
	hangs_up 3
}
# Without ACK the callee hangs up after 64*T1.
sipp_uac_no_ack() {
	calls
	may_get 180
	gets 200
	is_hung_up_on
}
# The peer refreshes, by UPDATE and by re-INVITE.
sipp_uac_timer() {
	calls 'Supported: timer\nSession-Expires: 90;refresher=uac\nMin-SE: 90'
	may_get 180
	gets 200 "Session-Expires: *90;refresher=uac"
	requests ACK 2
	waits 300
	requests UPDATE 3 'Supported: timer\nSession-Expires: 90;refresher=uac\nMin-SE: 90'
	gets 200 "Session-Expires: *90;refresher=uac"
	waits 300
	requests INVITE 4 'Supported: timer\nSession-Expires: 90;refresher=uac\nMin-SE: 90' sendrecv actpass
	may_get 100
	gets 200 "Session-Expires: *90;refresher=uac"
	requests ACK 4
	waits 300
	hangs_up 5
}
# We refresh after half of the interval, 45 s.
sipp_uac_refreshed() {
	calls 'Supported: timer\nSession-Expires: 90;refresher=uas'
	may_get 180
	gets 200 "Session-Expires: *90;refresher=uas"
	requests ACK 2
	receives UPDATE "Session-Expires: *90;refresher=uac"
	responds "200 OK" 'Require: timer\nSession-Expires: 90;refresher=uac'
	hangs_up 3
}
# RFC 3891: [replaces] is a call that is up.
sipp_uac_replaces() {
	calls 'Require: replaces\nReplaces: [replaces]'
	may_get 180
	gets 200
	requests ACK 2
	waits 1000
	hangs_up 3
}

takes_call() { # seen
	receives_call "${1:-}"
	responds_to_call "180 Ringing"
	responds_to_call "200 OK" "" sendrecv
	receives ACK
}
# RFC 3264 section 8.4 and RFC 6337 section 5.3.
sipp_uas_hold() {
	takes_call
	receives INVITE "a=sendonly"
	responds "200 OK" "" recvonly
	receives ACK
	receives INVITE "a=sendrecv"
	responds "200 OK" "" sendrecv
	receives ACK
	is_hung_up_on
}
# The INVITE has no description, the 200 has the offer and the ACK the answer.
sipp_uas_offers() {
	receives_call "Content-Length: *0"
	responds_to_call "180 Ringing"
	responds_to_call "200 OK" "" sendrecv actpass
	receives ACK "m=audio"
	is_hung_up_on
}
# The same with the offer in a reliable 183 and the answer in PRACK, RFC 3262 section 5.
sipp_uas_offers_early() {
	receives_call "Content-Length: *0"
	responds_to_call "183 Session Progress" 'Require: 100rel\nRSeq: 7' sendrecv actpass
	receives PRACK "RAck: 7 [0-9]+ INVITE.*m=audio"
	responds "200 OK"
	waits 300
	responds_to_call "200 OK"
	receives ACK
	is_hung_up_on
}
# A longer Min-SE than the caller's, then the caller's refresh after half of it.
sipp_uas_timer() {
	receives_call "Session-Expires: *90"
	responds_to_call "422 Session Interval Too Small" "Min-SE: 100"
	receives ACK
	receives_call "Session-Expires: *100.*Min-SE: *100|Min-SE: *100.*Session-Expires: *100"
	responds_to_call "180 Ringing"
	responds_to_call "200 OK" 'Require: timer\nSession-Expires: 100;refresher=uac' sendrecv
	receives ACK
	[ "$long" = 0 ] || {
		receives UPDATE "Session-Expires: *100;refresher=uac"
		responds "200 OK" 'Require: timer\nSession-Expires: 100;refresher=uac'
	}
	is_hung_up_on
}
# We ask the callee to call bob.
sipp_uas_referred() {
	takes_call
	receives REFER "Refer-To: .*sip:bob@lab.test"
	responds "202 Accepted"
	notifies 1 active "SIP/2.0 100 Trying"
	waits 300
	notifies 2 active "SIP/2.0 180 Ringing"
	waits 300
	notifies 3 "terminated;reason=noresource" "SIP/2.0 200 OK"
	is_hung_up_on
}
notifies() { # CSeq number, state, status line
	requests NOTIFY "$1" "Event: refer\nSubscription-State: $2\nContent-Type: message/sipfrag;version=2.0\nContent-Length: [len]\n\n$3"
	gets 200
}
# REFER without anybody who decides on it.
sipp_uas_refused_refer() {
	takes_call
	waits 300
	requests REFER 1 "Refer-To: <sip:bob@lab.test>"
	gets 603
	is_hung_up_on
}
