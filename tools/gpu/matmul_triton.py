"""The matrix product in Triton, in forms of which the fastest counts."""
import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def place_of(M, N, BM: tl.constexpr, BN: tl.constexpr, GROUP: tl.constexpr):
    """Where the tile of a program begins: programs go through GROUP rows of tiles at a time."""
    program = tl.program_id(0)
    first = program // (GROUP * tl.cdiv(N, BN)) * GROUP
    rows = min(GROUP, tl.cdiv(M, BM) - first)
    rest = program % (GROUP * tl.cdiv(N, BN))
    return (first + rest % rows) * BM, rest // rows * BN


@triton.jit
def product_by_pointers(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr):
    m, n = place_of(M, N, BM, BN, GROUP)
    rows, columns, depth = m + tl.arange(0, BM), n + tl.arange(0, BN), tl.arange(0, BK)
    a_at = a + (rows % M)[:, None] * K + depth[None, :]
    b_at = b + depth[:, None] * N + (columns % N)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        acc = tl.dot(tl.load(a_at, mask=depth[None, :] < K - k, other=0.0),
                     tl.load(b_at, mask=depth[:, None] < K - k, other=0.0), acc)
        a_at += BK
        b_at += BK * N
    tl.store(c + rows[:, None] * N + columns[None, :], acc.to(c.dtype.element_ty),
             mask=(rows[:, None] < M) & (columns[None, :] < N))


@triton.jit
def product_by_descriptors(a, b, c, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr):
    m, n = place_of(M, N, BM, BN, GROUP)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        acc = tl.dot(a.load([m, k]), b.load([k, n]), acc)
    c.store([m, n], acc.to(c.dtype))


# BM, BN, BK, stages, warps; what is likely to be fast goes first.
TILES = [(128, 256, 64, 3, 8), (128, 256, 64, 4, 8), (128, 128, 64, 4, 8), (128, 128, 64, 3, 4), (64, 256, 64, 4, 4)]


def forms_of(a, b, c):
    """Functions that store a @ b in c, by what differs."""
    m, k = a.shape
    n = b.shape[1]

    def form(kernel, bm, bn, bk, stages, warps):
        operands = a, b, c
        if kernel is product_by_descriptors:
            operands = [TensorDescriptor.from_tensor(x, block)
                        for x, block in ((a, [bm, bk]), (b, [bk, bn]), (c, [bm, bn]))]
        grid = triton.cdiv(m, bm) * triton.cdiv(n, bn),
        return lambda: kernel[grid](*operands, m, n, k, BM=bm, BN=bn, BK=bk, GROUP=8, num_stages=stages,
                                    num_warps=warps)

    kernels = {"pointers": product_by_pointers}
    if torch.cuda.get_device_capability() >= (9, 0):
        kernels["descriptors"] = product_by_descriptors
    return {f"{way} {bm}x{bn}x{bk} stages={stages} warps={warps}": form(kernel, bm, bn, bk, stages, warps)
            for bm, bn, bk, stages, warps in TILES for way, kernel in kernels.items()}
