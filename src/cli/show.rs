//! `softhebb show`: presets and data sets, or one of them in full.

use crate::preset::catalogue::DatasetEntry;
use crate::preset::{Catalogue, ModelSpec, Override, PresetError, Target};
use crate::preset::{apply_overrides, describe, replaced_units, resolve};
use crate::train::{TrainError, folder};
use std::io::Write;
use std::path::PathBuf;

/// List presets and data sets, or print one network with its shapes, parameters and operations.
#[derive(Debug, Clone, clap::Args)]
pub struct ShowArgs {
    /// A preset to print as a table, or a data set whose configurations to list; without it, all are listed.
    #[arg(value_name = "PRESET|DATASET", conflicts_with = "model")]
    pub name: Option<String>,

    /// A network typed here: 'Soft-c96-k5-p2-t1-lr0.08 max_4_2_1; BP-c10'.
    #[arg(long, value_name = "BLOCKS")]
    pub model: Option<String>,

    /// The data set whose images the network sees: CIFAR10_50, folder:PATH [default: the preset's own].
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,

    /// Change one key: b0.layer.t_invert=0.7, b1.pool=avg_4_2_1, dataset_sup.nb_epoch=5. May be repeated.
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,

    /// Print JSON.
    #[arg(long)]
    pub json: bool,

    /// Read presets and data sets from this file, not from those inside the program.
    #[arg(long, value_name = "FILE")]
    pub presets: Option<PathBuf>,
}

/// Prints what is asked for on the standard output.
pub fn run(args: ShowArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text(&args)?.as_bytes())?;
    Ok(out.flush()?)
}

/// What is asked for, ending in a line feed.
///
/// # Errors
/// When a name, a block, an override or a file is not right.
pub fn text(args: &ShowArgs) -> Result<String, TrainError> {
    let catalogue = match &args.presets {
        Some(path) => Catalogue::load(path)?,
        None => Catalogue::embedded()?,
    };
    let model = match (&args.model, &args.name) {
        (Some(typed), _) => catalogue.custom_model(typed)?,
        (None, Some(name)) => match dataset(&catalogue, name)? {
            Some(entry) if args.json => return Ok(pretty(&describe::dataset_json(&entry))),
            Some(entry) if entry.name == folder::ENTRY => return Ok(folder_table(entry)),
            Some(entry) => return Ok(describe::dataset_table(&entry)),
            None => catalogue.model(name)?,
        },
        (None, None) if args.json => return Ok(pretty(&describe::catalogue_json(&catalogue))),
        (None, None) => return Ok(describe::catalogue_text(&catalogue)),
    };
    network(&catalogue, model, args)
}

/// The data set of this name with all its configurations, or with the one that the name asks for.
fn dataset(catalogue: &Catalogue, name: &str) -> Result<Option<DatasetEntry>, PresetError> {
    let (set, config) = name.split_once('_').map_or((name, None), |(set, config)| (set, Some(config)));
    let Some(mut entry) = catalogue.datasets().iter().find(|d| d.name == set).cloned() else {
        return Ok(None);
    };
    if let Some(config) = config {
        catalogue.dataset(name)?;
        entry.configs.retain(|(known, _)| known == config);
    }
    Ok(Some(entry))
}

/// The configurations of a folder of pictures, named as they are typed.
fn folder_table(mut entry: DatasetEntry) -> String {
    entry.configs.iter_mut().for_each(|(_, config)| config.config.push_str(":PATH"));
    let table = describe::dataset_table(&entry);
    format!(
        "{table}\nPATH/train/CLASS and PATH/val/CLASS hold the pictures; their numbers and size are the folder's.\n"
    )
}

fn network(catalogue: &Catalogue, mut model: ModelSpec, args: &ShowArgs) -> Result<String, TrainError> {
    let overrides = args.set.iter().map(|s| Override::parse(s)).collect::<Result<Vec<_>, _>>()?;
    apply_overrides(&overrides, &mut model)?;
    let name = args.dataset.as_deref().unwrap_or(&model.dataset_sup);
    let own = &model.dataset_sup;
    let how = folder::Use { own, validation: false, seed: 0, target: Target::DatasetSup, overrides: &overrides };
    let dataset = folder::config(catalogue, name, how)?;
    let network = resolve(catalogue, &model, &dataset)?;
    Ok(match args.json {
        true => pretty(&describe::network_json(&network, &dataset)),
        false => {
            let note = args.model.as_ref().and_then(|_| replaced_units(&model, &network));
            describe::network_table(&network, &dataset) + &note.map_or_else(String::new, |n| format!("note: {n}\n"))
        }
    })
}

fn pretty(value: &serde_json::Value) -> String {
    // Two-space JSON of a value in memory cannot fail: `{:#}` of a Value is that.
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(args: &[&str]) -> Result<String, TrainError> {
        use clap::{Args, FromArgMatches};
        let command = ShowArgs::augment_args(clap::Command::new("show"));
        let matches = command.get_matches_from([&["show"], args].concat());
        text(&ShowArgs::from_arg_matches(&matches).unwrap())
    }

    #[test]
    fn each_form_prints_what_it_says() {
        for (args, want) in [
            (&[][..], "    4SoftHebbCnnCIFAR "),
            (&["4SoftHebbCnnCIFAR"], "4SoftHebbCnnCIFAR on CIFAR10_50 (3×32×32, 10 classes)"),
            (&["4SoftHebbCnnCIFAR", "--dataset", "CIFAR100_50"], "BP-c100"),
            (&["4SoftHebbCnnCIFAR", "--set", "b0.pool=avg_4_2_1"], "triangle_0.7 → avg_4_2_1"),
            (&["2HardCnnCIFAR_speed_linearDecay"], "2HardCnnCIFAR_speed_linearDecay on CIFAR10_1-50"),
            (&["--model", "Soft-c8-k3; BP-c10"], "custom on FashionMini_50 (1×28×28, 10 classes)"),
            (&["CIFAR10"], "CIFAR10_1c3 "),
            (&["CIFAR10_1c3"], "classes [3]"),
            (&["folder"], "folder_50aug:PATH "),
            (&["--json"], "\"aliases\": {"),
            (&["CIFAR10", "--json"], "\"nb_epoch\": 1000"),
            (&["2SoftMlpMNIST", "--json"], "\"weight_init_range\": 2.165063509461097"),
        ] {
            let text = show(args).unwrap();
            assert!(text.contains(want), "{args:?}: {text}");
            assert!(text.ends_with('\n'));
            if !args.contains(&"--json") {
                assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
            }
        }
    }

    #[test]
    fn mistakes_say_what_and_how_to_go_on() {
        for (args, want) in [
            (&["4SoftHebCnnCIFAR"][..], "did you mean `4SoftHebbCnnCIFAR`? `softhebb show` lists all presets"),
            (&["4SoftHebbCnnCIFAR", "--dataset", "CIFAR11"], "did you mean `CIFAR10`"),
            (&["4SoftHebbCnnCIFAR", "--dataset", "CIFAR10_51"], "did you mean `CIFAR10_50`"),
            (&["CIFAR10_1d"], "unknown configuration of CIFAR10 `1d`"),
            (&["--model", "Sotf-c8-k3"], "block 0: unknown method `Sotf`"),
            (&["4SoftHebbCnnCIFAR", "--dataset", "folder"], "folder names no folder of pictures\nhint: folder:PATH"),
            (&["4SoftHebbCnnCIFAR", "--dataset", "folder_50:"], "hint: folder_50:PATH"),
            (&["2SoftMlpMNIST", "--set", "b0.layer.t=1"], "unknown key `layer.t`"),
            (&["--presets", "/nowhere/preset.json"], "cannot read /nowhere/preset.json: "),
        ] {
            let message = show(args).unwrap_err().to_string();
            assert!(message.contains(want), "{args:?}: {message}");
        }
    }
}
