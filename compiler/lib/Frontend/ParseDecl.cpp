//===- ParseDecl.cpp - Definitions and imports ------------------------------------------===//
#include "Parser.h"

#include "Lexer.h"
#include "lighthouse/Frontend/Diagnostics.h"
#include "lighthouse/Frontend/Limits.h"
#include "llvm/ADT/StringSwitch.h"

using namespace lighthouse::frontend;

std::optional<ImportDecl> Parser::parseImport() {
  SMLoc at = take().loc();
  if (!this->at(TokenKind::String)) {
    unexpected("the quoted path of a file");
    return std::nullopt;
  }
  Token path = take();
  if (!expect(TokenKind::Semicolon, "after the path"))
    return std::nullopt;
  return ImportDecl{at, tree.save(stringValue(path))};
}

const Decl *Parser::parseFunction() {
  take();
  Name name;
  if (!expectName(name, "the name of the function"))
    return nullptr;
  auto *decl = tree.make<FunctionDecl>(name);
  SMLoc open = loc();
  if (!expect(TokenKind::LParen, "after the name"))
    return nullptr;
  llvm::SmallVector<Name> args;
  if (!parseCommaList(TokenKind::RParen, open, [&] {
        if (args.size() >= limits::listLength) {
          diagnostics.error(loc(), "more than " + llvm::Twine(limits::listLength) + " arguments");
          return false;
        }
        return expectName(args.emplace_back(), "the name of an argument");
      }))
    return nullptr;
  decl->args = tree.copy(args);
  return parseBlock(decl->body) ? decl : nullptr;
}

const Decl *Parser::parsePipeline() {
  take();
  Name name;
  if (!expectName(name, "the name of the pipeline"))
    return nullptr;
  auto *decl = tree.make<PipelineDecl>(name);
  if (!parseSignature(*decl))
    return nullptr;
  llvm::SmallVector<RequiresClause> requirements;
  while (atWord("requires"))
    if (!parseRequires(requirements))
      return nullptr;
  decl->requirements = tree.copy(requirements);
  return parseBlock(decl->body) ? decl : nullptr;
}

const Decl *Parser::refuseSecond(SMLoc word, SMLoc first, const char *message) {
  diagnostics.error(word, message).note(first, "the first is given here");
  return nullptr;
}

const Decl *Parser::parseStage() {
  take();
  Name name;
  if (!expectName(name, "the name of the stage"))
    return nullptr;
  auto *decl = tree.make<StageDecl>(name);
  if (!parseSignature(*decl))
    return nullptr;
  accept(TokenKind::Semicolon);
  llvm::SmallVector<RequiresClause> requirements;
  for (;;) {
    if (atWord("requires")) {
      if (!parseRequires(requirements))
        return nullptr;
      continue;
    }
    if (atWord("adjoint")) {
      SMLoc word = take().loc();
      if (!decl->adjoint.text.empty())
        return refuseSecond(word, decl->adjoint.loc, "a stage has one adjoint");
      if (!expectName(decl->adjoint, "the name of a pipeline, a kernel or a stage"))
        return nullptr;
    } else if (atWord("flops")) {
      SMLoc word = take().loc();
      if (decl->flops)
        return refuseSecond(word, decl->flops->loc, "a stage has one number of flops");
      if (!(decl->flops = parseExpr()))
        return nullptr;
    } else {
      break;
    }
    accept(TokenKind::Semicolon);
  }
  decl->requirements = tree.copy(requirements);
  if (at(TokenKind::LBrace)) {
    diagnostics.error(loc(), "a stage has no body; a kernel that 'implements " + name.text +
                                 "' has one");
    return nullptr;
  }
  return decl;
}

const Decl *Parser::parseKernel() {
  take();
  Name name;
  if (!expectName(name, "the name of the kernel"))
    return nullptr;
  auto *decl = tree.make<KernelDecl>(name);
  if (!parseSignature(*decl))
    return nullptr;

  llvm::SmallVector<RequiresClause> requirements;
  while (!at(TokenKind::LBrace)) {
    if (atWord("requires")) {
      if (!parseRequires(requirements))
        return nullptr;
    } else if (atWord("implements")) {
      SMLoc word = take().loc();
      if (!decl->stage.text.empty())
        return refuseSecond(word, decl->stage.loc, "a kernel implements one stage");
      if (!expectName(decl->stage, "the name of a stage"))
        return nullptr;
      SMLoc open = loc();
      llvm::SmallVector<StageParam> stageParams;
      if (accept(TokenKind::LParen) && !parseCommaList(TokenKind::RParen, open, [&] {
            StageParam &param = stageParams.emplace_back();
            return expectName(param.stageName, "the name of a parameter of the stage") &&
                   expect(TokenKind::Equal, "before the parameter of the kernel") &&
                   expectName(param.name, "the name of a parameter of the kernel");
          }))
        return nullptr;
      decl->stageParams = tree.copy(stageParams);
      accept(TokenKind::Semicolon);
    } else if (atWord("grid")) {
      SMLoc word = take().loc();
      if (decl->gridLoc.isValid()) {
        diagnostics.error(word, "the grid is given twice").note(decl->gridLoc, "first given here");
        return nullptr;
      }
      decl->gridLoc = word;
      SMLoc open = loc();
      llvm::SmallVector<const Expr *, 3> grid;
      if (!expect(TokenKind::LParen, "after 'grid'") ||
          !parseCommaList(TokenKind::RParen, open, [&] {
            grid.push_back(parseExpr());
            return grid.back() != nullptr;
          }))
        return nullptr;
      if (grid.empty() || grid.size() > 3) {
        diagnostics.error(word,
                          "expected one to three grid extents, found " + llvm::Twine(grid.size()));
        return nullptr;
      }
      decl->grid = tree.copy(grid);
      if (atWord("persistent")) {
        take();
        decl->persistent = true;
      }
      accept(TokenKind::Semicolon);
    } else if (atWord("target")) {
      SMLoc word = take().loc();
      if (!decl->target.text.empty())
        return refuseSecond(word, decl->target.loc, "a kernel has one target");
      if (!expectName(decl->target, "'host', 'cuda' or an architecture"))
        return nullptr;
      accept(TokenKind::Semicolon);
    } else if (atWord("warps")) {
      SMLoc word = take().loc();
      if (decl->warps) {
        diagnostics.error(word, "the number of warps is given twice")
            .note(decl->warps->loc, "first given here");
        return nullptr;
      }
      SMLoc open = loc();
      if (!expect(TokenKind::LParen, "after 'warps'") || !(decl->warps = parseExpr()) ||
          !expectClose(TokenKind::RParen, open))
        return nullptr;
      accept(TokenKind::Semicolon);
    } else {
      unexpected("'implements', 'requires', 'target', 'warps', 'grid' or '{'");
      return nullptr;
    }
  }
  decl->requirements = tree.copy(requirements);
  if (!parseBlock(decl->body))
    return nullptr;
  if (decl->grid.empty()) {
    diagnostics.error(name.loc, "kernel '" + name.text +
                                    "' has no grid; expected 'grid (...)' before its body");
    return nullptr;
  }
  return decl;
}

bool Parser::parseSignature(GenericDecl &decl) {
  if (!parseParams(decl.params) || !parseArgs(decl.args, "argument"))
    return false;
  if (!accept(TokenKind::Arrow))
    return true;
  return parseArgs(decl.results, "result");
}

bool Parser::parseParams(ArrayRef<ParamDecl> &params) {
  SMLoc open = loc();
  if (!accept(TokenKind::Less))
    return true;
  llvm::SmallVector<ParamDecl> parsed;
  if (!parseCommaList(TokenKind::Greater, open, [&] { return parseParam(parsed); }))
    return false;
  params = tree.copy(parsed);
  return true;
}

bool Parser::parseParam(llvm::SmallVectorImpl<ParamDecl> &params) {
  if (params.size() >= limits::listLength) {
    diagnostics.error(loc(), "more than " + llvm::Twine(limits::listLength) + " parameters");
    return false;
  }
  ParamDecl param;
  if (!expectName(param.name, "the name of a parameter") ||
      !expect(TokenKind::Colon, "and a kind after the name of the parameter"))
    return false;
  auto kind = llvm::StringSwitch<std::optional<ParamKind>>(token().text)
                  .Case("int", ParamKind::Int)
                  .Case("bool", ParamKind::Bool)
                  .Case("float", ParamKind::Float)
                  .Case("type", ParamKind::Type)
                  .Default(std::nullopt);
  if (!kind) {
    unexpected("'int', 'bool', 'float' or 'type'");
    return false;
  }
  take();
  param.kind = *kind;
  if (accept(TokenKind::Equal)) {
    param.defaultValue = parseAngleExpr();
    if (!param.defaultValue)
      return false;
  }
  if (accept(TokenKind::kw_in)) {
    SMLoc open = loc();
    if (!expect(TokenKind::LBrace, "before the choices"))
      return false;
    llvm::SmallVector<const Expr *> choices;
    if (!parseCommaList(TokenKind::RBrace, open, [&] {
          if (choices.size() >= limits::listLength) {
            diagnostics.error(loc(), "more than " + llvm::Twine(limits::listLength) + " choices");
            return false;
          }
          choices.push_back(parseExpr());
          return choices.back() != nullptr;
        }))
      return false;
    if (choices.empty()) {
      diagnostics.error(open, "expected at least one choice");
      return false;
    }
    param.choices = tree.copy(choices);
  }
  params.push_back(param);
  return true;
}

bool Parser::parseArgs(ArrayRef<ArgDecl> &args, const char *what) {
  SMLoc open = loc();
  if (!expect(TokenKind::LParen,
              llvm::StringRef(what) == "result" ? "before the results" : "before the arguments"))
    return false;
  llvm::SmallVector<ArgDecl> parsed;
  if (!parseCommaList(TokenKind::RParen, open, [&] {
        if (parsed.size() >= limits::listLength) {
          diagnostics.error(loc(), "more than " + llvm::Twine(limits::listLength) + " arguments");
          return false;
        }
        ArgDecl arg;
        if (!expectName(arg.name, llvm::Twine("the name of an ").concat(what).str()) ||
            !expect(TokenKind::Colon, "and a type after the name") ||
            !expectName(arg.elementType, "an element type"))
          return false;
        SMLoc dimsOpen = loc();
        if (accept(TokenKind::LBracket)) {
          arg.isTensor = true;
          llvm::SmallVector<const Expr *> dims;
          if (!parseCommaList(TokenKind::RBracket, dimsOpen, [&] {
                dims.push_back(parseExpr());
                return dims.back() != nullptr;
              }))
            return false;
          if (dims.empty() || dims.size() > limits::tensorRank) {
            diagnostics.error(dimsOpen, "expected 1 to " + llvm::Twine(limits::tensorRank) +
                                            " dims, found " + llvm::Twine(dims.size()));
            return false;
          }
          arg.dims = tree.copy(dims);
        }
        if (accept(TokenKind::Equal) && !(arg.initialValue = parseExpr()))
          return false;
        parsed.push_back(arg);
        return true;
      }))
    return false;
  args = tree.copy(parsed);
  return true;
}

bool Parser::parseRequires(llvm::SmallVectorImpl<RequiresClause> &requirements) {
  take();
  if (requirements.size() >= limits::listLength) {
    diagnostics.error(loc(), "more than " + llvm::Twine(limits::listLength) + " requirements");
    return false;
  }
  RequiresClause clause;
  clause.condition = parseExpr();
  if (!clause.condition)
    return false;
  if (accept(TokenKind::Comma)) {
    if (!at(TokenKind::String)) {
      unexpected("a string that says what is required");
      return false;
    }
    clause.message = tree.save(stringValue(take()));
  }
  accept(TokenKind::Semicolon);
  requirements.push_back(clause);
  return true;
}
