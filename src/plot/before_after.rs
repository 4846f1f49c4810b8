//! The first layer's filters as they were initialised and as they are now, side by side.

use tch::{Device, Kind, Tensor};

use crate::draw::Picture;
use crate::draw::scene::DENSITY;
use crate::draw::tiles::{Tiles, grid, tile};
use crate::layer::Network;
use crate::preset::config::Arch;
use crate::train::learned::{self, TURNED};

/// Units that are drawn.
const MOST: usize = 144;
/// Side of a filter at least, pixels.
const SIDE: u32 = 30;

/// The filters of the first block before and after, the units that turned most first; `None` where the first block is not Hebbian.
/// A filter is stretched from its own smallest to its own largest weight.
pub fn picture(before: &Network, after: &Network) -> Option<Picture> {
    let cosines = learned::cosines(before, after, 0)?;
    let order = order(&cosines);
    let panel = |network: &Network| {
        let tiles: Vec<Picture> = order.iter().filter_map(|unit| filter(network, *unit)).collect();
        let columns = (tiles.len() as f64).sqrt().ceil() as usize;
        let side = tiles.iter().map(|t| t.width.max(t.height)).max().unwrap_or(1);
        grid(&tiles, columns, 2, SIDE.div_ceil(side.max(1)))
    };
    let tiles = vec![panel(before), panel(after)];
    let units = cosines.iter().filter(|c| **c < TURNED).count();
    let shown = match cosines.len() > order.len() {
        true => format!(", the {} that turned most are shown", order.len()),
        false => ", the one that turned most first".to_string(),
    };
    let title = format!("block 0: {units} of {} units have learned{shown}", cosines.len());
    let heads = ["before: as initialised", "after learning"].map(str::to_string).to_vec();
    let side = tiles[0].width.max(tiles[0].height);
    Some(Tiles { title, heads, tiles, columns: 2, side, ..Tiles::default() }.scene().picture(DENSITY))
}

/// Units by how far they turned, those that turned most first; at most as many as are drawn.
fn order(cosines: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cosines.len()).collect();
    order.sort_by(|a, b| cosines[*a].total_cmp(&cosines[*b]));
    order.truncate(MOST);
    order
}

/// A unit's weights as a tile.
fn filter(network: &Network, unit: usize) -> Option<Picture> {
    let block = network.blocks.first()?;
    let weight: Tensor = block.hebbian()?.weight().get(unit as i64).to_kind(Kind::Float).to_device(Device::Cpu);
    let [channels, height, width] = match (block.config().arch, weight.size().as_slice()) {
        (Arch::Cnn, &[c, h, w]) => [c, h, w],
        _ => block.config().in_shape,
    }
    .map(|n| usize::try_from(n).unwrap_or(0));
    let values: Vec<f32> = Vec::try_from(weight.contiguous().view(-1)).ok()?;
    (values.len() == channels * height * width).then(|| tile(&values, channels, height, width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::Catalogue;
    use crate::train::Request;

    fn network(model: &str, seed: u64) -> Network {
        let plan = Request::typed(model).plan(&Catalogue::embedded().unwrap()).unwrap();
        Network::new(&plan.network, seed, Device::Cpu)
    }

    #[test]
    fn any_hebbian_first_block_has_a_picture_and_the_unit_that_turned_most_is_first() {
        for model in ["Soft-c1-k3; BP-c10", "Soft-c9-k5; BP-c10", "Soft-c20 flatten; BP-c10", "Soft-c200-k3; BP-c10"] {
            let picture = picture(&network(model, 0), &network(model, 1)).unwrap();
            assert_eq!(picture.rgb.len(), (picture.width * picture.height * 3) as usize, "{model}");
        }
        assert!(picture(&network("BP-c10 flatten", 0), &network("BP-c10 flatten", 1)).is_none());
        // One unit that is turned round comes first.
        let (before, mut after) = (network("Soft-c9-k5; BP-c10", 0), network("Soft-c9-k5; BP-c10", 0));
        let weight = before.blocks[0].hebbian().unwrap().weight();
        let turned = weight.copy();
        let _ = turned.get(7).neg_();
        after.blocks[0].hebbian_mut().unwrap().set_weight(&turned);
        assert_eq!(order(&learned::cosines(&before, &after, 0).unwrap())[0], 7);
        let (drawn, plain) = (picture(&before, &after).unwrap(), picture(&before, &before).unwrap());
        assert_ne!(drawn.rgb, plain.rgb);
    }
}
