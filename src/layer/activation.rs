//! Activation functions, `(B, C, H, W)` or `(B, C)` to the same shape (Journé et al. 2023, §3.2 and appendix B).

use tch::{Kind, Tensor};

use crate::preset::config::{Activation, ActivationFn};

/// `relu(u − mean over channels)^p`, the triangle of Coates et al. (2011) with a power.
pub fn triangle(u: &Tensor, p: f64) -> Tensor {
    let mut centred = u - u.mean_dim([1i64].as_slice(), true, Kind::Float);
    repu_(&mut centred, p)
}

/// `relu(u)^p`, overwriting its input where autograd does not need it.
fn repu_(u: &mut Tensor, p: f64) -> Tensor {
    let relu = if u.requires_grad() { u.relu() } else { u.relu_() };
    if p == 1.0 { relu } else { relu.pow_tensor_scalar(p) }
}

/// Applies an activation function.
pub fn apply(activation: &Activation, u: &Tensor) -> Tensor {
    let p = activation.param;
    match activation.function {
        ActivationFn::Triangle => triangle(u, p),
        ActivationFn::Relu => u.relu(),
        ActivationFn::Repu => {
            let relu = u.relu();
            if p == 1.0 { relu } else { relu.pow_tensor_scalar(p) }
        }
        ActivationFn::Softmax => (u * p).softmax(1, Kind::Float),
        ActivationFn::Exp => (u * p).exp(),
        ActivationFn::Tanh => (u * p).tanh(),
        ActivationFn::Sigmoid => (u * p).sigmoid(),
        ActivationFn::Hard => {
            let winner = u.argmax(1, true);
            u.zeros_like().scatter_value(1, &winner, 1.0)
        }
    }
}
