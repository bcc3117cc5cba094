//===- Cards.cpp - What GPUs can do at the most -----------------------------------------------===//

#include "lighthouse/Planning/Cards.h"

#include "llvm/ADT/StringExtras.h"

using namespace lighthouse::planning;

// Copy and matrix rates are those of a copy of 1 GiB and of a bf16 product of 8192 x 8192 matrices,
// measured by this project (docs/results). Memory and links are those of NVIDIA's data sheets: "141
// GB HBM3e" and "80 GB HBM3", and NVLink with 900 GB/s, which counts both directions.
const std::vector<Card> &lighthouse::planning::knownCards() {
  static const std::vector<Card> cards = {
      {"h200", "NVIDIA H200", "sm_90a", {4.27e12, 785e12}, 141e9, 450e9},
      {"h100", "NVIDIA H100 80GB HBM3", "sm_90a", {3.0e12, 798e12}, 80e9, 450e9},
  };
  return cards;
}

const Card *lighthouse::planning::findCard(std::string_view name) {
  for (const Card &card : knownCards())
    if (card.name == name)
      return &card;
  return nullptr;
}

std::string lighthouse::planning::listCards() {
  auto nameOf = [](const Card &card) { return card.name; };
  return llvm::join(llvm::map_range(knownCards(), nameOf), ", ");
}
