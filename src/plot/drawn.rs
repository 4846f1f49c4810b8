//! What was drawn, left beside the drawing for whoever draws it in another form: tiles at one pixel a pixel, points as CSV.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::draw::tiles::grid;
use crate::draw::{Picture, write_png};
use crate::files::{FileError, write_atomic};

/// What a drawing was made of.
pub enum Drawn {
    /// Tiles of one size, row by row, and the units that they belong to.
    Tiles {
        /// All tiles.
        tiles: Vec<Picture>,
        /// Tiles in a row.
        columns: usize,
        /// A unit a tile, or a unit a row.
        units: Vec<i64>,
    },
    /// Points of a plane with their classes.
    Points {
        /// Where they lie.
        points: Vec<[f64; 2]>,
        /// Number of their class.
        labels: Vec<i64>,
        /// Names of the classes.
        classes: Vec<String>,
        /// Share of points among their own class, in percent.
        own_class: f64,
    },
}

impl Drawn {
    /// Writes `NAME.json` (what it is: `about`, and sizes) and `NAME-tiles.png` or `NAME.csv` (`x,y,class`).
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, name: &Path, mut about: Map<String, Value>) -> Result<Vec<PathBuf>, FileError> {
        let named = |end: &str| {
            let mut file = name.file_name().unwrap_or_default().to_os_string();
            file.push(end);
            name.with_file_name(file)
        };
        let file = match self {
            Drawn::Tiles { tiles, columns, units } => {
                let [width, height] = tiles.first().map_or([0, 0], |t| [t.width, t.height]);
                about.insert("tile".into(), json!({ "width": width, "height": height, "columns": columns }));
                about.insert("tiles".into(), json!(tiles.len()));
                about.insert("units".into(), json!(units));
                let file = named("-tiles.png");
                write_png(&file, &grid(tiles, *columns, 0, 1))?;
                file
            }
            Drawn::Points { points, labels, classes, own_class } => {
                about.insert("classes".into(), json!(classes));
                about.insert("own_class_percent".into(), json!(own_class));
                let rows = points.iter().zip(labels).map(|([x, y], label)| format!("{x:.4},{y:.4},{label}\n"));
                let text: String = std::iter::once("x,y,class\n".to_string()).chain(rows).collect();
                let file = named(".csv");
                write_atomic(&file, |out| std::io::Write::write_all(out, text.as_bytes()))?;
                file
            }
        };
        let text = format!("{:#}\n", Value::Object(about));
        let json = named(".json");
        write_atomic(&json, |out| std::io::Write::write_all(out, text.as_bytes()))?;
        Ok(vec![file, json])
    }
}
