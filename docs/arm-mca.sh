#!/bin/sh
# Lists the loops of a function and what llvm-mca says of each: instructions
# and cycles of one iteration, with all data in the first-level cache and every
# branch foreseen. An inner loop counts once in the loop around it.
#
# Usage: arm-mca.sh CPU OBJECT SYMBOL
set -eu
cpu=$1 object=$2 symbol=$3
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT

aarch64-linux-gnu-objdump -d --no-show-raw-insn --disassemble="$symbol" "$object" |
awk -F '\t' -v dir="$dir" '
	/^ *[0-9a-f]+:\t/ {
		sub(/^ */, "", $1); sub(/:$/, "", $1); sub(/ *\/\/.*/, "", $3)
		at[$1] = n
		target = $3; sub(/ *<.*/, "", target); sub(/.*[, ]/, "", target)
		branch = $2 ~ /^(b|b\..*|cbn?z|tbn?z|bl|ret)$/
		text[n++] = branch ? "" : $2 "\t" $3
		if (branch && target in at) {
			for (i = at[target]; i < n; i++) if (text[i] != "") print text[i] > (dir "/" target)
			close(dir "/" target)
		}
	}'
set -- "$dir"/*
[ -e "$1" ] || { echo "$object has no function $symbol with a loop" >&2; exit 1; }
for loop; do
	printf '%s loop %s: ' "$symbol" "${loop##*/}"
	llvm-mca-19 -mtriple=aarch64 -mcpu="$cpu" -mattr=+dotprod,+i8mm,+fullfp16 -iterations=200 "$loop" |
	awk '/^Instructions:/ { i = $2 } /^Total Cycles:/ { c = $3 } END { printf "%d instructions, %.1f cycles\n", i / 200, c / 200 }'
done
