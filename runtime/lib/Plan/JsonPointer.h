//===- JsonPointer.h - A place in the JSON form of a plan -------*- C++ -*-===//

#ifndef LIGHTHOUSE_RUNTIME_LIB_PLAN_JSONPOINTER_H
#define LIGHTHOUSE_RUNTIME_LIB_PLAN_JSONPOINTER_H

#include <array>
#include <cassert>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace lighthouse::runtime {

/// A JSON pointer of a few steps, which becomes text only where something is wrong: a plan is
/// verified each time that it is made or loaded, and has hundreds of places.
class JsonPointer {
public:
  /// The field of that name of the plan. Names of fields are literals.
  explicit JsonPointer(std::string_view field) { append(field); }

  /// A field of an object.
  JsonPointer operator/(std::string_view field) const { return JsonPointer(*this).append(field); }
  /// An element of a list.
  JsonPointer operator/(std::size_t index) const { return JsonPointer(*this).append(index); }

  /// "/launches/2/args/0"
  std::string str() const {
    std::string text;
    for (std::size_t i = 0; i < numSteps; ++i) {
      text += '/';
      if (const auto *index = std::get_if<std::size_t>(&steps[i]))
        text += std::to_string(*index);
      else
        text += std::get<std::string_view>(steps[i]);
    }
    return text;
  }

private:
  using Step = std::variant<std::string_view, std::size_t>;

  JsonPointer &append(Step step) {
    assert(numSteps < steps.size());
    steps[numSteps++] = step;
    return *this;
  }

  /// No place of a plan is deeper than "/kernels/0/args/0/box/0".
  std::array<Step, 6> steps;
  std::size_t numSteps = 0;
};

} // namespace lighthouse::runtime

#endif // LIGHTHOUSE_RUNTIME_LIB_PLAN_JSONPOINTER_H
