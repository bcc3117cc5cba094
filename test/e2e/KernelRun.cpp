//===- KernelRun.cpp - A kernel compiled, and the same kernel interpreted ---------------------===//

#include "KernelRun.h"

#include "TileInterpreter.h"

#include "lighthouse/Pipelines/Compiler.h"
#include "lighthouse/runtime/Cpu.h"
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

/// What a result holds before the kernel runs: another value than kernels store.
static constexpr int64_t untouched = 97;

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

static void expectSame(const TensorView &actual, const TensorView &expected, double tolerance) {
  int64_t failures = 0;
  for (int64_t i = 0; i < *runtime::elementCount(actual.shape) && failures < 5; ++i) {
    double got = elementOf(actual, i), want = elementOf(expected, i);
    bool same = got == want || (std::isnan(got) && std::isnan(want)) ||
                std::abs(got - want) <= tolerance * std::max(1.0, std::abs(want));
    if (!same) {
      ADD_FAILURE() << "element " << i << " of " << runtime::formatDims(actual.shape) << " is "
                    << got << ", not " << want;
      ++failures;
    }
  }
}

std::vector<std::vector<double>> e2e::runAndCompare(const KernelCase &c) {
  std::vector<std::vector<double>> results;
  auto compiler = Compiler::parse(c.name + ".lh", c.source);
  if (!compiler) {
    ADD_FAILURE() << compiler.status().message();
    return results;
  }
  Request request;
  request.kind = Request::Kind::Kernel;
  request.name = "k";
  request.settings = c.settings;
  for (const Input &input : c.inputs)
    request.arguments.push_back({input.name, input.dtype, input.shape});

  for (const char *level : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    SCOPED_TRACE(level);
    request.level = level;
    auto artifact = compiler->compile(request, nullptr);
    if (!artifact && artifact.status().message().find("f16 needs x86-64-v3") != std::string::npos)
      continue;
    if (!artifact) {
      ADD_FAILURE() << artifact.status().message();
      return results;
    }
    const runtime::Plan &plan = artifact->plan;
    EXPECT_EQ(plan.launches.size(), 1u);

    // The inputs are the same for both, in the order of the plan.
    std::mt19937 random(1);
    bool atEnd = level != std::string("x86-64-v3");
    std::vector<GuardedTensor> inputs = makeTensors(plan.inputs, atEnd);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Input &input = c.inputs[i];
      EXPECT_EQ(plan.inputs[i].name, input.name);
      for (int64_t j = 0; j < inputs[i].elements(); ++j)
        setElement(inputs[i].view, j,
                   input.low + int64_t(random() % uint64_t(input.high - input.low + 1)));
    }
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

    if (*runtime::parseCpuLevel(level) > runtime::detectCpuLevel())
      continue;
    auto program = runtime::Program::load(*artifact);
    if (!program) {
      ADD_FAILURE() << program.status().message();
      return results;
    }
    std::vector<TensorView> inputViews = viewsOf(inputs), outputViews = viewsOf(actual);
    runtime::Status status = program->run(inputViews, outputViews, nullptr, 0);
    EXPECT_TRUE(status.ok()) << status.message();
    results.clear();
    for (size_t i = 0; i < actual.size(); ++i) {
      SCOPED_TRACE(plan.outputs[i].name);
      expectSame(actual[i].view, expected[i].view, c.tolerance);
      std::vector<double> &values = results.emplace_back();
      for (int64_t j = 0; j < actual[i].elements(); ++j)
        values.push_back(elementOf(actual[i].view, j));
    }
  }
  return results;
}
