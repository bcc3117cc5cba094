//===- Diagnostics.h - Errors with a place, a caret and notes --------------*- C++ -*-===//
//
// Collects the errors of a run over a set of source files and renders them as
//
//   file.lh:3:11: error: expected a tile, found a tensor argument
//     store(z[i :+ 4], x);
//                      ^
//   file.lh:1:18: note: 'x' is declared here
//
//===------------------------------------------------------------------------------------===//
#ifndef LIGHTHOUSE_FRONTEND_DIAGNOSTICS_H
#define LIGHTHOUSE_FRONTEND_DIAGNOSTICS_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/SMLoc.h"
#include "llvm/Support/SourceMgr.h"

#include <deque>
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace lighthouse::frontend {

/// A place in a source file. `line` and `column` count from 1, columns in bytes; an unknown place
/// has an empty file name and line 0.
struct SourcePlace {
  llvm::StringRef file;
  unsigned line = 0;
  unsigned column = 0;
};

/// One error with its notes.
class Diagnostic {
public:
  struct Note {
    llvm::SMLoc loc;
    std::string message;
  };

  Diagnostic(llvm::SMLoc loc, std::string message) : loc(loc), message(std::move(message)) {}

  /// Adds a note that points at another place involved.
  Diagnostic &note(llvm::SMLoc at, const llvm::Twine &text) {
    notes.push_back({at, text.str()});
    return *this;
  }

  llvm::SMLoc loc;
  std::string message;
  std::vector<Note> notes;
};

/// The errors of one run. Refers to the source manager, which must outlive it.
class Diagnostics {
public:
  explicit Diagnostics(llvm::SourceMgr &sources) : sources(sources) {}
  Diagnostics(const Diagnostics &) = delete;
  Diagnostics &operator=(const Diagnostics &) = delete;

  /// Records an error; an invalid `loc` makes one without a place. The same message at the same
  /// place is recorded once. The reference stays valid until `clear`.
  Diagnostic &error(llvm::SMLoc loc, const llvm::Twine &message);

  /// Takes notes of an error that is not to be shown, because its cause is reported already.
  Diagnostic &silent() {
    overflow.notes.clear();
    return overflow;
  }

  /// Whether so many errors were recorded that the run should stop (limits::errors).
  bool full() const;
  unsigned numErrors() const { return list.size(); }
  bool hasErrors() const { return !list.empty(); }
  const std::deque<Diagnostic> &errors() const { return list; }
  /// Forgets the errors recorded after the first `count`.
  void truncate(unsigned count);

  /// Where `loc` lies; fast also for files with very long lines.
  SourcePlace place(llvm::SMLoc loc) const;
  /// The location of a place given by file name, line and column; invalid if there is none.
  llvm::SMLoc locate(llvm::StringRef file, unsigned line, unsigned column) const;

  /// Writes all errors in the form shown at the top of this file, in the order of the sources.
  void print(llvm::raw_ostream &out) const;

  llvm::SourceMgr &getSources() const { return sources; }

private:
  /// Offsets of the line starts of a buffer.
  const std::vector<unsigned> &lineStarts(unsigned bufferId) const;
  void printOne(llvm::raw_ostream &out, llvm::SMLoc loc, llvm::StringRef kind,
                llvm::StringRef message) const;

  llvm::SourceMgr &sources;
  std::deque<Diagnostic> list;
  /// Takes the errors beyond the limit.
  Diagnostic overflow{llvm::SMLoc(), ""};
  mutable llvm::DenseMap<unsigned, std::vector<unsigned>> lines;
};

} // namespace lighthouse::frontend

#endif // LIGHTHOUSE_FRONTEND_DIAGNOSTICS_H
