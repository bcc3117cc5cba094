//===- Run.cpp - lhc run ----------------------------------------------------------------------===//

#include "PipelineRun.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace lhc;
using namespace lighthouse;
namespace cl = llvm::cl;

namespace {

/// What is worth saying about an array without printing it.
struct Summary {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
  double sum = 0;
  int64_t nans = 0;

  void add(double value) {
    if (std::isnan(value)) {
      ++nans;
      return;
    }
    least = std::min(least, value);
    most = std::max(most, value);
    sum += value;
  }

  explicit Summary(const support::Array &array) {
    switch (array.dtype()) {
    case runtime::DType::F64:
      addAll(array.as<double>());
      break;
    case runtime::DType::I8:
    case runtime::DType::Bool:
      addAll(array.as<int8_t>());
      break;
    case runtime::DType::I32:
      addAll(array.as<int32_t>());
      break;
    case runtime::DType::I64:
      addAll(array.as<int64_t>());
      break;
    default:
      if (Result<std::vector<float>> values = array.toFloat())
        addAll(std::span<const float>(*values));
    }
  }

private:
  template <typename T> void addAll(std::span<const T> values) {
    for (T value : values)
      add(double(value));
  }
};

class RunCommand : public Command {
public:
  RunCommand() : Command("run", "Compile and run a pipeline on arrays") {}

  int run() override {
    Files files;
    if (Status status = parseOuts(files); !status.ok()) {
      printError(status.message());
      return Usage;
    }
    PipelineRun pipeline;
    if (int code = pipeline.prepare(options, seed, /*exposeSelections=*/false))
      return code;
    for (const auto &[name, path] : files)
      if (llvm::none_of(pipeline.execution->outputs, [&, &name = name](const NamedArray &output) {
            return output.name == name;
          })) {
        printError("--out " + name + ": the results are " +
                   describeArrays(pipeline.execution->outputs));
        return InvalidInput;
      }
    if (Status status = pipeline.execution->run(pipeline.inputs); !status.ok())
      return failRun(status);
    return report(pipeline.execution->outputs, files);
  }

private:
  /// Names of results and where they are written.
  using Files = std::vector<std::pair<std::string, std::string>>;

  Status parseOuts(Files &files) const {
    for (const std::string &text : outs) {
      auto [name, path] = llvm::StringRef(text).split('=');
      if (name.empty() || path.empty() || path == "-")
        return Status(StatusCode::InvalidArgument,
                      "--out expects NAME=FILE.npy, found '" + text + "'");
      for (const auto &[otherName, otherPath] : files)
        if (otherName == name || otherPath == path)
          return Status(StatusCode::InvalidArgument,
                        "--out " + (otherName == name ? otherName : otherPath) +
                            " is given twice");
      files.emplace_back(name.str(), path.str());
    }
    return {};
  }

  int report(const std::vector<NamedArray> &outputs, const Files &files) {
    llvm::json::Array list;
    int code = Ok;
    for (const NamedArray &output : outputs) {
      std::string written;
      for (auto &[name, path] : files) {
        if (name != output.name)
          continue;
        // The others are still worth their run.
        if (Status status = support::writeNpy(path, output.array); status.ok())
          written = path;
        else
          code = failRun(status);
      }
      Summary summary(output.array);
      bool any = summary.most >= summary.least;
      double mean = any ? summary.sum / double(output.array.elements() - summary.nans) : 0;
      if (json) {
        list.push_back(llvm::json::Object{
            {"name", output.name},
            {"dtype", llvm::StringRef(runtime::dtypeName(output.array.dtype()))},
            {"shape", llvm::json::Array(output.array.shape())},
            {"min", any ? llvm::json::Value(summary.least) : llvm::json::Value(nullptr)},
            {"max", any ? llvm::json::Value(summary.most) : llvm::json::Value(nullptr)},
            {"mean", any ? llvm::json::Value(mean) : llvm::json::Value(nullptr)},
            {"nan", summary.nans},
            {"file", written.empty() ? llvm::json::Value(nullptr) : llvm::json::Value(written)}});
        continue;
      }
      llvm::outs() << output.name << ": "
                   << runtime::formatTensorType(output.array.dtype(), output.array.shape());
      if (any)
        llvm::outs() << llvm::format(", min %g, max %g, mean %g", summary.least, summary.most,
                                     mean);
      if (summary.nans)
        llvm::outs() << ", " << summary.nans << " NaN";
      if (!written.empty())
        llvm::outs() << " -> " << written;
      llvm::outs() << "\n";
    }
    if (json)
      printJson(llvm::json::Object{{"results", std::move(list)}});
    return code;
  }

  SpecOptions options{sub};
  cl::list<std::string> outs{"out", cl::desc("Write a result; may repeat"),
                             cl::value_desc("NAME=FILE.npy"), cl::sub(sub)};
  cl::opt<uint64_t> seed{"seed", cl::desc("Seed of random arguments (default: 0)"), cl::init(0),
                         cl::sub(sub)};
};

} // namespace

std::unique_ptr<Command> lhc::makeRunCommand() { return std::make_unique<RunCommand>(); }
