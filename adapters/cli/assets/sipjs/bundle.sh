#!/usr/bin/env bash
# Makes sip.js in this folder from the modules of the npm package, or with --check compares the file with them.
#   bundle.sh [--check]                      takes the package and esbuild from the npm registry
#   bundle.sh [--check] NODE_MODULES         takes both from this folder
# The package ships 193 modules and no single file. esbuild joins them and changes nothing else: names, lines and comments stay readable.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=0.21.2 esbuild=0.25.0
integrity=sha512-tSqTcIgrOd2IhP/rd70JablvAp+fSfLSxO4hGNY6LkWRY1SKygTO7OtJEV/BQb8oIxtMRx0LE7nUF2MaqGbFzA==
check=
[ "${1:-}" != --check ] || { check=1; shift; }
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
if [ -n "${1:-}" ]; then
	mkdir "$room/package"
	cp -R "$1/sip.js/lib" "$1/sip.js/package.json" "$room/package"
	tool=("$(cd "$1" && pwd)/.bin/esbuild")
else
	(cd "$room" && npm pack --silent "sip.js@$version" >/dev/null)
	[ "$integrity" = "sha512-$(openssl dgst -sha512 -binary "$room"/*.tgz | base64 -w 0)" ] || { echo "the package is another one"; exit 1; }
	tar -xzf "$room"/*.tgz -C "$room"
	tool=(npx --yes "esbuild@$esbuild")
fi
found="$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$room/package/package.json") $("${tool[@]}" --version)"
[ "$found" = "$version $esbuild" ] || { echo "these are SIP.js and esbuild $found, not $version $esbuild"; exit 1; }
banner="// SIP.js $version, https://sipjs.com. MIT License, Copyright (c) 2020 Junction Networks: see LICENSE.md beside this file.
// All modules of the npm package in one, unchanged; bundle.sh makes this file."
(cd "$room" && "${tool[@]}" package/lib/index.js --bundle --format=esm --target=es2020 --legal-comments=inline --banner:js="$banner" \
	--log-level=warning --outfile=sip.js)
if [ -n "$check" ]; then
	cmp "$room/sip.js" "$here/sip.js" && echo "sip.js is SIP.js $version"
else
	cp "$room/sip.js" "$here/sip.js"
fi
