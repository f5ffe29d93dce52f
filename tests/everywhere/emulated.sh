#!/usr/bin/env bash
# The exact core on processors that are not here: aarch64, and x86-64 without AVX (Nehalem) and with AVX2 (Haswell).
#
#   tests/everywhere/emulated.sh FOLDER
#
# Needs root, the packages debootstrap and qemu-user-static, and a python3 with numpy and scipy (or name it in PYTHON).
# FOLDER is filled with an aarch64 Debian and is used again if it is there. It takes some minutes.
set -euo pipefail
folder=$(realpath -m "${1:?usage: tests/everywhere/emulated.sh FOLDER}")
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
root=$folder/root
site=$folder/site

make_root() {
  debootstrap --arch=arm64 --foreign --variant=minbase --include=python3 bookworm "$root" >/dev/null
  # files are all that the emulator needs: nothing is configured, no emulated process starts another
  for package in "$root"/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
  "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
    --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
    -c constraints.txt -d "$folder/wheels" numpy scipy
  for wheel in "$folder"/wheels/*.whl; do "$python" -m zipfile -e "$wheel" "$site"; done
  touch "$folder/.ok"
}

try() {
  echo "== $1"
  shift
  OMP_NUM_THREADS=1 "$@" tests/everywhere/exact_core.py --compare tests/frozen/exact-core-v1.txt
}

test -e "$folder/.ok" || make_root
try aarch64 env PYTHONPATH="$PWD:$site" qemu-aarch64-static -L "$root" "$root/usr/bin/python3.11"
for processor in Nehalem Haswell; do
  try "x86-64, $processor" env PYTHONPATH="$PWD" qemu-x86_64-static -cpu "$processor" "$(command -v "$python")"
done
