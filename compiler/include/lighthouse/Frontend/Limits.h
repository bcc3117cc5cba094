//===- Limits.h - Bounds on what a specification may ask for ---------------*- C++ -*-===//
//
// Checked before any work that grows with the input, so that no specification makes the compiler
// run out of stack, memory or patience.
//
//===------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_FRONTEND_LIMITS_H
#define LIGHTHOUSE_FRONTEND_LIMITS_H

#include <cstddef>
#include <cstdint>

namespace lighthouse::frontend::limits {

/// Bytes of one source file.
inline constexpr size_t fileSize = size_t(1) << 20;
/// Files of one specification, imports included.
inline constexpr unsigned files = 64;
/// Definitions of one specification.
inline constexpr unsigned definitions = 1024;
/// Bytes of one identifier.
inline constexpr size_t identifier = 256;
/// Nesting of brackets, blocks and unary operators in the source.
inline constexpr unsigned nesting = 128;
/// Height of one expression tree: an unbracketed chain of operators counts, too.
inline constexpr unsigned expressionHeight = 256;
/// Parameters, arguments or results of one definition or call.
inline constexpr unsigned listLength = 256;
/// Errors after which a run stops.
inline constexpr unsigned errors = 20;
/// Rank of a tile and number of its elements.
inline constexpr unsigned tileRank = 4;
inline constexpr int64_t tileElements = int64_t(1) << 20;
/// Rank of a tensor argument, and largest extent of one of its dims.
inline constexpr unsigned tensorRank = 8;
inline constexpr int64_t tensorDim = (int64_t(1) << 31) - 1;
/// Iterations of `static for`, over all loops of one instance.
inline constexpr int64_t staticIterations = 4096;
/// Calls of functions (and of pipelines by pipelines) in flight.
inline constexpr unsigned inlineDepth = 32;
/// Nesting of expressions and statements after inlining.
inline constexpr unsigned evaluationDepth = 512;
/// Expressions and statements evaluated for one instance.
inline constexpr unsigned evaluationSteps = 1'000'000;
/// Operations generated for one instance.
inline constexpr unsigned operations = 100'000;
/// Calls of stages, kernels and pipelines in one pipeline.
inline constexpr unsigned stages = 4096;

} // namespace lighthouse::frontend::limits

#endif // LIGHTHOUSE_FRONTEND_LIMITS_H
