//===- Exchange.cpp - What cards that share a sequence send to each other ---------------------===//

#include "Exchange.h"
#include "ModelOptions.h"

#include <algorithm>

using namespace lighthouse;
using namespace lighthouse::planning;

bool planning::exchangesHeads(const ModelOptions &options) {
  return options.heads % options.world == 0 &&
         (options.kvHeads % options.world == 0 || options.world % options.kvHeads == 0);
}

/// Pieces of a card whose next piece is elsewhere. With head_tail card 0 has the last piece, and
/// the last card two that follow each other.
static int64_t bordersOf(const ModelOptions &options) {
  return std::min<int64_t>(options.world - 1, options.headTail ? 2 : 1);
}

Exchange planning::exchangeOf(const ModelOptions &options, int64_t rows, bool isSelected) {
  const int64_t world = options.world, itemsize = int64_t(runtime::dtypeBytes(options.dtype));
  const int64_t row = options.batch * options.headDim;
  const int64_t others = (world - 1) * rows / world * row;
  Exchange exchange;
  if (exchangesHeads(options)) {
    const int64_t heads = options.heads / world;
    const int64_t groups = std::max<int64_t>(1, options.kvHeads / world);
    exchange.again = others * (heads + 2 * groups) * itemsize;
    exchange.forward = exchange.backward = others * (2 * heads + 2 * groups) * itemsize;
  } else {
    // dk~ and dv~ are added in float32. What `attend_gathered` returns is kept.
    const int64_t gathered = others * 2 * options.kvHeads;
    exchange.forward = gathered * itemsize;
    exchange.backward = gathered * (itemsize + 4);
  }
  if (isSelected) {
    const int64_t border = bordersOf(options) * row * options.heads * itemsize;
    exchange.forward += border * (options.levels - 1);
    exchange.again += border * (options.levels - 1);
    exchange.backward += border * (windowOf(options) - 1);
  }
  return exchange;
}
