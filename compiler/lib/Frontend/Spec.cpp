//===- Spec.cpp - Loading specifications ------------------------------------------------===//
#include "Check.h"
#include "Parser.h"
#include "SpecState.h"
#include "lighthouse/Frontend/Limits.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace lighthouse::frontend;
using llvm::Twine;

namespace {

std::vector<ArgumentInfo> describeArgs(ArrayRef<ArgDecl> args) {
  std::vector<ArgumentInfo> infos;
  for (const ArgDecl &arg : args) {
    std::string type = arg.elementType.text.str();
    if (arg.isTensor) {
      std::string dims;
      for (const Expr *dim : arg.dims)
        dims += (dims.empty() ? "" : ", ") + spell(dim);
      type += "[" + dims + "]";
    }
    infos.push_back({arg.name.text.str(), std::move(type),
                     arg.initialValue ? spell(arg.initialValue) : std::string()});
  }
  return infos;
}

/// Whether an expression over parameters and dims mentions a dim.
bool mentionsDim(const Expr *e, const GenericDecl &decl) {
  auto mentions = [&](const Expr *part) { return mentionsDim(part, decl); };
  if (auto *name = llvm::dyn_cast<NameExpr>(e))
    return llvm::any_of(llvm::concat<const ArgDecl>(decl.args, decl.results),
                        [&](const ArgDecl &arg) {
                          return llvm::any_of(arg.dims, [&](const Expr *dim) {
                            auto *dimName = llvm::dyn_cast<NameExpr>(dim);
                            return dimName && dimName->name == name->name;
                          });
                        }) &&
           llvm::none_of(decl.params,
                         [&](const ParamDecl &param) { return param.name.text == name->name; });
  if (auto *unary = llvm::dyn_cast<UnaryExpr>(e))
    return mentions(unary->operand);
  if (auto *binary = llvm::dyn_cast<BinaryExpr>(e))
    return mentions(binary->lhs) || mentions(binary->rhs);
  if (auto *call = llvm::dyn_cast<CallExpr>(e))
    return llvm::any_of(call->args, mentions) ||
           llvm::any_of(call->named, [&](const NamedArg &arg) { return mentions(arg.value); });
  return false;
}

DefinitionInfo describeDefinition(const GenericDecl &decl, bool imported) {
  DefinitionInfo info;
  auto *kernel = llvm::dyn_cast<KernelDecl>(&decl);
  auto *stage = llvm::dyn_cast<StageDecl>(&decl);
  info.kind = kernel  ? DefinitionInfo::Kind::Kernel
              : stage ? DefinitionInfo::Kind::Stage
                      : DefinitionInfo::Kind::Pipeline;
  info.name = decl.name.text.str();
  info.loc = decl.name.loc;
  info.stage = kernel ? kernel->stage.text.str() : "";
  info.adjoint = stage ? stage->adjoint.text.str() : "";
  info.flops = stage && stage->flops ? spell(stage->flops) : "";
  info.imported = imported;
  for (const ParamDecl &param : decl.params) {
    ParamInfo &out = info.params.emplace_back();
    out.name = param.name.text.str();
    out.kind = spelling(param.kind).str();
    if (param.defaultValue)
      out.defaultValue = spell(param.defaultValue);
    out.needsExtents = param.defaultValue && mentionsDim(param.defaultValue, decl);
    for (const Expr *choice : param.choices)
      out.choices.push_back(spell(choice));
  }
  info.arguments = describeArgs(decl.args);
  info.results = describeArgs(decl.results);
  return info;
}

} // namespace

StringRef lighthouse::frontend::spelling(DefinitionInfo::Kind kind) {
  constexpr StringRef names[] = {"kernel", "pipeline", "stage"};
  return names[static_cast<unsigned>(kind)];
}

void Spec::State::add(const Decl *decl, bool imported) {
  auto [it, inserted] = definitions.insert({decl->name.text, decl});
  if (!inserted) {
    diagnostics.error(decl->name.loc, "'" + decl->name.text + "' is declared twice")
        .note(it->second->name.loc, "first declared here");
    ++numRepeated;
    return;
  }
  if (definitions.size() > limits::definitions)
    diagnostics.error(decl->name.loc, "more than " + Twine(limits::definitions) + " definitions");
  if (auto *generic = llvm::dyn_cast<GenericDecl>(decl))
    infos.push_back(describeDefinition(*generic, imported));
}

void Spec::State::load(unsigned bufferId, const ImportResolver &resolver, bool imported) {
  llvm::SourceMgr &sources = diagnostics.getSources();
  // Depth first without recursion: a file is finished once its imports are.
  struct Open {
    unsigned bufferId;
    ParsedFile file;
    size_t nextImport = 0;
  };
  std::vector<Open> stack;
  auto open = [&](unsigned id) {
    const llvm::MemoryBuffer *buffer = sources.getMemoryBuffer(id);
    files.insert(buffer->getBufferIdentifier());
    stack.push_back({id, Parser(buffer->getBuffer(), tree, diagnostics).parseFile()});
  };
  open(bufferId);
  while (!stack.empty()) {
    Open &top = stack.back();
    if (top.nextImport == top.file.imports.size()) {
      for (const Decl *decl : top.file.decls)
        if (!diagnostics.full())
          add(decl, imported || stack.size() > 1);
      stack.pop_back();
      continue;
    }
    ImportDecl import = top.file.imports[top.nextImport++];
    auto buffer =
        resolver(import.path, sources.getMemoryBuffer(top.bufferId)->getBufferIdentifier());
    if (!buffer) {
      diagnostics.error(import.loc,
                        "cannot import \"" + import.path + "\": " + buffer.getError().message());
      continue;
    }
    if (files.contains((*buffer)->getBufferIdentifier()))
      continue;
    if (files.size() >= limits::files) {
      diagnostics.error(import.loc, "more than " + Twine(limits::files) + " files");
      return;
    }
    open(sources.AddNewSourceBuffer(std::move(*buffer), import.loc));
  }
}

Spec::Spec(std::unique_ptr<State> state) : state(std::move(state)) {}
Spec::~Spec() = default;

std::unique_ptr<Spec> Spec::parse(Diagnostics &diagnostics, const ImportResolver &resolver) {
  unsigned errorsBefore = diagnostics.numErrors();
  unsigned main = diagnostics.getSources().getMainFileID();
  const llvm::MemoryBuffer *buffer = diagnostics.getSources().getMemoryBuffer(main);
  if (buffer->getBufferSize() > limits::fileSize) {
    diagnostics.error(SMLoc(), buffer->getBufferIdentifier() + ": file of more than " +
                                   Twine(limits::fileSize) + " bytes");
    return nullptr;
  }
  auto state = std::make_unique<State>(diagnostics);
  state->load(main, resolver, /*imported=*/false);
  // Names are unknown where their definition was skipped: syntax errors go first, alone.
  if (diagnostics.numErrors() == errorsBefore + state->numRepeated)
    checkDefinitions(state->definitions, diagnostics);
  if (diagnostics.numErrors() != errorsBefore)
    return nullptr;
  return std::unique_ptr<Spec>(new Spec(std::move(state)));
}

const std::vector<DefinitionInfo> &Spec::definitions() const { return state->infos; }

void Spec::setTuner(Tuner *tuner) { state->tuner = tuner; }
