//===- Inputs.cpp - What --arg stands for -----------------------------------------------------===//

#include "Inputs.h"

#include "support/CounterRandom.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

#include <future>

using namespace lhc;
using namespace lighthouse;
using runtime::DType;
using support::Array;

/// Reads "f32[1, 4096]" into `source`; false if `text` does not have that form.
static bool parseType(llvm::StringRef text, const Extents &extents, ArgumentSource &source) {
  auto [name, dims] = text.split('[');
  source.dtype = runtime::parseDType(name.trim());
  if (!source.dtype || !dims.consume_back("]"))
    return false;
  if (dims.trim().empty())
    return true;
  llvm::SmallVector<llvm::StringRef> parts;
  dims.split(parts, ',');
  for (llvm::StringRef part : parts) {
    int64_t dim;
    if (auto named = extents.find(part.trim()); named != extents.end())
      dim = named->second;
    else if (part.trim().getAsInteger(10, dim) || dim < 0)
      return false;
    source.shape.push_back(dim);
  }
  return true;
}

Result<ArgumentSource> lhc::parseArgument(llvm::StringRef text, const Extents &extents) {
  auto [name, what] = text.split('=');
  ArgumentSource source;
  source.name = name.str();
  if (name.empty() || what.empty())
    return Status(StatusCode::InvalidArgument,
                  "--arg expects NAME=TYPE, NAME=FILE.npy or NAME=random:TYPE, found '" +
                      text.str() + "'");
  llvm::StringRef type = what;
  bool random = type.consume_front("random:");
  if (random || type.ends_with("]")) {
    source.kind = random ? ArgumentSource::Kind::Random : ArgumentSource::Kind::Type;
    if (!parseType(type, extents, source))
      return Status(StatusCode::InvalidArgument,
                    "--arg " + source.name + " expects a type like f32[1,4096,8,64], found '" +
                        type.str() + "'");
    return source;
  }
  source.kind = ArgumentSource::Kind::File;
  auto [prefix, path] = what.split(':');
  if (auto dtype = runtime::parseDType(prefix); dtype && !path.empty()) {
    source.dtype = dtype;
    what = path;
  }
  source.path = what.str();
  return source;
}

static Result<Array> makeRandom(const ArgumentSource &source, uint64_t seed, unsigned position) {
  std::optional<int64_t> elements = runtime::elementCount(source.shape);
  if (!elements || *elements > int64_t(support::kDefaultArrayLimit / sizeof(float)))
    return Status(StatusCode::InvalidArgument, "--arg " + source.name + " is too large");
  if (*source.dtype != DType::F32 && *source.dtype != DType::F16 && *source.dtype != DType::BF16)
    return Status(StatusCode::InvalidArgument,
                  "--arg " + source.name + ": random numbers are f32, f16 or bf16, not " +
                      std::string(runtime::dtypeName(*source.dtype)));
  int64_t dims[4] = {1, 1, 1, 1};
  if (source.shape.size() == 4)
    llvm::copy(source.shape, dims);
  else if (!source.shape.empty() && *elements > 0) {
    dims[3] = source.shape.back();
    dims[2] = *elements / dims[3];
  } else {
    dims[3] = *elements;
  }
  constexpr unsigned tensors = support::kCounterTensors;
  std::vector<float> values = support::counterTensor(
      (seed + position / tensors) % support::kCounterSeeds,
      support::CounterTensor(position % tensors), dims[0], dims[1], dims[2], dims[3]);
  return Array::fromFloat(*source.dtype, source.shape, values);
}

static Result<Array> readFile(const ArgumentSource &source) {
  Result<Array> array = support::readNpy(source.path);
  if (array && source.dtype && array->dtype() != *source.dtype)
    return Status(StatusCode::InvalidArgument,
                  source.path + ": holds " + std::string(runtime::dtypeName(array->dtype())) +
                      ", not " + std::string(runtime::dtypeName(*source.dtype)));
  return array;
}

Result<std::vector<NamedArray>> lhc::makeArrays(const std::vector<ArgumentSource> &sources,
                                                uint64_t seed) {
  if (seed >= support::kCounterSeeds)
    return Status(StatusCode::InvalidArgument, "--seed must be less than 2^24");
  for (const ArgumentSource &source : sources)
    if (source.kind == ArgumentSource::Kind::Type)
      return Status(StatusCode::InvalidArgument,
                    "--arg " + source.name + " needs data: a file, or random: and a type");
  // Arrays of a GPU's size take seconds each.
  std::vector<std::future<Result<Array>>> made;
  for (auto [i, source] : llvm::enumerate(sources))
    made.push_back(std::async(std::launch::async, [&source, seed, position = unsigned(i)] {
      return source.kind == ArgumentSource::Kind::File ? readFile(source)
                                                       : makeRandom(source, seed, position);
    }));
  std::vector<NamedArray> arrays;
  for (auto [source, future] : llvm::zip_equal(sources, made)) {
    Result<Array> array = future.get();
    if (!array)
      return array.status();
    arrays.push_back({source.name, *std::move(array)});
  }
  return arrays;
}

std::vector<ArgumentType> lhc::typesOf(const std::vector<NamedArray> &arrays) {
  std::vector<ArgumentType> types;
  for (const NamedArray &named : arrays)
    types.push_back({named.name, named.array.dtype(), named.array.shape()});
  return types;
}
