//! The lateral weights of a layer: a symmetric N×N matrix, of which half is kept.
//!
//! ```text
//! L += AᵀA·(rate/C)     rows A (R, N)
//! l  = A·L
//! ```
//!
//! L is a sum of AᵀA, and clamping treats L_ij and L_ji alike, so it stays symmetric. Cut into panels of rows, panel p keeps the
//! blocks up to the diagonal, (w, (p + 1)·w): with P panels the first product computes (P + 1)/2P of AᵀA. The second
//! one needs all of L and reads the blocks above the diagonal as transposes of those below.

use tch::{Device, Kind, Tensor};

/// Rows of a panel from which on its products run at full speed (`laterals` of the benchmarks: with 288 rows A·L takes 1.4 times as
/// long).
const WIDE: i64 = 576;
/// How near to the bound the largest weight may come before each step clamps (see [`Lateral::learn`]).
const NEAR: f64 = 1e-4;

/// Symmetric weights between N positions.
#[derive(Debug)]
pub struct Lateral {
    /// First row and rows of each panel: (rows, first + rows).
    panels: Vec<(i64, Tensor)>,
    n: i64,
}

impl Lateral {
    /// Weights of zero.
    pub fn zeros(n: i64, device: Device) -> Lateral {
        Lateral::with_panels(n, (n / WIDE).clamp(1, 4), device)
    }

    /// Weights of zero in so many panels (at most n).
    pub fn with_panels(n: i64, panels: i64, device: Device) -> Lateral {
        let p = panels.clamp(1, n.max(1));
        let panel = |i: i64| {
            let (first, end) = (i * n / p, (i + 1) * n / p);
            (first, Tensor::zeros([end - first, end], (Kind::Float, device)))
        };
        Lateral { panels: (0..p).map(panel).collect(), n }
    }

    /// Positions.
    pub fn positions(&self) -> i64 {
        self.n
    }

    /// Takes over a whole matrix (N, N), which must be symmetric: the part below its diagonal is read.
    pub fn set(&mut self, full: &Tensor) {
        for (first, panel) in &mut self.panels {
            let [rows, columns] = [panel.size()[0], panel.size()[1]];
            panel.copy_(&full.narrow(0, *first, rows).narrow(1, 0, columns));
        }
    }

    /// The whole matrix (N, N).
    pub fn full(&self) -> Tensor {
        let device = self.panels.first().map_or(Device::Cpu, |(_, p)| p.device());
        let full = Tensor::zeros([self.n, self.n], (Kind::Float, device));
        for (first, panel) in &self.panels {
            let [rows, columns] = [panel.size()[0], panel.size()[1]];
            full.narrow(0, *first, rows).narrow(1, 0, columns).copy_(panel);
            let left = panel.narrow(1, 0, *first);
            full.narrow(0, 0, *first).narrow(1, *first, rows).copy_(&left.tr());
        }
        full
    }

    /// The same weights on a device.
    #[must_use]
    pub fn to_device(self, device: Device) -> Lateral {
        let panels = self.panels.into_iter().map(|(first, p)| (first, p.to_device(device))).collect();
        Lateral { panels, n: self.n }
    }

    /// L += factor·AᵀA, clamped to ±`clamp`, of rows A (R, N) that are not negative.
    ///
    /// As long as nothing was clamped L is a sum of AᵀA, so no weight is larger than the largest on the diagonal;
    /// while that one is below the bound, clamping would change nothing and the pass over the weights is left out.
    pub fn learn(&mut self, rows: &Tensor, factor: f64, clamp: f64) {
        let scaled = rows * factor;
        for (first, panel) in &mut self.panels {
            let [w, columns] = [panel.size()[0], panel.size()[1]];
            let _ = panel.addmm_(&scaled.narrow(1, *first, w).tr(), &rows.narrow(1, 0, columns));
        }
        let largest = |(first, p): &(i64, Tensor)| p.diagonal(*first, 0, 1).max().double_value(&[]);
        // Not `f64::max`, which passes over NaN.
        let within = self.panels.iter().all(|p| largest(p) <= clamp * (1.0 - NEAR));
        if !within {
            for (_, panel) in &mut self.panels {
                let _ = panel.clamp_(-clamp, clamp);
            }
        }
    }

    /// A·L of rows A (R, N).
    pub fn of(&self, rows: &Tensor) -> Tensor {
        if let [(_, whole)] = self.panels.as_slice() {
            return rows.mm(whole);
        }
        let out = rows.zeros_like();
        for (first, panel) in &self.panels {
            let [w, columns] = [panel.size()[0], panel.size()[1]];
            let _ = out.narrow(1, 0, columns).addmm_(&rows.narrow(1, *first, w), panel);
            if *first > 0 {
                let above = panel.narrow(1, 0, *first).tr();
                let _ = out.narrow(1, *first, w).addmm_(&rows.narrow(1, 0, *first), &above);
            }
        }
        out
    }

    /// Frobenius norm of the whole matrix.
    pub fn norm(&self) -> f64 {
        let square = |t: Tensor| t.square().sum(Kind::Double).double_value(&[]);
        let of = |(first, panel): &(i64, Tensor)| {
            2.0 * square(panel.narrow(1, 0, *first)) + square(panel.narrow(1, *first, panel.size()[0]))
        };
        self.panels.iter().map(of).sum::<f64>().sqrt()
    }

    /// The weights of a position to all others (N).
    pub fn row(&self, position: i64) -> Tensor {
        let found = self.panels.iter().rfind(|(first, _)| *first <= position);
        let Some((first, panel)) = found else { return Tensor::zeros([0], (Kind::Float, Device::Cpu)) };
        let left = panel.get(position - first);
        let below = self.panels.iter().filter(|(f, _)| *f > position).map(|(_, p)| p.select(1, position));
        Tensor::cat(&std::iter::once(left).chain(below).collect::<Vec<_>>(), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn panels_are_the_matrix(
            (n, panels, r, seed) in (1i64..40, 1i64..9, 1i64..12, any::<i64>()), clamp in prop_oneof![Just(1.0), 0.05..3.0f64],
        ) {
            tch::manual_seed(seed);
            let cpu = (Kind::Float, Device::Cpu);
            let mut lateral = Lateral::with_panels(n, panels, Device::Cpu);
            let mut plain = Tensor::zeros([n, n], cpu);
            let near = |a: &Tensor, b: &Tensor| {
                a.size() == b.size() && (a - b).abs().max().double_value(&[]) <= 1e-5 * (1.0 + b.abs().max().double_value(&[]))
            };
            for _ in 0..3 {
                let rows = Tensor::rand([r, n], cpu);
                lateral.learn(&rows, 0.1, clamp);
                plain = (plain + rows.tr().mm(&rows) * 0.1).clamp(-clamp, clamp);
                prop_assert!(near(&lateral.full(), &plain));
                prop_assert!(near(&lateral.of(&rows), &rows.mm(&plain)));
                prop_assert!((lateral.norm() - plain.norm().double_value(&[])).abs() <= 1e-5 * (1.0 + lateral.norm()));
                prop_assert!((0..n).all(|i| near(&lateral.row(i), &plain.get(i))));
            }
            let mut copy = Lateral::with_panels(n, 3, Device::Cpu);
            copy.set(&lateral.full());
            prop_assert!(near(&copy.full(), &lateral.full()));
        }
    }
}
