//===- ArgumentCheckTest.cpp - What a run refuses -------------------------===//

#include "TestSupport.h"

#include "lighthouse/runtime/Program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <functional>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::HasSubstr;

namespace {

constexpr std::int64_t rows = 4, columns = 6;

/// A program without launches whose types are f32[4, 6], bool[0, 3] to f32[4, 6], i32[]. The first
/// input and output must be contiguous in the last dimension.
Artifact checkedArtifact() {
  Artifact artifact = tinyArtifact();
  Plan &plan = artifact.plans[0];
  plan.inputs = {{"x", DType::F32, {rows, columns}}, {"mask", DType::Bool, {0, 3}}};
  plan.outputs = {{"y", DType::F32, {rows, columns}}, {"count", DType::I32, {}}};
  plan.workspaceBytes = 128;
  const KernelArg inner = {KernelArg::Kind::Tensor, DType::F32, 2, true};
  plan.kernels = {{"k", 0, 0, 0, {inner, inner}, {}}};
  plan.launches = {{0, "stage", {0, 1, 1}, {LaunchArg::input(0), LaunchArg::output(0)}, {}}};
  return artifact;
}

/// The arguments of one run, right unless a test changes them.
struct Arguments {
  alignas(64) std::array<std::byte, 4096> memory = {};
  std::array<float, 256> x = {}, y = {};
  std::int32_t count = 0;
  std::vector<TensorView> inputs = {TensorView::contiguous(x.data(), DType::F32, {rows, columns}),
                                    TensorView::contiguous(nullptr, DType::Bool, {0, 3})};
  std::vector<TensorView> outputs = {TensorView::contiguous(y.data(), DType::F32, {rows, columns}),
                                     TensorView::contiguous(&count, DType::I32, {})};
  void *workspace = memory.data();
  std::size_t workspaceBytes = 128;
};

using Change = std::function<void(Arguments &)>;

/// Makes input and output views of one tensor, with rows that are `stride` elements apart, the
/// output `shift` elements behind the input.
void useStrided(Arguments &a, std::int64_t shift, std::int64_t stride) {
  auto *middle = reinterpret_cast<float *>(a.memory.data() + 2048);
  a.inputs[0].data = middle;
  a.outputs[0].data = middle + shift;
  a.inputs[0].strides = a.outputs[0].strides = {stride, 1};
}

Status runWith(const Program &program, const Change &change) {
  Arguments a;
  change(a);
  return program.run(a.inputs, a.outputs, a.workspace, a.workspaceBytes);
}

} // namespace

TEST(ArgumentCheck, Refuses) {
  Result<Program> program = Program::load(checkedArtifact());
  ASSERT_TRUE(program) << program.status().toString();
  const std::int64_t huge = INT64_MAX / 8;
  struct Case {
    Change change;
    std::string_view message;
  };
  const Case cases[] = {
      {[](Arguments &a) { a.inputs.pop_back(); }, "1 inputs were passed; the program has 2"},
      {[](Arguments &a) { a.inputs.push_back(a.inputs[0]); }, "3 inputs were passed"},
      {[](Arguments &a) { a.outputs.clear(); }, "0 outputs were passed; the program has 2"},
      {[](Arguments &a) { a.inputs[0].dtype = DType::F64; },
       "input 0 'x': dtype f64 was passed; f32 is needed"},
      {[](Arguments &a) { a.outputs[1].dtype = DType::I64; }, "output 1 'count': dtype i64"},
      {[](Arguments &a) {
         a.inputs[0].shape = {rows, columns + 1};
       },
       "input 0 'x': shape [4, 7] was passed; the program is compiled for [4, 6]"},
      {[](Arguments &a) { a.inputs[0].shape = {rows * columns}; }, "shape [24] was passed"},
      {[](Arguments &a) { a.outputs[1].shape = {1}; }, "output 1 'count': shape [1] was passed"},
      {[](Arguments &a) { a.inputs[0].strides = {columns}; },
       "1 strides were passed; 2 are needed, for example [6, 1]"},
      {[](Arguments &a) {
         a.inputs[0].strides = {1, rows};
       },
       "input 0 'x': strides [1, 4] were passed; a kernel needs stride 1 in the last dimension"},
      {[](Arguments &a) {
         a.outputs[0].strides = {2 * columns, 2};
       },
       "output 0 'y': strides"},
      {[](Arguments &a) { a.inputs[0].device = Device::Cuda; },
       "input 0 'x': the tensor is on device 'cuda'; this program runs on the host"},
      {[](Arguments &a) { a.inputs[0].data = nullptr; }, "a null pointer was passed for f32[4, 6]"},
      {[](Arguments &a) { a.outputs[1].data = nullptr; }, "output 1 'count': a null pointer"},
      {[](Arguments &a) { a.inputs[0].data = reinterpret_cast<std::byte *>(a.x.data()) + 2; },
       "f32 needs a multiple of 4"},
      {[&](Arguments &a) {
         a.inputs[0].strides = {huge, 1};
       },
       "leave the address space"},
      {[&](Arguments &a) {
         a.inputs[0].strides = {INT64_MIN, 1};
       },
       "leave the address space"},
      {[&](Arguments &a) {
         a.inputs[0].strides = {-huge, 1};
       },
       "leave the address space"},
      {[](Arguments &a) {
         a.outputs[0].strides = {0, 1};
       },
       "output 0 'y': with strides [0, 1] several of its elements share memory"},
      {[](Arguments &a) {
         a.outputs[0].strides = {columns - 1, 1};
       },
       "share memory"},
      {[](Arguments &a) { a.workspaceBytes = 127; },
       "workspace: 127 bytes were passed; 128 are needed"},
      {[](Arguments &a) { a.workspace = nullptr; }, "workspace: a null pointer"},
      {[](Arguments &a) { a.workspace = a.memory.data() + 32; }, "a multiple of 64 is needed"},
      {[](Arguments &a) { a.outputs[0].data = a.x.data() + 3; },
       "output 0 'y': it shares memory with input 0 'x'"},
      {[](Arguments &a) { a.outputs[1].data = a.y.data() + 5; },
       "output 1 'count': it shares memory with output 0 'y'"},
      // Both with gaps: the same memory, columns that meet, a row that meets the next, and the same
      // first element with other strides.
      {[](Arguments &a) { useStrided(a, 0, 4 * columns); }, "it shares memory with input 0 'x'"},
      {[](Arguments &a) { useStrided(a, columns - 1, 4 * columns); }, "it shares memory with"},
      {[](Arguments &a) { useStrided(a, 1 - columns, 4 * columns); }, "it shares memory with"},
      {[](Arguments &a) { useStrided(a, 3 * 4 * columns + 2, 4 * columns); }, "it shares memory"},
      {[](Arguments &a) { useStrided(a, 4 * columns - 1, 4 * columns); }, "it shares memory with"},
      {[](Arguments &a) {
         useStrided(a, 3 * 4 * columns, 4 * columns);
         a.outputs[0].strides[0] *= -1;
       },
       "it shares memory with"},
      {[](Arguments &a) {
         useStrided(a, 0, 4 * columns);
         a.outputs[0].strides[0] = 3 * columns;
       },
       "it shares memory with"},
      {[](Arguments &a) { a.inputs[0].data = a.memory.data() + 64; },
       "input 0 'x': it shares memory with the workspace"},
      {[](Arguments &a) { a.outputs[1].data = a.memory.data() + 124; },
       "output 1 'count': it shares memory with the workspace"},
  };
  for (const Case &c : cases) {
    const Status status = runWith(*program, c.change);
    ASSERT_EQ(status.code(), StatusCode::InvalidArgument) << c.message;
    EXPECT_THAT(status.message(), HasSubstr(c.message));
  }
}

TEST(ArgumentCheck, Alignment) {
  Artifact artifact = checkedArtifact();
  artifact.plans[0].kernels[0].args[0].alignment = 16;
  artifact.plans[0].kernels[0].args[1].alignment = 2; // less than an element: no demand
  Result<Program> program = Program::load(artifact);
  ASSERT_TRUE(program) << program.status().toString();
  alignas(16) std::array<float, 256> x = {};
  const auto run = [&](std::size_t offset, std::int64_t stride, std::int64_t outStride) {
    return runWith(*program, [&](Arguments &a) {
      a.inputs[0].data = x.data() + offset;
      a.inputs[0].strides = {stride, 1};
      a.outputs[0].strides = {outStride, 1};
    });
  };
  for (std::int64_t stride : {0, 8, 12, 40})
    EXPECT_TRUE(run(4, stride, 7).ok()) << run(4, stride, 7).toString();
  EXPECT_THAT(run(2, 8, 8).message(), HasSubstr("a kernel needs a multiple of 16"));
  EXPECT_EQ(run(0, 10, 8).message(),
            "input 0 'x': stride 10 of dim 0 is 40 bytes; a kernel needs a multiple of 16, for "
            "example stride 12");
  EXPECT_THAT(run(0, INT64_MAX, 8).message(), HasSubstr("needs a multiple of 16"));

  // One row has no distance to another, and an empty tensor no rows.
  for (std::int64_t count : {0, 1}) {
    Artifact other = artifact;
    other.plans[0].inputs[0].shape = {count, columns};
    Result<Program> loaded = Program::load(other);
    ASSERT_TRUE(loaded);
    EXPECT_TRUE(runWith(*loaded, [&](Arguments &a) {
                  a.inputs[0] = {x.data(), DType::F32, {count, columns}, {7, 1}, Device::Host};
                }).ok());
  }
}

TEST(ArgumentCheck, Accepts) {
  Result<Program> program = Program::load(checkedArtifact());
  ASSERT_TRUE(program);
  const Change cases[] = {
      [](Arguments &) {},
      // Padded rows, reversed rows, broadcast input rows.
      [](Arguments &a) {
        a.inputs[0].strides = a.outputs[0].strides = {columns + 10, 1};
      },
      [](Arguments &a) {
        a.outputs[0].data = a.y.data() + 3 * columns;
        a.outputs[0].strides = {-columns, 1};
      },
      [](Arguments &a) {
        a.inputs[0].strides = {0, 1};
      },
      // Input and output are the interleaved halves of one tensor.
      [](Arguments &a) {
        a.inputs[0].strides = a.outputs[0].strides = {2 * columns, 1};
        a.outputs[0].data = a.x.data() + columns;
      },
      // Columns of one tensor side by side, in rows before, the same and behind.
      [](Arguments &a) { useStrided(a, columns, 4 * columns); },
      [](Arguments &a) { useStrided(a, -columns, 4 * columns); },
      [](Arguments &a) { useStrided(a, 5 * columns, 4 * columns); },
      [](Arguments &a) { useStrided(a, -5 * columns, 4 * columns); },
      [](Arguments &a) {
        useStrided(a, 3 * 4 * columns + columns, 4 * columns);
        a.outputs[0].strides[0] *= -1;
      },
      // More workspace than needed; memory right behind it may be used.
      [](Arguments &a) { a.workspaceBytes = 256; },
      [](Arguments &a) { a.outputs[1].data = a.memory.data() + 128; },
      // Strides of an empty tensor mean nothing.
      [](Arguments &a) {
        a.inputs[1].strides = {-7, 0};
      },
  };
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    const Status status = runWith(*program, cases[i]);
    EXPECT_TRUE(status.ok()) << i << ": " << status.toString();
  }
}
