#!/bin/bash
# gpu-check.sh [FOLDER]: everything that only a real GPU can tell, meant to take ten minutes.
# It builds Cusp with the tag cuda, runs the tests of infer/cuda on this machine's
# driver in place of the simulator, and measures three sizes of models. What it
# found is printed, and is in the folder afterwards (default: gpu-check): environment.txt,
# tests.txt, one JSON file a model, report.json with all of it.
#
# Needs Go and NVIDIA's driver, nothing else: no CUDA toolkit, no model, no network
# once the modules are there. MODELS="name:shape:type ..." measures others.
set -uo pipefail
cd "$(dirname "$0")/../.."
out=$(realpath -m "${1:-gpu-check}")
mkdir -p "$out"
models=${MODELS:-"0.5b:qwen2.5-0.5b:q8_0 1.1b:tinyllama-1.1b:q8_0 7b:dim=4096,layers=32,heads=32,kv_heads=32,ffn=11008,vocab=32000:q4_k_m"}
export CUSP_TEST_GPU=${CUSP_TEST_GPU-1}
failed=0

# limited SECONDS COMMAND... and says so when it fails.
limited() {
	local seconds=$1
	shift
	timeout "$seconds" "$@" || { echo "FAILED (status $?): $*" | cut -c1-200 >&2; failed=1; return 1; }
}

echo "=== environment"
{
	date -u +%FT%TZ
	uname -srm
	git rev-parse HEAD 2>/dev/null
	go version
	cat /proc/device-tree/model 2>/dev/null | tr -d '\0'
	cat /etc/nv_tegra_release 2>/dev/null
	nvidia-smi --query-gpu=name,driver_version,memory.total,power.limit,clocks.max.sm,clocks.max.mem --format=csv 2>/dev/null
	nvpmodel -q 2>/dev/null
} | tee "$out/environment.txt"

echo "=== build"
limited 180 env CGO_ENABLED=0 go build -trimpath -tags cuda -o "$out/cusp-cuda" . || exit 1
"$out/cusp-cuda" doctor 2>/dev/null | grep '^[^ ]* *gpu' | tee -a "$out/environment.txt"

echo "=== tests"
limited 240 go test -tags cuda -count=1 -v ./infer/cuda/... >"$out/tests.txt" 2>&1
grep -E '^(--- FAIL|FAIL|ok|panic)' "$out/tests.txt"
passed=$(grep -cE '^ *--- PASS' "$out/tests.txt")
skipped=$(grep -cE '^ *--- SKIP' "$out/tests.txt")
broken=$(grep -cE '^ *--- FAIL' "$out/tests.txt")
echo "$passed passed, $broken failed, $skipped need the simulator"

echo "=== speed"
for model in $models; do
	name=${model%%:*} rest=${model#*:}
	echo "--- $name"
	limited 110 "$out/cusp-cuda" bench --device cuda --shape "${rest%:*}" --quant "${rest##*:}" \
		--prefill 512 --decode 64 --sequences 1,8 --repeat 3 --report "$out/$name.json"
done

# One file for whoever collects them.
{
	printf '{"environment": "%s", "tests": {"passed": %d, "failed": %d, "skipped": %d}, "bench": {' \
		"$(sed 's/["\\]/\\&/g' "$out/environment.txt" | awk '{printf "%s\\n", $0}')" "$passed" "$broken" "$skipped"
	comma=
	for model in $models; do
		name=${model%%:*}
		[ -s "$out/$name.json" ] || continue
		printf '%s"%s": ' "$comma" "$name"
		cat "$out/$name.json"
		comma=', '
	done
	echo '}}'
} >"$out/report.json"
echo "=== $SECONDS s; all of it is in $out/report.json"
exit $failed
