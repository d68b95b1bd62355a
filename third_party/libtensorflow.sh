#!/usr/bin/env bash
# Puts TensorFlow's C library and headers into DIR, out of the official wheels: libtensorflow is not published by itself any
# more. Python's pip only downloads; nothing of Python is kept. Does nothing when DIR is complete.
#
#   libtensorflow.sh DIR [cpu|gpu]      gpu: with NVIDIA's CUDA libraries, about 2.5 GB to fetch and 6 GB on disk
set -euo pipefail

dir=${1:?usage: libtensorflow.sh DIR [cpu|gpu]} flavour=${2:-cpu}
sums=$(dirname "$0")/libtensorflow-$flavour.sums # a line a wheel: its digest, its name and version
fail() { echo "TensorFlowDependencyError: $*" >&2 && exit 1; }

[ -f "$sums" ] || fail "no flavour $flavour: cpu or gpu"
cmp -s "$sums" "$dir/WHEELS" && exit 0
[ "$(uname -sm)" = "Linux x86_64" ] || fail "no pinned TensorFlow wheel for $(uname -sm); put libtensorflow and its headers into $dir by hand"
for tool in unzip sha256sum; do command -v $tool >/dev/null || fail "$tool is missing: apt-get install $tool"; done
pip=$(command -v pip3 || command -v pip) || fail "pip is missing: apt-get install python3-pip"

parent=$(dirname "$dir") && mkdir -p "$parent"
work=$(mktemp -d "$parent/.libtensorflow-XXXXXX") # on the same file system, so that moving is not copying
trap 'rm -rf "$work"' EXIT
echo "fetching TensorFlow ($flavour, once) ..." >&2
while read -r sha256 wheel; do
	mkdir "$work/wheel"
	"$pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --implementation cp --python-version 3.11 \
		--platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 --dest "$work/wheel" "$wheel" >&2 ||
		fail "pip could not download $wheel"
	echo "$sha256  $(echo "$work"/wheel/*.whl)" | sha256sum --check --quiet >&2 || fail "$wheel is not the one that is pinned; nothing was unpacked"
	case $wheel in
		tensorflow*) unzip -q "$work"/wheel/*.whl -d "$work" 'tensorflow/libtensorflow_*.so.2' 'tensorflow/THIRD_PARTY_NOTICES.txt' \
			'tensorflow/include/LICENSE' 'tensorflow/include/tensorflow/c/*.h' 'tensorflow/include/tensorflow/core/platform/ctstring*.h' \
			'tensorflow/include/tsl/platform/ctstring*.h' 'tensorflow/include/xla/tsl/c/*.h' ;;
		nvidia*) unzip -q -o "$work"/wheel/*.whl -d "$work" 'nvidia/*' '*/License.txt' -x '*.py' '*.h' '*.hpp' '*.a' && rm -rf "$work"/*.dist-info ;;
	esac
	rm -rf "$work/wheel"
done <"$sums"

new=$work/new
mkdir -p "$new/lib"
mv "$work"/tensorflow/libtensorflow_*.so.2 "$new/lib/"
mv "$work/tensorflow/include" "$work/tensorflow/THIRD_PARTY_NOTICES.txt" "$new/"
if [ -d "$work/nvidia" ]; then # CUDA is loaded when the first session opens: source DIR/env in the shell that starts the worker
	mv "$work/nvidia" "$new/"
	cat >"$new/env" <<-'END'
		here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
		export LD_LIBRARY_PATH="$here/lib$(printf ':%s' "$here"/nvidia/*/lib)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
		export XLA_FLAGS="--xla_gpu_cuda_data_dir=$here/nvidia/cuda_nvcc ${XLA_FLAGS:-}"
	END
fi
ln -s libtensorflow_cc.so.2 "$new/lib/libtensorflow.so"
ln -s libtensorflow_framework.so.2 "$new/lib/libtensorflow_framework.so"
cp "$sums" "$new/WHEELS"
rm -rf "$dir"
mv "$new" "$dir" # at once: what is there is complete
