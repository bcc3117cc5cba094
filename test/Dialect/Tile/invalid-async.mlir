// One case per labelled constraint of AsyncOps.td.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics

// expected-error@+2 {{has no roles [roles_c1]}}
tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  tile.roles {
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  tile.roles {
    // expected-error@+1 {{is no role [roles_c1]}}
    %c = arith.constant 0 : i32
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{is not the last step of its kernel [roles_c2]}}
  tile.roles {
    tile.role "a" warps 1 {
    ^bb0(%i: i32):
    }
  }
  %c = arith.constant 0 : i32
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{a block has at most 32 warps, the roles have 36 [roles_c3]}}
  tile.roles {
    tile.role "a" warps 4 instances 9 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64, warps = 4 : i64} {
  // expected-error@+1 {{the kernel has a number of warps and roles [roles_c4]}}
  tile.roles {
    tile.role "a" warps 1 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  // expected-error@+1 {{belongs in a role, as its kernel has roles [roles_c4]}}
  %r = tile.range %c : tensor<64xi32>
  tile.roles {
    tile.role "a" warps 1 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  tile.roles {
    tile.role "a" warps 4 registers 24 {
    ^bb0(%i: i32):
    }
    // expected-error@+1 {{expected a budget of registers for all roles or for none [roles_c5]}}
    tile.role "b" warps 4 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{the roles take 98304 registers, their 384 threads have 64512 [roles_c5]}}
  tile.roles {
    tile.role "a" warps 4 instances 3 registers 256 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  tile.roles {
    // expected-error@+1 {{expected 1, 2, 4, 8 or 16 warps and 1 to 16 instances, found 3 and 1 [role_c1]}}
    tile.role "a" warps 3 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  tile.roles {
    // expected-error@+1 {{expected a multiple of 8 from 24 to 256 registers, found 20 [role_c2]}}
    tile.role "a" warps 4 registers 20 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{budgets of registers are for whole warpgroups, of 4 warps, and the roles have 2 [roles_c6]}}
  tile.roles {
    tile.role "a" warps 2 registers 24 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  tile.roles {
    tile.role "a" warps 2 registers 24 {
    ^bb0(%i: i32):
    }
    // expected-error@+1 {{shares a warpgroup, of 4 warps, with role 'a', which has another budget of registers [roles_c6]}}
    tile.role "b" warps 2 registers 32 {
    ^bb0(%i: i32):
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  tile.roles {
    // expected-error@+1 {{expected one argument, the number of the instance, an i32 [role_c3]}}
    tile.role "a" warps 4 {
    }
  }
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{expected 1 to 1048575 arrivals, found 0 [alloc_mbarrier_c1]}}
  %b = tile.alloc_mbarrier arrivals 0 : !tile.mbarrier<1>
  tile.return
}

// -----

// expected-error@+1 {{expected one barrier at least, found 0 [mbarrier_c1]}}
func.func private @f(!tile.mbarrier<0>)

// -----

// expected-error@+1 {{expected 1 to 15 barriers, found 16 [named_barrier_c1]}}
func.func private @f(!tile.named_barrier<16>)

// -----

// expected-error@+1 {{a buffer in tensor memory has no swizzle [buffer_c3]}}
func.func private @f(!tile.buffer<64x64xf32, 128, tensor>)

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{expected a multiple of 32 from 32 to 1024 threads, found 48 [alloc_named_barrier_c1]}}
  %b = tile.alloc_named_barrier threads 48 : !tile.named_barrier<1>
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{expected a buffer in shared memory, found '!tile.buffer<64x64xf32, tensor>' [alloc_shared_c1]}}
  %b = tile.alloc_shared : !tile.buffer<64x64xf32, tensor>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64, 64], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xbf16>
  %b = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{expected 2 subscripts for '!tile.view<[64, 64], bf16>', found 1 [copy_bulk_c1]}}
  tile.copy_bulk %x[%r], %buf, %b[%c] : !tile.view<[64, 64], bf16>, !tile.buffer<64xbf16>, !tile.mbarrier<1>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[2, 2, 2, 2, 2, 64], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xbf16>
  %b = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{the copy engine knows tensors of at most 5 dims, found '!tile.view<[2, 2, 2, 2, 2, 64], bf16>' [copy_bulk_c1]}}
  tile.copy_bulk %x[%c, %c, %c, %c, %c, %r], %buf, %b[%c] : !tile.view<[2, 2, 2, 2, 2, 64], bf16>, !tile.buffer<64xbf16>, !tile.mbarrier<1>, i32, i32, i32, i32, i32, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<32xbf16>
  %b = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{the subscripts select [64], the tile is [32] [copy_bulk_c2]}}
  tile.copy_bulk %x[%r], %buf, %b[%c] : !tile.view<[64], bf16>, !tile.buffer<32xbf16>, !tile.mbarrier<1>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64, 64], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xbf16>
  %b = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{expected a range as the last subscript [copy_bulk_c3]}}
  tile.copy_bulk %x[%r, %c], %buf, %b[%c] : !tile.view<[64, 64], bf16>, !tile.buffer<64xbf16>, !tile.mbarrier<1>, tensor<64xi32>, i32
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64, 64], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  %two = arith.constant dense<2> : tensor<64xi32>
  %buf = tile.alloc_shared : !tile.buffer<64x64xbf16>
  %b = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  %r = tile.range %c : tensor<64xi32>
  %s = arith.muli %r, %two : tensor<64xi32>
  // expected-error@+1 {{the copy engine takes ranges only [copy_bulk_c3]}}
  tile.copy_bulk %x[%s, %r], %buf, %b[%c] : !tile.view<[64, 64], bf16>, !tile.buffer<64x64xbf16>, !tile.mbarrier<1>, tensor<64xi32>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[512, 64], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<512x64xbf16, 128>
  %b = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  %r = tile.range %c : tensor<512xi32>
  %s = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{of at most 256 rows of a multiple of 16 bytes, without a swizzle of at most 256 columns, found '!tile.buffer<512x64xbf16, 128>' [copy_bulk_c4]}}
  tile.copy_bulk %x[%r, %s], %buf, %b[%c] : !tile.view<[512, 64], bf16>, !tile.buffer<512x64xbf16, 128>, !tile.mbarrier<1>, tensor<512xi32>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64, 64], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xbf16>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{expected 2 subscripts for '!tile.view<[64, 64], bf16>', found 1 [store_bulk_c1]}}
  tile.store_bulk %buf, %y[%r] : !tile.buffer<64xbf16>, !tile.view<[64, 64], bf16>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xbf16>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{expected elements of type 'f32', found 'bf16' [store_bulk_c2]}}
  tile.store_bulk %buf, %y[%r] : !tile.buffer<64xbf16>, !tile.view<[64], f32>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64, 64], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xbf16>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{expected a range as the last subscript [store_bulk_c3]}}
  tile.store_bulk %buf, %y[%r, %c] : !tile.buffer<64xbf16>, !tile.view<[64, 64], bf16>, tensor<64xi32>, i32
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64, 4], bf16>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64x4xbf16>
  %r = tile.range %c : tensor<64xi32>
  %s = tile.range %c : tensor<4xi32>
  // expected-error@+1 {{rows of a multiple of 16 bytes, without a swizzle of at most 256 columns, found '!tile.buffer<64x4xbf16>' [store_bulk_c4]}}
  tile.store_bulk %buf, %y[%r, %s] : !tile.buffer<64x4xbf16>, !tile.view<[64, 4], bf16>, tensor<64xi32>, tensor<4xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  %ring = tile.alloc_shared : !tile.buffer<2x16xf32>
  %buf = tile.slot %ring[%c] : !tile.buffer<2x16xf32> -> !tile.buffer<16xf32>
  %b = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  %r = tile.range %c : tensor<16xi32>
  // expected-error@+1 {{expected panels and slots of a multiple of 8 rows, without a swizzle of 128 bytes, found '!tile.buffer<16xf32>' [copy_bulk_c5]}}
  tile.copy_bulk %x[%r], %buf, %b[%c] : !tile.view<[64], f32>, !tile.buffer<16xf32>, !tile.mbarrier<1>, tensor<16xi32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64, 64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<4x64xf32, 128>
  %r = tile.range %c : tensor<4xi32>
  %s = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{expected panels and slots of a multiple of 8 rows, without a swizzle of 128 bytes, found '!tile.buffer<4x64xf32, 128>' [store_bulk_c5]}}
  tile.store_bulk %buf, %y[%r, %s] : !tile.buffer<4x64xf32, 128>, !tile.view<[64, 64], f32>, tensor<4xi32>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xf32>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{the copy engine cannot combine elements of type 'f32' by 'max' [store_bulk_c7]}}
  tile.store_bulk combine max %buf, %y[%r] : !tile.buffer<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant -8 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xf32>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{the copy engine stores nothing that begins before a tensor, found a start at -8 [store_bulk_c8]}}
  tile.store_bulk %buf, %y[%r] : !tile.buffer<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  %buf = tile.alloc_shared : !tile.buffer<64xf32>
  %r = tile.range %c : tensor<64xi32>
  // expected-error@+1 {{writes to an input of the kernel [kernel_c10]}}
  tile.store_bulk %buf, %x[%r] : !tile.buffer<64xf32>, !tile.view<[64], f32>, tensor<64xi32>
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{expected a number of bulk stores, found -1 [wait_bulk_c1]}}
  tile.wait_bulk -1
  tile.return
}

// -----

tile.kernel @k(%acc: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %z = tensor.splat %acc : tensor<64x32xf32>
  // expected-error@+1 {{cannot multiply '!tile.buffer<64x64xbf16, 128>' and '!tile.buffer<64x64xbf16, 128>' into 'tensor<64x32xf32>' [dot_async_c1]}}
  %s = tile.dot_async %buf, %buf, %z : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x32xf32> -> tensor<64x32xf32>
  tile.return
}

// -----

tile.kernel @k(%acc: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<64x64xf32, 128>
  %z = tensor.splat %acc : tensor<64x64xf32>
  // expected-error@+1 {{expected operands of f16, of bf16 or, with tf32, of f32, and an accumulator of f32, found 'f32', 'f32' and 'f32' [dot_async_c2]}}
  %s = tile.dot_async %buf, %buf, %z : !tile.buffer<64x64xf32, 128>, !tile.buffer<64x64xf32, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  tile.return
}

// -----

tile.kernel @k(%acc: f32, %x: bf16) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 2 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %z = tensor.splat %acc : tensor<64x64xf32>
  %a = tensor.splat %x : tensor<64x64xbf16>
  // expected-error@+1 {{an operand in registers cannot be transposed [dot_async_c3]}}
  %s = tile.dot_async %a, %buf, %z {transpose_a} : tensor<64x64xbf16>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  tile.return
}

// -----

tile.kernel @k(%acc: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<64x64xbf16>
  %z = tensor.splat %acc : tensor<64x64xf32>
  // expected-error@+1 {{expected an operand with a swizzle in shared memory, found '!tile.buffer<64x64xbf16>' [dot_async_c4]}}
  %s = tile.dot_async %buf, %buf, %z : !tile.buffer<64x64xbf16>, !tile.buffer<64x64xbf16>, tensor<64x64xf32> -> tensor<64x64xf32>
  tile.return
}

// -----

tile.kernel @k(%acc: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %a = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %b = tile.alloc_shared : !tile.buffer<64x8xbf16, 128>
  %z = tensor.splat %acc : tensor<64x8xf32>
  // expected-error@+1 {{expected an operand with a swizzle in shared memory, found '!tile.buffer<64x8xbf16, 128>' [dot_async_c4]}}
  %s = tile.dot_async %a, %b, %z : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x8xbf16, 128>, tensor<64x8xf32> -> tensor<64x8xf32>
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %acc = tile.alloc_shared : !tile.buffer<64x64xf32>
  // expected-error@+1 {{expected an accumulator in tensor memory, found '!tile.buffer<64x64xf32>' [dot_async_c5]}}
  tile.dot_async %buf, %buf, %acc : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xf32>
  tile.return
}

// -----

tile.kernel @k(%acc: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %z = tensor.splat %acc : tensor<64x64xf32>
  // expected-error@+1 {{the product is used before a wait [dot_async_c6]}}
  %s = tile.dot_async %buf, %buf, %z : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  // expected-note@+1 {{used here}}
  %t = arith.addf %s, %z : tensor<64x64xf32>
  tile.return
}

// -----

tile.kernel @k(%acc: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %buf = tile.alloc_shared : !tile.buffer<64x64xbf16, 128>
  %z = tensor.splat %acc : tensor<64x64xf32>
  %r = scf.for %i = %c0 to %c1 step %c1 iter_args(%a = %z) -> tensor<64x64xf32> : i32 {
    // expected-error@+1 {{the product is used before a wait [dot_async_c6]}}
    %s = tile.dot_async %buf, %buf, %a : !tile.buffer<64x64xbf16, 128>, !tile.buffer<64x64xbf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
    scf.yield %s : tensor<64x64xf32>
  }
  // expected-note@+1 {{used here}}
  %t = arith.addf %r, %z : tensor<64x64xf32>
  tile.return
}

// -----

// Rows of operands in tf32 go along K.
tile.kernel @k(%acc: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<64x64xf32, 128>
  %z = tensor.splat %acc : tensor<64x64xf32>
  // expected-error@+1 {{tf32 is for operands of f32, of which a is not transposed and b is [dot_async_c7]}}
  %s = tile.dot_async %buf, %buf, %z {tf32} : !tile.buffer<64x64xf32, 128>, !tile.buffer<64x64xf32, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  tile.return
}

// -----

tile.kernel @k(%acc: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %buf = tile.alloc_shared : !tile.buffer<64x64xf16, 128>
  %z = tensor.splat %acc : tensor<64x64xf32>
  // expected-error@+1 {{tf32 is for operands of f32, of which a is not transposed and b is [dot_async_c7]}}
  %s = tile.dot_async %buf, %buf, %z {transpose_b, tf32} : !tile.buffer<64x64xf16, 128>, !tile.buffer<64x64xf16, 128>, tensor<64x64xf32> -> tensor<64x64xf32>
  tile.return
}

// -----

tile.kernel @k() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  // expected-error@+1 {{expected a number of products, found -1 [dot_wait_c1]}}
  tile.dot_wait -1
  tile.return
}

// -----

tile.kernel @k(%x: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %x : tensor<64x64xf32>
  // expected-error@+1 {{axis 2 is not a dim of 'tensor<64x64xf32>' [reduce_partial_c1]}}
  %p = tile.reduce_partial add %t axis 2 : tensor<64x64xf32> -> tensor<64x4xf32>
  tile.return
}

// -----

tile.kernel @k(%x: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %x : tensor<64x64xf32>
  // expected-error@+1 {{with a power of two of parts along dim 1 that divides its extent, found 'tensor<64x3xf32>' [reduce_partial_c2]}}
  %p = tile.reduce_partial add %t axis 1 : tensor<64x64xf32> -> tensor<64x3xf32>
  tile.return
}

// -----

tile.kernel @k(%x: f32) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %t = tensor.splat %x : tensor<64x64xf32>
  // expected-error@+1 {{'and' takes integers, found 'f32' [reduce_partial_c3]}}
  %p = tile.reduce_partial and %t axis 1 : tensor<64x64xf32> -> tensor<64x4xf32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64, 64], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  // expected-error@+1 {{expected 2 subscripts for '!tile.view<[64, 64], i32>', found 1 [wait_until_c1]}}
  tile.wait_until %y[%c], %c : !tile.view<[64, 64], i32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  // expected-error@+1 {{expected elements of type i32, found '!tile.view<[64], f32>' [wait_until_c2]}}
  tile.wait_until %y[%c], %c : !tile.view<[64], f32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  // expected-error@+1 {{expected 1 subscripts for '!tile.view<[64], i32>', found 2 [store_release_c1]}}
  tile.store_release %c, %y[%c, %c] : !tile.view<[64], i32>
  tile.return
}

// -----

tile.kernel @k(%y: !tile.view<[64], i64>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 0 : i32
  // expected-error@+1 {{expected elements of type i32, found '!tile.view<[64], i64>' [store_release_c2]}}
  tile.store_release %c, %y[%c] : !tile.view<[64], i64>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 0 : i32
  // expected-error@+1 {{writes to an input of the kernel [kernel_c10]}}
  tile.store_release %c, %x[%c] : !tile.view<[64], i32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c = arith.constant 2 : i32
  %buf = tile.alloc_shared : !tile.buffer<32xf32>
  %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  %r = tile.range %c : tensor<32xi32>
  // expected-error@+1 {{expected a multiple of 16 bytes at which the last subscript starts [copy_bulk_c6]}}
  tile.copy_bulk %x[%r], %buf, %full[%c] : !tile.view<[64], f32>, !tile.buffer<32xf32>, !tile.mbarrier<1>, tensor<32xi32>
  tile.return
}

// -----

tile.kernel @k(%x: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c = arith.constant 2 : i32
  %buf = tile.alloc_shared : !tile.buffer<32xf32>
  %r = tile.range %c : tensor<32xi32>
  // expected-error@+1 {{expected a multiple of 16 bytes at which the last subscript starts [store_bulk_c6]}}
  tile.store_bulk %buf, %x[%r] : !tile.buffer<32xf32>, !tile.view<[64], f32>, tensor<32xi32>
  tile.return
}
