// Waits that have no end, one for each labelled constraint of BarrierCheck.h at least, and kernels that are right.
// RUN: lighthouse-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(tile.kernel(tile-check-barriers))'
// RUN: %python %S/../Inputs/labels.py %s %S/../../../dialect/include/lighthouse/Dialect/Tile/IR/BarrierCheck.h

tile.kernel @no_arrival(%x: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  // expected-note@+1 {{the barrier is declared here}}
  %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  tile.roles {
    tile.role "a" warps 4 {
    ^bb0(%i: i32):
      // expected-error@+1 {{this wait has no end: nothing arrives at its barrier [barriers_c1]}}
      tile.mbarrier_wait %full[%c0] : !tile.mbarrier<1>
    }
  }
  tile.return
}

// -----

// How often the loop runs follows from memory, and still nothing arrives.
tile.kernel @no_arrival_of_data(%x: !tile.view<[64], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  // expected-note@+1 {{the barrier is declared here}}
  %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<1>
  tile.roles {
    tile.role "a" warps 4 {
    ^bb0(%i: i32):
      %n = tile.load %x[%c0] : (!tile.view<[64], i32>, i32) -> i32
      scf.for %j = %c0 to %n step %c1 : i32 {
        // expected-error@+1 {{this wait has no end: nothing arrives at its barrier [barriers_c1]}}
        tile.mbarrier_wait %full[%j] : !tile.mbarrier<1>
      }
    }
  }
  tile.return
}

// -----

// Whether more iterations run than there are barriers follows from memory.
tile.kernel @first_round_of_data(%x: !tile.view<[64], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %free = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<2>
  tile.roles {
    tile.role "a" warps 4 {
    ^bb0(%i: i32):
      %n = tile.load %x[%c0] : (!tile.view<[64], i32>, i32) -> i32
      scf.for %j = %c0 to %n step %c1 : i32 {
        %before = arith.subi %j, %c2 : i32
        tile.mbarrier_wait %free[%before] : !tile.mbarrier<2>
      }
    }
  }
  tile.return
}

// -----

// Phases before the first are complete.
tile.kernel @first_round(%x: !tile.view<[64], f32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %free = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<2>
  tile.roles {
    tile.role "a" warps 4 {
    ^bb0(%i: i32):
      scf.for %j = %c0 to %c2 step %c1 : i32 {
        %before = arith.subi %j, %c2 : i32
        tile.mbarrier_wait %free[%before] : !tile.mbarrier<2>
      }
    }
  }
  tile.return
}

// -----

// Four of the eight warps that the barrier counts are not there.
tile.kernel @too_few(%x: !tile.view<["N", 64], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %n = tile.dim "N"
  %ring = tile.alloc_shared : !tile.buffer<2x64xf32>
  %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<2>
  // expected-note@+1 {{the barrier is declared here}}
  %free = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<2>
  tile.roles {
    tile.role "producer" warps 4 {
    ^bb0(%i: i32):
      scf.for %s = %c0 to %n step %c1 : i32 {
        %before = arith.subi %s, %c2 : i32
        // expected-error@+1 {{this wait has no end: its phase takes 8 arrivals, and 4 come [barriers_c2]}}
        tile.mbarrier_wait %free[%before] : !tile.mbarrier<2>
        %slot = tile.slot %ring[%s] : !tile.buffer<2x64xf32> -> !tile.buffer<64xf32>
        %columns = tile.range %c0 : tensor<64xi32>
        tile.copy_bulk %x[%s, %columns], %slot, %full[%s] : !tile.view<["N", 64], f32>, !tile.buffer<64xf32>, !tile.mbarrier<2>, i32, tensor<64xi32>
      }
    }
    tile.role "consumer" warps 4 {
    ^bb0(%i: i32):
      scf.for %s = %c0 to %n step %c1 : i32 {
        // expected-note@+1 {{role 'consumer' stands still here then}}
        tile.mbarrier_wait %full[%s] : !tile.mbarrier<2>
        tile.mbarrier_arrive %free[%s] : !tile.mbarrier<2>
      }
    }
  }
  tile.return
}

// -----

// The same with a consumer of eight warps is right, with any number of rows.
tile.kernel @enough(%x: !tile.view<["N", 64], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %n = tile.dim "N"
  %ring = tile.alloc_shared : !tile.buffer<2x64xf32>
  %full = tile.alloc_mbarrier arrivals 1 : !tile.mbarrier<2>
  %free = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<2>
  tile.roles {
    tile.role "producer" warps 4 {
    ^bb0(%i: i32):
      scf.for %s = %c0 to %n step %c1 : i32 {
        %before = arith.subi %s, %c2 : i32
        tile.mbarrier_wait %free[%before] : !tile.mbarrier<2>
        %slot = tile.slot %ring[%s] : !tile.buffer<2x64xf32> -> !tile.buffer<64xf32>
        %columns = tile.range %c0 : tensor<64xi32>
        tile.copy_bulk %x[%s, %columns], %slot, %full[%s] : !tile.view<["N", 64], f32>, !tile.buffer<64xf32>, !tile.mbarrier<2>, i32, tensor<64xi32>
      }
    }
    tile.role "consumer" warps 8 {
    ^bb0(%i: i32):
      scf.for %s = %c0 to %n step %c1 : i32 {
        tile.mbarrier_wait %full[%s] : !tile.mbarrier<2>
        tile.mbarrier_arrive %free[%s] : !tile.mbarrier<2>
      }
    }
  }
  tile.return
}

// -----

// Eight warps complete two phases at once, and who waits for the first sees that of the third.
tile.kernel @too_many() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  // expected-note@+1 {{the barrier is declared here}}
  %done = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<1>
  tile.roles {
    tile.role "worker" warps 8 {
    ^bb0(%i: i32):
      tile.mbarrier_arrive %done[%c0] : !tile.mbarrier<1>
    }
    tile.role "waiter" warps 1 {
    ^bb0(%i: i32):
      // expected-error@+1 {{this wait has no end: more arrivals come than the 4 of its phase, so that the next one is over, too [barriers_c3]}}
      tile.mbarrier_wait %done[%c0] : !tile.mbarrier<1>
    }
  }
  tile.return
}

// -----

tile.kernel @by_itself() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  // expected-note@+1 {{the barrier is declared here}}
  %done = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<1>
  tile.roles {
    tile.role "worker" warps 4 {
    ^bb0(%i: i32):
      // expected-error@+1 {{this wait has no end: what arrives at its barrier comes behind it in the same role [barriers_c4]}}
      tile.mbarrier_wait %done[%c0] : !tile.mbarrier<1>
      tile.mbarrier_arrive %done[%c0] : !tile.mbarrier<1>
    }
  }
  tile.return
}

// -----

// Each waits for the other first.
tile.kernel @cycle() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  // expected-note@+1 {{the barrier is declared here}}
  %ping = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<1>
  %pong = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<1>
  tile.roles {
    tile.role "a" warps 4 {
    ^bb0(%i: i32):
      // expected-error@+1 {{this wait has no end: what arrives at its barrier comes behind waits that have none either [barriers_c4]}}
      tile.mbarrier_wait %ping[%c0] : !tile.mbarrier<1>
      tile.mbarrier_arrive %pong[%c0] : !tile.mbarrier<1>
    }
    tile.role "b" warps 4 {
    ^bb0(%i: i32):
      // expected-note@+1 {{role 'b' stands still here then}}
      tile.mbarrier_wait %pong[%c0] : !tile.mbarrier<1>
      tile.mbarrier_arrive %ping[%c0] : !tile.mbarrier<1>
    }
  }
  tile.return
}

// -----

// Two instances of 128 threads take turns; nobody meets the last one.
tile.kernel @turns() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  // expected-note@+1 {{the barrier is declared here}}
  %turn = tile.alloc_named_barrier threads 256 : !tile.named_barrier<2>
  tile.roles {
    tile.role "consumer" warps 4 instances 2 {
    ^bb0(%i: i32):
      // expected-error@+1 {{this wait has no end: 256 threads meet at its barrier, and 128 come [barriers_c5]}}
      tile.named_sync %turn[%i] : !tile.named_barrier<2>
      %other = arith.subi %c1, %i : i32
      tile.named_arrive %turn[%other] : !tile.named_barrier<2>
    }
  }
  tile.return
}

// -----

// The first turn is given away before, and so each has one.
tile.kernel @turns_begun() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %turn = tile.alloc_named_barrier threads 256 : !tile.named_barrier<2>
  tile.roles {
    tile.role "consumer" warps 4 instances 2 {
    ^bb0(%i: i32):
      %isSecond = arith.cmpi eq, %i, %c1 : i32
      scf.if %isSecond {
        tile.named_arrive %turn[%c0] : !tile.named_barrier<2>
      }
      tile.named_sync %turn[%i] : !tile.named_barrier<2>
      %other = arith.subi %c1, %i : i32
      tile.named_arrive %turn[%other] : !tile.named_barrier<2>
    }
  }
  tile.return
}

// -----

// Data decide whether the second role arrives: nothing is said of it.
tile.kernel @data(%x: !tile.view<[64], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %done = tile.alloc_mbarrier arrivals 8 : !tile.mbarrier<1>
  tile.roles {
    tile.role "worker" warps 4 {
    ^bb0(%i: i32):
      %n = tile.load %x[%c0] : (!tile.view<[64], i32>, i32) -> i32
      %some = arith.cmpi sgt, %n, %c0 : i32
      scf.if %some {
        tile.mbarrier_arrive %done[%c0] : !tile.mbarrier<1>
      }
    }
    tile.role "waiter" warps 4 {
    ^bb0(%i: i32):
      tile.mbarrier_wait %done[%c0] : !tile.mbarrier<1>
    }
  }
  tile.return
}

// -----

// Without roles the kernel's warps arrive, and what is carried by a loop is followed.
tile.kernel @alone(%x: !tile.view<["N"], f32>) attributes {dims = ["N"], grid = affine_map<()[n] -> (n ceildiv 64, 1, 1)>, inputs = 1 : i64, warps = 2 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %n = tile.dim "N"
  %done = tile.alloc_mbarrier arrivals 2 : !tile.mbarrier<3>
  %last = scf.for %i = %c0 to %n step %c1 iter_args(%use = %c0) -> i32 : i32 {
    tile.mbarrier_arrive %done[%use] : !tile.mbarrier<3>
    tile.mbarrier_wait %done[%use] : !tile.mbarrier<3>
    %next = arith.addi %use, %c1 : i32
    scf.yield %next : i32
  }
  tile.return
}

// -----

// Only a wait depends on data: without it the roles come at least as far, and the producer finds its ring full.
tile.kernel @wait_of_data(%x: !tile.view<[64], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c2 = arith.constant 2 : i32
  %c8 = arith.constant 8 : i32
  %full = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<2>
  // expected-note@+1 {{the barrier is declared here}}
  %free = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<2>
  %looked = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<1>
  tile.roles {
    tile.role "producer" warps 4 {
    ^bb0(%i: i32):
      tile.mbarrier_arrive %looked[%c0] : !tile.mbarrier<1>
      scf.for %j = %c0 to %c8 step %c1 : i32 {
        %before = arith.subi %j, %c2 : i32
        // expected-error@+1 {{this wait has no end: nothing arrives at its barrier [barriers_c1]}}
        tile.mbarrier_wait %free[%before] : !tile.mbarrier<2>
        tile.mbarrier_arrive %full[%j] : !tile.mbarrier<2>
      }
    }
    tile.role "consumer" warps 4 {
    ^bb0(%i: i32):
      %n = tile.load %x[%c0] : (!tile.view<[64], i32>, i32) -> i32
      %looks = arith.cmpi sgt, %n, %c0 : i32
      scf.if %looks {
        tile.mbarrier_wait %looked[%c0] : !tile.mbarrier<1>
      }
      scf.for %j = %c0 to %c8 step %c1 : i32 {
        // expected-note@+1 {{role 'consumer' stands still here then}}
        tile.mbarrier_wait %full[%j] : !tile.mbarrier<2>
      }
    }
  }
  tile.return
}

// -----

// With its wait, which depends on data here, the first role never leaves the second behind.
tile.kernel @behind_without_wait(%x: !tile.view<[64], i32>) attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 1 : i64} {
  %c0 = arith.constant 0 : i32
  %c1 = arith.constant 1 : i32
  %c8 = arith.constant 8 : i32
  %full = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<1>
  %free = tile.alloc_mbarrier arrivals 4 : !tile.mbarrier<1>
  tile.roles {
    tile.role "producer" warps 4 {
    ^bb0(%i: i32):
      %n = tile.load %x[%c0] : (!tile.view<[64], i32>, i32) -> i32
      scf.for %j = %c0 to %c8 step %c1 : i32 {
        %before = arith.subi %j, %n : i32
        tile.mbarrier_wait %free[%before] : !tile.mbarrier<1>
        tile.mbarrier_arrive %full[%j] : !tile.mbarrier<1>
      }
    }
    tile.role "consumer" warps 4 {
    ^bb0(%i: i32):
      scf.for %j = %c0 to %c8 step %c1 : i32 {
        tile.mbarrier_wait %full[%j] : !tile.mbarrier<1>
        tile.mbarrier_arrive %free[%j] : !tile.mbarrier<1>
      }
    }
  }
  tile.return
}

// -----

// Each instance would let go the threads of the other.
tile.kernel @barrier_of_two_groups() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  // expected-note@+1 {{the barrier is declared here}}
  %own = tile.alloc_named_barrier threads 128 : !tile.named_barrier<1>
  tile.roles {
    tile.role "a" warps 4 instances 2 {
    ^bb0(%i: i32):
      // expected-error@+1 {{several instances come to a barrier at which the 128 threads of one meet [barriers_c6]}}
      tile.named_sync %own[%c0] : !tile.named_barrier<1>
    }
  }
  tile.return
}

// -----

// Four warps would meet the other four.
tile.kernel @too_many_threads() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %c0 = arith.constant 0 : i32
  // expected-note@+1 {{the barrier is declared here}}
  %own = tile.alloc_named_barrier threads 128 : !tile.named_barrier<1>
  tile.roles {
    tile.role "a" warps 8 {
    ^bb0(%i: i32):
      // expected-error@+1 {{256 threads come together to a barrier at which 128 meet [barriers_c6]}}
      tile.named_sync %own[%c0] : !tile.named_barrier<1>
    }
  }
  tile.return
}

// -----

// Each instance has a barrier of its own.
tile.kernel @barriers_of_groups() attributes {dims = [], grid = affine_map<() -> (1, 1, 1)>, inputs = 0 : i64} {
  %own = tile.alloc_named_barrier threads 128 : !tile.named_barrier<2>
  tile.roles {
    tile.role "a" warps 4 instances 2 {
    ^bb0(%i: i32):
      tile.named_sync %own[%i] : !tile.named_barrier<2>
    }
  }
  tile.return
}
