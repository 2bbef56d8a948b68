#!/usr/bin/env bash
# Builds the fuzz targets of tests/fuzz and runs each for a while: fuzz.sh [SECONDS each] [SEED]. Exit 1 at the first
# finding, whose input is left in build-fuzz/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds="${1:-20}" seed="${2:-1}"
cmake -S tests/fuzz -B build-fuzz -G Ninja --log-level=ERROR > /dev/null
cmake --build build-fuzz --parallel "$(scripts/jobs.sh)"
# A reader that asks for gigabytes is a finding too.
export ASAN_OPTIONS=max_allocation_size_mb=1024:detect_leaks=1
corpus="$PWD/tests/fuzz/corpus"
cd build-fuzz
for name in safetensors json_lines recipe tokenizer png; do
  "./fuzz_$name" --seconds "$seconds" --seed "$seed" "$corpus/$name"
done
