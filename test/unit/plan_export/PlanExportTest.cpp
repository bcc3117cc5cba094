//===- PlanExportTest.cpp - from plan IR to the runtime's plan --------------------------------===//

#include "lighthouse/Target/PlanExport.h"
#include "lighthouse/Dialect/Tile/IR/Tile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace lighthouse;
using runtime::DType;
using runtime::KernelArg;
using runtime::LaunchArg;

namespace {

class PlanExport : public testing::Test {
protected:
  PlanExport() {
    context.loadDialect<lh::LighthouseDialect, tile::TileDialect>();
    context.getDiagEngine().registerHandler(
        [this](Diagnostic &diagnostic) { message = diagnostic.str(); });
  }

  FailureOr<runtime::Plan> exportText(StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module) << message;
    return exportPlan(*module->getOps<lh::PlanOp>().begin(),
                      runtime::PlanLimits::hostInstances);
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  std::string message;
};

TEST_F(PlanExport, KeepsOrderAndMeaning) {
  auto plan = exportText(R"mlir(
    tile.kernel @scale(%n: i32, %x: !tile.view<["M", "N"], f16>, %a: f32, %y: !tile.view<["M", "N"], f16>) attributes {
        dims = ["M", "N"], grid = affine_map<()[m, n] -> (n ceildiv 64, m, 1)>, inputs = 3 : i64} {
      tile.return
    }
    tile.kernel @unused(%x: !tile.view<["N"], f32>) attributes {
        dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 0 : i64} {
      tile.return
    }
    lighthouse.plan @twice inputs(%x "x" : memref<2x100xf16, strided<[?, ?]>>)
        outputs(%y "y" : memref<2x100xf16, strided<[?, ?]>>) workspace 1024 {
      %b = lighthouse.buffer 64 : memref<2x100xf16>
      lighthouse.dispatch @scale grid [2, 2, 1] dims [2, 100] (%x, %b) scalars [-3 : i32, 0.5 : f32]
        stage "first" : memref<2x100xf16, strided<[?, ?]>>, memref<2x100xf16>
      lighthouse.dispatch @scale grid [2, 2, 1] dims [2, 100] (%b, %y) scalars [7 : i32, 2.0 : f32]
        stage "second" : memref<2x100xf16>, memref<2x100xf16, strided<[?, ?]>>
    }
  )mlir");
  ASSERT_TRUE(succeeded(plan)) << message;

  runtime::Plan expected;
  expected.name = "twice";
  expected.inputs = {{"x", DType::F16, {2, 100}}};
  expected.outputs = {{"y", DType::F16, {2, 100}}};
  expected.buffers = {{64, DType::F16, {2, 100}}};
  expected.workspaceBytes = 1024;
  KernelArg tensor{KernelArg::Kind::Tensor, DType::F16, 2, /*innerContiguous=*/true};
  expected.kernels = {{"scale",
                       0,
                       0,
                       0,
                       {{KernelArg::Kind::Scalar, DType::I32, 0, false},
                        tensor,
                        {KernelArg::Kind::Scalar, DType::F32, 0, false},
                        tensor},
                       {"M", "N"}}};
  expected.launches = {{0,
                        "first",
                        {2, 2, 1},
                        {LaunchArg::scalar(uint64_t(-3)), LaunchArg::input(0),
                         LaunchArg::scalar(0x3f000000), LaunchArg::buffer(0)},
                        {2, 100}},
                       {0,
                        "second",
                        {2, 2, 1},
                        {LaunchArg::scalar(7), LaunchArg::buffer(0), LaunchArg::scalar(0x40000000),
                         LaunchArg::output(0)},
                        {2, 100}}};
  EXPECT_TRUE(*plan == expected);

  plan->cpuLevel = "x86-64-v2";
  runtime::Status status = plan->verify();
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST_F(PlanExport, FillsBelongToTheLaunchThatFollows) {
  auto plan = exportText(R"mlir(
    tile.kernel @k(%x: !tile.view<["N"], i8>, %a: i32, %y: !tile.view<["N"], i8>, %z: !tile.view<["N"], f64>) attributes {
        dims = ["N"], grid = affine_map<()[n] -> (n, 1, 1)>, inputs = 2 : i64} {
      tile.return
    }
    lighthouse.plan @p inputs(%x "x" : memref<8xi8>)
        outputs(%y "y" : memref<8xi8>, %z "z" : memref<8xf64>) workspace 64 {
      %b = lighthouse.buffer 0 : memref<8xi8>
      lighthouse.fill %z with -2.0 : f64 : memref<8xf64>
      lighthouse.fill %b with -1 : i8 : memref<8xi8>
      lighthouse.dispatch @k grid [8, 1, 1] dims [8] (%x, %b, %z) scalars [-1 : i32] stage "first"
        : memref<8xi8>, memref<8xi8>, memref<8xf64>
      lighthouse.dispatch @k grid [8, 1, 1] dims [8] (%b, %y, %z) scalars [-1 : i32] stage "second"
        : memref<8xi8>, memref<8xi8>, memref<8xf64>
    }
  )mlir");
  ASSERT_TRUE(succeeded(plan)) << message;
  ASSERT_EQ(plan->launches.size(), 2u);
  EXPECT_EQ(plan->launches[0].fills,
            (std::vector<runtime::FillSpec>{{2, 0xff}, {3, 0xc000000000000000}}));
  EXPECT_TRUE(plan->launches[1].fills.empty());
  plan->cpuLevel = "x86-64-v2";
  EXPECT_TRUE(plan->verify().ok()) << plan->verify().message();
}

TEST_F(PlanExport, RefusesElementTypesThatTheRuntimeLacks) {
  auto plan = exportText(R"mlir(
    lighthouse.plan @p inputs(%x "x" : memref<8xi16>) outputs() workspace 0 {
    }
  )mlir");
  EXPECT_TRUE(failed(plan));
  EXPECT_EQ(message, "the runtime has no element type 'i16'");
}

} // namespace
