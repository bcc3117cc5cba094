//===- TargetFields.cpp - What specifications ask of the target -------------------------===//
#include "TargetFields.h"

using namespace lighthouse;
using namespace lighthouse::frontend;
using tile::TargetInfo;

ArrayRef<TargetField> lighthouse::frontend::targetFields() {
  using Unit = TargetInfo::MatrixUnit;
  static constexpr TargetField fields[] = {
      {"cuda", [](const TargetInfo &t) { return Value::ofBool(t.isCuda()); }},
      {"capability", [](const TargetInfo &t) { return Value::ofInt(10 * t.major + t.minor); }},
      {"shared_bytes", [](const TargetInfo &t) { return Value::ofInt(t.sharedBytes); }},
      {"vector_bits", [](const TargetInfo &t) { return Value::ofInt(t.vectorBits); }},
      {"mma", [](const TargetInfo &t) { return Value::ofBool(t.matrixUnit >= Unit::MmaSync); }},
      {"wgmma", [](const TargetInfo &t) { return Value::ofBool(t.matrixUnit >= Unit::Wgmma); }},
      {"vector_atomics", [](const TargetInfo &t) { return Value::ofBool(t.vectorAtomics); }},
      {"bulk_copies", [](const TargetInfo &t) { return Value::ofBool(t.bulkCopies); }},
      {"clusters", [](const TargetInfo &t) { return Value::ofBool(t.clusters); }},
      {"register_budgets", [](const TargetInfo &t) { return Value::ofBool(t.registerBudgets); }},
  };
  return fields;
}

const TargetField *lighthouse::frontend::findTargetField(StringRef name) {
  const auto *found =
      llvm::find_if(targetFields(), [&](const TargetField &field) { return field.name == name; });
  return found == targetFields().end() ? nullptr : found;
}

llvm::SmallVector<StringRef> lighthouse::frontend::targetClauses() {
  llvm::SmallVector<StringRef> names{"host", "cuda"};
  for (const TargetInfo &info : tile::targets())
    if (info.isCuda())
      names.push_back(info.name);
  return names;
}

bool lighthouse::frontend::isFor(const KernelDecl &kernel, const TargetInfo *target) {
  StringRef name = kernel.target.text;
  if (name.empty())
    return true;
  if (!target)
    return false;
  const TargetInfo *least = tile::findTarget(name);
  return least ? target->includes(*least) : target->isHost() == (name == "host");
}
