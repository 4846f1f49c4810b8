//! Our own loops on the threads that libtorch uses.
//!
//! libtorch's threads spin for a while after each of its loops, waiting for the next. A second pool (rayon's) would
//! have to fight them for the cores in every training step; so on Linux our loops run on the same OpenMP threads.

use std::sync::{Mutex, PoisonError};

/// Gives each of these to `body`, with its number, on as many threads as libtorch uses: `each(out.chunks_mut(n), …)` has several
/// threads write the disjoint parts of a slice. Which thread takes which is not defined, so what `body` computes must depend on its
/// arguments alone.
///
/// # Panics
/// When `body` does, with its message, after all threads have come to their end.
pub fn each<T: Send>(items: impl IntoIterator<Item = T>, body: impl Fn(usize, T) + Sync) {
    let items: Vec<Mutex<Option<T>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
    for_each(items.len(), |i| {
        // An item is taken once, so nobody waits for the lock and there is always something to take.
        let item = items[i].lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(item) = item {
            body(i, item);
        }
    });
}

/// Runs `body(i)` for every i below `count`, on as many threads as libtorch uses. Which thread runs which i is not
/// defined, so what `body(i)` computes must depend on i alone.
///
/// # Panics
/// As [`each`].
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
    use std::any::Any;
    use std::ffi::{c_int, c_uint, c_void};
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::{Mutex, PoisonError};

    // The entry points that GCC's `#pragma omp parallel` compiles to; libgomp is linked by torch-sys and loaded by libtorch.
    unsafe extern "C" {
        fn GOMP_parallel(body: extern "C" fn(*mut c_void), data: *mut c_void, threads: c_uint, flags: c_uint);
        fn omp_get_thread_num() -> c_int;
        fn omp_get_num_threads() -> c_int;
    }

    struct Work<'a> {
        count: usize,
        body: &'a (dyn Fn(usize) + Sync),
        /// What the first panic said: it must not unwind into libgomp, so it is carried over.
        panic: Mutex<Option<Box<dyn Any + Send>>>,
    }

    extern "C" fn worker(data: *mut c_void) {
        // SAFETY: `run` passes a Work that outlives the parallel region, and only shared references are taken of it.
        let work = unsafe { &*(data as *const Work) };
        // SAFETY: plain queries of the OpenMP runtime.
        let (i, n) = unsafe { (omp_get_thread_num() as usize, omp_get_num_threads().max(1) as usize) };
        let chunks = work.count * i / n..work.count * (i + 1) / n;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| chunks.for_each(work.body))) {
            work.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        }
    }

    pub fn run(threads: usize, count: usize, body: &(dyn Fn(usize) + Sync)) {
        let mut work = Work { count, body, panic: Mutex::new(None) };
        // SAFETY: GOMP_parallel returns when all threads have left `worker`, so `work` lives long enough.
        unsafe { GOMP_parallel(worker, (&raw mut work).cast(), threads as c_uint, 0) };
        if let Some(panic) = work.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            resume_unwind(panic);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod pool {
    use rayon::prelude::*;

    pub fn run(_threads: usize, count: usize, body: &(dyn Fn(usize) + Sync)) {
        (0..count).into_par_iter().for_each(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_visited_once() {
        for count in [0, 1, 2, 3, 7, 1000] {
            let mut seen = vec![0usize; count];
            each(seen.chunks_mut(3), |i, part| part.iter_mut().for_each(|n| *n += i + 1));
            assert!(seen.iter().enumerate().all(|(i, n)| *n == i / 3 + 1), "{count}: {seen:?}");
        }
    }

    #[test]
    fn a_panic_comes_over_when_all_others_are_done() {
        let done = std::sync::atomic::AtomicUsize::new(0);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for_each(2, |i| match i {
                0 => panic!("the first part"),
                _ => drop(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
            });
        }));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"the first part"));
        assert!(crate::device::threads() == 1 || done.into_inner() == 1);
    }
}
