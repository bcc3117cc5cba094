"""Writes a specification that is just within (n = 0) or just beyond (n = 1) a limit.

usage: limits.py LIMIT N
"""
import sys

HEAD = "kernel k(x: f32[N]) -> (y: f32[N]) grid (1) {\n"


def spec(limit, n):
    body = {
        "file": lambda: "//" + "x" * ((1 << 20) - 3 + n) + "\n",
        "nesting": lambda: HEAD + "store(y[0], " + "(" * (126 + n) + "1.0" + ")" * (126 + n) + ");\n}\n",
        "height": lambda: HEAD + "let a = " + " + ".join(["1"] * (256 + n)) + ";\n}\n",
        "identifier": lambda: HEAD + "let " + "a" * (256 + n) + " = 1;\n}\n",
        "definitions": lambda: "".join(f"fn f_{i}() {{}}\n" for i in range(1024 + n)),
        "operations": lambda: HEAD + "static for i in range(4000) {" + "barrier();" * 24 + "}\n"
                              + "barrier();\n" * (3998 + n) + "}\n",
        "inlining": lambda: "fn g0(x) { return x; }\n"
                            + "".join(f"fn g{i}(x) {{ return g{i - 1}(x); }}\n"
                                      for i in range(1, 32 + n))
                            + HEAD + f"let a = g{31 + n}(1);\n}}\n",
        "tensor-rank": lambda: "kernel k(x: f32[" + ", ".join("ABCDEFGHI"[:8 + n])
                               + "]) -> (y: f32[A]) grid (1) {}\n",
    }
    return body[limit]()


sys.stdout.write(spec(sys.argv[1], int(sys.argv[2])))
