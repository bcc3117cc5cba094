//===- Descriptions.cpp - What a specification defines, for the C interface --------------------===//

#include "Descriptions.h"

using namespace lighthouse;
using frontend::DefinitionInfo;

static const char *orNull(const std::string &text) { return text.empty() ? nullptr : text.c_str(); }

Descriptions::Descriptions(const std::vector<DefinitionInfo> &definitions) {
  for (const DefinitionInfo &definition : definitions) {
    if (definition.kind == DefinitionInfo::Kind::Stage)
      continue;
    auto made = std::make_unique<Description>();
    made->definition = definition;
    const DefinitionInfo &own = made->definition;
    for (const frontend::ParamInfo &param : own.params)
      made->parameters.push_back(
          {param.name.c_str(), param.kind.c_str(), orNull(param.defaultValue)});
    for (const frontend::ArgumentInfo &argument : own.arguments)
      made->arguments.push_back({argument.name.c_str(), argument.type.c_str(), nullptr});
    for (const frontend::ArgumentInfo &result : own.results)
      made->results.push_back(
          {result.name.c_str(), result.type.c_str(), orNull(result.initialValue)});
    all.push_back(std::move(made));
  }
}

void Descriptions::fill(size_t index, lh_definition_info &info) const {
  const Description &description = *all[index];
  info.kind = description.definition.kind == DefinitionInfo::Kind::Kernel ? LH_KERNEL : LH_PIPELINE;
  info.imported = description.definition.imported;
  info.name = description.definition.name.c_str();
  info.parameters = description.parameters.data();
  info.num_parameters = description.parameters.size();
  info.arguments = description.arguments.data();
  info.num_arguments = description.arguments.size();
  info.results = description.results.data();
  info.num_results = description.results.size();
}
