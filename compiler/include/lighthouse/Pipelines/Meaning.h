//===- Meaning.h - What the results of a pipeline are, for a reference to check -----*- C++ -*-===//
#ifndef LIGHTHOUSE_PIPELINES_MEANING_H
#define LIGHTHOUSE_PIPELINES_MEANING_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>
#include <string>

namespace mlir::func {
class FuncOp;
} // namespace mlir::func

namespace lighthouse {

/// A result of a pipeline in terms of the pipeline's arguments, where it is made by Lighthouse
/// stages in the way of the algorithm.
struct ResultMeaning {
  enum class Kind {
    Unknown,  ///< Something else.
    Output,   ///< Scattered attention over the selected rows: [B, N, H, D].
    Indices,  ///< A selection: [B, G, S].
    Dense,    ///< Dense attention: [B, H, S, D].
    DenseLse, ///< Its log-sum-exp: [B, H, S].
  };
  /// Of the pipeline's arguments; a table is a constant, whose gradient is zero.
  enum class Role { Query, Key, Value, Table };
  /// Which arguments the rotary tables are, and which columns are a pair.
  struct Rotary {
    unsigned cos = 0, sin = 0;
    bool interleaved = false;
  };

  /// Name of the result.
  std::string name;
  Kind kind = Kind::Unknown;
  /// Of what is unknown: the nearest stage of the user or kernel behind it, which no reference can
  /// know, as "stage 'NAME' at FILE:LINE:COLUMN"; empty if it is made of built-in stages alone.
  std::string obstacle;
  /// Set: the gradient with respect to that argument instead. `kind` and all below are those of the
  /// pipeline's one float result.
  std::optional<Role> gradient;
  /// Of a gradient: the argument that is the cotangent of that result.
  unsigned cotangent = 0;
  /// Which arguments are q, k and v.
  unsigned query = 0, key = 0, value = 0;
  /// Set: the gathered rows of q and k are rotated.
  std::optional<Rotary> rotary;
  /// Parameters of the algorithm: L, p, k and m.
  int64_t levels = 0, factor = 0, budget = 0, chunk = 0;
  bool coverPrefix = false;
  bool causal = false;
  /// Output and Indices: which of the pipeline's selections, in order of appearance.
  unsigned selection = 0;
};

/// One entry per result of `pipeline`, whose body is at the `lighthouse` phase; with `gradients`
/// followed by one for the gradient of each of its float arguments.
llvm::SmallVector<ResultMeaning> describeResults(mlir::func::FuncOp pipeline, bool gradients);

/// Appends a result for every selection that `pipeline` makes and does not return, named
/// `nameOfSelection(0)`, ...
void exposeSelections(mlir::func::FuncOp pipeline);

/// The name of a result that `exposeSelections` adds; no specification can have it.
std::string nameOfSelection(unsigned index);

} // namespace lighthouse

#endif // LIGHTHOUSE_PIPELINES_MEANING_H
