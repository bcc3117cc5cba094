//===- Rotary.h - Rotary positions of rows ----------------------*- C++ -*-===//

#ifndef LIGHTHOUSE_ORACLE_ROTARY_H
#define LIGHTHOUSE_ORACLE_ROTARY_H

#include <cstdint>
#include <span>

namespace lighthouse::oracle {

/// Tables [tokens, headDim / 2] of the cosines and sines by which the pairs of columns of a row are
/// rotated at a position. Pair c is the columns c and c + headDim / 2, or 2 c and 2 c + 1 if
/// `interleaved`.
struct Rotary {
  std::span<const float> cos;
  std::span<const float> sin;
  bool interleaved = false;

  /// Rotates row[headDim] at `token`: (a, b) becomes (a cos - b sin, a sin + b cos).
  void rotate(int64_t token, int64_t headDim, double *row) const { turn(token, headDim, 1, row); }
  /// Rotates it back; if the tables are no rotations, by the transpose of what `rotate` does.
  void rotateBack(int64_t token, int64_t headDim, double *row) const {
    turn(token, headDim, -1, row);
  }

private:
  void turn(int64_t token, int64_t headDim, double direction, double *row) const {
    int64_t pairs = headDim / 2;
    for (int64_t c = 0; c < pairs; ++c) {
      double &first = row[interleaved ? 2 * c : c];
      double &second = row[interleaved ? 2 * c + 1 : c + pairs];
      double a = first, b = second;
      double cosine = cos[token * pairs + c], sine = direction * sin[token * pairs + c];
      first = a * cosine - b * sine;
      second = a * sine + b * cosine;
    }
  }
};

} // namespace lighthouse::oracle

#endif // LIGHTHOUSE_ORACLE_ROTARY_H
