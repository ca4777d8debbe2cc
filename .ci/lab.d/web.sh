# The page of `sip serve --web` in headless Chromium, as a person uses it. web.mjs clicks and says what does not come.

part_web() {
	part=web
	server=serve ours_users= missing=$no_browser
	: >"$room/serve.trace"
	scenario "two phones call, hold, write and hang up; one calls sip answer" page_is_used
	scenario "with a microphone, each phone gets the sound of the other" page_is_used --sound
	scenario "the phones ask for the passwords of given users" page_is_used --passwords
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
sipjs_is_the_package() {
	demand "the bundle is made of the package" bash adapters/cli/assets/sipjs/bundle.sh --check "$(web_packages)"
}
web_packages() { echo "${LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sip-lab}/browser/node_modules"; }
