//===- TargetTableTest.cpp - The table of targets ---------------------------------------------===//

#include "lighthouse/Dialect/Tile/IR/Tile.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace lighthouse::tile;
using Unit = TargetInfo::MatrixUnit;

static const TargetInfo &get(llvm::StringRef name) {
  const TargetInfo *target = findTarget(name);
  EXPECT_NE(target, nullptr) << name.str();
  return *target;
}

TEST(Targets, HaveNames) {
  EXPECT_EQ(listTargets(), "x86-64-v2, x86-64-v3, x86-64-v4, sm_80, sm_86, sm_89, sm_90, sm_90a, "
                           "sm_100, sm_120");
  for (const TargetInfo &target : targets())
    EXPECT_EQ(findTarget(target.name), &target);
  for (const char *name : {"", "host", "cuda", "sm_91", "sm_100a", "x86-64-v1", "v3"})
    EXPECT_EQ(findTarget(name), nullptr) << name;
}

TEST(Targets, HaveWhatTheirKindHas) {
  for (const TargetInfo &target : targets()) {
    SCOPED_TRACE(target.name.str());
    EXPECT_NE(target.isHost(), target.isCuda());
    EXPECT_GT(target.sharedBytes, 0);
    EXPECT_EQ(target.vectorBits > 0, target.isHost());
    EXPECT_EQ(target.vectorRegisters > 0, target.isHost());
    EXPECT_EQ(target.major > 0, target.isCuda());
    EXPECT_EQ(target.ptxVersion > 0, target.isCuda());
    EXPECT_EQ(target.multiprocessorThreads > 0, target.isCuda());
    EXPECT_EQ(target.multiprocessorBlocks > 0, target.isCuda());
    EXPECT_EQ(target.matrixUnit != Unit::None, target.isCuda());
    EXPECT_EQ(target.matrixUnit == Unit::Wgmma, target.name == "sm_90a");
    EXPECT_EQ(target.registerBudgets, target.name == "sm_90a");
    for (bool feature : {target.vectorAtomics, target.bulkCopies, target.clusters})
      EXPECT_EQ(feature, target.major >= 9);
  }
  EXPECT_EQ(get("sm_80").sharedBytes, 163 << 10);
  EXPECT_EQ(get("sm_90a").sharedBytes, 227 << 10);
  EXPECT_EQ(get("x86-64-v3").vectorBits, 256u);
}

TEST(Targets, WhatIncludesAnotherHasItsFeatures) {
  for (const TargetInfo &target : targets())
    for (const TargetInfo &other : targets()) {
      if (!target.includes(other))
        continue;
      SCOPED_TRACE(target.name.str() + " includes " + other.name.str());
      EXPECT_EQ(target.kind, other.kind);
      EXPECT_GE(target.vectorBits, other.vectorBits);
      EXPECT_GE(target.fusedMultiplyAdd, other.fusedMultiplyAdd);
      EXPECT_GE(target.halfConversions, other.halfConversions);
      EXPECT_GE(target.matrixUnit, other.matrixUnit);
      EXPECT_GE(target.vectorAtomics, other.vectorAtomics);
      EXPECT_GE(target.bulkCopies, other.bulkCopies);
      EXPECT_GE(target.clusters, other.clusters);
      EXPECT_GE(target.registerBudgets, other.registerBudgets);
    }
}

TEST(Targets, LaterOnesIncludeEarlierOnes) {
  for (const TargetInfo &target : targets())
    EXPECT_TRUE(target.includes(target)) << target.name.str();
  EXPECT_TRUE(get("x86-64-v4").includes(get("x86-64-v2")));
  EXPECT_FALSE(get("x86-64-v2").includes(get("x86-64-v3")));
  EXPECT_TRUE(get("sm_120").includes(get("sm_90")));
  EXPECT_TRUE(get("sm_90a").includes(get("sm_90")));
  EXPECT_FALSE(get("sm_80").includes(get("sm_86")));
  // What is specific to an architecture is for it alone.
  for (const TargetInfo &target : targets())
    EXPECT_EQ(target.includes(get("sm_90a")), target.name == "sm_90a") << target.name.str();
  EXPECT_FALSE(get("sm_80").includes(get("x86-64-v2")));
  EXPECT_FALSE(get("x86-64-v2").includes(get("sm_80")));
}

TEST(Targets, NearestRunsOnTheDevice) {
  auto nearest = [](int major, int minor) {
    const TargetInfo *target = nearestTarget(major, minor);
    return target ? target->name.str() : "none";
  };
  EXPECT_EQ(nearest(7, 5), "none");
  EXPECT_EQ(nearest(8, 0), "sm_80");
  EXPECT_EQ(nearest(8, 6), "sm_86");
  EXPECT_EQ(nearest(8, 7), "sm_86");
  EXPECT_EQ(nearest(8, 9), "sm_89");
  EXPECT_EQ(nearest(9, 0), "sm_90a");
  EXPECT_EQ(nearest(9, 1), "sm_90");
  EXPECT_EQ(nearest(10, 0), "sm_100");
  EXPECT_EQ(nearest(10, 3), "sm_100");
  EXPECT_EQ(nearest(11, 0), "sm_100");
  EXPECT_EQ(nearest(12, 0), "sm_120");
  EXPECT_EQ(nearest(12, 1), "sm_120");
  EXPECT_EQ(nearest(13, 0), "sm_120");
}

namespace {
class TargetOf : public testing::Test {
protected:
  TargetOf() {
    context.loadDialect<TileDialect>();
    mlir::OpBuilder builder(&context);
    outer = mlir::ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToStart(outer->getBody());
    inner = mlir::ModuleOp::create(builder, builder.getUnknownLoc());
  }

  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  mlir::OwningOpRef<mlir::ModuleOp> outer;
  mlir::ModuleOp inner;
};
} // namespace

TEST_F(TargetOf, IsThatOfTheNearestModule) {
  EXPECT_EQ(targetOf(inner), nullptr);
  setTarget(*outer, get("sm_80"));
  EXPECT_EQ(targetOf(inner), &get("sm_80"));
  setTarget(inner, get("sm_90a"));
  EXPECT_EQ(targetOf(inner), &get("sm_90a"));
  EXPECT_EQ(targetOf(*outer), &get("sm_80"));
}

TEST_F(TargetOf, IsTheLowestOfTheKindByDefault) {
  EXPECT_EQ(targetOf(inner, TargetInfo::Kind::Host), &get("x86-64-v2"));
  EXPECT_EQ(targetOf(inner, TargetInfo::Kind::Cuda), &get("sm_80"));
}

TEST_F(TargetOf, OfAnotherKindIsAnError) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    message = diagnostic.str();
    return mlir::success();
  });
  setTarget(*outer, get("sm_90"));
  EXPECT_EQ(targetOf(inner, TargetInfo::Kind::Cuda), &get("sm_90"));
  EXPECT_EQ(message, "");
  EXPECT_EQ(targetOf(inner, TargetInfo::Kind::Host), nullptr);
  EXPECT_EQ(message, "a module for sm_90 has no code for the host");
}
