//! Promise: the notebooks execute to their end with this program, show the pictures and tables that they are for, and the committed ones are
//! those very cells, with outputs that name no place of the machine that made them.
//!
//! Needs a python with nbconvert and ipykernel (scripts/requirements.txt).

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Place, json, python};
use serde_json::Value;

/// The folder of the committed ones.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks")
}

/// A python that executes notebooks; `None`, with a printed line, if there is none. `SOFTHEBB_REQUIRE_PYTHON=1` makes that a failure.
fn jupyter() -> Option<PathBuf> {
    let python = python()?;
    let found = Command::new(&python)
        .args(["-c", "import nbconvert, ipykernel, matplotlib, pandas"])
        .output()
        .is_ok_and(|out| out.status.success());
    let required = std::env::var("SOFTHEBB_REQUIRE_PYTHON").is_ok_and(|value| value == "1");
    assert!(found || !required, "no nbconvert: `make python` installs scripts/requirements.txt");
    if !found {
        println!("skipped: no nbconvert in this python (`make python` installs scripts/requirements.txt)");
    }
    found.then_some(python)
}

/// The text of a cell or an output, which a notebook keeps as one string or as lines.
fn text(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_string(),
    }
}

/// Cells as (id, kind, source).
fn cells(notebook: &Value) -> Vec<(String, String, String)> {
    let cells = notebook["cells"].as_array().unwrap();
    cells.iter().map(|cell| (text(&cell["id"]), text(&cell["cell_type"]), text(&cell["source"]))).collect()
}

/// Outputs of all cells, as (id of the cell, output).
fn outputs(notebook: &Value) -> Vec<(String, Value)> {
    let of = |cell: &Value| -> Vec<(String, Value)> {
        let outputs = cell["outputs"].as_array().cloned().unwrap_or_default();
        outputs.into_iter().map(|output| (text(&cell["id"]), output)).collect()
    };
    notebook["cells"].as_array().unwrap().iter().flat_map(of).collect()
}

/// The cells that have an output of this kind.
fn with(notebook: &Value, kind: &str) -> Vec<String> {
    let mut ids: Vec<_> =
        outputs(notebook).into_iter().filter(|(_, o)| !text(&o["data"][kind]).is_empty()).map(|(id, _)| id).collect();
    ids.dedup();
    ids
}

/// What the outputs say in words: printed, or as text, HTML or Markdown. Pictures are left out.
fn words(notebook: &Value) -> String {
    let of = |output: &Value| {
        let data = ["text/plain", "text/html", "text/markdown"].map(|kind| text(&output["data"][kind]));
        format!("{}\n{}\n", text(&output["text"]), data.join("\n"))
    };
    outputs(notebook).iter().map(|(_, output)| of(output)).collect()
}

/// What a notebook promises: cells with a picture, and cells with a table.
fn assert_shows(notebook: &Value, pictures: &[&str], tables: &[&str], what: &str) {
    for (kind, ids) in [("image/png", pictures), ("text/html", tables)] {
        let there = with(notebook, kind);
        let missing: Vec<_> = ids.iter().filter(|id| !there.contains(&(**id).to_string())).collect();
        assert!(missing.is_empty(), "{what}: no {kind} in {missing:?}, only in {there:?}");
    }
    for (id, output) in outputs(notebook) {
        let kind = text(&output["output_type"]);
        assert!(kind != "error", "{what}: the cell {id} leaves {output}");
    }
}

/// Executes a notebook as `jupyter nbconvert` does and compares it with the committed one.
fn executes(name: &str, pictures: &[&str], tables: &[&str]) -> Option<Value> {
    let python = jupyter()?;
    let place = Place::new();
    let source = folder().join(name);
    let out = Command::new(&python)
        .args(["-m", "nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.timeout=-1"])
        .args(["--ExecutePreprocessor.kernel_name=python3", "--output-dir"])
        .arg(place.path("executed"))
        .arg(&source)
        .env("SOFTHEBB", env!("CARGO_BIN_EXE_softhebb"))
        .env("SOFTHEBB_DATA", place.path("data"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("IPYTHONDIR", place.path("home/ipython"))
        .env("JUPYTER_CONFIG_DIR", place.path("home/jupyter"))
        .env("JUPYTER_RUNTIME_DIR", place.path("home/runtime"))
        .env_remove("SOFTHEBB_NOTEBOOK_SCALE")
        .env_remove("SOFTHEBB_NOTEBOOK_DIR")
        .current_dir(place.path("home"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{name}:\n{}", String::from_utf8_lossy(&out.stderr));
    let read = |path: &Path| json(&std::fs::read_to_string(path).unwrap());
    let (committed, executed) = (read(&source), read(&place.path("executed").join(name)));
    assert_eq!(cells(&committed), cells(&executed), "{name}: the committed cells are those that were executed");
    assert_shows(&executed, pictures, tables, &format!("{name}, executed now"));
    assert_shows(&committed, pictures, tables, &format!("{name}, committed"));
    Some(executed)
}

#[test]
fn the_reproduction_executes() {
    let pictures = ["steps", "curves", "radii", "filters", "fields", "patches", "embedding", "figures"];
    let Some(executed) =
        executes("reproduction.ipynb", &pictures, &["config", "metrics", "weights", "results", "published"])
    else {
        return;
    };
    let said = words(&executed);
    let accuracy = said.split("test accuracy ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(accuracy.parse::<f64>().unwrap() > 75.0, "the network has learned: {accuracy} %");
}

#[test]
fn the_search_executes() {
    let Some(executed) = executes("search.ipynb", &["curve", "committed", "progress"], &["trials", "pivot", "summary"])
    else {
        return;
    };
    let said = words(&executed);
    for promised in
        ["soft: done: 12 finished", "hard: done: 2 finished", "best of 6 combinations by test_acc", "not run again"]
    {
        assert!(said.contains(promised), "{promised:?} is not in\n{said}");
    }
}

#[test]
fn the_committed_notebooks_can_be_shown_anywhere() {
    let mut names: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "ipynb"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 2, "{names:?}");
    for path in names {
        let raw = std::fs::read_to_string(&path).unwrap();
        let (notebook, name) = (json(&raw), path.display());
        assert_eq!((&notebook["nbformat"], &notebook["nbformat_minor"]), (&4.into(), &5.into()), "{name}");
        assert!(raw.len() < 400_000, "{name} has {} bytes", raw.len());
        let sources: String = cells(&notebook).into_iter().map(|(_, _, source)| source + "\n").collect();
        let shown = words(&notebook) + &sources + &notebook["metadata"].to_string();
        for place in ["/root", "/home", "/tmp", "/Users", "/var/", "softhebb-"] {
            let line = shown.lines().find(|line| line.contains(place));
            assert!(line.is_none(), "{name} names a place of a machine: {line:?}");
        }
        assert!(outputs(&notebook).iter().all(|(_, o)| o["name"] != "stderr"), "{name} shows a warning");
        let mut ids: Vec<_> = cells(&notebook).into_iter().map(|(id, _, _)| id).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert!(ids.len() == count && ids.iter().all(|id| !id.is_empty()), "{name}: every cell has an id of its own");
        let code = notebook["cells"].as_array().unwrap().iter().filter(|cell| cell["cell_type"] == "code");
        for (i, cell) in code.enumerate() {
            assert_eq!(cell["execution_count"], Value::from(i + 1), "{name}: {} was executed in its turn", cell["id"]);
            assert_eq!(cell["metadata"], json("{}"), "{name}: {} keeps no time of execution", cell["id"]);
        }
    }
}
