// SPDX-License-Identifier: Apache-2.0
// The processes that train together. One process is a group too, which waits for nobody: every function then
// gives back what it got, untouched.
//
//   comm::Group group;                                         // one process
//   const auto group = comm::Group::join(comm::place(), 600);  // all that the launcher started
//   group->sum(gradients);
//
// All processes of a group call the same functions in the same order. Where one is lost or does not come
// within the timeout, the others' calls end in an EnvironmentError that names it and what it was doing.
#pragma once

#include "gamut/comm/place.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gamut::comm {

class Link;
class Watch;

class Group {
 public:
  Group();
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  // Waits until all processes are there; those of one place.size = 1 join nobody. EnvironmentError as
  // comm::join.
  static std::unique_ptr<Group> join(const Place& place, double timeout_seconds);

  int64_t rank() const { return place_.rank; }
  int64_t size() const { return place_.size; }
  bool is_one() const { return place_.size == 1; }
  bool leads() const { return place_.rank == 0; }  // writes and speaks for all
  const Place& place() const { return place_; }
  // "rank 1 (host, process 123)"
  std::string name() const;

  // What this process does from now on, for the others' messages: "rollout of iteration 3".
  void enter(const std::string& phase);
  // This process goes no further: the others will say why. Never throws.
  void tell_failure(const std::string& what) noexcept;

  // In place; tensors of any device, in buckets; afterwards the same bits in every process.
  void sum(const std::vector<at::Tensor>& tensors);
  // The same for tensors that one process each is to have: afterwards tensors[i] is the sum in the process
  // owners[i] and untouched in the others.
  void sum_at(const std::vector<at::Tensor>& tensors, const std::vector<int64_t>& owners);
  void max(at::Tensor& tensor);
  void broadcast(const std::vector<at::Tensor>& tensors);  // those of rank 0
  // The rows of all processes, first those of rank 0; on the CPU. Their number may differ, also be none;
  // shapes of a row and types are alike.
  at::Tensor gather_rows(const at::Tensor& rows);
  std::vector<std::string> gather(const std::string& text);  // by rank
  std::string from_first(const std::string& text);           // rank 0's
  bool any(bool own);
  void barrier();

 private:
  explicit Group(const Place& place, double timeout_seconds);
  template <class Call>
  void together(const Call& call);

  Place place_;
  std::unique_ptr<Link> link_;
  std::unique_ptr<Watch> watch_;
  bool failed_ = false;
};

}  // namespace gamut::comm
