// SPDX-License-Identifier: Apache-2.0
// The names of Gloo that LibTorch's ProcessGroupGloo.hpp mentions. LibTorch links Gloo in and leaves its
// headers out of the wheel; ProcessGroupGloo holds Gloo's objects by pointer alone, so that their names are
// enough to make one. Nothing here is called or created by gamut; `Store` and `Context` have the functions
// that LibTorch's inline ones name, so that they compile. Taken from Gloo's interface
// (github.com/pytorch/gloo, gloo/rendezvous/store.h and gloo/context.h).
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);
};

namespace rendezvous {
class Store {
 public:
  virtual ~Store();
  virtual void set(const std::string& key, const std::vector<char>& data) = 0;
  virtual std::vector<char> get(const std::string& key) = 0;
  virtual void wait(const std::vector<std::string>& keys) = 0;
  virtual void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) = 0;
};
}  // namespace rendezvous

namespace transport {
class Device;
class UnboundBuffer;
}  // namespace transport

}  // namespace gloo
