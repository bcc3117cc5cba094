//===- Cases.cpp - Shapes and options of the forward and the backward pass --------------------===//

#include "Pipeline.h"

using namespace e2e;
using lighthouse::runtime::DType;

static const Case all[] = {
    {.name = "plain", .tokens = 2048, .heads = 2, .groups = 2},
    {.name = "unequal_chunks", .tokens = 4112, .budget = 384},
    {.name = "ragged_one_more", .tokens = 2049},
    {.name = "ragged_one_less", .tokens = 2047, .heads = 2, .groups = 1},
    {.name = "ragged_prime", .tokens = 3001, .levels = 4, .factor = 2, .budget = 256},
    {.name = "sequence_over_65535", .tokens = 130816, .dim = 16, .levels = 2, .factor = 2},
    {.name = "few_candidates", .tokens = 640, .levels = 3, .factor = 4, .budget = 256},
    {.name = "fewer_tokens_than_window", .tokens = 7, .levels = 3, .factor = 4},
    {.name = "one_token", .tokens = 1, .levels = 2, .factor = 2},
    {.name = "two_levels", .tokens = 1500, .levels = 2, .factor = 8},
    {.name = "five_levels", .tokens = 4096, .levels = 5, .factor = 2},
    {.name = "factor_eight", .tokens = 8192, .levels = 3, .factor = 8},
    {.name = "small_chunks", .tokens = 1024, .budget = 64, .chunk = 16},
    {.name = "cover_prefix", .tokens = 2048, .budget = 128, .chunk = 32, .coverPrefix = true},
    {.name = "cover_prefix_ragged",
     .tokens = 2050,
     .heads = 4,
     .groups = 2,
     .budget = 64,
     .chunk = 16,
     .coverPrefix = true},
    {.name = "cover_prefix_more_chunks_than_entries",
     .tokens = 257,
     .heads = 2,
     .groups = 2,
     .dim = 16,
     .levels = 5,
     .factor = 4,
     .budget = 48,
     .chunk = 16,
     .coverPrefix = true},
    {.name = "grouped_queries", .batch = 2, .tokens = 1536, .heads = 8, .groups = 2},
    {.name = "one_group", .tokens = 1024, .heads = 4, .groups = 1},
    {.name = "batches", .batch = 3, .tokens = 1024, .heads = 2, .groups = 2},
    {.name = "dim_32", .tokens = 1024, .dim = 32},
    {.name = "dim_48", .tokens = 1000, .dim = 48},
    {.name = "dim_80", .tokens = 1000, .dim = 80},
    {.name = "dim_128", .tokens = 1024, .dim = 128},
    {.name = "dim_256", .tokens = 1000, .dim = 256},
    {.name = "half", .tokens = 2048, .heads = 2, .groups = 1, .dtype = DType::F16},
    {.name = "half_dim_128", .tokens = 1027, .dim = 128, .dtype = DType::F16},
    {.name = "bfloat", .tokens = 2048, .heads = 2, .groups = 1, .dtype = DType::BF16},
    {.name = "bfloat_ragged", .tokens = 2051, .dim = 48, .coverPrefix = true, .dtype = DType::BF16},
    {.name = "bfloat_dim_256", .tokens = 520, .dim = 256, .dtype = DType::BF16},
};

std::ostream &e2e::operator<<(std::ostream &out, const Case &c) {
  return out << c.name << ": B=" << c.batch << " N=" << c.tokens << " H=" << c.heads
             << " G=" << c.groups << " D=" << c.dim << " L=" << c.levels << " p=" << c.factor
             << " k=" << c.budget << " m=" << c.chunk << (c.coverPrefix ? " cover_prefix" : "")
             << " " << lighthouse::runtime::dtypeName(c.dtype) << " seed=" << c.seed;
}

std::span<const Case> e2e::cases() { return all; }

Case e2e::randomCase(std::mt19937 &random, std::string name) {
  auto pick = [&](std::initializer_list<int64_t> choices) {
    return *(choices.begin() + random() % choices.size());
  };
  Case c;
  c.name = std::move(name);
  c.batch = pick({1, 1, 2});
  c.groups = pick({1, 2, 3});
  c.heads = c.groups * pick({1, 2, 4});
  c.dim = pick({32, 48, 64, 96, 112});
  c.factor = pick({2, 4, 8});
  c.levels = c.factor == 8 ? pick({2, 3}) : pick({2, 3, 4});
  c.chunk = pick({8, 32, 128});
  c.budget = c.chunk * pick({1, 2, 3, 5});
  c.tokens = 1 + int64_t(random() % 2500);
  c.coverPrefix = random() % 3 == 0;
  c.dtype = std::array{DType::F32, DType::F16, DType::BF16}[random() % 3];
  c.seed = random() % 1000;
  return c;
}
