#!/usr/bin/env bash
# Installs the distribution's chromium when there is none and it may. The tests of the page need a real browser, and are skipped
# without one; nothing else asks for it.
set -u
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing chromium ..." >&2
	export DEBIAN_FRONTEND=noninteractive
	install="apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core"
	($install || (apt-get update -qq && $install)) >/dev/null 2>&1
	command -v chromium >/dev/null && exit 0
fi
echo "WARNING: no chromium: the tests of the page are skipped. Install it: apt-get install chromium" >&2
exit 0
