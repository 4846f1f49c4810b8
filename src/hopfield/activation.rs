//! Activations: what a neuron does with its local field.
//!
//! With the field u = Σ_j W_ij s_j − θ and the temperature T:
//!
//! | name | next state | values |
//! |---|---|---|
//! | sign | 1 if u > 0, −1 if u < 0, and the state it had if u = 0 | −1, 1 |
//! | tanh | tanh(u/T) | −1…1 |
//! | sigmoid | 1/(1 + exp(−u/T)) | 0…1 |
//!
//! A field of exactly 0 says nothing about the neuron, so it keeps its state; that also keeps asynchronous sign updates from
//! ever raising the energy or going round in a circle.

use serde::{Deserialize, Serialize};

/// What a neuron does with its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// −1 or 1; a field of exactly 0 keeps the neuron's state.
    #[default]
    Sign,
    /// tanh(u/T).
    Tanh,
    /// 1/(1 + exp(−u/T)).
    Sigmoid,
}

impl std::fmt::Display for Activation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Activation::Sign => "sign",
            Activation::Tanh => "tanh",
            Activation::Sigmoid => "sigmoid",
        })
    }
}

impl Activation {
    /// The next state of a neuron with this field and state; `slope` is 1/T.
    #[inline(always)]
    pub fn apply(self, field: f32, state: f32, slope: f32) -> f32 {
        match self {
            Activation::Sign => {
                if field > 0.0 {
                    1.0
                } else if field < 0.0 {
                    -1.0
                } else {
                    state
                }
            }
            Activation::Tanh => (field * slope).tanh(),
            Activation::Sigmoid => 1.0 / (1.0 + (-field * slope).exp()),
        }
    }

    /// The values of an inactive and an active neuron in a binary pattern.
    pub fn levels(self) -> [f32; 2] {
        match self {
            Activation::Sign | Activation::Tanh => [-1.0, 1.0],
            Activation::Sigmoid => [0.0, 1.0],
        }
    }

    /// Between inactive and active.
    pub fn middle(self) -> f32 {
        (self.levels()[0] + self.levels()[1]) / 2.0
    }

    /// Whether the activation can take this value.
    pub fn takes(self, value: f32) -> bool {
        let [low, high] = self.levels();
        if self == Activation::Sign { value == low || value == high } else { (low..=high).contains(&value) }
    }

    /// The values in words.
    pub fn range(self) -> &'static str {
        match self {
            Activation::Sign => "-1 and 1",
            Activation::Tanh => "from -1 to 1",
            Activation::Sigmoid => "from 0 to 1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_their_formulas() {
        for (activation, field, state, temperature, wanted) in [
            (Activation::Sign, 0.3, -1.0, 1.0, 1.0),
            (Activation::Sign, -1e-30, 1.0, 1.0, -1.0),
            (Activation::Sign, 0.0, 1.0, 1.0, 1.0),
            (Activation::Sign, -0.0, -1.0, 1.0, -1.0),
            (Activation::Tanh, 1.0, 0.0, 2.0, 0.5f32.tanh()),
            (Activation::Sigmoid, 0.0, 0.0, 1.0, 0.5),
            (Activation::Sigmoid, 2.0, 0.0, 2.0, 1.0 / (1.0 + (-1.0f32).exp())),
            (Activation::Sigmoid, -1e9, 0.0, 1.0, 0.0),
        ] {
            let got = activation.apply(field, state, 1.0 / temperature);
            assert!((got - wanted).abs() < 1e-6, "{activation} of {field}: {got}, wanted {wanted}");
        }
    }

    #[test]
    fn ranges() {
        for (activation, value, wanted) in [
            (Activation::Sign, 0.5, false),
            (Activation::Sign, -1.0, true),
            (Activation::Tanh, 0.5, true),
            (Activation::Tanh, 1.5, false),
            (Activation::Sigmoid, -0.1, false),
            (Activation::Sigmoid, f32::NAN, false),
        ] {
            assert_eq!(activation.takes(value), wanted, "{activation} {value}");
        }
    }
}
