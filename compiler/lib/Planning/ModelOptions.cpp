//===- ModelOptions.cpp - What a plan may be made for -----------------------------------------===//

#include "ModelOptions.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace lighthouse;
using namespace lighthouse::planning;
using runtime::Status;
using runtime::StatusCode;

template <typename... Args> static Status refuse(const char *format, Args &&...args) {
  return Status(StatusCode::InvalidArgument,
                llvm::formatv(format, std::forward<Args>(args)...).str());
}

/// The multiple of `unit` nearest to `value`, at least one; halves go to the even one, as Python's
/// round does.
static int64_t nearestMultiple(int64_t value, int64_t unit) {
  return std::max<int64_t>(1, std::llrint(double(value) / double(unit))) * unit;
}

int64_t planning::windowOf(const ModelOptions &options) {
  int64_t window = 1;
  for (int64_t level = 1; level < options.levels; ++level)
    window *= options.factor;
  return window;
}

static Status checkConfig(const ModelOptions &options) {
  if (options.levels < 2)
    return refuse("levels must be at least 2, got {0}", options.levels);
  if (options.factor < 2 || !llvm::has_single_bit(uint64_t(options.factor)))
    return refuse("factor must be a power of two, at least 2, got {0}", options.factor);
  if (options.chunk < 2 || options.chunk % 2)
    return refuse("chunk must be even and positive, got {0}", options.chunk);
  if (options.budget < 1 || options.budget % options.chunk)
    return refuse("budget must be a positive multiple of chunk = {0}, got {1}; the nearest valid "
                  "budget is {2}",
                  options.chunk, options.budget, nearestMultiple(options.budget, options.chunk));
  // The pyramid's top would be above every sequence that tensors can hold.
  if (double(options.levels - 1) * std::log2(double(options.factor)) > 30)
    return refuse("factor^(levels - 1) must be at most 2^30, got {0}^{1}", options.factor,
                  options.levels - 1);
  return {};
}

static Status checkHeads(const ModelOptions &options) {
  if (options.heads < 1 || options.kvHeads < 1)
    return refuse("heads must be positive, got {0} query and {1} key/value heads", options.heads,
                  options.kvHeads);
  if (options.heads % options.kvHeads)
    return refuse("{0} key/value heads do not divide {1} query heads", options.kvHeads,
                  options.heads);
  if (options.headDim % 16 || options.headDim < 16 || options.headDim > 256)
    return refuse("the head dim must be a multiple of 16 from 16 to 256, got {0}",
                  options.headDim);
  using runtime::DType;
  if (options.dtype != DType::BF16 && options.dtype != DType::F16 && options.dtype != DType::F32)
    return refuse("dtype must be one of bf16, f16, f32, got {0}",
                  std::string(runtime::dtypeName(options.dtype)));
  return {};
}

/// The chunk nearest to that of the options with which P pieces divide the budget, of two the
/// smaller one; 0 if there is none.
static int64_t fittingChunk(const ModelOptions &options, int64_t pieces) {
  if (options.budget % pieces)
    return 0;
  const int64_t share = options.budget / pieces;
  auto isWorse = [&](int64_t size, int64_t other) {
    return std::pair(std::abs(size - options.chunk), size) >
           std::pair(std::abs(other - options.chunk), other);
  };
  int64_t best = 0;
  for (int64_t divisor = 1; divisor * divisor <= share; ++divisor) {
    if (share % divisor)
      continue;
    for (int64_t size : {divisor, share / divisor})
      if (size % 2 == 0 && (best == 0 || isWorse(best, size)))
        best = size;
  }
  return best;
}

/// What several cards ask of the sequence and of the budget.
static Status checkPieces(const ModelOptions &options) {
  const int64_t pieces = piecesOf(options), window = windowOf(options);
  if (options.length % (pieces * window)) {
    std::string of = llvm::formatv("{0} pieces of whole windows of the coarsest level, "
                                   "factor^(levels - 1) = {1}",
                                   pieces, window);
    return refuse("with {0} ranks of {1} piece{2} N must be a multiple of {3}, {4}, got {5}; the "
                  "nearest valid N is {6}",
                  options.world, options.headTail ? 2 : 1, options.headTail ? "s" : "",
                  pieces * window, of, options.length,
                  nearestMultiple(options.length, pieces * window));
  }
  const int64_t chunks = options.budget / options.chunk;
  if (chunks % pieces == 0)
    return {};
  std::string advice;
  if (int64_t size = fittingChunk(options, pieces))
    advice = llvm::formatv("; or take chunk = {0}", size);
  return refuse("{0} pieces must divide the {1} chunks of budget = {2} by chunk = {3}: the nearest "
                "valid budget is {4}{5}",
                pieces, chunks, options.budget, options.chunk,
                nearestMultiple(options.budget, pieces * options.chunk), advice);
}

static Status checkCard(const Card &card) {
  const std::pair<const char *, double> rates[] = {
      {"the copy bandwidth", card.rates.copy},
      {"the matrix rate", card.rates.matrix},
      {"the memory of a card", card.memory},
      {"the link bandwidth", card.link},
  };
  for (auto [what, value] : rates)
    if (!(std::isfinite(value) && value > 0))
      return refuse("{0} must be positive and finite, got {1}", what, value);
  return {};
}

Status planning::checkOptions(const ModelOptions &options) {
  constexpr int64_t most = runtime::PlanLimits::dim;
  const std::pair<const char *, int64_t> counts[] = {
      {"N", options.length},    {"batch", options.batch}, {"layers", options.layers},
      {"cards", options.world}, {"heads", options.heads}, {"budget", options.budget}};
  for (auto [what, value] : counts)
    if (value > most)
      return refuse("{0} must be at most {1}, got {2}", what, most, value);
  if (options.length < 1)
    return refuse("N must be positive, got {0}", options.length);
  if (options.batch < 1)
    return refuse("batch must be positive, got {0}", options.batch);
  if (options.layers < 1)
    return refuse("layers must be positive, got {0}", options.layers);
  if (options.denseLayers < 0 || options.denseLayers > options.layers)
    return refuse("dense layers must be from 0 to {0}, as many as there are layers, got {1}",
                  options.layers, options.denseLayers);
  if (options.world < 1)
    return refuse("cards must be positive, got {0}", options.world);
  for (Status status : {checkHeads(options), checkConfig(options), checkCard(options.card)})
    if (!status.ok())
      return status;
  return piecesOf(options) == 1 ? Status() : checkPieces(options);
}
