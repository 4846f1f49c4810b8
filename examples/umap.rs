//! Places of the rows of a NumPy matrix in the plane, as `softhebb encode cluster` and `softhebb plot embedding` find them:
//!
//!     cargo run --release --example umap -- FEATURES.npy ROWS COLUMNS SEED > places.csv
//!
//! FEATURES.npy is what `softhebb encode features` writes.

use std::path::Path;

use anyhow::Context;
use softhebb::files::npy::Matrix;
use softhebb::plane::{Umap, umap};
use tch::Tensor;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, rows, columns, seed] = arguments.as_slice() else {
        anyhow::bail!("usage: umap FEATURES.npy ROWS COLUMNS SEED");
    };
    let (rows, columns) = (rows.parse()?, columns.parse()?);
    let matrix = Matrix::open(Path::new(file), rows, columns)?;
    let x = Tensor::from_slice(&matrix.block(0, rows)).view([rows as i64, columns as i64]);
    let how = Umap { seed: seed.parse()?, ..Umap::default() };
    let places = umap(&x, how, &mut |_| true)?.context("nobody stops it")?;
    println!("x,y");
    places.iter().for_each(|[x, y]| println!("{x},{y}"));
    Ok(())
}
