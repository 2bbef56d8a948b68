// SPDX-License-Identifier: Apache-2.0
// A run's report on this machine's own address while the run goes on: GET / is the page, GET /data.json its
// numbers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace gamut::cli {

// Serves from its construction to its end, on 127.0.0.1 alone, in a thread of its own that only reads the
// run's folder.
class ReportServer {
 public:
  // port 0: any free one. EnvironmentError when it is taken.
  ReportServer(const std::filesystem::path& run, int port);
  ~ReportServer();
  std::string url() const;  // "http://127.0.0.1:8420/"

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gamut::cli
