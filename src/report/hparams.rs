//! The configuration of a run as tensorboard's hyperparameters.
//!
//! A nested configuration becomes flat names (`network.blocks.0.layer.lr`); numbers, texts and truth values keep their
//! type, a list of plain values becomes its JSON text, and what is null or empty is left out.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value as Json;

use super::proto::{
    Data, Dim, Experiment, HParamInfo, HParams, HParamsData, Metadata, MetricInfo, MetricName, Plugin, Scalar,
    ScalarKind, SessionEnd, SessionStart, Shape, Tensor, Value,
};

/// Scalars that the HPARAMS page has columns for.
pub(super) const METRICS: [&str; 5] = ["accuracy/test", "accuracy/train", "loss/test", "loss/train", "convergence"];

/// What the page needs at the start of a run: which columns there are, and this run's values.
pub(super) fn start(config: &Json, now: f64) -> [Value; 2] {
    let mut hparams = BTreeMap::new();
    flatten(config, String::new(), &mut hparams);
    let info = |(name, scalar): (&String, &Scalar)| HParamInfo {
        name: name.clone(),
        kind: match scalar.kind {
            Some(ScalarKind::Text(_)) => 1,
            Some(ScalarKind::Bool(_)) => 2,
            Some(ScalarKind::Number(_)) => 3,
            None => 0,
        },
    };
    let metric = |tag: &str| MetricInfo { name: Some(MetricName { tag: tag.into() }) };
    let experiment = Experiment { hparams: hparams.iter().map(info).collect(), metrics: METRICS.map(metric).to_vec() };
    [
        value("_hparams_/experiment", HParamsData::Experiment(experiment)),
        value("_hparams_/session_start_info", HParamsData::Start(SessionStart { hparams, start_time_secs: now })),
    ]
}

/// What the page needs when a run came to its end.
pub(super) fn end(now: f64) -> Value {
    value("_hparams_/session_end_info", HParamsData::End(SessionEnd { status: 1, end_time_secs: now }))
}

/// The plugin reads the metadata only; the tensor beside it is empty.
fn value(tag: &str, data: HParamsData) -> Value {
    let plugin = Plugin { name: "hparams".into(), content: HParams { data: Some(data) }.encode_to_vec() };
    let nothing = Tensor { dtype: 1, shape: Some(Shape { dim: vec![Dim { size: 0 }] }), strings: Vec::new() };
    Value {
        tag: tag.into(),
        metadata: Some(Metadata { plugin: Some(plugin), data_class: 2 }),
        data: Some(Data::Tensor(nothing)),
    }
}

/// Puts the leaves below `json` into `out`, under the names of their way.
fn flatten(json: &Json, name: String, out: &mut BTreeMap<String, Scalar>) {
    let below = |key: &str| if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
    let kind = match json {
        Json::Null => return,
        Json::Bool(x) => ScalarKind::Bool(*x),
        Json::Number(x) => match x.as_f64() {
            Some(x) => ScalarKind::Number(x),
            None => ScalarKind::Text(x.to_string()),
        },
        Json::String(x) => ScalarKind::Text(x.clone()),
        Json::Array(list) if list.is_empty() => return,
        Json::Array(list) if list.iter().any(|x| x.is_object() || x.is_array()) => {
            return list.iter().enumerate().for_each(|(i, x)| flatten(x, below(&i.to_string()), out));
        }
        Json::Array(_) => ScalarKind::Text(json.to_string()),
        Json::Object(map) => return map.iter().for_each(|(key, x)| flatten(x, below(key), out)),
    };
    let name = if name.is_empty() { "value".into() } else { name };
    out.insert(name, Scalar { kind: Some(kind) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_becomes_flat() {
        use ScalarKind::*;
        let config = json!({
            "seed": 3, "device": "cpu", "save": true, "nothing": null, "none": [],
            "blocks": [{"layer": {"lr": 0.08}}, {"shape": [3, 32, 32]}],
        });
        let mut flat = BTreeMap::new();
        flatten(&config, String::new(), &mut flat);
        let flat: Vec<_> = flat.into_iter().map(|(name, scalar)| (name, scalar.kind.unwrap())).collect();
        let expected = [
            ("blocks.0.layer.lr", Number(0.08)),
            ("blocks.1.shape", Text("[3,32,32]".into())),
            ("device", Text("cpu".into())),
            ("save", Bool(true)),
            ("seed", Number(3.0)),
        ];
        assert_eq!(flat, expected.map(|(name, kind)| (name.to_string(), kind)));
    }
}
