//! The embedding for tensorboard's projector: vectors, metadata and a sprite image, in a folder beside the events of the run, and the
//! file that names them. (tensorboard reads nothing that lies outside of that file's folder.)

use std::io::Write;
use std::path::PathBuf;

use super::{EncoderError, Features, Source, pictures};
use crate::draw::write_png;
use crate::files::{RunDir, write_atomic};

/// The largest side of a sprite image that browsers show.
const LARGEST: u32 = 8192;
/// Pixels of a picture, each way, where there is room.
const SIDE: u32 = 48;

/// Writes the files into the folder `at` beside the events; `clusters` are those of the images. The file that names them names the newest embedding only. Returns where
/// tensorboard finds it.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    dir: &RunDir,
    at: &str,
    source: &Source,
    features: &Features,
    clusters: &[u32],
) -> Result<PathBuf, EncoderError> {
    let folder = dir.events().join(at);
    let (n, d) = (features.len(), features.matrix.columns());
    let bytes: Vec<u8> = features.matrix.block(0, n).iter().flat_map(|x| x.to_le_bytes()).collect();
    // The projector takes what reads as text for a table of numbers; vectors of real images never do.
    let text = std::str::from_utf8(&bytes).is_ok();
    let vectors = if text { "features.tsv" } else { "features.bytes" };
    write_atomic(&folder.join(vectors), |out| {
        if !text {
            return out.write_all(&bytes);
        }
        features.matrix.block(0, n).chunks_exact(d.max(1)).try_for_each(|row| {
            let cells: Vec<String> = row.iter().map(f32::to_string).collect();
            writeln!(out, "{}", cells.join("\t"))
        })
    })?;
    let clean = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    write_atomic(&folder.join("metadata.tsv"), |out| {
        writeln!(out, "file\tcluster\tclass")?;
        for (i, cluster) in features.indices.iter().zip(clusters) {
            let item = &source.items[*i as usize];
            let class = item.class.and_then(|c| source.classes.get(c as usize)).map_or("", String::as_str);
            writeln!(out, "{}\t{cluster}\t{}", clean(&item.name), clean(class))?;
        }
        Ok(())
    })?;
    let columns = (n as f64).sqrt().ceil().max(1.0) as u32;
    let side = SIDE.min(LARGEST / columns);
    let mut sprite = String::new();
    if side >= 4 {
        write_png(&folder.join("sprites.png"), &pictures::sprites(source, features, side))?;
        sprite = format!(
            "  sprite {{\n    image_path: \"{at}/sprites.png\"\n    single_image_dim: {side}\n    single_image_dim: {side}\n  }}\n"
        );
    }
    write_atomic(&dir.events().join("projector_config.pbtxt"), |out| {
        writeln!(out, "embeddings {{")?;
        writeln!(out, "  tensor_name: \"features\"\n  tensor_path: \"{at}/{vectors}\"")?;
        writeln!(out, "  tensor_shape: {n}\n  tensor_shape: {d}\n  metadata_path: \"{at}/metadata.tsv\"\n{sprite}}}")
    })?;
    Ok(dir.events())
}
