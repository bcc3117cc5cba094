"""Whether two .npy files of f32 hold the same shape and nearly the same data.

usage: close_data.py A B TOLERANCE

The largest difference may be TOLERANCE times the largest value, which must not be zero.
"""
import array
import ast
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        content = file.read()
    wide = content[6] > 1
    start = 12 if wide else 10
    length = struct.unpack("<I" if wide else "<H", content[8:start])[0]
    header = ast.literal_eval(content[start:start + length].decode())
    if header["descr"] != "<f4":
        sys.exit(f"{path}: expected f32, found {header['descr']}")
    return header["shape"], array.array("f", content[start + length:])


(shape, data), (other_shape, other) = read(sys.argv[1]), read(sys.argv[2])
if shape != other_shape:
    sys.exit(f"the shapes differ: {shape} and {other_shape}")
largest = max(map(abs, other))
difference = max(abs(a - b) for a, b in zip(data, other))
# Written so that NaN fails.
if not (largest > 0 and difference <= float(sys.argv[3]) * largest):
    sys.exit(f"the data differs by {difference}, the largest value is {largest}")
