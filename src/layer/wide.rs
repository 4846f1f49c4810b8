//! What our own loops on the CPU share: tensors as slices, and code compiled for the widest vector registers there are.

use tch::{Device, Kind, Tensor};

/// Neighbouring numbers that a loop handles at once; any width of vector registers divides it.
pub const LANES: usize = 16;

/// Whether tensors on this device are in reach of these loops.
pub fn reaches(device: Device) -> bool {
    device == Device::Cpu
}

/// The numbers of a contiguous float tensor on the CPU. A tensor is a handle, which the types say nothing of: who reads here makes sure
/// that nobody writes the same numbers through another one meanwhile.
pub(crate) fn numbers(t: &Tensor) -> &[f32] {
    assert!(t.kind() == Kind::Float && t.device() == Device::Cpu && t.is_contiguous(), "a contiguous float CPU tensor");
    // SAFETY: checked above; the tensor lives as long as the slice, and nobody writes it meanwhile.
    unsafe { std::slice::from_raw_parts(t.data_ptr() as *const f32, t.numel()) }
}

/// The same, to write.
///
/// # Safety
/// Nobody may read or write these numbers through another handle (`shallow_clone`, a view) while the slice lives.
pub(crate) unsafe fn numbers_mut(t: &mut Tensor) -> &mut [f32] {
    assert!(t.kind() == Kind::Float && t.device() == Device::Cpu && t.is_contiguous(), "a contiguous float CPU tensor");
    // SAFETY: checked above, and nobody else has the numbers by the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(t.data_ptr() as *mut f32, t.numel()) }
}

/// Runs a loop compiled for the widest vector registers of this processor.
macro_rules! dispatch {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? = $inner:ident) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)] // a loop's operands
        fn $name($($arg: $type),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
                #[allow(clippy::too_many_arguments)]
                fn wide($($arg: $type),*) $(-> $ret)? { $inner($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn middle($($arg: $type),*) $(-> $ret)? { $inner($($arg),*) }
                if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512dq") {
                    // SAFETY: the processor has these features.
                    return unsafe { wide($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: the processor has these features.
                    return unsafe { middle($($arg),*) };
                }
            }
            $inner($($arg),*)
        }
    };
}

pub(crate) use dispatch;
