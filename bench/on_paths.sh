#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command once per CPU path of this machine, with LibTorch's libraries held to the same instructions.
#   bench/on_paths.sh build/bench_kernels        (from the project's folder, after make bench)
set -euo pipefail

on_path() {  # path, ATen's and oneDNN's words for it, MKL's variable, command
  local path=$1 aten=$2 onednn=$3 mkl=$4
  shift 4
  echo "== $path"
  env GAMUT_CPU="$path" ATEN_CPU_CAPABILITY="$aten" ONEDNN_MAX_CPU_ISA="$onednn" "$mkl" "$@"
}

has() { grep -qw -m 1 "$1" /proc/cpuinfo; }

# MKL obeys MKL_ENABLE_INSTRUCTIONS on Intel's processors only; COMPATIBLE (SSE2) is obeyed everywhere.
on_path baseline default SSE41 MKL_CBWR=COMPATIBLE "$@"
if has avx2 && has fma; then on_path avx2 avx2 AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 "$@"; fi
if has avx512f && has avx512bw && has avx512dq && has avx512vl; then
  on_path avx512 avx512 AVX512_CORE MKL_ENABLE_INSTRUCTIONS=AVX512 "$@"
fi
