//! Our own loops on the threads that libtorch uses.
//!
//! libtorch's threads spin for a while after each of its loops, waiting for the next. A second pool (rayon's) would
//! have to fight them for the cores in every training step; so on Linux our loops run on the same OpenMP threads.

/// Runs `body(i)` for every i below `count`, on as many threads as libtorch uses. Which thread runs which i is not
/// defined, so what `body(i)` computes must depend on i alone. `body` must not panic.
pub fn for_each(count: usize, body: impl Fn(usize) + Sync) {
    let threads = crate::device::threads().min(count).max(1);
    if threads == 1 {
        (0..count).for_each(body);
    } else {
        pool::run(threads, count, &body);
    }
}

#[cfg(target_os = "linux")]
mod pool {
    use std::ffi::{c_int, c_uint, c_void};

    // The entry points that GCC's `#pragma omp parallel` compiles to; libgomp is linked by torch-sys and loaded by libtorch.
    unsafe extern "C" {
        fn GOMP_parallel(body: extern "C" fn(*mut c_void), data: *mut c_void, threads: c_uint, flags: c_uint);
        fn omp_get_thread_num() -> c_int;
        fn omp_get_num_threads() -> c_int;
    }

    struct Work<'a> {
        count: usize,
        body: &'a (dyn Fn(usize) + Sync),
    }

    extern "C" fn worker(data: *mut c_void) {
        // SAFETY: `run` passes a Work that outlives the parallel region, and only shared references are taken of it.
        let work = unsafe { &*(data as *const Work) };
        // SAFETY: plain queries of the OpenMP runtime.
        let (i, n) = unsafe { (omp_get_thread_num() as usize, omp_get_num_threads().max(1) as usize) };
        for chunk in work.count * i / n..work.count * (i + 1) / n {
            (work.body)(chunk);
        }
    }

    pub fn run(threads: usize, count: usize, body: &(dyn Fn(usize) + Sync)) {
        let mut work = Work { count, body };
        // SAFETY: GOMP_parallel returns when all threads have left `worker`, so `work` lives long enough.
        unsafe { GOMP_parallel(worker, (&raw mut work).cast(), threads as c_uint, 0) }
    }
}

#[cfg(not(target_os = "linux"))]
mod pool {
    use rayon::prelude::*;

    pub fn run(_threads: usize, count: usize, body: &(dyn Fn(usize) + Sync)) {
        (0..count).into_par_iter().for_each(body);
    }
}

/// A mutable slice that several threads write in disjoint parts.
pub struct Shared<T>(*mut T, usize);

// SAFETY: whoever takes parts promises that they do not overlap (see `part`).
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Shares a slice for as long as the returned value lives.
    pub fn new(slice: &mut [T]) -> Shared<T> {
        Shared(slice.as_mut_ptr(), slice.len())
    }

    /// The elements `start..start + len`.
    ///
    /// # Safety
    /// No two parts that are alive at the same time may overlap, and the slice must outlive them.
    #[allow(clippy::mut_from_ref)] // the point of the type
    pub unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start + len <= self.1, "a part lies within its slice");
        // SAFETY: within the slice (checked); disjoint by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_visited_once() {
        for count in [0, 1, 2, 3, 7, 1000] {
            let mut seen = vec![0u8; count];
            let shared = Shared::new(&mut seen);
            // SAFETY: each index is one part.
            for_each(count, |i| unsafe { shared.part(i, 1)[0] += 1 });
            assert!(seen.iter().all(|n| *n == 1), "{count}: {seen:?}");
        }
    }
}
