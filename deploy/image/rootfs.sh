#!/usr/bin/env bash
# Makes what is in the images, in two folders: what needs no TensorFlow, and the worker with it. The Dockerfile calls it, and so
# does check.sh on machines without an engine for images.
#
#   rootfs.sh TENSORFLOW FLAVOUR VERSION CONTROL WORKER     TENSORFLOW: what third_party/libtensorflow.sh made
set -euo pipefail
tensorflow=${1:?} flavour=${2:?} version=${3:?} control=${4:?} worker=${5:?}
cd "$(dirname "$0")/../.."
export GOFLAGS="${GOFLAGS:-} -trimpath -buildvcs=false"
ldflags="-s -w -X retrain/internal/app.released=$version"

people() { # DIR: who may be named, and where to write
	mkdir -p "$1/etc" "$1/usr/local/bin" && install -d -m 1777 "$1/tmp"
	echo 'nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin' >"$1/etc/passwd"
	echo 'nonroot:x:65532:' >"$1/etc/group"
}

people "$control"
CGO_ENABLED=0 go build -ldflags "$ldflags" -o "$control/usr/local/bin/" ./cmd/producer ./cmd/scheduler

people "$worker"
mkdir -p "$worker/usr/local/lib" "$worker/usr/share/doc/tensorflow"
export CGO_CFLAGS="-I$tensorflow/include"
# $ORIGIN: the libraries lie beside the program's folder, wherever the image puts them
export CGO_LDFLAGS="-L$tensorflow/lib -ltensorflow_framework -Wl,-rpath,\$ORIGIN/../lib"
go build -ldflags "$ldflags" -o "$worker/usr/local/bin/" ./cmd/worker
cp -P "$tensorflow"/lib/libtensorflow*.so* "$worker/usr/local/lib/"
cp "$tensorflow"/THIRD_PARTY_NOTICES.txt "$tensorflow"/include/LICENSE "$worker/usr/share/doc/tensorflow/"
if [ "$flavour" = gpu ]; then # CUDA as NVIDIA publishes it, each part with its licence; its ptxas is what XLA assembles with
	cp -a "$tensorflow/nvidia" "$worker/usr/local/"
	find "$worker/usr/local/nvidia" -name include -type d -prune -exec rm -rf {} +
	for lib in "$worker"/usr/local/nvidia/*/lib/*.so*; do ln -sf "../${lib#"$worker/usr/local/"}" "$worker/usr/local/lib/"; done
fi
