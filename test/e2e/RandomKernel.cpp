//===- RandomKernel.cpp - Kernels that no one would write -------------------------------------===//

#include "RandomKernel.h"

#include <algorithm>
#include <random>

using namespace e2e;
using lighthouse::runtime::DType;

namespace {

using Shape = std::vector<int64_t>;
enum class Type { Int, Float, Bool };

struct Variable {
  std::string name;
  Type type;
  Shape shape; ///< None for a scalar.
  bool isVar;
};

std::string text(int64_t n) { return std::to_string(n); }

std::string text(const Shape &shape) {
  std::string result = "[";
  for (int64_t extent : shape)
    result += (result.size() > 1 ? ", " : "") + text(extent);
  return result + "]";
}

std::string text(Type type) {
  return type == Type::Int ? "i32" : type == Type::Float ? "f32" : "bool";
}

int64_t elements(const Shape &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

class Generator {
public:
  explicit Generator(unsigned seed) : random(seed), hasOneWarp(oneIn(2)) {
    static const Shape all[] = {{16},   {12},   {5},     {48},    {1},      {4, 16}, {16, 4},
                                {8, 8}, {3, 5}, {1, 16}, {16, 1}, {16, 16}, {12, 4}, {2, 3, 8}};
    while (shapes.size() < 3) {
      const Shape &shape = all[below(std::size(all))];
      if (std::find(shapes.begin(), shapes.end(), shape) == shapes.end())
        shapes.push_back(shape);
    }
  }

  std::string kernel() {
    line("kernel k(xi: i32[12, 40], xf: f32[12, 40], xb: bool[12, 40])");
    line("    -> (yi: i32[2, 20, 48], yf: f32[2, 20, 48], zi: i32[2, 16, 256], zf: f32[2, 16, "
         "256])");
    line(std::string(hasOneWarp ? "    warps (1)" : "   ") + " grid (2) {");
    indent = "  ";
    line("let p = program_id(0);");
    variables.push_back({"p", Type::Int, {}, false});
    for (int i = 0; i < 3; ++i)
      declare(/*isVar=*/true);
    block(4 + below(5), /*depth=*/0);
    // All that is left is visible.
    int slot = 0;
    for (const Variable &v : std::vector<Variable>(variables)) {
      if (v.shape.empty() || slot == 16)
        continue;
      std::string flat = "reshape(" + v.name + ", [" + text(elements(v.shape)) + "])";
      if (v.type == Type::Bool)
        flat = "i32(" + flat + ")";
      line("store(" + std::string(v.type == Type::Float ? "zf" : "zi") + "[p, " + text(slot++) +
           ", 0 :+ " + text(elements(v.shape)) + "], " + flat + ");");
    }
    return source + "}\n";
  }

private:
  unsigned below(unsigned n) { return random() % n; }
  bool oneIn(unsigned n) { return below(n) == 0; }
  const Shape &anyShape() { return shapes[below(shapes.size())]; }
  Type anyType() {
    unsigned n = below(8);
    return n < 4 ? Type::Int : n < 7 ? Type::Float : Type::Bool;
  }
  std::string fresh() { return "v" + text(next++); }
  void line(const std::string &content) { source += indent + content + "\n"; }

  //===----------------------------------------------------------------------------------------===//
  // Statements
  //===----------------------------------------------------------------------------------------===//

  void declare(bool isVar) {
    Variable v{fresh(), anyType(), anyShape(), isVar};
    line((isVar ? "var " : "let ") + v.name + " = " + expr(v.type, v.shape, 3) + ";");
    variables.push_back(v);
  }

  std::vector<Variable> candidates(bool onlyVars, const Variable *like = nullptr) {
    std::vector<Variable> result;
    for (const Variable &v : variables)
      if (!v.shape.empty() && (v.isVar || !onlyVars) &&
          (!like || (v.type == like->type && v.shape == like->shape && v.name != like->name)))
        result.push_back(v);
    return result;
  }

  void assign() {
    std::vector<Variable> vars = candidates(/*onlyVars=*/true);
    Variable to = vars[below(vars.size())];
    std::vector<Variable> partners = candidates(/*onlyVars=*/true, &to);
    if (!partners.empty() && oneIn(2)) {
      // An exchange, by way of a name for the old value.
      Variable other = partners[below(partners.size())];
      std::string old = fresh();
      line("let " + old + " = " + to.name + ";");
      line(to.name + " = " + (oneIn(2) ? other.name : expr(to.type, to.shape, 1)) + ";");
      line(other.name + " = " + old + ";");
      return;
    }
    line(to.name + " = " + expr(to.type, to.shape, 3) + ";");
  }

  void block(int statements, int depth) {
    size_t scope = variables.size();
    for (int i = 0; i < statements; ++i)
      statement(depth);
    if (depth > 0)
      variables.erase(variables.begin() + scope, variables.end());
  }

  void nested(const std::string &head, int depth) {
    line(head + " {");
    std::string outer = indent;
    indent += "  ";
    block(1 + below(4), depth + 1);
    indent = outer;
    line("}");
  }

  void statement(int depth) {
    unsigned n = below(depth < 3 ? 16 : 11);
    if (n < 3)
      return declare(oneIn(3));
    if (n < 8)
      return assign();
    if (n < 11)
      return store();
    if (n < 13) {
      std::string i = fresh();
      std::string end = oneIn(3) ? "load(xi[p, " + text(below(40)) + "]) & 3" : text(below(4));
      variables.push_back({i, Type::Int, {}, false});
      nested("for " + i + " in range(" + end + ")", depth);
      variables.erase(std::find_if(variables.begin(), variables.end(),
                                   [&](const Variable &v) { return v.name == i; }));
      return;
    }
    if (n < 14) {
      std::string count = fresh();
      line("var " + count + " = " + text(below(4)) + ";");
      line("while " + count + " > 0" + (oneIn(3) ? " && " + condition() : "") + " {");
      std::string outer = indent;
      indent += "  ";
      line(count + " -= 1;");
      block(1 + below(4), depth + 1);
      indent = outer;
      return line("}");
    }
    nested("if " + condition(), depth);
    if (oneIn(2))
      nested("else", depth);
  }

  void store() {
    Type type = oneIn(2) ? Type::Int : Type::Float;
    Shape shape = anyShape();
    if (shape.size() == 3)
      shape = {shape[0] * shape[1], shape[2]};
    std::string where = std::string(type == Type::Int ? "yi" : "yf") + "[p, " +
                        subscripts(shape, 20, 48, /*isStore=*/true) + "]";
    std::string mask = oneIn(3) ? ", mask = " + expr(Type::Bool, shape, 1) : "";
    line("store(" + where + ", " + expr(type, shape, 2) + mask + ");");
    line("barrier();");
  }

  //===----------------------------------------------------------------------------------------===//
  // Expressions
  //===----------------------------------------------------------------------------------------===//

  std::string scalar() {
    std::vector<std::string> names;
    for (const Variable &v : variables)
      if (v.shape.empty())
        names.push_back(v.name);
    unsigned n = below(4);
    if (n == 0)
      return text(int64_t(below(9)) - 3);
    if (n == 1)
      return "load(xi[" + text(below(12)) + ", p + " + text(below(30)) + "])";
    return names[below(names.size())];
  }

  std::string condition() {
    std::vector<Variable> tiles = candidates(false);
    const Variable &v = tiles[below(tiles.size())];
    if (v.shape.size() == 1 && v.type == Type::Int && oneIn(2))
      return "(sum(" + v.name + ") & 1) == 0";
    if (v.type == Type::Bool && hasOneWarp && oneIn(2))
      return (oneIn(2) ? "warp_any(" : "warp_all(") + v.name + ")";
    if (v.shape.size() == 1 && v.type == Type::Bool)
      return "any(" + v.name + ")";
    return "((" + scalar() + ") & " + text(1 + below(3)) + ") == 0";
  }

  /// Subscripts for a tile of rank 1 or 2 into a matrix. For a store no element is named twice.
  std::string subscripts(const Shape &shape, int64_t rows, int64_t columns, bool isStore) {
    auto one = [&](int64_t length, int64_t extent) -> std::string {
      unsigned n = below(8);
      if (n == 0)
        return text(length - 1) + " - iota(" + text(length) + ")";
      if (n == 1 && length * 2 < extent)
        return "iota(" + text(length) + ") * 2 + " + text(below(3));
      if (n == 2 && !isStore)
        return "(" + expr(Type::Int, {length}, 1) + " & 15) - 2";
      if (n == 3)
        return "p * 3 - " + text(below(3)) + " :+ " + text(length);
      return text(int64_t(below(extent)) - (oneIn(4) ? 3 : 0)) + " :+ " + text(length);
    };
    if (shape.size() == 1)
      return oneIn(4) ? one(shape[0], rows) + ", " + text(below(columns))
                      : text(below(rows)) + ", " + one(shape[0], columns);
    return one(shape[0], rows) + ", " + one(shape[1], columns);
  }

  std::string load(Type type, const Shape &shape, int depth) {
    std::string suffix = type == Type::Int ? "i" : type == Type::Float ? "f" : "b";
    bool own = type != Type::Bool && oneIn(3);
    Shape flat = shape.size() == 3 ? Shape{shape[0] * shape[1], shape[2]} : shape;
    std::string from = own ? "y" + suffix + "[p, " + subscripts(flat, 20, 48, false) + "]"
                           : "x" + suffix + "[" + subscripts(flat, 12, 40, false) + "]";
    if (depth > 0 && oneIn(4))
      from += ", mask = " + expr(Type::Bool, flat, depth - 1);
    if (oneIn(3))
      from += std::string(", other = ") + (type == Type::Bool  ? "true"
                                           : type == Type::Int ? "5"
                                                               : "5.0");
    return flat == shape ? "load(" + from + ")"
                         : "reshape(load(" + from + "), " + text(shape) + ")";
  }

  /// Keeps floats small.
  std::string clamped(Type type, const std::string &value) {
    return type == Type::Float ? "minimum(maximum(" + value + ", -20.0), 20.0)" : value;
  }

  std::string expr(Type type, const Shape &shape, int depth) {
    std::vector<std::string> same;
    for (const Variable &v : variables)
      if (v.type == type && v.shape == shape)
        same.push_back(v.name);
    if (!same.empty() && (depth == 0 || oneIn(3)))
      return same[below(same.size())];
    if (depth == 0) {
      if (oneIn(2))
        return load(type, shape, 0);
      return leaf(type, shape);
    }
    auto sub = [&](Type t, const Shape &s) { return expr(t, s, depth - 1); };
    switch (below(12)) {
    case 0:
      return load(type, shape, depth);
    case 1:
      return leaf(type, shape);
    case 2:
      return "where(" + sub(Type::Bool, shape) + ", " + sub(type, shape) + ", " + sub(type, shape) +
             ")";
    case 3: {
      Shape other = {elements(shape)};
      if (shape.size() == 1)
        other = shape[0] % 4 == 0 ? Shape{4, shape[0] / 4} : Shape{shape[0], 1};
      else if (oneIn(2))
        other = {shape.back(), elements(shape) / shape.back()};
      return "reshape(" + sub(type, other) + ", " + text(shape) + ")";
    }
    case 4:
      if (shape.size() == 2)
        return "trans(" + sub(type, {shape[1], shape[0]}) + ")";
      break;
    case 5:
      return repeated(type, shape, depth);
    case 6: {
      if (type == Type::Bool)
        break;
      std::string axis = text(below(shape.size())),
                  exclusive = oneIn(2) ? ", exclusive = true" : "";
      if (oneIn(2))
        return clamped(type, "cumsum(" + sub(type, shape) + ", axis = " + axis + exclusive + ")");
      return clamped(type, "cummax(" + sub(type, shape) + ", axis = " + axis + ")");
    }
    case 7:
      if (type == Type::Float && shape.size() == 2) {
        int64_t k = Shape{1, 4, 5, 16}[below(4)];
        std::string a = sub(type, {shape[0], k}), b = sub(type, {k, shape[1]});
        if (oneIn(3))
          a = "trans(" + sub(type, {k, shape[0]}) + ")";
        if (oneIn(3))
          b = "trans(" + sub(type, {shape[1], k}) + ")";
        return clamped(type,
                       "dot(" + a + ", " + b + (oneIn(2) ? ", " + sub(type, shape) : "") + ")");
      }
      break;
    case 8:
      if (type == Type::Int && oneIn(4)) // Mostly out of range.
        return "i32(" + sub(Type::Float, shape) + " * 1e9)";
      if (type == Type::Int)
        return "i32(" + sub(oneIn(2) ? Type::Float : Type::Bool, shape) + ")";
      if (type == Type::Float)
        return "f32(" + sub(Type::Int, shape) + " & 15)";
      break;
    default:
      break;
    }
    return type == Type::Bool ? comparison(shape, depth) : binary(type, shape, depth);
  }

  std::string leaf(Type type, const Shape &shape) {
    if (oneIn(2))
      return "full(" + text(type) + text(shape) + ", " +
             (type == Type::Bool  ? "(" + scalar() + ") > 0"
              : type == Type::Int ? scalar()
                                  : "f32((" + scalar() + ") & 7)") +
             ")";
    std::string numbers = "reshape(iota(" + text(elements(shape)) + ") * " + text(1 + below(3)) +
                          ", " + text(shape) + ")";
    if (shape.size() == 2 && oneIn(2))
      numbers = "(iota(" + text(shape[0]) + ")[:, None] - iota(" + text(shape[1]) + ")[None, :])";
    return type == Type::Int     ? numbers
           : type == Type::Float ? "f32(" + numbers + " & 15)"
                                 : "(" + numbers + " & 3) > 1";
  }

  /// A reduction along `axis`, at once or by way of parts.
  std::string reduced(const std::string &kind, Type type, const Shape &shape, int64_t axis,
                      int depth) {
    std::string value = expr(type, shape, depth), end = ", axis = " + text(axis);
    if (type != Type::Bool && hasOneWarp && oneIn(3)) {
      int64_t parts = 1;
      while (shape[axis] % (2 * parts) == 0 && !oneIn(4))
        parts *= 2;
      value = "partial_" + kind + "(" + value + end + ", parts = " + text(parts) + ")";
    }
    return clamped(type, kind + "(" + value + end + ")");
  }

  /// A reduction, or a tile of lower rank, repeated to `shape`.
  std::string repeated(Type type, const Shape &shape, int depth) {
    const char *kinds[] = {"sum", "max", "min"};
    std::string kind = type == Type::Bool ? (oneIn(2) ? "any" : "all") : kinds[below(3)];
    if (shape.size() == 1) {
      Shape wide = oneIn(2) ? Shape{shape[0], 4} : Shape{5, shape[0]};
      int64_t axis = wide[0] == shape[0] && wide[1] == 4 ? 1 : 0;
      return reduced(kind, type, wide, axis, depth - 1);
    }
    size_t axis = below(shape.size());
    Shape less = shape;
    less.erase(less.begin() + axis);
    std::string value =
        oneIn(2) ? expr(type, less, depth - 1) : reduced(kind, type, shape, axis, depth - 1);
    std::string kept;
    for (size_t d = 0; d < shape.size(); ++d)
      kept += std::string(d ? ", " : "") + (d == axis ? "None" : ":");
    return "broadcast((" + value + ")[" + kept + "], " + text(shape) + ")";
  }

  std::string comparison(const Shape &shape, int depth) {
    Type of = oneIn(3) ? Type::Bool : Type::Int;
    std::string x = expr(of, shape, depth - 1), y = expr(of, shape, depth - 1);
    if (of == Type::Bool)
      return "!((" + x + ") && (" + y + "))";
    return "((" + x + (oneIn(2) ? ") < (" : ") == (") + y + "))";
  }

  std::string binary(Type type, const Shape &shape, int depth) {
    std::string x = expr(type, shape, depth - 1), y = expr(type, shape, depth - 1);
    if (oneIn(5))
      return std::string(oneIn(2) ? "maximum(" : "minimum(") + x + ", " + y + ")";
    const char *operators[] = {" + ", " - ", " * ", " & ", " ^ ", " << ", " >> "};
    const char *op = operators[below(type == Type::Int ? 7 : 3)];
    return clamped(type, "((" + x + ")" + op + "(" + y + "))");
  }

  std::mt19937 random;
  /// Votes, and parts of sums, are what they are on the host where there is one warp.
  bool hasOneWarp;
  std::vector<Shape> shapes;
  std::vector<Variable> variables;
  std::string source, indent;
  int next = 0;
};

} // namespace

KernelCase e2e::makeRandomKernel(unsigned seed) {
  return {"random_" + std::to_string(seed),
          Generator(seed).kernel(),
          {{"xi", DType::I32, {12, 40}},
           {"xf", DType::F32, {12, 40}},
           {"xb", DType::Bool, {12, 40}, 0, 1}}};
}
