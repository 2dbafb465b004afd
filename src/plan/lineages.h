#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plan/node.h"

// Lineages for the tests of this folder. Included by *_test.cc alone.

namespace millrace::plan::testing {

/// Makes nodes with ids from 0 on.
class Lineage {
 public:
  std::shared_ptr<Node> source(std::uint32_t partitions) {
    auto node = next(NodeKind::source, "read_text", {}, partitions);
    node->bytes = 100;
    for (std::uint32_t i = 0; i < partitions; ++i) node->source.splits.push_back({{{"in", i, i + 1, false}}, {}});
    return node;
  }
  std::shared_ptr<Node> narrow(const std::string& operation, std::vector<NodePtr> parents, std::uint32_t partitions) {
    return next(NodeKind::narrow, operation, std::move(parents), partitions);
  }
  std::shared_ptr<Node> shuffle(const std::string& operation, NodePtr parent, std::uint32_t partitions) {
    auto node = next(NodeKind::shuffle, operation, {std::move(parent)}, partitions);
    node->map_code = 1000 + node->id.value;
    node->map_closure = {std::byte{7}};
    return node;
  }
  std::shared_ptr<Node> cached(NodePtr parent, CacheLevel level) {
    const std::uint32_t partitions = parent->partitions;
    auto node = next(NodeKind::cached, "cache", {std::move(parent)}, partitions);
    node->level = level;
    return node;
  }

 private:
  std::shared_ptr<Node> next(NodeKind kind, const std::string& operation, std::vector<NodePtr> parents,
                             std::uint32_t partitions) {
    auto node = std::make_shared<Node>();
    node->id = NodeId{count_++};
    node->kind = kind;
    node->operation = operation;
    node->site = "job.cpp:" + std::to_string(10 + node->id.value);
    node->parents = std::move(parents);
    node->partitions = partitions;
    return node;
  }

  std::uint32_t count_ = 0;
};

}  // namespace millrace::plan::testing
