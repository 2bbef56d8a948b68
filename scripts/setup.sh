#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what gamut is built from: Debian or Ubuntu packages by apt, and LibTorch where none is there yet.
# Safe to run again; takes about a second when everything is there.
#   scripts/setup.sh [demo | build | test | files | wheel | check]     what for; default: build
#
# LibTorch is the first of these that is 2.11 or newer (cmake/LibTorch.cmake): the one that CMAKE_PREFIX_PATH names,
# `torch` of the activated Python environment, `torch` in .venv. Otherwise pip's torch wheel goes into .venv: a CPU build
# when the index has one, else its CUDA build, which compiles and runs without NVIDIA's toolkit or a GPU.
#
#   CMAKE_PREFIX_PATH=DIR    use the LibTorch in DIR
#   GAMUT_TORCH_INDEX=URL    pip index to take torch from, for example one that holds CPU builds only
#   GAMUT_GPU=1              make .venv ready for a GPU: torch's CUDA build with all of NVIDIA's libraries
#   GAMUT_SKIP_PACKAGES=1    leave the system's packages alone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
purpose=${1:-build}

torch_version=2.13.0
# What comes down, as said before it does.
cpu_megabytes=192
cuda_megabytes=527
companion_megabytes=13
gpu_megabytes=2800

packages=(
  build-essential cmake ninja-build pkg-config python3 python3-venv
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libfmt-dev libspdlog-dev
  libpng-dev libjpeg-dev libfreetype-dev libicu-dev libsentencepiece-dev libcpp-httplib-dev
  libtesseract-dev libleptonica-dev tesseract-ocr-eng
)
# What gamut pretrain draws from.
font_packages=(
  fonts-lato fonts-vollkorn fonts-cabin fonts-bebas-neue fonts-dkg-handwriting fonts-comfortaa
  fonts-dancingscript fonts-cabinsketch fonts-monofur fonts-lobster fonts-kaushanscript
  fonts-leckerli-one fonts-kristi fonts-humor-sans fonts-gnutypewriter fonts-isabella fonts-rufscript
)
test_packages=(ccache mold libgtest-dev libbenchmark-dev python3-dev)

say() { echo "setup: $*" >&2; }
fail() {
  echo "error: [setup] $*" >&2
  exit 4
}

# Mirrors and package indexes fail now and then.
retry() {
  local attempt
  for attempt in 1 2 3 4; do
    "$@" && return 0
    ((attempt < 4)) && say "'$1 …' failed, attempt $attempt of 4; trying again" && sleep $((attempt * 3))
  done
  return 1
}

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    awk '$1 == "installed" {print $2}') || true
  printf '%s\n' "${packages[@]}" | grep -vxF -f <(printf '%s\n' "$installed") || true
}

install_packages() {
  [[ -n ${GAMUT_SKIP_PACKAGES:-} ]] && return 0
  command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
    fail "this script installs packages on Debian and Ubuntu only; install what these provide by your system's own" \
      "means, then run with GAMUT_SKIP_PACKAGES=1: ${packages[*]}"
  local missing
  mapfile -t missing < <(missing_packages)
  ((${#missing[@]} == 0)) && return 0
  local as_root=(env)
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "packages are missing and there is no sudo; as root run: apt-get install ${missing[*]}"
    as_root=(sudo env)
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  retry "${as_root[@]}" apt-get -qq update || say "apt-get update failed; going on with the lists that are there"
  retry "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    "${missing[@]}" >/dev/null || fail "apt-get install failed; its messages are above"
}

# "VERSION FOLDER" of the LibTorch that CMake will take, and "missing LIBRARY…"; nothing when there is none.
find_libtorch() { cmake -DSOURCE="$PWD" -P cmake/LibTorch.cmake; }

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

make_environment() {
  .venv/bin/python -m pip --version >/dev/null 2>&1 && return 0
  python3 -m venv --clear .venv || fail "python3 -m venv failed; is python3-venv installed?"
}

# What a CUDA build's libtorch_cpu itself needs: NVIDIA's runtime and profiling interface, at the versions that the wheel
# names; its other requirements are for a GPU and for Python.
companions() {
  local metadata
  metadata=$(cat .venv/lib/python3*/site-packages/torch-*.dist-info/METADATA)
  sed -nE 's/^Requires-Dist: cuda-toolkit\[[^]]*\] *\(?(==[0-9.]+).*/cuda-toolkit[cudart,cupti]\1/p
           s/^Requires-Dist: (nvidia-cuda-(runtime|cupti)[a-z0-9-]*) *\(?(==[0-9.]+).*/\1\3/p' <<<"$metadata"
}

install_companions() {
  local needed
  mapfile -t needed < <(companions)
  ((${#needed[@]} > 0)) || fail "torch in .venv needs libraries that it does not name: $1; remove .venv and run again"
  say "this torch is a CUDA build; installing what it needs to load, about $companion_megabytes MB: ${needed[*]}"
  retry pip install --quiet --no-warn-conflicts "${source[@]}" "${needed[@]}" ||
    fail "pip could not install ${needed[*]}; its messages are above"
  say "for a GPU all of NVIDIA's libraries are needed: GAMUT_GPU=1 make build (about $gpu_megabytes MB)"
}

# Only torch's C++ libraries are used, so the wheel's Python dependencies stay away.
install_wheel() {
  local log
  make_environment
  say "installing LibTorch $torch_version (pip's torch wheel) into .venv: about $cpu_megabytes MB to download as a CPU" \
    "build, $cuda_megabytes MB where the index has only CUDA builds"
  # An index that has CPU builds marks them; others know no such version and say so at once.
  local attempt
  for attempt in 1 2 3; do
    log=$(pip install --quiet --no-deps "${source[@]}" "torch==$torch_version+cpu" 2>&1) && return 0
    grep -q "No matching distribution" <<<"$log" && break
    ((attempt < 3)) && sleep $((attempt * 3))
  done
  say "the index has no CPU build of torch $torch_version; taking the build that it has, about $cuda_megabytes MB"
  retry pip install --quiet --no-deps "${source[@]}" "torch==$torch_version" ||
    fail "pip could not install torch $torch_version; its messages are above; to use another LibTorch >= 2.11, name it" \
      "in CMAKE_PREFIX_PATH"
}

install_gpu_wheel() {
  make_environment
  say "installing torch $torch_version with NVIDIA's libraries into .venv: about $gpu_megabytes MB to download"
  # A CPU build that is there would pass for the same version.
  retry pip install --quiet --upgrade --force-reinstall "${source[@]}" "torch==$torch_version,!=$torch_version+cpu" ||
    fail "pip could not install torch $torch_version; its messages are above"
}

is_gpu_ready() {
  local folder
  for folder in .venv/lib/python3*/site-packages; do
    compgen -G "$folder/nvidia/*/lib/libcudnn.so*" >/dev/null && [[ -e $folder/torch/lib/libtorch_cuda.so ]] && return 0
  done
  return 1
}

# Ends with a LibTorch that CMake will take and that can be loaded.
have_libtorch() {
  local found missing
  found=$(find_libtorch)
  [[ $found == old* ]] &&
    fail "the LibTorch that CMAKE_PREFIX_PATH names is too old; got ${found#old }; expected at least 2.11"
  if [[ -n ${GAMUT_GPU:-} && (-z $found || $found == *" $PWD/.venv/"*) ]] && ! is_gpu_ready; then
    install_gpu_wheel
    found=$(find_libtorch)
  elif [[ -z $found ]]; then
    install_wheel
    found=$(find_libtorch)
  fi
  missing=$(sed -n 's/^missing //p' <<<"$found")
  [[ -z $missing ]] && return 0
  [[ $found == *" $PWD/.venv/"* ]] ||
    fail "the LibTorch '$(sed -n '1s/^[^ ]* //p' <<<"$found")' needs libraries that are not there: $missing; install torch" \
      "with its dependencies there, or name another in CMAKE_PREFIX_PATH"
  install_companions "$missing"
  missing=$(find_libtorch | sed -n 's/^missing //p')
  [[ -z $missing ]] || fail "torch in .venv needs libraries that are not there: $missing; remove .venv and run again"
}

# Looks at the report in a browser (tests/cli/report_page_test.cpp, skipped without one); nothing else needs it.
install_browser() {
  [[ -n ${GAMUT_SKIP_PACKAGES:-} ]] && return 0
  command -v chromium >/dev/null && return 0
  local as_root=(env)
  ((EUID == 0)) || as_root=(sudo env)
  say "installing chromium, for the tests of the report"
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium >/dev/null 2>&1 ||
    say "chromium cannot be installed here; the tests of the report's page will be skipped"
}

# The Python module's tests import torch, whose Python part wants the first three; mypy (16 MB) reads the module's types. They
# are skipped without.
install_for_module() {
  [[ -x .venv/bin/python ]] || return 0
  .venv/bin/python -c "import typing_extensions, sympy, numpy, mypy" 2>/dev/null && return 0
  pip install --quiet typing_extensions sympy numpy 2>/dev/null ||
    say "typing_extensions, sympy and numpy cannot be installed here; the tests of the Python module will be skipped"
  pip install --quiet mypy 2>/dev/null || say "mypy cannot be installed here; the test of the Python module's types will be skipped"
}

source=()
[[ -n ${GAMUT_TORCH_INDEX:-} ]] && source=(--index-url "$GAMUT_TORCH_INDEX")
case $purpose in
  demo) ;;
  build) packages+=("${font_packages[@]}") ;;
  test) packages+=("${font_packages[@]}" "${test_packages[@]}") ;;
  files) packages+=("${font_packages[@]}" "${test_packages[@]}" clang-16 libomp-16-dev) ;;
  wheel) packages+=(patchelf python3-dev) ;;
  check) packages=(python3 clang-format-14 clang-tidy-14) ;;
  *) fail "the purpose is demo, build, test, files, wheel or check; got '$purpose'" ;;
esac
install_packages
[[ $purpose == check ]] && exit
[[ $purpose == test ]] && install_browser
have_libtorch
if [[ $purpose == test ]]; then install_for_module; fi
