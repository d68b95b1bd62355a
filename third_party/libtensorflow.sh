#!/usr/bin/env bash
# Puts TensorFlow's C library and headers into DIR, out of the official wheel: libtensorflow is not published by itself any
# more. Python's pip only downloads; nothing of Python is kept. Does nothing when DIR is complete.
#
#   libtensorflow.sh DIR
set -euo pipefail

version=2.21.0
dir=${1:?usage: libtensorflow.sh DIR}
case $(uname -m) in
	x86_64) platform=manylinux_2_27_x86_64 sha256=2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c ;;
	*) echo "libtensorflow.sh: no pinned TensorFlow wheel for $(uname -m); put libtensorflow and its headers into $dir by hand" >&2 && exit 1 ;;
esac
[ "$(cat "$dir/VERSION" 2>/dev/null)" = "$version $sha256" ] && exit 0

for tool in unzip sha256sum; do
	command -v $tool >/dev/null || { echo "TensorFlowDependencyError: $tool is missing: apt-get install $tool" >&2; exit 1; }
done
pip=$(command -v pip3 || command -v pip) || { echo "TensorFlowDependencyError: pip is missing: apt-get install python3-pip" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "fetching TensorFlow $version (about 270 MB, once) ..." >&2
"$pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp --python-version 3.11 \
	--platform "$platform" --dest "$work" "tensorflow-cpu==$version" >&2
echo "$sha256  $(echo "$work"/*.whl)" | sha256sum --check --quiet >&2 ||
	{ echo "TensorFlowDependencyError: the wheel is not the one that is pinned; nothing was unpacked" >&2; exit 1; }

unzip -q "$work"/*.whl -d "$work/wheel" 'tensorflow/libtensorflow_*.so.2' 'tensorflow/THIRD_PARTY_NOTICES.txt' \
	'tensorflow/include/LICENSE' 'tensorflow/include/tensorflow/c/*.h' 'tensorflow/include/tensorflow/core/platform/ctstring*.h' \
	'tensorflow/include/tsl/platform/ctstring*.h' 'tensorflow/include/xla/tsl/c/*.h'
rm -rf "$dir" && mkdir -p "$dir/lib"
mv "$work"/wheel/tensorflow/libtensorflow_*.so.2 "$dir/lib/"
mv "$work/wheel/tensorflow/include" "$dir/include"
mv "$work/wheel/tensorflow/THIRD_PARTY_NOTICES.txt" "$dir/"
ln -s libtensorflow_cc.so.2 "$dir/lib/libtensorflow.so"
ln -s libtensorflow_framework.so.2 "$dir/lib/libtensorflow_framework.so"
echo "$version $sha256" >"$dir/VERSION" # last: its presence says that the rest is complete
