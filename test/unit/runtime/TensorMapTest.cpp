//===- TensorMapTest.cpp - Tensor maps and clusters on the fake driver ----===//

#include "CudaTest.h"
#include "HopperSample.h"

#include <gmock/gmock.h>

#include <bit>
#include <string_view>

using namespace lighthouse::runtime;
using namespace lighthouse::runtime::test;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

namespace {

class TensorMap : public CudaTest {
protected:
  /// Loads and runs an entry point of `artifact`.
  static Status run(const Artifact &artifact, std::string_view entryPoint,
                    const std::vector<TensorView> &inputs, const std::vector<TensorView> &outputs,
                    void *workspace = nullptr, std::size_t workspaceBytes = 0) {
    Result<Program> program = Program::load(artifact, {.entryPoint = entryPoint});
    if (!program)
      return program.status();
    return program->run(inputs, outputs, workspace, workspaceBytes);
  }

  /// Runs "copy" on an x of this type, shape and strides and gives the tensor map of it.
  FakeTensorMap mapOf(DType dtype, const std::vector<std::int64_t> &shape,
                      const std::vector<std::int64_t> &strides, const TensorMapSpec &spec) {
    Artifact artifact = hopperArtifact();
    Plan &plan = artifact.plans[0];
    plan.inputs[0].dtype = dtype;
    plan.inputs[0].shape = shape;
    KernelArg &arg = plan.kernels[0].args[0];
    arg.dtype = dtype;
    arg.rank = std::int64_t(shape.size());
    arg.map = spec;
    forgetCalls();
    // Behind the output, so that no stride makes them meet.
    void *data = static_cast<std::byte *>(y.data()) + 8192;
    const Status status =
        run(artifact, "copy", {{data, dtype, shape, strides, Device::Cuda}}, {outputOf(y)});
    EXPECT_TRUE(status.ok()) << status.toString();
    EXPECT_EQ(fake().tensorMaps.size(), 1u);
    return fake().tensorMaps.empty() ? FakeTensorMap() : fake().tensorMaps[0];
  }

  static TensorView outputOf(const cuda::DeviceBuffer &buffer) {
    return TensorView::contiguous(buffer.data(), DType::F32, {copyOutRows, copyOutColumns},
                                  Device::Cuda);
  }

  static std::int64_t address(const cuda::DeviceBuffer &buffer) {
    return std::int64_t(reinterpret_cast<std::uintptr_t>(buffer.data()));
  }

  const cuda::DeviceBuffer x = *cuda::DeviceBuffer::allocate(1 << 16);
  const cuda::DeviceBuffer y = *cuda::DeviceBuffer::allocate(1 << 16);
};

} // namespace

//===----------------------------------------------------------------------===//
// Tensor maps
//===----------------------------------------------------------------------===//

TEST_F(TensorMap, ComesBeforeTheWords) {
  // A view of a tensor with longer rows.
  const TensorView input = {x.data(), DType::F32, {copyRows, copyColumns}, {44, 1}, Device::Cuda};
  const Status status = run(hopperArtifact(), "copy", {input}, {outputOf(y)});
  ASSERT_TRUE(status.ok()) << status.toString();
  ASSERT_EQ(fake().tensorMaps.size(), 1u);
  const FakeTensorMap &map = fake().tensorMaps[0];
  EXPECT_EQ(map.type, 7);
  EXPECT_EQ(map.address, x.data());
  EXPECT_THAT(map.extents, ElementsAre(40u, 20u));
  EXPECT_THAT(map.strides, ElementsAre(176u));
  EXPECT_THAT(map.box, ElementsAre(16u, 8u));
  EXPECT_THAT(map.elementStrides, ElementsAre(1u, 1u));
  EXPECT_THAT((std::array{map.interleave, map.swizzle, map.l2Promotion, map.fill}),
              ElementsAre(0, 0, 0, 0));

  ASSERT_EQ(fake().launches.size(), 1u);
  const FakeLaunch &launch = fake().launches[0];
  EXPECT_EQ(launch.kernel, "copy");
  EXPECT_THAT(launch.grid, ElementsAre(9u, 1u, 1u));
  std::vector<std::int64_t> words = fakeTensorMapWords(0);
  words.insert(words.end(), {address(y), 4 * copyOutColumns, 4, 3, 3, 1});
  EXPECT_THAT(launch.words, ElementsAreArray(words));
}

TEST_F(TensorMap, TypesAndModes) {
  const std::pair<DType, int> types[] = {{DType::I8, 0},  {DType::I32, 3}, {DType::I64, 5},
                                         {DType::F16, 6}, {DType::F32, 7}, {DType::F64, 8},
                                         {DType::BF16, 9}};
  for (const auto &[dtype, code] : types) {
    const FakeTensorMap map = mapOf(dtype, {5, 9}, {32, 1}, {{4, 16}});
    EXPECT_EQ(map.type, code) << dtypeName(dtype);
    EXPECT_THAT(map.strides, ElementsAre(32 * dtypeBytes(dtype))) << dtypeName(dtype);
  }
  for (int mode = 0; mode < 4; ++mode) {
    const std::int64_t swizzle[] = {0, 32, 64, 128}, promotion[] = {0, 64, 128, 256};
    const FakeTensorMap map =
        mapOf(DType::BF16, {5, 8}, {8, 1}, {{4, 8}, swizzle[mode], promotion[mode], mode == 2});
    EXPECT_EQ(map.swizzle, mode);
    EXPECT_EQ(map.l2Promotion, mode);
    EXPECT_EQ(map.fill, mode == 2);
  }
}

TEST_F(TensorMap, DimsAndStrides) {
  const FakeTensorMap vector = mapOf(DType::F32, {40}, {1}, {{16}});
  EXPECT_THAT(vector.extents, ElementsAre(40u));
  EXPECT_THAT(vector.strides, testing::IsEmpty());
  // Permuted, as a view of heads is; and rows that are all the same.
  const FakeTensorMap permuted =
      mapOf(DType::BF16, {2, 3, 4, 16}, {768, 16, 48, 1}, {{1, 1, 4, 8}});
  EXPECT_THAT(permuted.extents, ElementsAre(16u, 4u, 3u, 2u));
  EXPECT_THAT(permuted.strides, ElementsAre(96u, 32u, 1536u));
  EXPECT_THAT(permuted.box, ElementsAre(8u, 4u, 1u, 1u));
  EXPECT_THAT(mapOf(DType::F32, {5, 8}, {0, 1}, {{1, 4}}).strides, ElementsAre(0u));

  // The caller may give dimensions of one element any stride.
  for (std::int64_t wild :
       {std::int64_t(0), std::int64_t(7), std::int64_t(-5), INT64_MIN, INT64_MAX}) {
    EXPECT_THAT(mapOf(DType::F32, {1, 40}, {wild, 1}, {{1, 4}}).strides, ElementsAre(160u));
    EXPECT_THAT(mapOf(DType::F16, {1, 3}, {wild, 1}, {{1, 8}}).strides, ElementsAre(16u));
    EXPECT_THAT(mapOf(DType::F32, {4, 1, 40}, {48, wild, 1}, {{1, 1, 4}}).strides,
                ElementsAre(160u, 192u));
  }
  // Three of the largest stride are more than a stride may be.
  const std::int64_t largest = (std::int64_t(1) << 40) - 16;
  EXPECT_THAT(mapOf(DType::F32, {1, 3, 40}, {7, largest / 4, 1}, {{1, 1, 4}}).strides,
              ElementsAre(std::uint64_t(largest), std::uint64_t(largest)));
}

TEST_F(TensorMap, StridesThatItCannotHaveAreRefused) {
  const std::pair<std::int64_t, std::string_view> strides[] = {
      {-40, "input 0 'x': stride -40 of dim 0 was passed; a kernel needs 0 to 274877906940"},
      {std::int64_t(1) << 38, "stride 274877906944 of dim 0 was passed; a kernel needs 0 to"},
      {42, "stride 42 of dim 0 is 168 bytes; a kernel needs a multiple of 16"}};
  for (const auto &[stride, message] : strides) {
    const TensorView input = {
        x.data(), DType::F32, {copyRows, copyColumns}, {stride, 1}, Device::Cuda};
    const Status status = run(hopperArtifact(), "copy", {input}, {outputOf(y)});
    EXPECT_EQ(status.code(), StatusCode::InvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
  }
  const TensorView columns = {x.data(), DType::F32, {copyRows, copyColumns}, {1, 20}, Device::Cuda};
  EXPECT_THAT(run(hopperArtifact(), "copy", {columns}, {outputOf(y)}).message(),
              HasSubstr("a kernel needs stride 1 in the last dimension"));
  EXPECT_THAT(fake().tensorMaps, testing::IsEmpty());
}

/// "copy" with arguments of all kinds between two tensor maps.
static Artifact mixedArtifact() {
  Artifact artifact = hopperArtifact();
  artifact.plans.pop_back();
  artifact.images.pop_back();
  constexpr std::string_view ptx =
      ".version 8.0\n.visible .entry copy(.param .align 64 .b8 copy_args[312])";
  imageOf(artifact).bytes.assign(ptx.begin(), ptx.end());
  Plan &plan = artifact.plans[0];
  plan.parameters = {{"factor", DType::F32}};
  plan.workspaceBytes = 8192;
  plan.buffers = {{128, DType::F32, {copyRows, copyColumns}}};
  const KernelArg scalar = {KernelArg::Kind::Scalar, DType::F32}, map = plan.kernels[0].args[0],
                  tensor = plan.kernels[0].args[1];
  plan.kernels[0].args = {scalar, map, tensor, map};
  plan.launches[0].args = {LaunchArg::parameter(0), LaunchArg::buffer(0), LaunchArg::input(0),
                           LaunchArg::output(0)};
  return artifact;
}

TEST_F(TensorMap, BuffersOutputsAndFills) {
  Artifact artifact = mixedArtifact();
  artifact.plans[0].launches[0].fills = {{3, std::bit_cast<std::uint32_t>(7.0f)}};
  Result<Program> program = Program::load(artifact);
  ASSERT_TRUE(program) << program.status().toString();
  const cuda::DeviceBuffer workspace = *cuda::DeviceBuffer::allocate(8192);
  const TensorView input =
      TensorView::contiguous(x.data(), DType::F32, {copyRows, copyColumns}, Device::Cuda);
  const TensorView output = outputOf(y);
  const std::uint64_t factor[] = {99};
  const Status status = program->run({&input, 1}, {&output, 1}, workspace.data(), workspace.size(),
                                     {.parameters = factor});
  ASSERT_TRUE(status.ok()) << status.toString();
  ASSERT_EQ(fake().tensorMaps.size(), 2u);
  EXPECT_EQ(fake().tensorMaps[0].address, static_cast<std::byte *>(workspace.data()) + 128);
  EXPECT_THAT(fake().tensorMaps[0].strides, ElementsAre(4u * copyColumns));
  EXPECT_EQ(fake().tensorMaps[1].address, y.data());
  EXPECT_THAT(fake().tensorMaps[1].extents, ElementsAre(48u, 24u));

  // Both maps, in the order of the arguments, then the words of the others.
  std::vector<std::int64_t> words = fakeTensorMapWords(0);
  const std::vector<std::int64_t> second = fakeTensorMapWords(1);
  words.insert(words.end(), second.begin(), second.end());
  words.insert(words.end(), {99, address(x), 4 * copyColumns, 4, 3, 3, 1});
  ASSERT_EQ(fake().launches.size(), 1u);
  EXPECT_THAT(fake().launches[0].words, ElementsAreArray(words));
  std::vector<float> filled(std::size_t(copyOutRows * copyOutColumns));
  ASSERT_TRUE(cuda::copy(filled.data(), y.data(), filled.size() * sizeof(float)).ok());
  EXPECT_THAT(filled, testing::Each(7.0f));
}

TEST_F(TensorMap, NoneForAnEmptyGrid) {
  Artifact artifact = hopperArtifact();
  artifact.plans[0].launches[0].grid = {3, 0, 1};
  const TensorView input =
      TensorView::contiguous(x.data(), DType::F32, {copyRows, copyColumns}, Device::Cuda);
  ASSERT_TRUE(run(artifact, "copy", {input}, {outputOf(y)}).ok());
  EXPECT_THAT(fake().tensorMaps, testing::IsEmpty());
  EXPECT_THAT(fake().launches, testing::IsEmpty());
}

//===----------------------------------------------------------------------===//
// Clusters
//===----------------------------------------------------------------------===//

/// "ranks" with clusters of so many blocks, in a grid of two of them.
static Artifact clusterArtifact(std::int32_t cluster) {
  Artifact artifact = hopperArtifact();
  artifact.plans[1].kernels[0].cluster = cluster;
  artifact.plans[1].launches[0].grid = {cluster, 2, 1};
  return artifact;
}

TEST_F(TensorMap, ClustersAreLaunchedAsSuch) {
  const std::vector<TensorView> outputs = {
      TensorView::contiguous(y.data(), DType::I32, {rankedBlocks, 2}, Device::Cuda)};
  for (const std::int32_t cluster : {1, 2, 8, 9, 16}) {
    forgetCalls();
    const Status status = run(clusterArtifact(cluster), "ranks", {}, outputs);
    ASSERT_TRUE(status.ok()) << cluster << ": " << status.toString();
    ASSERT_EQ(fake().launches.size(), 1u);
    const FakeLaunch &launch = fake().launches[0];
    EXPECT_EQ(fake().count("cuLaunchKernel"), cluster == 1);
    EXPECT_EQ(fake().count("cuLaunchKernelEx"), cluster != 1);
    const bool isCluster = cluster != 1;
    EXPECT_THAT(launch.cluster, ElementsAre(isCluster ? unsigned(cluster) : 0u, unsigned(isCluster),
                                            unsigned(isCluster)));
    EXPECT_THAT(launch.grid, ElementsAre(2u * unsigned(cluster), 1u, 1u));
    EXPECT_THAT(launch.block, ElementsAre(32u, 1u, 1u));
    EXPECT_THAT(launch.words, ElementsAre(address(y), 8, 4, cluster, 2, 1));
    // The attribute for clusters that not every device can have.
    EXPECT_EQ(fake().count("cuFuncSetAttribute"), cluster > 8);
  }
}

TEST_F(TensorMap, ClustersHaveStreamsAndSharedMemory) {
  Artifact artifact = clusterArtifact(4);
  artifact.plans[1].kernels[0].sharedBytes = 64 << 10;
  Result<Program> program = Program::load(artifact, {.entryPoint = "ranks"});
  ASSERT_TRUE(program) << program.status().toString();
  const Result<cuda::Stream> stream = cuda::Stream::create();
  ASSERT_TRUE(stream);
  const TensorView output =
      TensorView::contiguous(y.data(), DType::I32, {rankedBlocks, 2}, Device::Cuda);
  const Status status = program->run({}, {&output, 1}, nullptr, 0, {.stream = stream->handle()});
  ASSERT_TRUE(status.ok()) << status.toString();
  EXPECT_EQ(fake().launches[0].stream, stream->handle());
  EXPECT_EQ(fake().launches[0].sharedBytes, 65536u);
}

TEST_F(TensorMap, EveryFailingCallIsReportedAndLeavesNothing) {
  const TensorView input =
      TensorView::contiguous(x.data(), DType::F32, {copyRows, copyColumns}, Device::Cuda);
  const TensorView ranks =
      TensorView::contiguous(y.data(), DType::I32, {rankedBlocks, 2}, Device::Cuda);
  failEveryCall([&]() -> Status {
    if (Status s = run(hopperArtifact(), "copy", {input}, {outputOf(y)}); !s.ok())
      return s;
    return run(clusterArtifact(16), "ranks", {}, {ranks});
  });
}
