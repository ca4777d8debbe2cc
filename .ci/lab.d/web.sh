# The page of `sip serve --web` in headless Chromium, as a person uses it. web.mjs clicks and says what does not come.

part_web() {
	part=web
	server=serve ours_users= missing=$no_browser
	: >"$room/serve.trace"
	scenario "two phones call, hold, write and hang up; one calls sip answer" page_is_used
	scenario "with a microphone, each phone gets the sound of the other" page_is_used --sound
	scenario "the phones ask for the passwords of given users" page_is_used --passwords
	scenario "docs/browser.md: its page with SIP.js calls" page_of_the_docs_calls 1
	scenario "docs/browser.md: its page with JsSIP calls" page_of_the_docs_calls 2
	scenario "SIP.js in the program is the npm package" sipjs_is_the_package
}
page_is_used() { # nothing or a flag of web.mjs
	local users=(alice:alice-pw bob:bob-pw carol:carol-pw) url
	[ "${1:-}" = --passwords ] && users=("${users[@]/#/--user=}") || users=()
	launch serve "${SIP_SERVER:-$sip}" serve --listen 127.0.0.1:0 --web 127.0.0.1:0 "${users[@]}"
	await serve "the page is served" said serve "^open http://"
	url=$(sed -n 's/^open \(http[^ ]*\).*/\1/p' "$here/serve")
	# The screenshots stay beside the output of the scenario.
	launch page node "$lab_d/web.mjs" --url "$url" --sip "$sip" --shots "$here" "$@"
	patience=120 ends page 0
	interrupt serve
	ends serve 0
}
page_of_the_docs_calls() { # number of the block
	local server
	launch serve "${SIP_SERVER:-$sip}" serve --listen 127.0.0.1:0 --user alice:a --user bob:b
	await serve "it listens" said serve "^listening on "
	server=$(sed -n 's/^listening on \([^ ,]*\).*/\1/p' "$here/serve")
	launch bob "$sip" answer --server "$server" --uri sip:bob@localhost --password b
	await bob "bob is registered" said bob "^registered"
	launch page node "$lab_d/web_docs.mjs" --file docs/browser.md --block "$1" --server "$server"
	await bob "the call is up" said bob "^call established"
	demand "alice calls" said bob "^call from .*alice"
	demand "the page makes no error" refuse said page "^error"
	kill -TERM "${pids[page]}"
	ends page 0
}
sipjs_is_the_package() {
	demand "the bundle is made of the package" bash adapters/cli/assets/sipjs/bundle.sh --check "$(web_packages)"
}
web_packages() { echo "${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sip-lab}/browser/node_modules"; }
