//===- Diagnostics.cpp ------------------------------------------------------------------===//
#include "lighthouse/Frontend/Diagnostics.h"

#include "lighthouse/Frontend/Limits.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace lighthouse::frontend;
using llvm::SMLoc;
using llvm::StringRef;

Diagnostic &Diagnostics::error(SMLoc loc, const llvm::Twine &message) {
  std::string text = message.str();
  for (Diagnostic &known : list)
    if (known.loc == loc && known.message == text)
      return silent(); // found again, for example in a further instance of a kernel
  if (full())
    return silent();
  return list.emplace_back(loc, std::move(text));
}

bool Diagnostics::full() const { return list.size() >= limits::errors; }

void Diagnostics::truncate(unsigned count) {
  if (count < list.size())
    list.erase(list.begin() + count, list.end());
}

const std::vector<unsigned> &Diagnostics::lineStarts(unsigned bufferId) const {
  auto [it, inserted] = lines.try_emplace(bufferId);
  if (inserted) {
    StringRef text = sources.getMemoryBuffer(bufferId)->getBuffer();
    it->second.push_back(0);
    for (size_t i = 0; i < text.size(); ++i)
      if (text[i] == '\n')
        it->second.push_back(i + 1);
  }
  return it->second;
}

SourcePlace Diagnostics::place(SMLoc loc) const {
  unsigned id = loc.isValid() ? sources.FindBufferContainingLoc(loc) : 0;
  if (!id)
    return {};
  const llvm::MemoryBuffer *buffer = sources.getMemoryBuffer(id);
  const std::vector<unsigned> &starts = lineStarts(id);
  unsigned offset = loc.getPointer() - buffer->getBufferStart();
  unsigned line = std::upper_bound(starts.begin(), starts.end(), offset) - starts.begin();
  return {buffer->getBufferIdentifier(), line, offset - starts[line - 1] + 1};
}

SMLoc Diagnostics::locate(StringRef file, unsigned line, unsigned column) const {
  for (unsigned id = 1; id <= sources.getNumBuffers(); ++id) {
    const llvm::MemoryBuffer *buffer = sources.getMemoryBuffer(id);
    if (buffer->getBufferIdentifier() != file)
      continue;
    const std::vector<unsigned> &starts = lineStarts(id);
    if (line == 0 || line > starts.size())
      return {};
    size_t offset = starts[line - 1] + (column ? column - 1 : 0);
    return SMLoc::getFromPointer(buffer->getBufferStart() +
                                 std::min(offset, buffer->getBufferSize()));
  }
  return {};
}

void Diagnostics::printOne(llvm::raw_ostream &out, SMLoc loc, StringRef kind,
                           StringRef message) const {
  SourcePlace at = place(loc);
  if (at.line == 0) {
    out << kind << ": " << message << '\n';
    return;
  }
  out << at.file << ':' << at.line << ':' << at.column << ": " << kind << ": " << message << '\n';

  unsigned id = sources.FindBufferContainingLoc(loc);
  StringRef text = sources.getMemoryBuffer(id)->getBuffer();
  StringRef line = text.substr(lineStarts(id)[at.line - 1]).take_until([](char c) {
    return c == '\n' || c == '\r';
  });
  // A window around the caret, so that a file that is one huge line stays readable.
  constexpr size_t window = 120;
  size_t caret = std::min<size_t>(at.column - 1, line.size());
  size_t first = caret > window - 20 ? caret - (window - 20) : 0;
  StringRef shown = line.substr(first, window);
  out << "  ";
  for (char c : shown)
    out << (c == '\t' || static_cast<unsigned char>(c) >= 0x20 ? c : '?');
  out << "\n  ";
  for (char c : shown.take_front(caret - first))
    if (c == '\t')
      out << '\t';
    else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) // one column per UTF-8 character
      out << ' ';
  out << "^\n";
}

void Diagnostics::print(llvm::raw_ostream &out) const {
  // Errors without a place go first; a later phase may have found something further up.
  std::vector<std::pair<unsigned, const Diagnostic *>> ordered;
  for (const Diagnostic &diagnostic : list)
    ordered.push_back(
        {diagnostic.loc.isValid() ? sources.FindBufferContainingLoc(diagnostic.loc) : 0,
         &diagnostic});
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto &a, const auto &b) {
    return std::pair(a.first, a.second->loc.getPointer()) <
           std::pair(b.first, b.second->loc.getPointer());
  });
  for (auto [buffer, diagnostic] : ordered) {
    printOne(out, diagnostic->loc, "error", diagnostic->message);
    for (const Diagnostic::Note &note : diagnostic->notes)
      printOne(out, note.loc, "note", note.message);
  }
  if (full())
    out << "error: too many errors; only the first " << limits::errors << " are shown\n";
}
