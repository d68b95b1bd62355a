#!/usr/bin/env bash
# Regenerates the Go messages of TensorFlow's protocol buffers that the official Go binding imports but does not ship.
# Needs protoc and protoc-gen-go on PATH. The .proto files come from TensorFlow's own Go module, whose tag has them all.
set -euo pipefail

version=v2.21.0+incompatible
here=$(cd "$(dirname "$0")" && pwd)
source=$(go mod download -json "github.com/tensorflow/tensorflow@$version" | sed -n 's/^\s*"Dir": "\(.*\)",*$/\1/p')
package=github.com/tensorflow/tensorflow/tensorflow/go/core
include=(. third_party/xla third_party/xla/third_party/tsl)

# What Retrain reads and writes; their imports are followed.
roots=(
	tensorflow/core/protobuf/{config,saved_model,meta_graph,trackable_object_graph,tensor_bundle}.proto
	tensorflow/core/framework/{op_def,api_def}.proto
	tensorflow/core/util/event.proto
)

cd "$source"
find_proto() {
	local dir
	for dir in "${include[@]}"; do
		[ -f "$dir/$1" ] && echo "$dir/$1" && return
	done
	echo "generate.sh: no $1 in $version" >&2 && return 1
}

declare -A seen
queue=("${roots[@]}")
while [ ${#queue[@]} -gt 0 ]; do
	file=${queue[0]} queue=("${queue[@]:1}")
	case $file in google/*) continue ;; esac
	[ -n "${seen[$file]:-}" ] && continue
	seen[$file]=1
	path=$(find_proto "$file")
	mapfile -t imports < <(sed -nE 's/^import (public )?"([^"]+)".*/\2/p' "$path")
	queue+=(${imports[@]+"${imports[@]}"})
done

# Two places where the files name a package that does not work in Go: graph_debug_info claims one that would import
# itself, and the TSL files live in a module of their own.
options=("--go_opt=Mtensorflow/core/framework/graph_debug_info.proto=$package/framework/graph_debug_info_go_proto")
for file in "${!seen[@]}"; do
	case $file in xla/tsl/protobuf/*)
		options+=("--go_opt=M$file=$package/tsl/$(basename "$file" .proto)_go_proto") ;;
	esac
done

find "$here" -name '*.pb.go' -delete
mapfile -t sorted < <(printf '%s\n' "${!seen[@]}" | sort)
protoc "${include[@]/#/-I}" "${options[@]}" "--go_opt=module=$package" "--go_out=$here" "${sorted[@]}"
echo "generated $(find "$here" -name '*.pb.go' | wc -l) files from ${#sorted[@]} protos of $version"
