//! `softhebb plot`: pictures of a trained network, as PNG and SVG.

mod args;
mod trained;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::Context;
use tch::{Device, Tensor};

pub use args::PlotArgs;
use args::{EmbeddingArgs, FieldsArgs, FiltersArgs, Order, PatchesArgs, What};
use trained::{POINTS, TILES, Trained};

use super::Usage;
use super::progress::said;
use super::run::{INTERRUPTED, stop_flag};
use crate::data::pictures;
use crate::device;
use crate::draw::Picture;
use crate::draw::scatter::scatter;
use crate::draw::tiles::{Tiles, tile};
use crate::plane::{self, Umap, neighbours};
use crate::plot::ascent::{self, Climb};
use crate::plot::drawn::Drawn;
use crate::plot::excite::{self, Patch};
use crate::plot::receptive;
use crate::preset::config::Arch;
use crate::study::choice;

/// Principal components of a layer's outputs that are placed in the plane.
const COMPONENTS: i64 = 100;

/// Runs the subcommand.
///
/// # Errors
/// When the run, its data or the files fail.
pub fn run(args: &PlotArgs) -> anyhow::Result<ExitCode> {
    let done = match &args.what {
        What::Filters(args) => filters(args)?,
        What::ReceptiveFields(args) => fields(args)?,
        What::Embedding(args) => embedding(args)?,
        What::Patches(args) => patches(args)?,
    };
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
}

fn floats(t: &Tensor) -> Vec<f32> {
    Vec::<f32>::try_from(t.detach().to_device(Device::Cpu).contiguous().flatten(0, -1)).unwrap_or_default()
}

fn filters(args: &FiltersArgs) -> anyhow::Result<bool> {
    if args.common.block.unwrap_or(0) != 0 {
        return Err(Usage("filters are those of block 0: the others' inputs are no pictures (receptive-fields shows what they look for)".into()).into());
    }
    let mut it = Trained::open(&args.common, "plot-filters", Some(0), TILES)?;
    let config = &it.plan.network.blocks[0];
    let [c, h, w] = match config.arch {
        Arch::Cnn => {
            [config.layer.in_channels / config.layer.groups, config.layer.kernel_size, config.layer.kernel_size]
        }
        Arch::Mlp => config.in_shape,
    }
    .map(|n| n as usize);
    let state = it.network.state();
    let weights = state.get("blocks.0.layer.weight").map(floats).unwrap_or_default();
    let filters: Vec<&[f32]> = weights.chunks_exact((c * h * w).max(1)).collect();
    let units: Vec<i64> = it.ordered(args.order).into_iter().take(args.units).collect();
    let tiles: Vec<Picture> = units.iter().filter_map(|u| filters.get(*u as usize)).map(|f| tile(f, c, h, w)).collect();
    let columns = (tiles.len() as f64).sqrt().ceil() as usize;
    let title = it.titled(format!("{} filters of {h} × {w}", tiles.len()));
    let scene = Tiles { title, tiles: tiles.clone(), columns, side: 40, ..Tiles::default() }.scene();
    it.write(&scene, &Drawn::Tiles { tiles, columns, units })?;
    Ok(true)
}

fn fields(args: &FieldsArgs) -> anyhow::Result<bool> {
    if !(args.contrast > 0.0 && args.contrast.is_finite()) {
        return Err(Usage(format!("--contrast is {}, but must be a number above 0", args.contrast)).into());
    }
    let mut it = Trained::open(&args.common, "plot-receptive-fields", None, TILES)?;
    let units: Vec<i64> = it.ordered(args.order).into_iter().take(args.units).collect();
    let how = Climb { steps: args.steps, contrast: args.contrast, seed: args.seed };
    let (block, of) = (it.block, units.len());
    let (patches, gains) = device::guard("gradient ascent", || {
        ascent::climb(&mut it.network, block, &units, how, &mut |done| said(done, of, "units"))
    })?;
    let size = patches.size();
    let [c, h, w] = [size[1], size[2], size[3]].map(|n| n as usize);
    let values = floats(&patches);
    let tiles: Vec<Picture> = values.chunks_exact(c * h * w).map(|p| tile(p, c, h, w)).collect();
    let mean = |i: usize| gains.iter().map(|g| g[i]).sum::<f64>() / gains.len().max(1) as f64;
    writeln!(
        io::stdout(),
        "mean pre-activation {:.3} from noise, {:.3} after {} steps; fields of {h} × {w} pixels",
        mean(1),
        mean(0),
        args.steps
    )?;
    let field = receptive::field(&it.plan.network, block).map_or(0, |f| f.size);
    let cut = if field > h as i64 { format!(" ({field} cut by the image)") } else { String::new() };
    let title = it.titled(format!("block {block}: {of} units, fields of {h} × {w}{cut}"));
    let columns = (of as f64 * 1.6).sqrt().ceil() as usize;
    let scene = Tiles { title, tiles: tiles.clone(), columns, side: 56, ..Tiles::default() }.scene();
    it.write(&scene, &Drawn::Tiles { tiles, columns, units })?;
    Ok(true)
}

fn embedding(args: &EmbeddingArgs) -> anyhow::Result<bool> {
    let stop = stop_flag()?;
    let mut it = Trained::open(&args.common, "plot-embedding", None, POINTS)?;
    let (data, rows) = it.images(&args.images, &stop)?;
    if rows.len() <= args.neighbors {
        let (n, k) = (rows.len(), args.neighbors);
        return Err(Usage(format!("--neighbors is {k}, but there are {n} images: it must be below")).into());
    }
    let bank = &data.banks[data.sup.test.bank];
    let (block, n) = (it.block, rows.len());
    let mut outputs = Vec::new();
    for chunk in rows.chunks(250) {
        let x = device::guard("computing a layer's outputs", || {
            bank.outputs(&Tensor::from_slice(chunk), &mut it.network, block + 1).flatten(1, -1).to_device(Device::Cpu)
        })?;
        outputs.push(x);
        said(outputs.len() * 250.min(n), n.max(outputs.len() * 250), "images");
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
    }
    let labels = bank.labels(&Tensor::from_slice(&rows)).to_device(Device::Cpu);
    let labels = Vec::<i64>::try_from(labels).unwrap_or_default();
    let how = Umap { neighbours: args.neighbors, epochs: args.epochs, seed: args.seed };
    let components =
        plane::pca(&Tensor::cat(&outputs, 0), COMPONENTS, args.seed).context("the outputs have no places")?;
    let points = plane::umap(&components, how, &mut |epoch| {
        if epoch.is_multiple_of(20) || epoch == how.epochs {
            said(epoch, how.epochs, "rounds");
        }
        !stop.load(Ordering::Relaxed)
    })?;
    let Some(points) = points else { return Ok(false) };
    let share = neighbours::agreement(&points, &labels, 15)?;
    writeln!(io::stdout(), "{share:.1} % of {n} images lie among images of their own class (15 nearest in the plane)")?;
    let classes = choice::class_names(&it.plan.dataset_sup, None);
    let title = format!("{}, block {block}: {n} images of {}", it.plan.model, it.plan.dataset_sup.config);
    let scene = scatter(&title, &points, &labels, &classes);
    it.write(&scene, &Drawn::Points { points, labels, classes, own_class: share })?;
    Ok(true)
}

fn patches(args: &PatchesArgs) -> anyhow::Result<bool> {
    let stop = stop_flag()?;
    let mut it = Trained::open(&args.common, "plot-patches", None, TILES)?;
    let units = args.units.clone().unwrap_or_else(|| it.ordered(Order::Learned).into_iter().take(5).collect());
    if let Some(unit) = units.iter().find(|u| !(0..it.units()).contains(*u)) {
        let last = it.units() - 1;
        return Err(Usage(format!("--units names unit {unit}; block {} has units 0 to {last}", it.block)).into());
    }
    let (data, rows) = it.images(&args.images, &stop)?;
    let bank = &data.banks[data.sup.test.bank];
    let (block, n) = (it.block, rows.len());
    let best = device::guard("looking for patches", || {
        excite::strongest(&mut it.network, bank, &rows, block, &units, args.count, &mut |done| {
            said(done, n, "images");
            !stop.load(Ordering::Relaxed)
        })
    })?;
    let Some(best) = best else { return Ok(false) };
    let field = receptive::field(&it.plan.network, block);
    let shape = it.plan.network.in_shape;
    let cut = |patch: &Patch| {
        let image = bank.images(&Tensor::from_slice(&[patch.row]), Device::Cpu).get(0);
        // Normalised pictures go back to their own colours.
        let image = if pictures::is_pictures(&it.plan.dataset_sup.name) && shape[0] == 3 {
            let of = |v: [f64; 3]| Tensor::from_slice(&v.map(|v| v as f32)).view([3, 1, 1]);
            image * of(pictures::STD) + of(pictures::MEAN)
        } else {
            image
        };
        window(&image, patch.at, field.map_or(shape[1].max(shape[2]), |f| f.size))
    };
    let columns = best.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let row = |list: &Vec<Patch>| {
        list.iter().map(cut).chain(std::iter::repeat(Picture::default())).take(columns).collect::<Vec<_>>()
    };
    let all: Vec<Picture> = best.iter().flat_map(row).collect();
    let size = field.map_or(shape[1], |f| f.size);
    let title = format!(
        "{}, block {block}: the patches of {n} images that excite each unit most, {size} × {size}",
        it.plan.model
    );
    let names = units.iter().map(|unit| format!("unit {unit}")).collect();
    let scene = Tiles { title, names, tiles: all.clone(), columns, side: 56, ..Tiles::default() }.scene();
    let tiles = all.into_iter().filter(|tile| tile.width > 0).collect();
    it.write(&scene, &Drawn::Tiles { tiles, columns: args.count, units })?;
    Ok(true)
}

/// A square of an image `(C, H, W)` in [0, 1]; what lies beyond its border is dark grey.
fn window(image: &Tensor, [top, left]: [i64; 2], side: i64) -> Picture {
    let size = image.size();
    let values = floats(image);
    let mut rgb = Vec::with_capacity((side * side * 3) as usize);
    for (y, x) in (top..top + side).flat_map(|y| (left..left + side).map(move |x| (y, x))) {
        let inside = (0..size[1]).contains(&y) && (0..size[2]).contains(&x);
        for c in 0..3 {
            let plane = if size[0] == 3 { c } else { 0 };
            let value = values.get(((plane * size[1] + y) * size[2] + x).max(0) as usize).copied().unwrap_or(0.0);
            rgb.push(if inside { (value.clamp(0.0, 1.0) * 255.0).round() as u8 } else { 40 });
        }
    }
    Picture { width: side as u32, height: side as u32, rgb }
}
