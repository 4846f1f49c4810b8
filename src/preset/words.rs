//! The words beside a block string: operations (`flattenbatchnorm1d`), activations (`triangle_0.7`) and pools
//! (`max_4_2_1`), read and printed as the published tables spell them, in any letter case.

use super::config::{Activation, ActivationFn, Operation, Pool, PoolKind};
use super::key::{Real, parse_real};
use std::fmt;

/// Every operation, in the order in which a block applies them.
pub const OPERATIONS: [(Operation, &str); 5] = [
    (Operation::BatchNorm2d, "batchnorm2d"),
    (Operation::Flatten, "flatten"),
    (Operation::BatchNorm1d, "batchnorm1d"),
    (Operation::Max, "max"),
    (Operation::NormNorm, "normnorm"),
];

/// Every activation function.
pub const ACTIVATIONS: [(ActivationFn, &str); 8] = [
    (ActivationFn::Triangle, "triangle"),
    (ActivationFn::Relu, "relu"),
    (ActivationFn::Repu, "repu"),
    (ActivationFn::Softmax, "softmax"),
    (ActivationFn::Exp, "exp"),
    (ActivationFn::Tanh, "tanh"),
    (ActivationFn::Sigmoid, "sigmoid"),
    (ActivationFn::Hard, "hard"),
];

/// What the words of each kind look like, for messages.
pub const EXPECTED_OPERATIONS: &str =
    "operations (flatten, batchnorm1d, batchnorm2d, max, normnorm), each at most once";
/// As above.
pub const EXPECTED_ACTIVATION: &str =
    "an activation (triangle, relu, repu, softmax, exp, tanh, sigmoid, hard) and its parameter above 0: triangle_0.7";
/// As above.
pub const EXPECTED_POOL: &str = "max or avg with kernel, stride and padding: max_4_2_1";
/// As above.
pub const EXPECTED_DROPOUT: &str = "a probability of at least 0 and below 1: dropout_0.5";

fn name_of<T: PartialEq + 'static>(table: &'static [(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|(v, _)| v == value).map_or("", |(_, name)| name)
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(name_of(&OPERATIONS, self))
    }
}

impl fmt::Display for ActivationFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(name_of(&ACTIVATIONS, self))
    }
}

impl fmt::Display for Activation {
    /// `triangle_0.7`; a parameter of 1 is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.function)?;
        if self.param == 1.0 { Ok(()) } else { write!(f, "_{}", Real(self.param)) }
    }
}

impl fmt::Display for PoolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PoolKind::Max => "max",
            PoolKind::Avg => "avg",
        })
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}_{}", self.kind, self.kernel, self.stride, self.padding)
    }
}

/// Reads operations joined in any order (`flattenbatchnorm1d`) and returns them in the order in which they apply.
/// The empty text and `none` are no operation. `None` if it is none of these, or one is named twice.
pub fn parse_operations(text: &str) -> Option<Vec<Operation>> {
    let mut rest = text.trim().to_ascii_lowercase();
    let mut found = Vec::new();
    if rest == "none" {
        return Some(found);
    }
    while !rest.is_empty() {
        let (operation, name) = OPERATIONS.iter().find(|(_, name)| rest.starts_with(name))?;
        if found.contains(operation) {
            return None;
        }
        found.push(*operation);
        rest = rest[name.len()..].trim_start_matches(['+', ',', ' ']).to_owned();
    }
    Some(in_order(found))
}

/// Sorts operations into the order in which a block applies them.
pub fn in_order(mut operations: Vec<Operation>) -> Vec<Operation> {
    operations.sort_by_key(|o| OPERATIONS.iter().position(|(known, _)| known == o));
    operations
}

/// The operations joined to one word, as [`parse_operations`] reads it.
pub fn join_operations(operations: &[Operation]) -> String {
    operations.iter().map(Operation::to_string).collect()
}

/// Reads an activation: `relu`, `triangle_0.7`. `None` if it is none.
pub fn parse_activation(text: &str) -> Option<Activation> {
    let (name, param) = match text.trim().split_once('_') {
        Some((name, param)) => (name, Some(param)),
        None => (text.trim(), None),
    };
    let (function, _) = ACTIVATIONS.iter().find(|(_, known)| known.eq_ignore_ascii_case(name))?;
    let param = match param {
        None => 1.0,
        Some(param) => parse_real(param).filter(|p| p.is_finite() && *p > 0.0)?,
    };
    Some(Activation { function: *function, param })
}

/// Reads a pool: `max_4_2_1` (kernel, stride, padding). `None` if it is none.
pub fn parse_pool(text: &str) -> Option<Pool> {
    let mut parts = text.trim().split('_');
    let kind = match parts.next()?.to_ascii_lowercase().as_str() {
        "max" => PoolKind::Max,
        "avg" => PoolKind::Avg,
        _ => return None,
    };
    // Bounded like the sides of a kernel.
    let mut number = |min: i64| {
        let text = parts.next().filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()))?;
        text.parse::<i64>().ok().filter(|n| (min..=100_000).contains(n))
    };
    let pool = Pool { kind, kernel: number(1)?, stride: number(1)?, padding: number(0)? };
    parts.next().is_none().then_some(pool)
}

/// Reads a probability of dropping an input: 0 ≤ p < 1.
pub fn parse_probability(text: &str) -> Option<f64> {
    parse_real(text.trim()).filter(|p| (0.0..1.0).contains(p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Operation::*;

    #[test]
    fn operations_are_split_and_put_in_order() {
        assert_eq!(parse_operations(""), Some(vec![]));
        assert_eq!(parse_operations("none"), Some(vec![]));
        assert_eq!(parse_operations("flattenbatchnorm1d"), Some(vec![Flatten, BatchNorm1d]));
        assert_eq!(parse_operations("maxflatten"), Some(vec![Flatten, Max]));
        assert_eq!(parse_operations("Normnorm+BatchNorm2d, flatten"), Some(vec![BatchNorm2d, Flatten, NormNorm]));
        assert_eq!(parse_operations("batchnorm3d"), None);
        assert_eq!(parse_operations("flattenflatten"), None);
        assert_eq!(parse_operations("max_4_2_1"), None);
        assert_eq!(parse_operations("é"), None);
        assert_eq!(join_operations(&[Flatten, BatchNorm1d]), "flattenbatchnorm1d");
    }

    #[test]
    fn activations_read_back_as_they_print() {
        for (function, name) in ACTIVATIONS {
            for param in [1.0, 0.7, 1e-9, 20.0] {
                let activation = Activation { function, param };
                assert_eq!(parse_activation(&activation.to_string()), Some(activation), "{name}_{param}");
            }
        }
        assert_eq!(parse_activation("Triangle_1.0").map(|a| a.to_string()).as_deref(), Some("triangle"));
        for wrong in
            ["", "triangel", "triangle_", "triangle_x", "triangle_0", "triangle_-1", "triangle_1_2", "relu_nan"]
        {
            assert_eq!(parse_activation(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn pools_read_back_as_they_print() {
        let pool = Pool { kind: PoolKind::Avg, kernel: 4, stride: 2, padding: 1 };
        assert_eq!(parse_pool("AVG_4_2_1"), Some(pool));
        assert_eq!(parse_pool(&pool.to_string()), Some(pool));
        for wrong in
            ["max", "max_4_2", "max_4_2_1_0", "min_4_2_1", "max_0_2_0", "max_4_0_1", "max_4_2_-1", "max_4_2_1.5"]
        {
            assert_eq!(parse_pool(wrong), None, "{wrong}");
        }
        assert_eq!(parse_probability("0.5"), Some(0.5));
        assert_eq!(parse_probability("1"), None);
    }
}
