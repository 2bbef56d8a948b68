// SPDX-License-Identifier: Apache-2.0
#include "gamut/cli/report_server.h"

#include "gamut/cli/report_run.h"
#include "gamut/core/clock.h"
#include "gamut/core/error.h"
#include "gamut/eval/report.h"
#include "gamut/eval/report_page.h"

#include <httplib.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <mutex>
#include <thread>

namespace gamut::cli {
namespace {

constexpr const char* kAddress = "127.0.0.1";

// The report as JSON, made anew at most so often that it costs a tenth of one core.
class LiveData {
 public:
  explicit LiveData(const std::filesystem::path& run) : reader_({run}) {}
  std::string json() {
    const std::lock_guard lock(mutex_);
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
  std::mutex mutex_;
  ReportReader reader_;
  std::string json_;
  Stopwatch since_;
  double cost_ = 0;
};

// Another site's page must not read this one through a name that leads here.
bool names_this_machine(const std::string& host) {
  const std::string name = host.substr(0, host.rfind(':'));
  return name == kAddress || name == "localhost";
}

}  // namespace

struct ReportServer::Parts {
  explicit Parts(const std::filesystem::path& run) : data(run) {}
  LiveData data;
  httplib::Server server;
  std::thread thread;
  int port = 0;

  // A file that is being written is read again at the next request.
  void answer(httplib::Response& response, const char* type, const std::function<std::string()>& make) {
    response.set_header("Cache-Control", "no-store");
    try {
      response.set_content(make(), type);
    } catch (const std::exception& error) {
      response.status = 503;
      response.set_content(error.what(), "text/plain");
    }
  }
};

ReportServer::ReportServer(const std::filesystem::path& run, int port) : parts_(std::make_unique<Parts>(run)) {
  Parts& parts = *parts_;
  parts.server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  parts.server.set_keep_alive_timeout(1);  // seconds that stopping may wait for an open connection
  // The library's own options would let two runs share a port.
  parts.server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  parts.server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
    if (names_this_machine(request.get_header_value("Host"))) return httplib::Server::HandlerResponse::Unhandled;
    response.status = 403;
    return httplib::Server::HandlerResponse::Handled;
  });
  parts.server.Get("/", [&parts](const httplib::Request&, httplib::Response& response) {
    parts.answer(response, "text/html; charset=utf-8", [&] { return eval::page_with(parts.data.json()); });
  });
  parts.server.Get("/data.json", [&parts](const httplib::Request&, httplib::Response& response) {
    parts.answer(response, "application/json", [&] { return parts.data.json(); });
  });
  parts.port = port == 0 ? parts.server.bind_to_any_port(kAddress) : port;
  if (parts.port <= 0 || (port != 0 && !parts.server.bind_to_port(kAddress, port)))
    throw EnvironmentError("serve", cat("cannot serve on ", kAddress, ":", port,
                                        "; the port may be taken; choose another with --serve PORT, 0 = any free one"));
  parts.thread = std::thread([&parts] { parts.server.listen_after_bind(); });
  // stop() is heard by a server that listens, not by one about to.
  while (!parts.server.is_running()) std::this_thread::yield();
}

ReportServer::~ReportServer() {
  parts_->server.stop();
  if (parts_->thread.joinable()) parts_->thread.join();
}

std::string ReportServer::url() const { return cat("http://", kAddress, ":", parts_->port, "/"); }

}  // namespace gamut::cli
