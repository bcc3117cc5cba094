//===- PlanWriter.cpp - Plan to JSON --------------------------------------===//
//
// Written by hand instead of through a JSON tree: one line for each tensor, buffer and argument
// list keeps a plan readable, which generic indentation of arrays does not.
//
//===----------------------------------------------------------------------===//

#include "PlanFormat.h"

#include "lighthouse/runtime/Plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

namespace lighthouse::runtime {

namespace {

/// Names hold printable ASCII only, so that quotes and backslashes are all that needs an escape.
std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      result += '\\';
    result += c;
  }
  return result += '"';
}

template <typename Integers> std::string integers(const Integers &values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}

std::string toJson(const TensorSpec &tensor) {
  return fmt::format(R"({{"name": {}, "dtype": "{}", "shape": {}}})", quoted(tensor.name),
                     dtypeName(tensor.dtype), integers(tensor.shape));
}

std::string toJson(const ParameterSpec &parameter) {
  return fmt::format(R"({{"name": {}, "dtype": "{}"}})", quoted(parameter.name),
                     dtypeName(parameter.dtype));
}

std::string toJson(const BufferSpec &buffer) {
  return fmt::format(R"({{"offset": {}, "dtype": "{}", "shape": {}}})", buffer.offset,
                     dtypeName(buffer.dtype), integers(buffer.shape));
}

std::string toJson(const KernelArg &arg) {
  if (arg.kind == KernelArg::Kind::Scalar)
    return fmt::format(R"({{"kind": "scalar", "dtype": "{}"}})", dtypeName(arg.dtype));
  if (arg.kind == KernelArg::Kind::TensorMap)
    return fmt::format(R"({{"kind": "tensor_map", "dtype": "{}", "box": {}, "swizzle": {}, )"
                       R"("l2_promotion": {}, "fill_nan": {}}})",
                       dtypeName(arg.dtype), integers(arg.map.box), arg.map.swizzle,
                       arg.map.l2Promotion, arg.map.fillNaN);
  return fmt::format(R"({{"kind": "tensor", "dtype": "{}", "rank": {}, "inner_contiguous": {}, )"
                     R"("alignment": {}}})",
                     dtypeName(arg.dtype), arg.rank, arg.innerContiguous, arg.alignment);
}

std::string toJson(const LaunchArg &arg) {
  if (arg.kind == LaunchArg::Kind::Scalar)
    return fmt::format(R"({{"scalar": {}}})", arg.bits);
  return fmt::format(R"({{"{}": {}}})", launchArgKindNames[static_cast<int>(arg.kind)], arg.index);
}

std::string toJson(const FillSpec &fill) {
  return fmt::format(R"({{"arg": {}, "bits": {}}})", fill.arg, fill.bits);
}

std::string toJson(const KernelSpec &kernel);
std::string toJson(const LaunchSpec &launch);

/// `elements` one a line, in brackets, the lines indented by `indent`.
template <typename T> std::string list(const std::vector<T> &elements, std::string_view indent) {
  if (elements.empty())
    return "[]";
  std::string text = "[";
  for (std::size_t i = 0; i < elements.size(); ++i)
    fmt::format_to(std::back_inserter(text), "{}\n{}  {}", i == 0 ? "" : ",", indent,
                   toJson(elements[i]));
  return text.append("\n").append(indent).append("]");
}

std::string toJson(const KernelSpec &kernel) {
  std::vector<std::string> dims;
  for (const std::string &dim : kernel.dims)
    dims.push_back(quoted(dim));
  return fmt::format("{{\n"
                     "      \"name\": {},\n"
                     "      \"image\": {},\n"
                     "      \"entry\": {},\n"
                     "      \"stack_bytes\": {},\n"
                     "      \"threads\": {},\n"
                     "      \"shared_bytes\": {},\n"
                     "      \"cluster\": {},\n"
                     "      \"resident\": {},\n"
                     "      \"args\": {},\n"
                     "      \"dims\": {}\n"
                     "    }}",
                     quoted(kernel.name), kernel.image, kernel.entry, kernel.stackBytes,
                     kernel.threads, kernel.sharedBytes, kernel.cluster, kernel.isResident,
                     list(kernel.args, "      "), integers(dims));
}

std::string toJson(const LaunchSpec &launch) {
  return fmt::format("{{\n"
                     "      \"kernel\": {},\n"
                     "      \"stage\": {},\n"
                     "      \"grid\": {},\n"
                     "      \"args\": {},\n"
                     "      \"dims\": {},\n"
                     "      \"cost\": {{\"bytes_read\": {}, \"bytes_written\": {}, \"flops\": {}}},\n"
                     "      \"fills\": {}\n"
                     "    }}",
                     launch.kernel, quoted(launch.stage), integers(launch.grid),
                     list(launch.args, "      "), integers(launch.dims), launch.cost.bytesRead,
                     launch.cost.bytesWritten, launch.cost.flops, list(launch.fills, "      "));
}

} // namespace

std::string Plan::toJson() const {
  return fmt::format("{{\n"
                     "  \"version\": {},\n"
                     "  \"name\": {},\n"
                     "  \"target\": {},\n"
                     "  \"cpu_level\": {},\n"
                     "  \"arch\": {},\n"
                     "  \"inputs\": {},\n"
                     "  \"outputs\": {},\n"
                     "  \"parameters\": {},\n"
                     "  \"workspace_bytes\": {},\n"
                     "  \"buffers\": {},\n"
                     "  \"kernels\": {},\n"
                     "  \"launches\": {}\n"
                     "}}\n",
                     planVersion, quoted(name), quoted(target), quoted(cpuLevel), quoted(arch),
                     list(inputs, "  "), list(outputs, "  "), list(parameters, "  "),
                     workspaceBytes, list(buffers, "  "), list(kernels, "  "),
                     list(launches, "  "));
}

std::string plansToJson(const std::vector<Plan> &plans) {
  std::string text = "[";
  for (const Plan &plan : plans)
    text.append(text.size() == 1 ? "\n" : ",\n").append(plan.toJson());
  return text.append("]\n");
}

} // namespace lighthouse::runtime
