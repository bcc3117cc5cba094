"""Prints a kernel of one view of rank 1 and of many scalars: two words and one for each, and the grid's three.

usage: many_parameters.py COUNT
"""
import sys

scalars = ", ".join(f"%s{i}: i32" for i in range(int(sys.argv[1])))
print(f"tile.kernel @many({scalars}, %y: !tile.view<[8], i32>) attributes "
      "{dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {\n  tile.return\n}")
