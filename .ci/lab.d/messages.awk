# Prints one line for each SIP message in what a server wrote: Kamailio's dump, Asterisk's log, or the trace of `sip serve`.
#   IN|OUT PEER | START LINE | CSEQ | CALL-ID | USER-AGENT | USER OF TO | MARKS
# Marks: auth (has credentials), stale, tag (To has a tag), expires=N, and the m-lines with port and direction of its SDP.
function flush() {
	if (start != "") print way " " peer " | " start " | " cseq " | " call " | " agent " | " user " | " marks
	start = cseq = call = agent = user = marks = ""
	reading = 0
}
function begin(direction, who) { flush(); way = direction; peer = who; reading = 1 }

/^====================$/ { flush(); way = peer = ""; next }
/^tag: rcv$/ && !reading { way = "IN"; next }
/^tag: snd$/ && !reading { way = "OUT"; next }
/^srcport: / && !reading && way == "IN" { peer = $2; next }
/^dstport: / && !reading && way == "OUT" { peer = $2; next }
/^~~~~~~~~~~~~~~~~~~~~$/ { begin(way, peer); next }
/^[|][|][|][|][|]*$/ { flush(); next }
/<--- Received SIP .* from [A-Z]*:/ { sub(/ --->.*/, ""); sub(/.*:/, ""); begin("IN", $0); next }
/<--- Transmitting SIP .* to [A-Z]*:/ { sub(/ --->.*/, ""); sub(/.*:/, ""); begin("OUT", $0); next }
/^\[[A-Z][a-z][a-z] +[0-9]+ [0-9:]+\] / { flush(); next }
/^<<< [^ ]+ [0-9.]+ ms(,.*)?$/ { begin("IN", $2); next }
/^>>> [^ ]+ [0-9.]+ ms(,.*)?$/ { begin("OUT", $2); next }
!reading { next }
start == "" {
	if ($0 == "" || /^GET /) next
	start = $0
	if (!sub(/^SIP\/2\.0 /, "", start)) sub(/ SIP\/2\.0$/, "", start)
	next
}
/^CSeq: / { cseq = $2 " " $3 }
/^Call-ID: / { call = $2 }
/^User-Agent: / { agent = substr($0, 13) }
/^To: / { user = $0; sub(/^[^:]*:.*sips?:/, "", user); sub(/@.*/, "", user); if (/;tag=/) marks = marks "tag " }
/^(Proxy-)?Authorization: / { marks = marks "auth " }
/stale=true/ { marks = marks "stale " }
/^Contact: .*;expires=[0-9]+/ { value = $0; sub(/.*;expires=/, "", value); sub(/[^0-9].*/, "", value); marks = marks "expires=" value " " }
/^Expires: [0-9]+/ { marks = marks "expires=" $2 " " }
/^m=/ { marks = marks substr($1, 3) ":" $2 " " }
/^a=(sendrecv|sendonly|recvonly|inactive)$/ { marks = marks substr($0, 3) " " }
END { flush() }
