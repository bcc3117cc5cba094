//===- Cards.h - What GPUs can do at the most ---------------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_PLANNING_CARDS_H
#define LIGHTHOUSE_PLANNING_CARDS_H

#include "lighthouse/Planning/StageWork.h"

#include <string_view>

namespace lighthouse::planning {

/// The ceilings of one kind of GPU.
struct Card {
  /// What people call it on a command line: "h200".
  std::string name;
  /// What its driver calls it: "NVIDIA H200".
  std::string device;
  /// What code for it is made for: "sm_90a".
  std::string arch;
  Rates rates;
  /// Bytes of memory.
  double memory = 0;
  /// Bytes per second to other cards of the same host, in one direction.
  double link = 0;
};

/// The cards whose ceilings are known. The first of an architecture stands for it where no device
/// is at hand.
const std::vector<Card> &knownCards();

/// The card of that `name`; null if there is none.
const Card *findCard(std::string_view name);

/// "h200, h100", for messages.
std::string listCards();

} // namespace lighthouse::planning

#endif // LIGHTHOUSE_PLANNING_CARDS_H
