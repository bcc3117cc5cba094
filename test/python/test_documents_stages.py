"""The stages on documents packed in one sequence: for each document what the stages give for it alone."""
import os
import random

import pytest
import torch

import lighthouse_attention as lighthouse
from document_tables import Packing
from kernels_for_gpus import INPUTS, load_for_host
from lighthouse_attention.shapes import gathered_length

SPEC = os.path.join(INPUTS, "documents.lh")
# Of these the kernels for GPUs run on the host, too. The transpose of the scatter has one kernel for all targets.
TILES = ("pool", "select", "gather", "gather_backward", "scatter", "pool_documents", "select_documents",
         "gather_documents", "scatter_documents")


@pytest.fixture(scope="module")
def rows():
    return lighthouse.kernels.load(SPEC)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """The same stages, on the host by the kernels for GPUs."""
    return load_for_host(SPEC, tmp_path_factory.mktemp("tiles"), TILES)


class Case:
    """A packing, and the stages on it and on its documents alone."""

    def __init__(self, bounds, levels, factor, budget, chunk, heads, groups, dim, dtype, batch=1, cover=False,
                 device="cpu"):
        self.packing = Packing(bounds, levels, factor, budget, chunk)
        self.levels, self.factor, self.chunk, self.cover = levels, factor, chunk, cover
        self.heads, self.groups, self.dim, self.dtype = heads, groups, dim, dtype
        self.batch, self.device = batch, device
        self.pyramid = dict(L=levels, P=factor)
        self.windows = torch.from_numpy(self.packing.windows).to(device)
        self.chunks = torch.from_numpy(self.packing.chunks).to(device)
        # By the shares of the documents; see select_documents.lh.
        coarsest = -(-self.packing.length // self.packing.window)
        self.windows_of_chunk = -(-coarsest // (budget // chunk))

    def positions(self, heads):
        """Random rows [B, N, heads, D]."""
        shape = (self.batch, self.packing.length, heads, self.dim)
        return torch.randn(shape, device=self.device).to(self.dtype)

    def places(self, heads, indices, dtype=None):
        """Random rows [B, heads, S, D] where there is an entry; NaN elsewhere, where nothing must look."""
        x = torch.randn((self.batch, heads, self.packing.places, self.dim), device=self.device)
        empty = (indices < 0).repeat_interleave(heads // self.groups, 1)
        return x.masked_fill(empty[..., None], torch.nan).to(dtype or self.dtype)

    def documents(self):
        """Those that are not empty; with the settings of their selections alone."""
        for document in self.packing.documents:
            if document.length:
                settings = dict(self.pyramid, K=document.chunks * self.chunk, M=self.chunk)
                length = gathered_length(document.length, levels=self.levels, factor=self.factor,
                                         budget=settings["K"], chunk=self.chunk)
                at_rows = slice(document.begin, document.begin + document.length)
                yield document, at_rows, slice(document.place, document.place + length), settings

    def scores_of(self, document, scores):
        numbers = self.packing.entries_of(document)[document.length:]
        base = self.packing.level_length(0)
        return scores[:, :, torch.from_numpy(numbers - base).to(self.device)].contiguous()

    def own_indices(self, document, indices):
        """Entries of the pyramid of whole windows as those of the document's own."""
        own = torch.full((self.packing.entries + 1,), -2, dtype=torch.int32)
        own[-1] = -1
        numbers = torch.from_numpy(self.packing.entries_of(document))
        own[numbers] = torch.arange(len(numbers), dtype=torch.int32)
        return own.to(self.device)[indices.long()].contiguous()

    def select(self, stages, sq, sk):
        return stages.select_documents_op(sq, sk, self.chunks, **self.pyramid, M=self.chunk, S=self.packing.places,
                                    WINDOWS=self.windows_of_chunk, COVER=self.cover)

    def rank(self, stages, indices):
        return stages.rank_packed(indices, NT=self.packing.entries)


def random_case(seed, **fixed):
    """Documents of one row, empty ones, some that fill whole windows; from one to two query heads to a group."""
    r = random.Random(seed)
    levels, factor = [(2, 2), (3, 4), (4, 2), (2, 4), (3, 2), (4, 4)][seed % 6]
    window = factor ** (levels - 1)
    lengths = [r.choice([0, 1, 2, window - 1, window, window + 1, 3 * window, r.randrange(1, 40 * window)])
               for _ in range(r.randrange(1, 7))]
    lengths.insert(r.randrange(len(lengths) + 1), r.randrange(1, 60 * window))
    bounds = [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    chunk = r.choice([2, 8, 16])
    groups = r.choice([1, 2])
    settings = dict(budget=chunk * r.choice([1, 2, 5]), chunk=chunk, heads=groups * r.choice([1, 2]), groups=groups,
                    dim=[64, 16, 128, 80][seed % 4], dtype=[torch.float32, torch.bfloat16][seed // 2 % 2],
                    batch=r.choice([1, 2]), cover=r.random() < 0.5)
    return Case(bounds, levels, factor, **{**settings, **fixed})


def check_equal(actual, wanted, exact, terms=1):
    """The same bits where they are of the same kernel on the host; a GPU may contract other products and sums, of
    so many terms."""
    for x, y in zip(actual, wanted, strict=True):
        assert x.shape == y.shape
        if exact:
            assert torch.equal(x, y)
        else:
            tolerance = 4 * (torch.finfo(y.dtype).eps + terms * torch.finfo(torch.float32).eps)
            torch.testing.assert_close(x, y, rtol=tolerance, atol=tolerance)


def check_all_stages(stages, case, exact=True, same_sums=True):
    """same_sums: of the transpose of the scatter, whose kernel for GPUs sums in another order."""
    q, k, v = case.positions(case.heads), case.positions(case.groups), case.positions(case.groups)
    pooled = stages.pool_score_documents_op(q, k, v, case.windows, **case.pyramid)
    *coarsest, sq, sk = pooled
    indices = case.select(stages, sq, sk)
    rank = case.rank(stages, indices)
    gathered = stages.gather_documents_op(q, k, v, *coarsest, indices, case.windows, **case.pyramid)
    os = case.places(case.heads, indices)
    o = stages.scatter_packed(os, indices, rank, case.windows, **case.pyramid, N=case.packing.length)
    do = case.positions(case.heads)
    dos = stages.scatter_documents_backward_op(do, indices, case.windows, **case.pyramid)
    # Of q as attention gives it.
    cotangents = [case.places(case.heads, indices, torch.float32), case.places(case.groups, indices),
                  case.places(case.groups, indices)]
    gradients = stages.gather_backward_packed(*cotangents, rank, case.windows, **case.pyramid, N=case.packing.length)

    used = torch.zeros(case.packing.places, dtype=torch.bool, device=case.device)
    for document, rows, places, settings in case.documents():
        used[places] = True
        of = dict(N=document.length, **settings)
        q1, k1, v1 = (x[:, rows] for x in (q, k, v))
        pooled1 = stages.pool_score_op(q1, k1, v1, **case.pyramid)
        windows = slice(document.window, document.window + document.windows)
        mine = [x[:, :, windows].contiguous() for x in coarsest]
        sq1, sk1 = case.scores_of(document, sq), case.scores_of(document, sk)
        check_equal([*mine, sq1, sk1], pooled1, exact)
        # From here on what follows from the results of the packing: a selection may hang on the last bit of a score.
        indices1 = stages.select_op(sq1, sk1, **of, COVER=case.cover)
        assert torch.equal(case.own_indices(document, indices[:, :, places]), indices1)
        check_equal([x[:, :, places] for x in gathered], stages.gather_op(q1, k1, v1, *mine, indices1, **settings), exact)
        check_equal([o[:, rows]], [stages.scatter_op(os[:, :, places].contiguous(), indices1, **of)], exact)
        dos1 = stages.scatter_backward_op(do[:, rows].contiguous(), indices1, **settings)
        check_equal([dos[:, :, places]], [dos1], exact and same_sums, terms=case.packing.window)
        own = [x[:, :, places].contiguous() for x in cotangents]
        # That operator has no gradient of q~ in f32 but where all are.
        wanted = stages.gather_backward_op(own[0].to(case.dtype), *own[1:], indices1, **of)
        check_equal([x[:, rows] for x in gradients][1:], wanted[1:], exact)
        rounded = cotangents[0].to(case.dtype)
        dq = stages.gather_backward_packed(rounded, *cotangents[1:], rank, case.windows, **case.pyramid,
                                           N=case.packing.length)[0]
        check_equal([dq[:, rows]], wanted[:1], exact)
    tolerance = 4 * torch.finfo(case.dtype).eps
    torch.testing.assert_close(gradients[0], dq, rtol=tolerance, atol=tolerance)

    assert (indices[:, :, ~used] == -1).all()
    for x in (*gathered, dos):
        assert (x[:, :, ~used] == 0).all()
    chosen = indices[0, 0][indices[0, 0] >= 0].long()
    assert torch.equal(indices[0, 0][rank[0, 0][chosen].long()].long(), chosen)
    assert int((rank >= 0).sum()) == int((indices >= 0).sum())


@pytest.mark.parametrize("seed", range(12))
def test_documents_are_as_if_alone(rows, device, seed):
    check_all_stages(rows, random_case(seed, device=device), exact=device == "cpu")


@pytest.mark.parametrize("seed", range(12, 20))
def test_the_kernels_for_gpus_on_the_host(tiles, seed):
    check_all_stages(tiles, random_case(seed))


def test_one_document_is_a_sequence(rows, device):
    """Also one that fills all windows, and as many documents as rows."""
    for bounds in ([0, 300], [0, 256], [0, 0, 256, 256], list(range(20))):
        case = Case(bounds, 3, 4, 32, 8, 2, 1, 16, torch.float32, device=device)
        check_all_stages(rows, case, exact=device == "cpu")


def results(stages, case, q, k, v, do):
    """Of all stages, each on what the one before gives."""
    *coarsest, sq, sk = stages.pool_score_documents_op(q, k, v, case.windows, **case.pyramid)
    indices = case.select(stages, sq, sk)
    rank = case.rank(stages, indices)
    qs, ks, vs = stages.gather_documents_op(q, k, v, *coarsest, indices, case.windows, **case.pyramid)
    n = dict(case.pyramid, N=case.packing.length)
    o = stages.scatter_packed(qs, indices, rank, case.windows, **n)
    dos = stages.scatter_documents_backward_op(do, indices, case.windows, **case.pyramid)
    gradients = stages.gather_backward_packed(dos, ks, vs, rank, case.windows, **n)
    return (indices, qs, ks, vs, dos), (o, *gradients)


@pytest.mark.parametrize("kernels", ["rows", "tiles"])
def test_nothing_comes_from_another_document(kernels, request):
    """Documents of NaN leave the others as they are, bit by bit."""
    stages = request.getfixturevalue(kernels)
    for levels, factor in ((2, 4), (3, 2), (4, 2)):
        case = Case([0, 61, 62, 200, 264, 300], levels, factor, 32, 8, 2, 1, 16, torch.float32)
        inputs = [case.positions(heads) for heads in (2, 1, 1, 2)]
        at_places, at_rows = results(stages, case, *inputs)
        for harmed in range(5):
            poisoned = [x.clone() for x in inputs]
            for x in poisoned:
                x[:, case.packing.documents[harmed].begin:][:, :case.packing.documents[harmed].length] = torch.nan
            places, rows = results(stages, case, *poisoned)
            for document, row, place, _ in case.documents():
                same = document is not case.packing.documents[harmed]
                for x, y in zip(places, at_places):
                    assert not same or torch.equal(x[:, :, place], y[:, :, place])
                for x, y in zip(rows, at_rows):
                    assert torch.equal(x[:, row], y[:, row]) == same


def test_gradients(rows, device):
    """Of the pipeline: each stage's adjoint gets what it needs. No gradient flows through the pooled rows."""
    case = Case([0, 61, 61, 62, 200, 300], 3, 4, 32, 8, 4, 2, 16, torch.float32, cover=True, device=device)
    q, k, v = (case.positions(heads).requires_grad_() for heads in (4, 2, 2))
    settings = dict(case.pyramid, M=8, S=case.packing.places, WINDOWS=case.windows_of_chunk)
    o, ks, vs = rows.all_packed(q, k, v, case.windows, case.chunks, **settings)
    do, dks, dvs = (torch.randn_like(x) for x in (o, ks, vs))
    actual = torch.autograd.grad((o, ks, vs), (q, k, v), (do, dks, dvs))
    *_, sq, sk = rows.pool_score_documents_op(q.detach(), k.detach(), v.detach(), case.windows, **case.pyramid)
    indices = case.select(rows, sq, sk)
    dos = rows.scatter_documents_backward_op(do, indices, case.windows, **case.pyramid)
    wanted = rows.gather_backward_packed(dos, dks, dvs, case.rank(rows, indices), case.windows, **case.pyramid,
                                         N=case.packing.length)
    for x, y in zip(actual, wanted, strict=True):
        assert torch.equal(x, y)


def test_both_selections_are_equal(tiles):
    """Chunks that may have too many windows for lists take the kernel that has none."""
    for cover in (False, True):
        case = Case([0, 700, 703, 2000], 3, 2, 64, 16, 1, 1, 16, torch.float32, cover=cover)
        *_, sq, sk = tiles.pool_score_documents_op(*[case.positions(1) for _ in range(3)], case.windows, **case.pyramid)
        sq[:, :, ::7] = torch.nan
        sk[:, :, ::3] = 1.0
        lists = case.select(tiles, sq, sk)
        case.windows_of_chunk = 2049
        assert torch.equal(case.select(tiles, sq, sk), lists)


def test_errors(rows):
    case = Case([0, 61, 200], 3, 4, 32, 8, 4, 2, 16, torch.float32)
    q, k, v = (case.positions(heads) for heads in (4, 2, 2))
    with pytest.raises(lighthouse.CompileError, match="L must be at least 2"):
        rows.pool_score_documents_op(q, k, v, case.windows, L=1, P=4)
    with pytest.raises(lighthouse.CompileError, match="must be a multiple of the number of KV heads"):
        rows.pool_score_documents_op(q[:, :, :3], k, v, case.windows, **case.pyramid)
    indices = torch.zeros((1, 2, 256), dtype=torch.int32)
    with pytest.raises(lighthouse.CompileError, match="rank has the entries of NW whole windows"):
        rows.scatter_packed(torch.zeros(1, 4, 256, 16), indices, indices, case.windows, **case.pyramid, N=200)
