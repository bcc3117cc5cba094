//===- KernelRun.cpp - A kernel compiled, and the same kernel interpreted ---------------------===//

#include "KernelRun.h"

#include "TileInterpreter.h"

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/Pipelines/TargetName.h"
#include "lighthouse/runtime/Cpu.h"
#include "lighthouse/runtime/Cuda.h"
#include "lighthouse/runtime/Program.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace e2e;
using namespace lighthouse;
using runtime::DType;
using runtime::TensorView;

namespace {

/// A contiguous tensor that ends, or begins, at a page that must not be touched.
class GuardedTensor {
public:
  GuardedTensor(DType dtype, std::vector<int64_t> shape, bool atEnd) {
    size_t page = sysconf(_SC_PAGESIZE);
    bytes = *runtime::tensorBytes(dtype, shape);
    inner = (bytes + page - 1) / page * page;
    mapping = static_cast<char *>(
        mmap(nullptr, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(mapping, MAP_FAILED);
    EXPECT_EQ(0, mprotect(mapping + page, inner, PROT_READ | PROT_WRITE));
    char *data = mapping + page + (atEnd ? inner - bytes : 0);
    mapped = inner + 2 * page;
    view = TensorView::contiguous(data, dtype, std::move(shape));
  }
  GuardedTensor(GuardedTensor &&other)
      : view(std::move(other.view)), bytes(other.bytes), inner(other.inner), mapped(other.mapped),
        mapping(std::exchange(other.mapping, nullptr)) {}
  ~GuardedTensor() {
    if (mapping)
      munmap(mapping, mapped);
  }

  int64_t elements() const { return *runtime::elementCount(view.shape); }

  TensorView view;
  size_t bytes;

private:
  size_t inner, mapped;
  char *mapping;
};

} // namespace

/// `value`, a small integer, in the form of the dtype.
static void setElement(const TensorView &view, int64_t i, int64_t value) {
  auto put = [&](auto typed) {
    std::memcpy(static_cast<char *>(view.data) + i * sizeof(typed), &typed, sizeof(typed));
  };
  auto half = [&](const llvm::fltSemantics &semantics) {
    llvm::APFloat number(semantics);
    number.convertFromAPInt(llvm::APInt(64, value, true), true, llvm::APFloat::rmNearestTiesToEven);
    put(uint16_t(number.bitcastToAPInt().getZExtValue()));
  };
  switch (view.dtype) {
  case DType::F32:
    return put(float(value));
  case DType::F64:
    return put(double(value));
  case DType::F16:
    return half(llvm::APFloat::IEEEhalf());
  case DType::BF16:
    return half(llvm::APFloat::BFloat());
  case DType::I8:
    return put(int8_t(value));
  case DType::I32:
    return put(int32_t(value));
  case DType::I64:
    return put(value);
  case DType::Bool:
    return put(uint8_t(value & 1));
  }
}

static std::vector<GuardedTensor> makeTensors(const std::vector<runtime::TensorSpec> &specs,
                                              bool atEnd) {
  std::vector<GuardedTensor> tensors;
  for (const runtime::TensorSpec &spec : specs) {
    tensors.emplace_back(spec.dtype, spec.shape, atEnd);
    for (int64_t i = 0; i < tensors.back().elements(); ++i)
      setElement(tensors.back().view, i, untouched);
  }
  return tensors;
}

static std::vector<TensorView> viewsOf(const std::vector<GuardedTensor> &tensors) {
  std::vector<TensorView> views;
  for (const GuardedTensor &tensor : tensors)
    views.push_back(tensor.view);
  return views;
}

/// Small integers that are the same in each run.
static void fill(const std::vector<GuardedTensor> &tensors, const std::vector<Input> &inputs) {
  std::mt19937 random(1);
  for (const auto &[tensor, input] : llvm::zip_equal(tensors, inputs))
    for (int64_t i = 0; i < tensor.elements(); ++i)
      setElement(tensor.view, i,
                 input.low + int64_t(random() % uint64_t(input.high - input.low + 1)));
}

static std::vector<double> valuesOf(const TensorView &view) {
  std::vector<double> values;
  for (int64_t i = 0; i < *runtime::elementCount(view.shape); ++i)
    values.push_back(elementOf(view, i));
  return values;
}

/// "[1, 2]": the coordinates of an element.
static std::string placeOf(int64_t element, std::span<const int64_t> shape) {
  std::vector<int64_t> place(shape.size());
  for (size_t d = shape.size(); d-- > 0; element /= shape[d])
    place[d] = element % shape[d];
  return runtime::formatDims(place);
}

void e2e::expectSame(const std::string &name, std::span<const int64_t> shape,
                     std::span<const double> actual, std::span<const double> expected,
                     double tolerance) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  int64_t wrong = 0;
  for (auto [i, got, want] : llvm::enumerate(actual, expected)) {
    bool same = got == want || (std::isnan(got) && std::isnan(want)) ||
                std::abs(got - want) <= tolerance * std::max(1.0, std::abs(want));
    if (!same && ++wrong <= 5)
      ADD_FAILURE() << name << placeOf(i, shape) << " is " << got << ", not " << want;
  }
  EXPECT_EQ(wrong, 0) << "wrong elements of " << name << ", out of " << actual.size();
}

static Request requestFor(const KernelCase &c) {
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = c.kernel;
  request.settings = c.settings;
  for (const Input &input : c.inputs)
    request.arguments.push_back({input.name, input.dtype, input.shape});
  return request;
}

/// Runs on the first GPU, on copies of the tensors that lie between bands of bytes which the kernel
/// must leave alone.
static runtime::Status runOnDevice(const runtime::Program &program,
                                   std::vector<TensorView> inputs, std::vector<TensorView> outputs) {
  using runtime::cuda::DeviceBuffer;
  constexpr size_t band = 512;
  constexpr uint8_t pattern = 0xA5;
  std::vector<DeviceBuffer> buffers;
  auto upload = [&](TensorView &view) -> runtime::Status {
    size_t bytes = *runtime::tensorBytes(view.dtype, view.shape);
    auto buffer = DeviceBuffer::allocate(bytes + 2 * band);
    if (!buffer)
      return buffer.status();
    char *data = static_cast<char *>(buffer->data()) + band;
    (void)runtime::cuda::fill(buffer->data(), pattern, buffer->size());
    runtime::Status status = runtime::cuda::copy(data, view.data, bytes);
    view.data = data;
    view.device = runtime::Device::Cuda;
    buffers.push_back(*std::move(buffer));
    return status;
  };
  std::vector<void *> hostData;
  for (std::vector<TensorView> *views : {&inputs, &outputs})
    for (TensorView &view : *views) {
      hostData.push_back(view.data);
      if (runtime::Status status = upload(view); !status.ok())
        return status;
    }
  if (runtime::Status status = program.run(inputs, outputs, nullptr, 0); !status.ok())
    return status;
  for (size_t i = 0; i < buffers.size(); ++i) {
    std::vector<uint8_t> bytes(buffers[i].size());
    if (runtime::Status status =
            runtime::cuda::copy(bytes.data(), buffers[i].data(), bytes.size());
        !status.ok())
      return status;
    auto isPattern = [](uint8_t byte) { return byte == pattern; };
    EXPECT_TRUE(std::all_of(bytes.begin(), bytes.begin() + band, isPattern) &&
                std::all_of(bytes.end() - band, bytes.end(), isPattern))
        << "tensor " << i << " was written outside of its memory";
    if (i >= inputs.size())
      std::memcpy(hostData[i], bytes.data() + band, bytes.size() - 2 * band);
  }
  return {};
}

std::vector<std::vector<double>> e2e::runAndCompare(const KernelCase &c) {
  std::vector<std::vector<double>> results;
  auto compiler = Compiler::parse(c.name + ".lh", c.source);
  if (!compiler) {
    ADD_FAILURE() << compiler.status().message();
    return results;
  }
  Request request = requestFor(c);

  std::vector<std::string> targets{"x86-64-v2", "x86-64-v3", "x86-64-v4"};
  auto device = parseTarget("cuda");
  targets.push_back(device ? device->arch : "sm_90a");
  // What has no units of its own runs everywhere.
  if (device && device->arch != "sm_80")
    targets.push_back("sm_80");
  for (const std::string &level : targets) {
    SCOPED_TRACE(level);
    bool isCuda = level.starts_with("sm_");
    request.level = isCuda ? "" : level;
    request.arch = isCuda ? level : "";
    auto artifact = compiler->compile(request, nullptr);
    if (!artifact && artifact.status().message().find("f16 needs x86-64-v3") != std::string::npos)
      continue;
    if (!artifact) {
      ADD_FAILURE() << artifact.status().message();
      return results;
    }
    if (isCuda && !device)
      continue;
    const runtime::Plan &plan = artifact->plans[0];
    EXPECT_EQ(plan.launches.size(), 1u);

    // The inputs are the same for both, in the order of the plan.
    bool atEnd = level != "x86-64-v3";
    std::vector<GuardedTensor> inputs = makeTensors(plan.inputs, atEnd);
    for (size_t i = 0; i < inputs.size(); ++i)
      EXPECT_EQ(plan.inputs[i].name, c.inputs[i].name);
    fill(inputs, c.inputs);
    std::vector<GuardedTensor> actual = makeTensors(plan.outputs, atEnd);
    std::vector<GuardedTensor> expected = makeTensors(plan.outputs, atEnd);

    auto text = compiler->emit(request, Phase::Tile);
    EXPECT_TRUE(text.ok()) << text.status().message();
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    context.loadDialect<tile::TileDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                        mlir::scf::SCFDialect, mlir::tensor::TensorDialect>();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(*text, &context);
    if (!module) {
      ADD_FAILURE() << "the tile phase cannot be parsed";
      return results;
    }
    std::vector<TensorView> tensors = viewsOf(inputs);
    for (const GuardedTensor &tensor : expected)
      tensors.push_back(tensor.view);
    std::string problem = interpret(*module->getOps<tile::KernelOp>().begin(), tensors,
                                    plan.launches[0].dims, plan.launches[0].grid);
    if (!problem.empty()) {
      ADD_FAILURE() << problem;
      return results;
    }

    if (!isCuda && *runtime::parseCpuLevel(level) > runtime::detectCpuLevel())
      continue;
    auto program = runtime::Program::load(*artifact);
    if (!program) {
      ADD_FAILURE() << program.status().message();
      return results;
    }
    std::vector<TensorView> inputViews = viewsOf(inputs), outputViews = viewsOf(actual);
    runtime::Status status = isCuda ? runOnDevice(*program, inputViews, outputViews)
                                    : program->run(inputViews, outputViews, nullptr, 0);
    EXPECT_TRUE(status.ok()) << status.message();
    results.clear();
    for (size_t i = 0; i < actual.size(); ++i) {
      results.push_back(valuesOf(actual[i].view));
      expectSame(plan.outputs[i].name, actual[i].view.shape, results.back(),
                 valuesOf(expected[i].view), c.tolerance);
    }
  }
  return results;
}

std::optional<KernelValues> e2e::runOnHopper(const KernelCase &c) {
  auto compiler = Compiler::parse(c.name + ".lh", c.source);
  if (!compiler) {
    ADD_FAILURE() << compiler.status().message();
    return std::nullopt;
  }
  Request request = requestFor(c);
  request.arch = "sm_90a";
  auto artifact = compiler->compile(request, nullptr);
  if (!artifact) {
    ADD_FAILURE() << artifact.status().message();
    return std::nullopt;
  }
  auto device = parseTarget("cuda");
  if (!device || device->arch != request.arch)
    return std::nullopt;
  auto program = runtime::Program::load(*artifact);
  if (!program) {
    ADD_FAILURE() << program.status().message();
    return std::nullopt;
  }
  const runtime::Plan &plan = artifact->plans[0];
  std::vector<GuardedTensor> inputs = makeTensors(plan.inputs, /*atEnd=*/true);
  std::vector<GuardedTensor> results = makeTensors(plan.outputs, /*atEnd=*/true);
  fill(inputs, c.inputs);
  if (runtime::Status status = runOnDevice(*program, viewsOf(inputs), viewsOf(results));
      !status.ok()) {
    ADD_FAILURE() << status.message();
    return std::nullopt;
  }
  KernelValues values;
  for (const GuardedTensor &tensor : inputs)
    values.inputs.push_back(valuesOf(tensor.view));
  for (const GuardedTensor &tensor : results)
    values.results.push_back(valuesOf(tensor.view));
  return values;
}
