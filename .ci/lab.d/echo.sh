# The example webrtc-echo with a browser: audio bytes come back. echo.mjs looks at the statistics of the browser.

part_echo() {
	part=echo
	server=serve ours_users= missing=$no_browser
	: >"$room/serve.trace"
	[ -n "$missing" ] || build_echo
	scenario "a browser calls the str0m example and hears itself" browser_hears_itself
}
# A workspace of its own, so that its build is one, too. The first one takes minutes.
build_echo() {
	echo=${ECHO:-adapters/examples/webrtc-echo/target/debug/webrtc-echo}
	[ -n "${ECHO:-}" ] || CARGO_TARGET_DIR=adapters/examples/webrtc-echo/target nice cargo build --quiet --locked \
		--manifest-path adapters/examples/webrtc-echo/Cargo.toml >"$room/build" 2>&1 ||
		missing="the example does not build here (it needs Rust 1.89, a C compiler and the crates): $(grep -m 1 '^error' "$room/build")"
}
browser_hears_itself() {
	local page_url server_url_of_echo
	launch serve "${SIP_SERVER:-$sip}" serve --listen 127.0.0.1:0 --web 127.0.0.1:0 \
		--user alice:alice-pw --user bob:bob-pw --user echo:echo-pw
	await serve "the page is served" said serve "^open http://"
	page_url=$(sed -n 's/^open \(http[^ ]*\).*/\1/p' "$here/serve")
	server_url_of_echo=$(sed -n 's/^listening on \(ws:[^ ,]*\).*/\1/p' "$here/serve")
	SIP_PASSWORD=echo-pw launch echo "$echo" "$server_url_of_echo" sip:echo@localhost
	await echo "the example is registered" said echo "^registered"
	launch page node "$lab_d/echo.mjs" --url "$page_url" --password alice-pw
	patience=120 ends page 0
	await echo "the example hears the BYE" said echo "ended: hung up, by the peer"
	demand "its media end without an error" refuse said echo "^media of"
	interrupt echo
	ends echo 0
	interrupt serve
	ends serve 0
}
