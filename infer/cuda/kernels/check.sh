#!/bin/sh
# check.sh: whether the committed PTX is what the sources give, and what NVIDIA's
# assembler makes of it. Prints a table of registers and shared memory; fails when
# a register is spilled, or when a product does without dp4a or the tensor cores
# where there are some. Two spills are known and bounded: up to 128 bytes of
# product_many on the Jetsons without int8 tensor cores (62, 72), and up to 16 of
# product_many_q2_k elsewhere.
#
# Needs clang 19 ($CLANG), and for the second half ptxas ($PTXAS, or in PATH) of
# CUDA 11.8 or newer; REQUIRE_PTXAS=1 makes its absence a failure.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
fail() { echo "check.sh: $*" >&2; failed=1; }

# 1. The sources give what is committed.
"$here/generate.sh" "$tmp" > /dev/null
for arch in 53 61 75 80; do
  gzip -dc "$tmp/sm_$arch.ptx.gz" > "$tmp/sm_$arch.ptx"
  gzip -dc "$here/sm_$arch.ptx.gz" | cmp -s - "$tmp/sm_$arch.ptx" || fail "sm_$arch.ptx.gz is not what the sources give: run generate.sh"
done

# 2. Products use the instructions that make them fast.
without() { # KERNELS INSTRUCTION FILE: kernels of a kind that lack it
  awk -v kernels="$1" -v instruction="$2" '
    /^\.visible \.entry/ { if (name != "") print name; name = $3; sub(/\(.*/, "", name); if (name !~ kernels) name = "" }
    name != "" && index($0, instruction) { name = "" }
    END { if (name != "") print name }' "$3"
}
for want in 61:'^product_':dp4a.s32.s32 75:'^product_(one|few)_':dp4a.s32.s32 80:'^product_(one|few)_':dp4a.s32.s32 \
  75:'^(product_many_|probe_mma)':mma.sync.aligned.m8n8k16 80:'^(product_many_|probe_mma)':mma.sync.aligned.m16n8k; do
  arch=${want%%:*} rest=${want#*:}
  missing=$(without "${rest%:*}" "${rest##*:}" "$tmp/sm_$arch.ptx")
  [ -z "$missing" ] || fail "sm_$arch: no ${rest##*:} in" $missing
done

# 3. Registers, and spills, on every processor that is meant.
ptxas=${PTXAS:-$(command -v ptxas || true)}
if [ -z "$ptxas" ]; then
  [ -z "${REQUIRE_PTXAS:-}" ] || fail "ptxas is not here: set PTXAS"
  echo "ptxas is not here: registers and spills were not looked at"
  exit $failed
fi
for target in 53:53 61:62 61:72 75:75 80:80 80:86 80:87 80:90; do
  "$ptxas" -v -arch="sm_${target#*:}" -o /dev/null "$tmp/sm_${target%:*}.ptx" > "$tmp/log" 2>&1 || { cat "$tmp/log"; fail "sm_${target#*:}: ptxas failed"; }
  # Kernels of a kind share a line: the most registers, spilled bytes and shared memory.
  awk -v arch="${target#*:}" -v bad="$tmp/bad" '
    /Compiling entry/ { split($0, part, "\047"); name = part[2] }
    /bytes spill stores/ { for (i = 2; i <= NF; i++) if ($i == "spill" && $(i+1) ~ /^stores/) spilled[name] = $(i-2) }
    /Used [0-9]+ registers/ {
      for (i = 1; i <= NF; i++) { if ($i == "Used") registers = $(i+1); if ($i == "smem," || $i == "smem") shared = $(i-2) }
      kind = name; sub(/_(i?q[0-9]_.*|q[0-9]_.*|mxfp4|bf16|f16|f32|i8)$/, "", kind)
      if (!(kind in most)) order[++n] = kind
      known = (arch == 62 || arch == 72) && kind == "product_many" ? 128 : name == "product_many_q2_k" ? 16 : 0
      if (spilled[name] > known) print "sm_" arch " " name >> bad
      if (registers > most[kind]) most[kind] = registers
      if (shared > room[kind]) room[kind] = shared
      if (spilled[name] > spills[kind]) spills[kind] = spilled[name]; shared = 0
    }
    END { for (i = 1; i <= n; i++) { k = order[i]; print arch, k, most[k] + 0, room[k] + 0, spills[k] + 0 } }' "$tmp/log" >> "$tmp/table"
done
awk '
  { if (!($1 in archs)) { archs[$1] = 1; column[++m] = $1 }
    if (!($2 in kinds)) { kinds[$2] = 1; row[++n] = $2 }
    cell[$2, $1] = $3 ($5 > 0 ? " (" $5 " spilled)" : ""); if ($4 > room[$2]) room[$2] = $4}
  END {
    printf "| kernel | shared"; for (j = 1; j <= m; j++) printf " | sm_%s", column[j]; print " |"
    printf "|---|---"; for (j = 1; j <= m; j++) printf "|---"; print "|"
    for (i = 1; i <= n; i++) { printf "| %s | %s", row[i], room[row[i]]; for (j = 1; j <= m; j++) printf " | %s", cell[row[i], column[j]]; print " |" }
  }' "$tmp/table"
[ ! -e "$tmp/bad" ] || fail "registers are spilled by" $(cat "$tmp/bad")
exit $failed
