//! One axis of a search space: the keys that it sets and the values that it takes.
//!
//! | in the file | values |
//! |---|---|
//! | `grid = [a, b, …]` | each of them |
//! | `geometric = { base = r, from = i, to = j }` | r^i, r^(i+1), …, r^j |
//! | `choice = [a, b, …]` | one of them, drawn |
//! | `uniform = [lo, hi]` | drawn from [lo, hi) |
//! | `log_uniform = [lo, hi]` | exp of a draw from [ln lo, ln hi) |
//! | `int_uniform = [lo, hi]` | a whole number from lo to hi, both included |
//! | `normal = { mean = m, std = s }` | drawn from Normal(m, s) |

use rand::Rng;
use rand_distr::{Distribution, Normal};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::device::{self, Stream};

/// The values of an axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Values {
    /// Each of these.
    Grid(Vec<Value>),
    /// `base^from … base^to`.
    Geometric {
        /// The ratio of two neighbours.
        base: f64,
        /// First exponent.
        from: i32,
        /// Last exponent, included.
        to: i32,
    },
    /// One of these, drawn.
    Choice(Vec<Value>),
    /// A number of [lo, hi), drawn.
    Uniform(f64, f64),
    /// The same, even in its logarithm.
    LogUniform(f64, f64),
    /// A whole number from lo to hi, drawn.
    IntUniform(i64, i64),
    /// A normally distributed number.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        std: f64,
    },
}

/// An axis of the space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What tables call it: its key, or the name that ties several keys together.
    pub name: String,
    /// The keys that take its value, as `--set` names them.
    pub keys: Vec<String>,
    /// Whether keys of blocks that the network lacks, or that learn by backpropagation, are left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub if_present: bool,
    /// Its values.
    pub values: Values,
    /// Its line in the file, for messages.
    #[serde(skip)]
    pub line: usize,
}

impl Values {
    /// The values that are gone through one by one; `None` for those that are drawn.
    pub fn listed(&self) -> Option<Vec<Value>> {
        match self {
            Values::Grid(values) => Some(values.clone()),
            Values::Geometric { base, from, to } => Some((*from..=*to).map(|i| Value::from(base.powi(i))).collect()),
            _ => None,
        }
    }

    /// How many values are gone through; 1 for those that are drawn.
    pub fn count(&self) -> usize {
        match self {
            Values::Grid(values) => values.len(),
            Values::Geometric { from, to, .. } => (i64::from(*to) - i64::from(*from) + 1).max(0) as usize,
            _ => 1,
        }
    }

    /// Whether a value is drawn.
    pub fn is_drawn(&self) -> bool {
        !matches!(self, Values::Grid(_) | Values::Geometric { .. })
    }

    /// A value: the one at this place of the list, or the one that this random stream draws.
    pub fn pick(&self, place: usize, seed: u64, stream: &[Stream]) -> Value {
        let mut rng = device::rng(seed, stream);
        match self {
            Values::Grid(values) => values.get(place).cloned().unwrap_or(Value::Null),
            Values::Geometric { base, from, .. } => {
                Value::from(base.powi(from.saturating_add(i32::try_from(place).unwrap_or(i32::MAX))))
            }
            Values::Choice(values) if values.is_empty() => Value::Null,
            Values::Choice(values) => values[rng.random_range(0..values.len())].clone(),
            // An empty range is refused when the space is read; drawn from, it is its lower end.
            Values::Uniform(lo, hi) if lo < hi => Value::from(rng.random_range(*lo..*hi)),
            Values::LogUniform(lo, hi) if lo < hi => {
                Value::from(rng.random_range(lo.ln()..hi.ln()).exp().clamp(*lo, *hi))
            }
            Values::IntUniform(lo, hi) if lo < hi => Value::from(rng.random_range(*lo..=*hi)),
            Values::Uniform(lo, _) | Values::LogUniform(lo, _) => Value::from(*lo),
            Values::IntUniform(lo, _) => Value::from(*lo),
            Values::Normal { mean, std } => {
                Value::from(Normal::new(*mean, *std).map_or(*mean, |normal| normal.sample(&mut rng)))
            }
        }
    }

    /// One value of each kind that it can take, to see whether its keys accept them.
    pub fn probes(&self) -> Vec<Value> {
        match self {
            Values::Grid(values) | Values::Choice(values) => values.clone(),
            Values::Geometric { .. } => self.listed().unwrap_or_default(),
            Values::Uniform(lo, hi) | Values::LogUniform(lo, hi) => vec![Value::from(*lo), Value::from(*hi)],
            Values::IntUniform(lo, hi) => vec![Value::from(*lo), Value::from(*hi)],
            Values::Normal { mean, .. } => vec![Value::from(*mean)],
        }
    }
}

/// A value as `--set` reads it: texts without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
