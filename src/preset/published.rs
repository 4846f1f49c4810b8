//! Blocks as JSON objects, spelt as the published program and its recorded runs spell them:
//!
//! ```json
//! {"arch": "CNN", "preset": "soft-c6-k3-p1", "operation": "batchnorm2d", "activation": "repu_1.5",
//!  "pool": "max_2_2_0", "batch_norm": true, "dropout": 0.5, "layer": {"metric_mode": "supervised"}}
//! ```
//!
//! `preset` alone is needed, and nothing is filled in for what is left out (but an `arch`, by the block's keys).

use super::config::Arch;
use super::grammar::parse_block;
use super::model::{BlockEntry, ModelSpec};
use super::suggest::{did_you_mean, nearest};
use super::words::{self, parse_activation, parse_operations, parse_pool};
use serde_json::Value;

const FIELDS: [&str; 8] = ["arch", "preset", "operation", "activation", "pool", "batch_norm", "dropout", "layer"];

impl BlockEntry {
    /// Reads a block from a JSON object. The error says what is wrong, and in which field.
    pub fn from_json(value: &Value) -> Result<BlockEntry, String> {
        let object = value.as_object().ok_or("a block is a text or an object")?;
        if let Some(unknown) = object.keys().find(|k| !FIELDS.contains(&k.as_str())) {
            let hint = did_you_mean(&nearest(unknown, FIELDS)).map(|h| format!("\nhint: {h}")).unwrap_or_default();
            return Err(format!("unknown field `{unknown}` of a block{hint}"));
        }
        let text = |field: &str, expected: &str| match object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(s)) if s.is_empty() => Ok(None),
            Some(Value::String(s)) => Ok(Some(s.as_str())),
            Some(other) => Err(format!("field `{field}` is {other}; expected {expected}")),
        };
        let wrong =
            |field: &str, value: &str, expected: &str| format!("field `{field}` is `{value}`; expected {expected}");
        let block = text("preset", "a block string")?.ok_or("field `preset` (the block string) is missing")?;
        let arch = match text("arch", "CNN or MLP")? {
            None => None,
            Some(a) => Some(Arch::from_name(a).ok_or_else(|| wrong("arch", a, "CNN or MLP"))?),
        };
        let mut entry = BlockEntry::new(parse_block(block).map_err(|e| e.to_string())?, arch);
        if let Some(o) = text("operation", words::EXPECTED_OPERATIONS)? {
            entry.operations = parse_operations(o).ok_or_else(|| wrong("operation", o, words::EXPECTED_OPERATIONS))?;
        }
        if let Some(a) = text("activation", words::EXPECTED_ACTIVATION)? {
            let activation = parse_activation(a).ok_or_else(|| wrong("activation", a, words::EXPECTED_ACTIVATION))?;
            entry.activation = Some(activation);
        }
        if let Some(p) = text("pool", words::EXPECTED_POOL)? {
            entry.pool = Some(parse_pool(p).ok_or_else(|| wrong("pool", p, words::EXPECTED_POOL))?);
        }
        entry.dropout = match object.get("dropout") {
            None | Some(Value::Null) => None,
            Some(p) => Some(
                p.as_f64()
                    .filter(|p| (0.0..1.0).contains(p))
                    .ok_or_else(|| wrong("dropout", &p.to_string(), "a probability of at least 0 and below 1"))?,
            ),
        };
        entry.batch_norm = match object.get("batch_norm") {
            None | Some(Value::Null) => false,
            Some(b) => b.as_bool().ok_or_else(|| wrong("batch_norm", &b.to_string(), "true or false"))?,
        };
        match object.get("layer") {
            None | Some(Value::Null) => {}
            Some(Value::Object(keys)) => {
                for (key, value) in keys {
                    entry.set_layer(key, value).map_err(|e| e.to_string())?;
                }
            }
            Some(other) => return Err(wrong("layer", &other.to_string(), "an object of layer keys")),
        }
        Ok(entry)
    }
}

impl ModelSpec {
    /// Reads a model from a JSON list of blocks, each an object, with no data set by default.
    pub fn from_json(name: &str, blocks: &Value) -> Result<ModelSpec, String> {
        let list = blocks.as_array().ok_or("a model is a list of blocks")?;
        let read = |(i, block)| BlockEntry::from_json(block).map_err(|e| format!("block {i}: {e}"));
        let blocks = list.iter().enumerate().map(read).collect::<Result<_, String>>()?;
        Ok(ModelSpec { name: name.into(), dataset_unsup: String::new(), dataset_sup: String::new(), blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_says_all_that_a_line_says() {
        let object = json!({
            "arch": "CNN", "preset": "soft-c6-k3-p1", "operation": "batchnorm2d", "activation": "repu_1.5",
            "pool": "max_2_2_0", "batch_norm": true, "dropout": 0.5, "layer": {"nb_train": 3, "lebesgue_p": 3},
        });
        let line = "Soft-c6-k3-p1-lb3 batchnorm2d repu_1.5 max_2_2_0 batch_norm dropout_0.5 nb_train=3";
        assert_eq!(BlockEntry::from_json(&object), Ok(BlockEntry::parse(line, true, false).unwrap()));
        // Nothing is filled in.
        let plain = BlockEntry::from_json(&json!({"preset": "soft-c6-k3", "operation": ""})).unwrap();
        assert_eq!((plain.arch, plain.operations.len(), plain.activation), (Arch::Cnn, 0, None));
    }

    #[test]
    fn mistakes_name_their_field() {
        for (object, want) in [
            (json!(3), "a block is a text or an object"),
            (json!({}), "`preset` (the block string) is missing"),
            (json!({"preset": "Sotf-c1"}), "unknown method `Sotf`"),
            (json!({"preset": "Soft-c1", "pol": ""}), "did you mean `pool`?"),
            (json!({"preset": "Soft-c1", "pool": "max"}), "field `pool` is `max`"),
            (json!({"preset": "Soft-c1", "arch": "RNN"}), "field `arch` is `RNN`"),
            (json!({"preset": "Soft-c1", "dropout": 1}), "field `dropout` is `1`"),
            (json!({"preset": "Soft-c1", "activation": 1}), "field `activation` is 1"),
            (json!({"preset": "Soft-c1", "layer": {"t_inverse": 1}}), "did you mean `t_invert`?"),
        ] {
            let message = BlockEntry::from_json(&object).unwrap_err();
            assert!(message.contains(want), "{object}: {message}");
        }
        assert!(ModelSpec::from_json("m", &json!([{"preset": "Soft-c1"}, {}])).unwrap_err().starts_with("block 1: "));
    }
}
