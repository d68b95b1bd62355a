#!/usr/bin/env bash
# Proves the images' content without an engine for images: makes the root file systems by the steps of the Dockerfile, puts the
# C libraries of this machine under the worker's (a Debian 12 has those of its base image), looks that no shell, Python or compiler
# is inside, and sends records the whole way, with each program in a chroot that it cannot write to, as nobody. Needs root.
#
#   check.sh TENSORFLOW [cpu|gpu] [DIR]
set -euo pipefail
tensorflow=$(realpath "${1:?}") flavour=${2:-cpu} dir=${3:-$(mktemp -d)}
[ "$(id -u)" = 0 ] || { echo "needs root, for chroot" >&2 && exit 1; }
cd "$(dirname "$0")/../.."
rm -rf "$dir/control" "$dir/worker" "$dir/bin" && mkdir -p "$dir/bin"
deploy/image/rootfs.sh "$tensorflow" "$flavour" check "$dir/control" "$dir/worker"

ldd "$dir/worker/usr/local/bin/worker" "$dir"/worker/usr/local/lib/*.so.2 | awk '/=> \/(usr\/)?lib/ {print $3} /^[[:space:]]*\/lib/ {print $1}' | sort -u |
	while read -r lib; do install -D "$lib" "$dir/worker$lib"; done
for root in control worker; do
	find "$dir/$root" -name '*.so*' -prune -o -type f -perm /111 -printf '%P\n' | sort >"$dir/$root.programs"
done
[ "$(cat "$dir/control.programs")" = "$(printf 'usr/local/bin/producer\nusr/local/bin/scheduler')" ] || { echo "more in control than wanted:" && cat "$dir/control.programs" && exit 1; }
grep -v -E '^usr/local/nvidia/' "$dir/worker.programs" | grep -v -x usr/local/bin/worker && echo "more in worker than wanted" && exit 1
find "$dir/control" "$dir/worker" \( -name '*.py' -o -name 'python*' -o -name '*gcc' -o -name 'cc1*' -o -name '*sh' -o -name '*.h' \) -type f | grep . && echo "that is not wanted" && exit 1
du -sm "$dir/control" "$dir/worker"

# The tests' programs are these: each enters its root and becomes nobody. /tmp is the only place to write.
for program in producer scheduler worker; do
	root=$dir/control && [ $program = worker ] && root=$dir/worker
	cat >"$dir/bin/$program" <<-END
		#!/bin/bash
		for file in "\$@"; do # what tests write belongs to root, and is closed to others
			[ -f "\$file" ] && chown 65532 "\$file" && chmod 711 "\$(dirname "\$file")" "\$(dirname "\$(dirname "\$file")")"
		done
		exec env -i PATH=/usr/local/bin HOME=/tmp TF_CPP_MIN_LOG_LEVEL=2 /usr/sbin/chroot --userspec=65532:65532 --groups= $root /usr/local/bin/$program "\$@"
	END
	chmod +x "$dir/bin/$program"
done
unshare --mount bash -euo pipefail -c '
	dir=$1
	for root in control worker; do
		mkdir -p "$dir/$root/proc" "$dir/$root/dev" && mount -t proc proc "$dir/$root/proc" && mount --rbind /dev "$dir/$root/dev"
		mount --rbind "$dir/$root" "$dir/$root" && mount -o remount,ro,bind "$dir/$root"
		mount --bind /tmp "$dir/$root/tmp"
	done
	"$dir/bin/worker" version && "$dir/bin/worker" doctor
	go test ./deploy -count=1 -run "TestAnyOfThemMayDie" -v -bin "$dir/bin"
' check "$dir"
