#include <set>

#include <millrace/error.h>

#include "plan/job.h"

namespace millrace::plan {
namespace {

std::string label(const Node& node) {
  return node.site.empty() ? node.operation : node.operation + " (" + node.site + ")";
}

// Builds the stages that a node needs, depth first, so that parents come before children.
class Cutter {
 public:
  Cutter(Job& job, const std::function<StageId(ShuffleId)>& stage_of) : job_(job), stage_of_(stage_of) {}

  // Fills in what is between the stage's last node and its boundaries, after adding the stages behind these.
  void fill(Stage& stage, const NodePtr& last) {
    std::set<NodeId> seen;
    std::vector<std::string> names;
    visit(stage, last, seen, names);
    for (const std::string& name : names) stage.name += stage.name.empty() ? name : " > " + name;
  }

 private:
  void visit(Stage& stage, const NodePtr& node, std::set<NodeId>& seen, std::vector<std::string>& names) {
    if (!seen.insert(node->id).second) return;
    stage.operations[node->id] = label(*node);
    if (node->kind == NodeKind::shuffle) {
      stage.parents.push_back(add_shuffle(node));
      stage.reads.push_back(ShuffleId{node->id.value});
      const MappedArea& area = node->parents.front()->source.area;
      if (area.address != 0) stage.refers_to.push_back(area);
      return;
    }
    for (const NodePtr& parent : node->parents) visit(stage, parent, seen, names);
    if (node->kind == NodeKind::source) {
      stage.sources[node->id] = node->source;
      stage.input_bytes += node->bytes;
    }
    if (node->kind == NodeKind::cached) stage.cached[node->id] = node->level;
    names.push_back(node->operation);
  }

  StageId add_shuffle(const NodePtr& node) {
    const StageId id = stage_of_(ShuffleId{node->id.value});
    if (!added_.insert(id).second) return id;
    Stage stage;
    stage.id = id;
    stage.code = node->map_code;
    stage.closure = node->map_closure;
    stage.output = ShuffleOutput{ShuffleId{node->id.value}, node->partitions};
    const NodePtr& parent = node->parents.front();
    fill(stage, parent);
    if (!stage.reads.empty()) stage.name = stage.name.empty() ? "shuffle" : "shuffle > " + stage.name;
    stage.name += " > " + node->operation;
    stage.operations[node->id] = label(*node);
    for (std::uint32_t i = 0; i < parent->partitions; ++i) stage.partitions.push_back(i);
    job_.stages.push_back(std::move(stage));
    return id;
  }

  Job& job_;
  const std::function<StageId(ShuffleId)>& stage_of_;
  std::set<StageId> added_;
};

// Lines of explain(): a shuffle's map side is indented one step further than what reads it.
void print(const NodePtr& node, unsigned depth, const std::function<std::string(const Node&)>& note,
           std::set<NodeId>& seen, std::string& out) {
  out.append(depth * 2, ' ');
  out += node->kind == NodeKind::shuffle ? "+ " : "- ";
  out += label(*node) + "  [" + std::to_string(node->partitions) +
         (node->partitions == 1 ? " partition]" : " partitions]");
  if (node->kind == NodeKind::shuffle) out += "  stage boundary";
  out += note(*node);
  if (!seen.insert(node->id).second) {
    out += "  (shown above)\n";
    return;
  }
  out += '\n';
  const bool indent = node->kind == NodeKind::shuffle || node->parents.size() > 1;
  for (const NodePtr& parent : node->parents) print(parent, depth + (indent ? 1 : 0), note, seen, out);
}

}  // namespace

void ResultLimit::check(std::uint64_t given) const {
  if (given <= bytes) return;
  throw Error(Cause::usage, action + ": the results exceed --result-limit, " + std::to_string(bytes) +
                                " bytes, which keeps the driver's memory bounded: write them to files (write_text), "
                                "take fewer, go through them with for_each_in_order, or raise the limit");
}

Job cut(const Result& result, JobId id, StageId result_stage, const std::function<StageId(ShuffleId)>& stage_of) {
  Job job;
  job.id = id;
  job.name = result.name;
  Stage stage;
  stage.id = result_stage;
  stage.code = result.code;
  stage.closure = result.closure;
  stage.partitions = result.partitions;
  if (stage.partitions.empty()) {
    for (std::uint32_t i = 0; i < result.node->partitions; ++i) stage.partitions.push_back(i);
  }
  stage.output_directory = result.output_directory;
  stage.part_suffix = result.part_suffix;
  Cutter(job, stage_of).fill(stage, result.node);
  const std::string action = result.name.substr(0, result.name.find(' '));
  const std::string head = stage.reads.empty() ? "" : "shuffle";
  if (!head.empty()) stage.name = stage.name.empty() ? head : head + " > " + stage.name;
  stage.name += stage.name.empty() ? action : " > " + action;
  job.stages.push_back(std::move(stage));
  return job;
}

std::string explain(const NodePtr& node, const std::function<std::string(const Node&)>& note) {
  std::string out;
  std::set<NodeId> seen;
  print(node, 0, note, seen, out);
  return out;
}

}  // namespace millrace::plan
