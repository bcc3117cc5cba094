//===- Scope.h - The variables of a body -----------------------------------*- C++ -*-===//
#ifndef LIGHTHOUSE_LIB_FRONTEND_SCOPE_H
#define LIGHTHOUSE_LIB_FRONTEND_SCOPE_H

#include "Value.h"
#include "llvm/ADT/DenseMap.h"

#include <deque>

namespace lighthouse::frontend {

/// What a name of a body stands for.
struct Variable {
  Name name;
  bool isVar = false; ///< may be assigned to
  Value value;
};

/// Nested blocks of variables. Lookups take constant time whatever the number of variables.
class ScopeStack {
public:
  /// A position to which the stack can be cut back.
  size_t mark() const { return entries.size(); }
  /// Forgets the variables declared since `mark`.
  void cut(size_t mark) {
    while (entries.size() > mark) {
      const Entry &entry = entries.back();
      if (entry.shadowed == none)
        innermost.erase(entry.variable.name.text);
      else
        innermost[entry.variable.name.text] = entry.shadowed;
      entries.pop_back();
    }
  }

  void declare(Variable variable) {
    auto [it, inserted] = innermost.try_emplace(variable.name.text, entries.size());
    entries.push_back({std::move(variable), inserted ? none : it->second});
    it->second = entries.size() - 1;
  }
  /// The innermost variable of that name, null if there is none.
  Variable *find(StringRef name) {
    auto it = innermost.find(name);
    return it == innermost.end() ? nullptr : &entries[it->second].variable;
  }
  /// Likewise, but only if it was declared since `mark`.
  Variable *findSince(StringRef name, size_t mark) {
    auto it = innermost.find(name);
    return it == innermost.end() || it->second < mark ? nullptr : &entries[it->second].variable;
  }
  /// The name of every visible variable.
  auto names() const { return innermost.keys(); }

private:
  static constexpr size_t none = ~size_t(0);
  struct Entry {
    Variable variable;
    size_t shadowed;
  };
  std::deque<Entry> entries; // variables do not move: callers keep pointers to them
  llvm::DenseMap<StringRef, size_t> innermost;
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_LIB_FRONTEND_SCOPE_H
