//===- Descriptions.h - What a specification defines, for the C interface -----------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_CAPI_DESCRIPTIONS_H
#define LIGHTHOUSE_LIB_CAPI_DESCRIPTIONS_H

#include "lighthouse/Frontend/Frontend.h"
#include "lighthouse/compiler.h"

namespace lighthouse {

/// The pipelines and kernels of a specification, with memory that `lh_definition_info` points to.
class Descriptions {
public:
  explicit Descriptions(const std::vector<frontend::DefinitionInfo> &definitions);

  size_t size() const { return all.size(); }
  /// Sets all fields but `struct_size`.
  void fill(size_t index, lh_definition_info &info) const;

private:
  struct Description {
    frontend::DefinitionInfo definition;
    std::vector<lh_declaration> parameters, arguments, results;
  };
  std::vector<std::unique_ptr<const Description>> all;
};

} // namespace lighthouse

#endif // LIGHTHOUSE_LIB_CAPI_DESCRIPTIONS_H
