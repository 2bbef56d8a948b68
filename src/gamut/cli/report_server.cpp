// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/report_server.h"

#include "gamut/cli/http_server.h"
#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/eval/report.h"
#include "gamut/eval/report_page.h"
#include "gamut/run/report_run.h"

#include <nlohmann/json.hpp>

namespace gamut::cli {
namespace {

// The report as JSON, made anew at most so often that it costs a tenth of one core.
class LiveData {
 public:
  explicit LiveData(const std::filesystem::path& run) : reader_({run}) {}
  std::string json() {
    if (!json_.empty() && since_.seconds() < 10 * cost_) return json_;
    const Stopwatch watch;
    eval::Report report = reader_.read();
    report.live = true;
    json_ = eval::report_json(report).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    cost_ = watch.seconds();
    since_.restart();
    return json_;
  }

 private:
  run::RunReport reader_;
  std::string json_;
  Stopwatch since_;
  double cost_ = 0;
};

}  // namespace

struct ReportServer::Parts {
  Parts(const std::filesystem::path& run, int port)
      : data(run), server(port, [this](const std::string& path) { return answer(path); }) {}

  // A file that is being written is read again at the next request.
  HttpAnswer answer(const std::string& path) {
    if (path == "/") return {.type = "text/html; charset=utf-8", .body = eval::page_with(data.json())};
    if (path == "/data.json") return {.type = "application/json", .body = data.json()};
    return {.status = 404};
  }

  LiveData data;
  HttpServer server;  // last: its thread uses the data
};

ReportServer::ReportServer(const std::filesystem::path& run, int port)
    : parts_(std::make_unique<Parts>(run, port)) {}

ReportServer::~ReportServer() = default;

std::string ReportServer::url() const { return cat("http://127.0.0.1:", parts_->server.port(), "/"); }

}  // namespace gamut::cli
