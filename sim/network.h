#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "sim/scenario.h"
#include "sim/timeline.h"

namespace millrace::sim {

/// Messages between hosts: late, out of order, twice, and sent again when they are lost. A host that is cut off gets
/// them when it is reached again.
class Network {
 public:
  static constexpr std::uint32_t driver_host = ~std::uint32_t{0};

  Network(Timeline& timeline, Chance& chance, const Faults& faults)
      : timeline_(timeline), chance_(chance), faults_(faults) {}

  void calm() noexcept { calm_ = true; }
  void cut_off(std::uint32_t host, std::int64_t until) { cut_off_[host] = std::max(cut_off_[host], until); }
  bool reaches(std::uint32_t from, std::uint32_t to) const { return from == to || (open(from) && open(to)); }

  void send(std::uint32_t from, std::uint32_t to, const std::function<void()>& deliver) {
    if (!calm_ && chance_.happens(faults_.repeated_messages)) {
      ++reached["message twice"];
      transmit(from, to, deliver);
    }
    transmit(from, to, deliver);
  }

  std::map<std::string, std::uint64_t> reached;

 private:
  static constexpr std::int64_t retry_microseconds = 1'000'000;

  bool open(std::uint32_t host) const {
    const auto found = cut_off_.find(host);
    return found == cut_off_.end() || found->second <= timeline_.now();
  }

  void transmit(std::uint32_t from, std::uint32_t to, std::function<void()> deliver) {
    std::int64_t delay = chance_.between(1'000, 50'000);
    while (!calm_ && chance_.happens(faults_.lost_messages)) {
      delay += retry_microseconds;
      ++reached["message lost"];
    }
    timeline_.after(delay, [this, from, to, deliver = std::move(deliver)] { arrive(from, to, deliver); });
  }

  void arrive(std::uint32_t from, std::uint32_t to, const std::function<void()>& deliver) {
    if (reaches(from, to)) return deliver();
    ++reached["message held up by a partition"];
    timeline_.after(retry_microseconds, [this, from, to, deliver] { arrive(from, to, deliver); });
  }

  Timeline& timeline_;
  Chance& chance_;
  const Faults& faults_;
  std::map<std::uint32_t, std::int64_t> cut_off_;  // host -> until when
  bool calm_ = false;
};

}  // namespace millrace::sim
