#!/usr/bin/env bash
# Builds the fuzz targets of tests/fuzz and runs each for about 20 seconds: fuzz.sh [TIMES as long] [SEED]. Exit 1 after a
# finding, whose input is left in build-fuzz/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
times="${1:-1}" seed="${2:-1}"
cmake -S tests/fuzz -B build-fuzz -G Ninja --log-level=ERROR > /dev/null
cmake --build build-fuzz --parallel "$(scripts/jobs.sh)"
# A reader that asks for gigabytes is a finding too.
export ASAN_OPTIONS=max_allocation_size_mb=1024:detect_leaks=1
corpus="$PWD/tests/fuzz/corpus"
cd build-fuzz
# Counted, so that every machine tries the same inputs; name and number of inputs.
xargs -P "$(../scripts/jobs.sh)" -L 1 sh -c \
  '"./fuzz_$3" --inputs $(($4 * $0)) --seed "$1" "$2/$3"' "$times" "$seed" "$corpus" << 'END' || exit 1
safetensors 60000
recipe 70000
png 150000
tokenizer 45000
json_lines 30000
pieces 30000
END
