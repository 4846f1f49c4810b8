//! The first layer's filters as they were initialised and as they are now, side by side.

use tch::{Device, Kind, Tensor};

use super::draw;
use crate::layer::Network;
use crate::preset::config::Arch;
use crate::report::scene::{Anchor, Scene};
use crate::report::{Picture, grid};
use crate::train::learned::{self, TURNED};

/// Units that are drawn.
const MOST: usize = 144;
/// Side of a filter at least, units of the scene.
const SIDE: u32 = 30;
/// Around the panels.
const MARGIN: f64 = 14.0;
/// Room for the titles.
const TITLES: f64 = 66.0;
/// Width of a letter of the titles, about.
const LETTER: f64 = 7.0;

/// The filters of the first block before and after, the units that turned most first; `None` where the first block is not Hebbian.
/// A filter is stretched from its own smallest to its own largest weight.
pub fn picture(before: &Network, after: &Network) -> Option<Picture> {
    let cosines = learned::cosines(before, after, 0)?;
    let mut order: Vec<usize> = (0..cosines.len()).collect();
    order.sort_by(|a, b| cosines[*a].total_cmp(&cosines[*b]));
    order.truncate(MOST);
    let panel = |network: &Network| {
        let tiles: Vec<Picture> = order.iter().filter_map(|unit| filter(network, *unit)).collect();
        let columns = (tiles.len() as f64).sqrt().ceil() as usize;
        let side = tiles.iter().map(|t| t.width.max(t.height)).max().unwrap_or(1);
        grid(&tiles, columns, 2, SIDE.div_ceil(side.max(1)))
    };
    let panels = [panel(before), panel(after)];
    let units = cosines.iter().filter(|c| **c < TURNED).count();
    let shown = match cosines.len() > order.len() {
        true => format!(", the {} that turned most are shown", order.len()),
        false => ", the one that turned most first".to_string(),
    };
    let title = format!("block 0: {units} of {} units have learned{shown}", cosines.len());
    let titles = ["before: as initialised", "after learning"];
    let width = f64::from(panels[0].width).max(titles[0].len() as f64 * LETTER);
    let whole = (3.0 * MARGIN + 2.0 * width).max(title.len() as f64 * LETTER + 2.0 * MARGIN);
    let mut scene = Scene::new(whole.ceil() as u32, (TITLES + MARGIN) as u32 + panels[0].height);
    scene.text([whole / 2.0, 24.0], &title, 13.0, Anchor::Middle);
    for (side, (words, panel)) in titles.into_iter().zip(panels).enumerate() {
        let middle = whole / 2.0 + (side as f64 - 0.5) * (width + MARGIN);
        scene.text([middle, TITLES - 10.0], words, 13.0, Anchor::Middle);
        scene.image([(middle - f64::from(panel.width) / 2.0).floor(), TITLES], 1, panel);
    }
    Some(scene.picture(2))
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
    (values.len() == channels * height * width).then(|| draw::tile(&values, channels, height, width))
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
        // One unit that is turned round stands in the upper left of both panels.
        let (before, mut after) = (network("Soft-c9-k5; BP-c10", 0), network("Soft-c9-k5; BP-c10", 0));
        let weight = before.blocks[0].hebbian().unwrap().weight();
        let turned = weight.copy();
        let _ = turned.get(7).neg_();
        after.blocks[0].hebbian_mut().unwrap().set_weight(&turned);
        let drawn = picture(&before, &after).unwrap();
        let plain = picture(&before, &before).unwrap();
        let tile = filter(&after, 7).unwrap();
        // The scene is drawn at twice its size, a filter's pixel is 6 of its units.
        let whole = drawn.width as f64 / 2.0;
        let panel = 3.0 * (5.0 * 6.0 + 2.0) + 2.0;
        let width = f64::max(panel, "before: as initialised".len() as f64 * LETTER);
        let left = (whole / 2.0 + 0.5 * (width + MARGIN) - panel / 2.0).floor() as usize + 2;
        let at = |picture: &Picture, x: usize, y: usize| {
            let (px, py) = (2 * (left + x * 6 + 3), 2 * (TITLES as usize + 2 + y * 6 + 3));
            picture.rgb[(py * picture.width as usize + px) * 3]
        };
        for (i, pixel) in tile.rgb.chunks_exact(3).enumerate() {
            assert_eq!(at(&drawn, i % 5, i / 5), pixel[0], "pixel {i}");
        }
        assert_ne!(drawn.rgb, plain.rgb);
    }
}
