//! The learning rate of each unit: it follows the unit's distance from convergence (norm 1), or a schedule.

use tch::{Kind, Tensor};

use crate::preset::config::{LayerConfig, LrDecay};

/// Keeps the power of a converged unit's distance finite.
const TINY: f64 = 1e-10;

/// A learning-rate rule with its state.
#[derive(Debug, Clone, PartialEq)]
pub enum Rate {
    /// η_i = lr·(|‖w_i‖_P − 1| + 1e-10)^power (Journé et al. 2023, eq. 3).
    Adaptive {
        /// lr.
        lr: f64,
        /// The power.
        power: f64,
    },
    /// One rate for all units that changes after each update.
    Scheduled {
        /// The rate at the start.
        start: f64,
        /// The rate now.
        now: f64,
        /// How it changes.
        schedule: Schedule,
    },
}

/// How a scheduled rate changes after each update; `step` is the share of the whole phase that an update is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// To zero in a straight line.
    Linear {
        /// batch/(images·epochs).
        step: f64,
    },
    /// To lr/div in an exponential.
    Exp {
        /// batch/(images·epochs).
        step: f64,
        /// Speed of the fall.
        speed: f64,
        /// Where it ends, as a share of the start.
        div: f64,
    },
    /// Not at all.
    Constant,
}

impl Rate {
    /// The rule of a layer that takes part in a phase of `epochs` with `ratio` = batch/images.
    pub fn new(config: &LayerConfig, ratio: f64, epochs: f64) -> Rate {
        if config.adaptive {
            return Rate::Adaptive { lr: config.lr, power: config.power_lr };
        }
        let step = ratio / epochs;
        let schedule = match config.lr_decay {
            LrDecay::Linear => Schedule::Linear { step },
            LrDecay::Exp => Schedule::Exp { step, speed: config.speed, div: config.lr_div },
            LrDecay::Constant => Schedule::Constant,
        };
        Rate::Scheduled { start: config.lr, now: config.lr, schedule }
    }

    /// The rate of each unit from the radii `(M)`: `(M)` if adaptive, else `(1)`.
    pub fn per_unit(&self, radius: &Tensor) -> Tensor {
        match *self {
            Rate::Adaptive { lr, power } => ((radius - 1.0).abs() + TINY).pow_tensor_scalar(power) * lr,
            Rate::Scheduled { now, .. } => Tensor::full([1], now, (Kind::Float, radius.device())),
        }
    }

    /// Moves a scheduled rate on after an update.
    pub fn advance(&mut self) {
        let Rate::Scheduled { start, now, schedule } = self else { return };
        match *schedule {
            Schedule::Linear { step } => *now = (*now - *start * step).max(0.0),
            Schedule::Exp { step, speed, div } => {
                let end = (*start / div - *start * (-speed).exp()) / (1.0 - (-speed).exp());
                *now = (*now - end) / (speed * step).exp() + end;
            }
            Schedule::Constant => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_end_where_they_should() {
        let run = |schedule, n| {
            let mut rate = Rate::Scheduled { start: 0.1, now: 0.1, schedule };
            for _ in 0..n {
                rate.advance();
            }
            let Rate::Scheduled { now, .. } = rate else { unreachable!() };
            now
        };
        // 200 updates of 0.005 are the whole phase.
        assert!((run(Schedule::Linear { step: 0.005 }, 100) - 0.05).abs() < 1e-12);
        assert_eq!(run(Schedule::Linear { step: 0.005 }, 300), 0.0);
        let end = run(Schedule::Exp { step: 0.005, speed: 7.0, div: 96.0 }, 200);
        assert!((end - 0.1 / 96.0).abs() < 1e-9, "{end}");
        assert_eq!(run(Schedule::Constant, 5), 0.1);
    }
}
