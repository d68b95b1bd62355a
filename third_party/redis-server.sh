#!/usr/bin/env bash
# Installs the distribution's redis-server when there is none and it may. Without it the programs still start, on an
# in-memory Redis that loses its content; the tests need the real one.
set -u
command -v redis-server >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "installing redis-server ..." >&2
	export DEBIAN_FRONTEND=noninteractive
	(apt-get install -y -qq redis-server || (apt-get update -qq && apt-get install -y -qq redis-server)) >/dev/null 2>&1
	command -v redis-server >/dev/null && exit 0
fi
echo "WARNING: no redis-server: what is queued and counted will not survive a restart. Install it: apt-get install redis-server" >&2
exit 0
