#!/bin/sh
# generate.sh [FOLDER]: compiles all.cu to the PTX files in this folder, or in
# another one. Needs clang 19 ($CLANG, or clang-19), no CUDA SDK; another version
# of clang writes other files. They are kept compressed: text of this kind
# shrinks to a sixth.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here}
clang=${CLANG:-clang-19}

# The processor, and the version of PTX that it needs for shfl.sync or mma: old
# drivers refuse a newer one.
for target in 53:60 61:60 75:65 80:70; do
  arch=${target%:*}
  # No multiply-add is fused unless the source says so: results must be the same
  # on all processors.
  (cd "$here" && "$clang" -x cuda --cuda-device-only --cuda-gpu-arch="sm_$arch" --cuda-feature=+ptx"${target#*:}" \
    -nocudainc -nocudalib -O2 -ffp-contract=off -Wall -Werror -Wno-missing-braces -DCUSP_ARCH="$arch" -I. -S -o - all.cu) |
    sed -e '/^\/\//d' -e 's/[[:space:]]*\/\/.*//' -e '/^[[:space:]]*$/d' | gzip -9n > "$out/sm_$arch.ptx.gz"
  echo "sm_$arch.ptx.gz: $(wc -c < "$out/sm_$arch.ptx.gz") bytes"
done
