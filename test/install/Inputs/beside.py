"""Compiles and runs in one process with another LLVM, from 16 threads.

usage: beside.py COMPILER_LIBRARY OTHER before|after
OTHER is a libLLVM.so or torch, which is loaded before the library or after it was used.
"""
import array
import ctypes
import importlib.util
import sys
import threading

SPEC = b"""
kernel twice(x: f32[N]) -> (y: f32[N]) grid (cdiv(N, 256)) {
  let i = program_id(0) * 256;
  store(y[i :+ 256], load(x[i :+ 256]) * 2.0);
}
pipeline four(x: f32[N]) -> (y: f32[N]) { return twice(twice(x)); }
"""
THREADS = 16


def structure(**fields):
    """A class for a structure of the interface."""
    return type("Structure", (ctypes.Structure,),
                {"_fields_": [("struct_size", ctypes.c_size_t), *fields.items()]})


SIZE, INT, TEXT, ADDRESS = ctypes.c_size_t, ctypes.c_int32, ctypes.c_char_p, ctypes.c_void_p
TensorInfo = structure(name=TEXT, dtype=INT, rank=INT, shape=ADDRESS)
Request = structure(kind=INT, gradient=INT, deterministic=INT, alignment=INT, name=TEXT,
                    target=TEXT, settings=ADDRESS, num_settings=SIZE, arguments=ADDRESS, num_arguments=SIZE,
                    use_cache=INT, stream=ADDRESS, separate=INT, entry_point=TEXT)
ProgramInfo = structure(name=TEXT, num_inputs=SIZE, num_outputs=SIZE, workspace_bytes=SIZE,
                        workspace_alignment=SIZE, target=INT, device=INT, arch=TEXT)
Tensor = structure(data=ADDRESS, dtype=INT, device=INT, rank=INT, shape=ADDRESS, strides=ADDRESS)
RunArgs = structure(inputs=ADDRESS, num_inputs=SIZE, outputs=ADDRESS, num_outputs=SIZE,
                    workspace=ADDRESS, workspace_bytes=SIZE, stream=ADDRESS)


def make(kind, **fields):
    return kind(struct_size=ctypes.sizeof(kind), **fields)


def pointer_to(value):
    """An array of one pointer, which keeps what it points to."""
    return (ctypes.POINTER(type(value)) * 1)(ctypes.pointer(value))


class Compiler:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.lib.lh_last_error.restype = TEXT
        self.spec = ctypes.c_void_p()
        self.call("lh_spec_parse", b"four.lh", SPEC, SIZE(len(SPEC)), None,
                  ctypes.byref(self.spec))

    def call(self, name, *arguments):
        if getattr(self.lib, name)(*arguments) != 0:
            raise RuntimeError(self.lib.lh_last_error().decode())

    def check(self, n):
        """Compiles y = 4 * x for n numbers and runs it."""
        shape = (ctypes.c_int64 * 1)(n)
        x = make(TensorInfo, name=b"x", dtype=0, rank=1, shape=ctypes.addressof(shape))
        arguments = pointer_to(x)
        request = make(Request, name=b"four", arguments=ctypes.addressof(arguments),
                       num_arguments=1)
        program = ctypes.c_void_p()
        self.call("lh_compile", self.spec, ctypes.byref(request), ctypes.byref(program))
        info = make(ProgramInfo)
        self.call("lh_program_query", program, ctypes.byref(info))
        numbers, results = array.array("f", range(n)), array.array("f", bytes(4 * n))
        tensors = [make(Tensor, data=data.buffer_info()[0], rank=1, shape=ctypes.addressof(shape))
                   for data in (numbers, results)]
        inputs, outputs = pointer_to(tensors[0]), pointer_to(tensors[1])
        alignment = info.workspace_alignment
        memory = ctypes.create_string_buffer(info.workspace_bytes + alignment)
        address = -(-ctypes.addressof(memory) // alignment) * alignment
        args = make(RunArgs, inputs=ctypes.addressof(inputs), num_inputs=1,
                    outputs=ctypes.addressof(outputs), num_outputs=1, workspace=address,
                    workspace_bytes=info.workspace_bytes)
        self.call("lh_program_run", program, ctypes.byref(args))
        self.call("lh_program_release", program)
        if list(results) != [4 * i for i in range(n)]:
            raise RuntimeError(f"wrong results for {n} numbers")


def other_llvm(path):
    """Loads an LLVM for the whole process. Returns a check of it."""
    lib = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    for name, result in {"LLVMModuleCreateWithName": ADDRESS, "LLVMPrintModuleToString": ADDRESS,
                         "LLVMGetModuleContext": ADDRESS}.items():
        getattr(lib, name).restype = result

    def check():
        module = ADDRESS(lib.LLVMModuleCreateWithName(b"beside"))
        text = ADDRESS(lib.LLVMPrintModuleToString(module))
        if b"ModuleID = 'beside'" not in ctypes.string_at(text):
            raise RuntimeError("the other LLVM prints something else")
        lib.LLVMDisposeMessage(text)
        lib.LLVMDisposeModule(module)
        print("the other LLVM works")

    return check


def torch_and_triton():
    """Imports both, Triton where there is one. Returns a check of them."""
    import torch
    has_triton = importlib.util.find_spec("triton") is not None
    if has_triton:
        from triton._C import libtriton

    def check():
        a = torch.arange(12, dtype=torch.float32).reshape(3, 4).requires_grad_()
        (a @ a.T).sum().backward()
        if a.grad.sum().item() != 396:
            raise RuntimeError(f"torch computes {a.grad.sum().item()}")
        if has_triton:
            # Its MLIR and LLVM make a module.
            context = libtriton.ir.context()
            libtriton.ir.load_dialects(context)
            module = libtriton.ir.builder(context).create_module()
            libtriton.llvm.init_targets()
            text = str(libtriton.llvm.to_module(module, libtriton.llvm.context()))
            if "ModuleID" not in text:
                raise RuntimeError(f"Triton makes another module: {text}")
        print("torch works")

    return check


def main(path, other, order):
    load = torch_and_triton if other == "torch" else lambda: other_llvm(other)
    if order == "before":
        check = load()
        compiler = Compiler(path)
    else:
        compiler = Compiler(path)
        compiler.check(100)
        check = load()
    failures = []

    def work(number):
        try:
            for round in range(3):
                compiler.check(1000 + 3 * number + round)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    print(f"compiled and ran: {THREADS} threads")
    check()
    compiler.check(10)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[3] not in ("before", "after"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
