// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer where the compiler has none: changes files of a corpus at random, from a seed, and
// hands them to the target, so many times: the same inputs on every machine.
//
//   fuzz_png --inputs 100000 --seed 1 tests/fuzz/corpus/png      exit code 0: nothing was found
//   fuzz_png found-png                                           one input alone, to see what it does
//
// An input that crashes, or takes ten seconds, is written to found-<target>.
#include "target.h"

#include <sanitizer/common_interface_defs.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <iterator>
#include <random>
#include <vector>

namespace {

using Bytes = std::string;
using Random = std::mt19937_64;

constexpr size_t kLargest = 1 << 16;
constexpr unsigned kSlow_s = 10;

Bytes current;
std::string found_name;

void write_found() {
  std::ofstream(found_name, std::ios::binary).write(current.data(), std::streamsize(current.size()));
  std::fprintf(stderr, "the input is in %s\n", found_name.c_str());
}

void on_signal(int number) {
  std::fprintf(stderr, "%s\n", number == SIGALRM ? "an input takes too long" : "aborted");
  write_found();
  ::_exit(1);
}

Bytes read_all(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Bytes that mean something to one of the readers.
const std::vector<Bytes>& tokens() {
  static const std::vector<Bytes> words{"{",
                                        "}",
                                        "[",
                                        "]",
                                        "\"",
                                        ",",
                                        ":",
                                        "=",
                                        ".",
                                        "#",
                                        "'''",
                                        "\"\"\"",
                                        "\n",
                                        "\r\n",
                                        "\\u",
                                        "\\ud800",
                                        "null",
                                        "true",
                                        "-1",
                                        "1e999",
                                        "nan",
                                        "inf",
                                        "0x",
                                        "[[",
                                        "]]",
                                        "a.a.a",
                                        "step",
                                        "prompt",
                                        "\xEF\xBB\xBF",
                                        "\xD2\x90",
                                        "\xFF",
                                        "\xED\xA0\x80",
                                        "</w>",
                                        "dtype",
                                        "shape",
                                        "data_offsets",
                                        "extends",
                                        "F32",
                                        "BOOL",
                                        "__metadata__",
                                        "IHDR",
                                        "IDAT",
                                        "PLTE",
                                        "IEND",
                                        "18446744073709551615",
                                        "9223372036854775807",
                                        "4294967295",
                                        Bytes(8, '\0')};
  return words;
}

size_t below(Random& random, size_t end) { return end == 0 ? 0 : size_t(random() % end); }

void change_once(Bytes& bytes, const std::vector<Bytes>& corpus, Random& random) {
  const size_t at = below(random, bytes.size() + 1), rest = bytes.size() - at;
  const size_t length = std::min(rest, below(random, below(random, 8) == 0 ? 512 : 8));
  switch (below(random, 9)) {
    case 0:
      if (rest > 0) bytes[at] = char(bytes[at] ^ (1 << below(random, 8)));
      break;
    case 1:
      if (rest > 0) bytes[at] = char(random());
      break;
    case 2:
      bytes.erase(at, length);
      break;
    case 3:
      bytes.insert(at, bytes.substr(below(random, bytes.size()), length));
      break;
    case 4: {
      const Bytes& token = tokens()[below(random, tokens().size())];
      bytes.insert(at, token);
      break;
    }
    case 5: {
      const Bytes& token = tokens()[below(random, tokens().size())];
      bytes.replace(at, std::min(rest, token.size()), token);
      break;
    }
    case 6: {
      const Bytes& other = corpus[below(random, corpus.size())];
      bytes.replace(at, below(random, rest + 1), other.substr(below(random, other.size() + 1), 64));
      break;
    }
    case 7:
      if (rest > 0) bytes.insert(at, 1 + below(random, 64), bytes[at]);
      break;
    default:
      bytes.resize(at);
  }
  if (bytes.size() > kLargest) bytes.resize(kLargest);
}

void run_one(Bytes bytes) {
  current = std::move(bytes);
  ::alarm(kSlow_s);
  // A copy of exactly this size, so that reading past its end is seen.
  const std::vector<uint8_t> exact(current.begin(), current.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::vector<Bytes> read_corpus(const std::vector<std::string>& paths) {
  std::vector<std::filesystem::path> files;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_directory(path))
      files.emplace_back(path);
    else
      for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());  // the same order everywhere: the seed then says all
  std::vector<Bytes> corpus;
  for (const auto& file : files) corpus.push_back(read_all(file));
  return corpus;
}

}  // namespace

// The undefined-behavior sanitizer knows no death callback of its own: it aborts.
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

int main(int argc, char** argv) {
  uint64_t inputs = 0, seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--inputs" && i + 1 < argc)
      inputs = std::strtoull(argv[++i], nullptr, 10);
    else if (word == "--seed" && i + 1 < argc)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else
      paths.push_back(word);
  }
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  found_name = "found-" + name.substr(name.find('_') + 1);
  __sanitizer_set_death_callback(write_found);
  std::signal(SIGABRT, on_signal);
  std::signal(SIGALRM, on_signal);
  const std::vector<Bytes> corpus = read_corpus(paths);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no corpus\n", name.c_str());
    return 2;
  }
  for (const Bytes& bytes : corpus) run_one(bytes);
  Random random(seed);
  size_t runs = corpus.size();
  for (; runs < inputs; ++runs) {
    Bytes bytes = corpus[below(random, corpus.size())];
    for (size_t changes = 1 + below(random, 6); changes > 0; --changes) change_once(bytes, corpus, random);
    run_one(std::move(bytes));
  }
  ::alarm(0);
  std::printf("%s: %zu inputs, nothing found\n", name.c_str(), runs);
  return 0;
}
