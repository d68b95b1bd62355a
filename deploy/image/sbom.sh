#!/usr/bin/env bash
# Writes what each program is made of, as CycloneDX: the Go modules from the program itself, and TensorFlow's wheels with their digests.
#
#   sbom.sh CYCLONEDX-GOMOD BIN TENSORFLOW
set -euo pipefail
gomod=${1:?} bin=${2:?} tensorflow=${3:?}
for program in producer scheduler worker standalone; do
	sbom=$bin/$program.cdx.json
	"$gomod" bin -json -output "$sbom" "$bin/$program" 2>/dev/null || { echo "cyclonedx-gomod could not read $bin/$program" >&2 && exit 1; }
	case $program in worker | standalone)
		while read -r sha256 wheel; do
			name=${wheel%%==*} version=${wheel##*==}
			printf '    {"type": "library", "bom-ref": "pkg:pypi/%s@%s", "name": "%s", "version": "%s", "purl": "pkg:pypi/%s@%s", "hashes": [{"alg": "SHA-256", "content": "%s"}]},\n' \
				"$name" "$version" "$name" "$version" "$name" "$version" "$sha256"
		done <"$tensorflow/WHEELS" >"$sbom.more"
		sed -i "/^  \"components\": \[/r $sbom.more" "$sbom" && rm "$sbom.more"
		;;
	esac
	echo "$sbom: $(grep -c '"bom-ref"' "$sbom") components"
done
