// SPDX-License-Identifier: Apache-2.0
// Waiting threads give their core back.
//
// OpenMP's threads spin for milliseconds while they wait for the next parallel loop, which on a busy machine
// takes from the very threads they wait for; sleeping at once costs a wake-up per loop on an idle one. A
// tenth of a millisecond serves both (docs/numerics.md has the figures). The runtimes read how to wait when
// they are loaded, before main, so the program starts itself anew with that said, from .preinit_array:
// nothing of LibTorch has run by then. Whoever sets one of the variables is left alone.
#include <unistd.h>

#include <cstring>

namespace {

constexpr int kMostVariables = 4096;
// GNU's runtime takes the count, about 100,000 a millisecond; LLVM's takes the policy.
constexpr const char* kSettings[] = {"GOMP_SPINCOUNT=10000", "OMP_WAIT_POLICY=passive"};
constexpr const char* kOthers[] = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME"};

bool sets(const char* entry, const char* name) {
  const size_t length = std::strlen(name);
  return std::strncmp(entry, name, length) == 0 && entry[length] == '=';
}

// No code but this has run yet: plain memory and system calls only.
void start_anew(int, char** argv, char** environment) {
  static const char* changed[kMostVariables + 3];
  int count = 0;
  for (; environment[count]; ++count) {
    if (count == kMostVariables) return;
    for (const char* name : kOthers) {
      if (sets(environment[count], name)) return;
    }
    changed[count] = environment[count];
  }
  for (const char* setting : kSettings) changed[count++] = setting;
  static char program[4096];  // by its own name, which the process then bears
  const ssize_t length = ::readlink("/proc/self/exe", program, sizeof program - 1);
  if (length > 0) ::execve(program, argv, const_cast<char**>(changed));
  // Where that fails, threads spin as OpenMP has it.
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_all)(int, char**, char**) = start_anew;

}  // namespace
