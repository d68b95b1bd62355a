#!/usr/bin/env bash
# prometheus.sh FOLDER: unpacks the distribution's prometheus and promtool into FOLDER/usr/bin when there are none. The tests of the alerts
# and of what is scraped need the real ones, and are skipped without them; nothing else asks for them. The package is not
# installed, since it would start a server of its own.
set -u
folder=$1
command -v prometheus >/dev/null && command -v promtool >/dev/null && exit 0
[ -x "$folder/usr/bin/promtool" ] && exit 0
if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
	echo "fetching prometheus ..." >&2
	fetched=$(mktemp -d)
	trap 'rm -rf "$fetched"' EXIT
	(cd "$fetched" && (apt-get download -qq prometheus || (apt-get update -qq && apt-get download -qq prometheus))) >/dev/null 2>&1 &&
		dpkg-deb -x "$fetched"/prometheus_*.deb "$fetched/all" && mkdir -p "$(dirname "$folder")" && rm -rf "$folder" && mv "$fetched/all" "$folder"
	[ -x "$folder/usr/bin/promtool" ] && exit 0
fi
echo "WARNING: no prometheus: the tests of the alerts and of what is scraped are skipped. Install it: apt-get install prometheus" >&2
exit 0
