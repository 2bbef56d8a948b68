#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what gamut is built from: Debian or Ubuntu packages by apt, and LibTorch as pip's torch wheel in .venv.
# Safe to run again; takes about a second when everything is there.
#
#   CMAKE_PREFIX_PATH=DIR    use the LibTorch (>= 2.11) in DIR instead of .venv
#   GAMUT_TORCH_INDEX=URL    pip index to take torch from, for example one that holds CPU builds only
#   GAMUT_SKIP_PACKAGES=1    leave the system's packages alone
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

torch_version=2.13.0
oldest_torch=2.11

packages=(
  build-essential g++ cmake ninja-build ccache mold pkg-config python3 python3-venv
  libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libfmt-dev libspdlog-dev
  libpng-dev libjpeg-dev libfreetype-dev libicu-dev libcpp-httplib-dev
  libtesseract-dev libleptonica-dev tesseract-ocr-eng
  libgtest-dev libbenchmark-dev
  fonts-lato fonts-vollkorn fonts-cabin fonts-bebas-neue fonts-dkg-handwriting fonts-comfortaa
  fonts-dancingscript fonts-cabinsketch fonts-monofur fonts-lobster fonts-kaushanscript
  fonts-leckerli-one fonts-kristi fonts-humor-sans fonts-gnutypewriter fonts-isabella fonts-rufscript
)

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

# The version of the LibTorch below the folder $1, nothing if there is none.
libtorch_version() {
  local file
  for file in "$1" "$1/share/cmake/Torch" "$1/lib/cmake/Torch"; do
    [[ -f $file/TorchConfigVersion.cmake ]] || continue
    sed -n 's/^set(PACKAGE_VERSION "\([0-9.]*\).*/\1/p' "$file/TorchConfigVersion.cmake" | head -n 1
    return
  done
}

at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# True when CMAKE_PREFIX_PATH names a LibTorch that is new enough.
has_own_libtorch() {
  local folder version
  while read -r folder; do
    version=$(libtorch_version "$folder")
    [[ -z $version ]] && continue
    at_least "$version" "$oldest_torch" ||
      fail "the LibTorch in '$folder' is too old; got $version; expected at least $oldest_torch"
    return 0
  done < <(tr ';:' '\n\n' <<<"${CMAKE_PREFIX_PATH:-}" | sed '/^$/d')
  return 1
}

has_wheel() {
  local folder
  for folder in .venv/lib/python3*/site-packages/torch; do
    [[ $(libtorch_version "$folder") == "$torch_version" ]] && return 0
  done
  return 1
}

# Stops before several gigabytes come down that could not be linked without NVIDIA's toolkit.
refuse_cuda_build() {
  command -v nvcc >/dev/null && return 0
  local report
  report=$("${pip[@]}" install --quiet --dry-run --no-deps --report - "torch==$torch_version") || return 0
  grep -q '"nvidia-' <<<"$report" || return 0
  fail "this pip index offers torch $torch_version as a CUDA build, which needs NVIDIA's toolkit to compile against;" \
    "set GAMUT_TORCH_INDEX to an index of CPU builds (PyTorch's installation page names it: Linux, Pip, CPU)," \
    "or CMAKE_PREFIX_PATH to an unpacked LibTorch >= $oldest_torch"
}

# Only its C++ libraries are used, so the wheel's Python dependencies stay away.
install_wheel() {
  say "installing LibTorch $torch_version (pip's torch wheel) into .venv"
  [[ -x .venv/bin/pip ]] || python3 -m venv .venv || fail "python3 -m venv failed; is python3-venv installed?"
  local pip=(.venv/bin/python -m pip --disable-pip-version-check)
  local source=()
  [[ -n ${GAMUT_TORCH_INDEX:-} ]] && source=(--index-url "$GAMUT_TORCH_INDEX")
  # An index that has CPU builds marks them; others know no such version and say so at once.
  "${pip[@]}" install --quiet --no-deps "${source[@]}" "torch==$torch_version+cpu" 2>/dev/null && return 0
  if ((${#source[@]} == 0)); then
    refuse_cuda_build
  fi
  retry "${pip[@]}" install --quiet --no-deps "${source[@]}" "torch==$torch_version" ||
    fail "pip could not install torch $torch_version; its messages are above; to use another LibTorch" \
      ">= $oldest_torch, name it in CMAKE_PREFIX_PATH"
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

install_packages
install_browser
has_own_libtorch || has_wheel || install_wheel
