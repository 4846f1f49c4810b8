//! The patches of real images that excite a unit most (Journé et al. 2023, Figure 5 C, D).

use tch::{Kind, Tensor};

use super::preactivations;
use super::receptive::field;
use crate::layer::Network;
use crate::train::bank::Bank;

/// Images a step.
const BATCH: usize = 100;

/// One patch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patch {
    /// Row of the bank.
    pub row: i64,
    /// Pre-activation of the unit there.
    pub response: f64,
    /// First pixel row and column of the unit's field; may be negative.
    pub at: [i64; 2],
}

/// For each of these units of block `b`, the patches that excite it most, strongest first, at most one an image.
pub fn strongest(
    network: &mut Network,
    bank: &Bank,
    rows: &[i64],
    b: usize,
    units: &[i64],
    count: usize,
    each: &mut dyn FnMut(usize) -> bool,
) -> Option<Vec<Vec<Patch>>> {
    let field = field(network.config(), b);
    let mut best: Vec<Vec<Patch>> = vec![Vec::new(); units.len()];
    let index = Tensor::from_slice(units).to_device(network.device());
    let mut seen = 0;
    for chunk in rows.chunks(BATCH) {
        let x = bank.images(&Tensor::from_slice(chunk), network.device());
        let u = tch::no_grad(|| preactivations(network, &x, b).index_select(1, &index));
        let columns = if u.dim() == 4 { u.size()[3] } else { 1 };
        let (most, at) = u
            .flatten(2.min(u.dim() as i64 - 1), -1)
            .view([chunk.len() as i64, units.len() as i64, -1])
            .max_dim(2, false);
        let most = Vec::<f64>::try_from(most.to_kind(Kind::Double).flatten(0, -1)).unwrap_or_default();
        let at = Vec::<i64>::try_from(at.flatten(0, -1)).unwrap_or_default();
        for (i, (response, at)) in most.into_iter().zip(at).enumerate() {
            let start = |p: i64| field.map_or(0, |f| f.start(p));
            let patch = Patch { row: chunk[i / units.len()], response, at: [start(at / columns), start(at % columns)] };
            let list = &mut best[i % units.len()];
            let place = list.partition_point(|p| p.response >= response);
            if place < count {
                list.insert(place, patch);
                list.truncate(count);
            }
        }
        seen += chunk.len();
        if !each(seen) {
            return None;
        }
    }
    Some(best)
}
