# Asterisk as notifier: the hint of bob for presence and dialog, and his mailbox (RFC 3842). Part of part_asterisk.

# The lab's configuration has no mailbox, no shortest subscription and not all modules; its copy gets them.
asterisk_reports() {
	local conf=${LAB_CACHE:-$HOME/.cache/sip-lab}/asterisk/etc/asterisk/lab/pjsip.conf module
	sed -i 's/^\[bob\](where)$/&\nmailboxes=bob@default/; s/^\[carol\](web)$/&\nsub_min_expiry=90/' "$conf"
	asterisk cli module reload res_pjsip.so
	# The reload has ended its log of messages.
	asterisk cli pjsip set logger on
	for module in res_pjsip_dialog_info_body_generator app_minivm res_clioriginate; do asterisk cli module load $module.so; done
	sleep 0.5
	grep -q "mailboxes .*bob@default" <(asterisk cli pjsip show aor bob)
}
has_module() { grep -q Running <(asterisk cli module show like "$1"); }

events_with_asterisk() {
	scenario "subscribes to presence of bob, who comes and goes" asterisk_reports_presence
	missing_module res_pjsip_dialog_info_body_generator
	scenario "subscribes to dialog of bob, who calls" asterisk_reports_dialogs
	missing_module app_minivm
	scenario "bob has a message waiting" asterisk_reports_messages
	scenario "we watch bob's mailbox and presence" asterisk_is_watched
	missing=$no_asterisk
	is_for tokio && scenario "refreshes a short subscription" asterisk_is_refreshed
	scenario "a poll: Asterisk refuses it by 400" asterisk_refuses 400 alice bob --event presence --poll
	scenario "an unknown package: 489" asterisk_refuses 489 alice bob --event conference
	scenario "an extension without a hint: 404" asterisk_refuses 404 alice nosuch --event presence
	scenario "a mailbox that is none: 404" asterisk_refuses 404 alice alice --event message-summary
	scenario "a short subscription: 423 without Min-Expires" asterisk_refuses 423 carol bob --event presence --expires 60
	scenario "Asterisk takes no presence: 489" asterisk_takes_no_presence
}
missing_module() { # module
	missing=$no_asterisk
	[ -n "$missing" ] || has_module "$1" || missing="this Asterisk has no module $1"
}

asterisk_reports_presence() {
	watches alice alice bob
	demand "bob is away" told alice notified "<basic>closed<"
	ours bob bob register
	await bob "bob has a contact" bound bob 1 bob
	await alice "alice sees that he has come" told alice notified "<basic>open<"
	leaves bob bob
	await alice "alice sees that he has left" told alice notified "<basic>closed<" 2
	# With bob's connection Asterisk has dropped the subscriptions of all clients of his address.
	leaves_well alice
	demand_ladder alice SUBSCRIBE "R 401 R 200 R (401 R )?(200|481)"
}
# Asterisk accepts SUBSCRIBE for 0 seconds and sends no NOTIFY after it, so the program waits for timer N, or for a second Ctrl-C.
leaves_asterisk() { # program, number of subscriptions, wait or nothing
	interrupt "$1"
	await "$1" "Asterisk accepts the end" left "$1" "$2"
	if [ "$long${3:-}" = 1wait ]; then
		patience=45 ends "$1" 0
	elif alive "$1"; then
		interrupt "$1"
		ends "$1" 1
	fi
}
# Whether that many SUBSCRIBEs for 0 seconds of a program got 200.
left() { # program, number
	messages | awk -F ' [|] ' -v agent="ours-$1" -v number="$2" '
		/^IN/ && $2 ~ /^SUBSCRIBE / && $5 == agent && $7 ~ /expires=0 / { asked[$4 $3] = 1 }
		/^OUT/ && $2 ~ /^200 / && ($4 $3) in asked { done[$4] = 1 }
		END { for (call in done) sum++; exit sum != number }'
}
asterisk_reports_dialogs() {
	ours alice alice subscribe bob --event dialog --json
	await alice "there is no dialog" told alice notified "<state>terminated<"
	ours bob bob call echo
	await alice "alice sees that bob's call is up" told alice notified '<state>confirmed<.*"dialogs":.*confirmed'
	leaves bob bob
	await alice "alice sees that it is over" told alice notified "<state>terminated<" 2
	leaves_well alice
	demand "Asterisk reported it as dialog-info" asterisk_did "^Content-Type: application/dialog-info"
}
mailbox() { # urgent, new, old
	asterisk cli channel originate Local/long@default application MinivmMWI "bob@default,$1,$2,$3"
}
asterisk_reports_messages() {
	mailbox 0 0 0
	ours bob bob subscribe bob --event message-summary --json
	await bob "bob has no messages" told bob notified "Messages-Waiting: no"
	mailbox 0 2 1
	await bob "bob has two new ones and an old one" told bob notified 'Messages-Waiting: yes.*Voice-Message: 2/1.*"waiting":true'
	mailbox 0 0 3
	await bob "bob has heard them" told bob notified "Messages-Waiting: no.*Voice-Message: 0/3"
	leaves_asterisk bob 1 wait
}
asterisk_is_watched() {
	mailbox 0 0 0
	ours bob bob watch bob --mwi --json
	await bob "bob's presence is known" told bob watched presence
	mailbox 1 0 0
	await bob "a message waits" told bob watched "message-summary.*1 new|1 new.*message-summary"
	leaves_asterisk bob 2
}
asterisk_is_refreshed() {
	ours alice alice subscribe bob --event presence --expires 8 --json
	await alice "alice sees the state" told alice notified '"state":"active","expires":[78]'
	await alice "she refreshes, and sees it again" told alice notified '"state":"active"' 2
	demand_ladder alice SUBSCRIBE "R 401 R 200 R (401 R )?200"
	leaves_asterisk alice 1
}
asterisk_refuses() { # code, user, target, flags
	local code=$1 user=$2
	shift 2
	ours "$user" "$user" subscribe "$@" --json
	ends "$user" 1
	demand "the program names the code" told "$user" subscription_ended "\"status\":$code"
	demand_ladder "$user" SUBSCRIBE "R 401 R $code"
}
asterisk_takes_no_presence() {
	ours bob bob publish --basic open --json
	ends bob 1
	demand "the program names the code" told bob publication_ended '"status":489'
	demand_ladder bob PUBLISH "R 401 R 489"
}
