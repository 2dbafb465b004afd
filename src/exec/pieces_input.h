#pragma once

#include <millrace/reader.h>

#include "exec/source_input.h"

namespace millrace::exec {

/// Hands the pieces of a split to a reader of the user's, one after the other: next() goes to the next one.
class PiecesInput final : public SourceInput {
 public:
  PiecesInput(const storage::FileSystem& files, const plan::Split& split, std::function<void(std::size_t)> grown);
  ~PiecesInput() override;

  bool next(std::string_view& buffer) override;
  InputSplit* split() override;
  std::string_view path() const override;
  std::uint64_t offset() const override;
  std::uint64_t consumed() const override;

 private:
  class Piece;

  const storage::FileSystem& files_;
  const plan::Split& split_;
  std::function<void(std::size_t)> grown_;
  std::size_t at_ = 0;
  std::unique_ptr<Piece> piece_;
  std::uint64_t consumed_before_ = 0;
};

}  // namespace millrace::exec
