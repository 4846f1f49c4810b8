//! Competition: pre-activations u `(N, G, M)` to activities y of the same shape, among the M units of each group.
//!
//! N counts images and positions, G groups. Sources: Moraitis et al. 2022 (soft), Krotov & Hopfield 2019 (the
//! anti-Hebbian runner-up), Journé et al. 2023, eq. 2 and appendix A (anti-Hebbian losers).

use tch::{Kind, Tensor};

/// Who wins, and what the others get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Competition {
    /// y = one-hot(argmax u).
    Hard,
    /// One-hot(argmax u), and the unit ranked `rank`-th gets −delta.
    HardKrotov {
        /// Strength of the runner-up's anti-Hebbian learning.
        delta: f64,
        /// Its rank, 1 = the winner.
        rank: i64,
        /// Where the runner-up is the winner itself (rank 1): whether −delta replaces the 1 (fully connected) or is
        /// added to it (convolution).
        replace: bool,
    },
    /// y = softmax(t·u).
    Soft {
        /// Inverse temperature t.
        t_invert: f64,
    },
    /// s = softmax(t·u); the winner gets +s, every other unit −s.
    SoftKrotov {
        /// Inverse temperature t.
        t_invert: f64,
    },
    /// y = one-hot(label): there is nothing to compute from u.
    Labels,
}

impl Competition {
    /// The activities. [`Competition::Labels`] has none of its own and answers like [`Competition::Soft`] would not:
    /// its y comes with the labels, so this is only asked of the others.
    pub fn activities(&self, u: &Tensor) -> Tensor {
        match *self {
            Competition::Hard => one_hot(u),
            Competition::HardKrotov { delta, rank, replace } => {
                let y = one_hot(u);
                let runner_up = u.topk(rank, -1, true, true).1.narrow(-1, rank - 1, 1);
                if replace {
                    y.scatter_value(-1, &runner_up, -delta)
                } else {
                    let anti = Tensor::full_like(&runner_up.to_kind(Kind::Float), -delta);
                    y.scatter_add(-1, &runner_up, &anti)
                }
            }
            Competition::Soft { t_invert } => (u * t_invert).softmax(-1, Kind::Float),
            Competition::SoftKrotov { t_invert } => {
                let s = (u * t_invert).softmax(-1, Kind::Float);
                let winner = u.argmax(-1, true);
                let won = s.gather(-1, &winner, false);
                s.neg().scatter(-1, &winner, &won)
            }
            Competition::Labels => u.zeros_like(),
        }
    }
}

/// One-hot of the largest unit of each group; the lowest index wins a tie.
fn one_hot(u: &Tensor) -> Tensor {
    u.zeros_like().scatter_value(-1, &u.argmax(-1, true), 1.0)
}
