//! The configuration of a run as tensorboard's hyperparameters.
//!
//! A nested configuration becomes flat names (`network.blocks.0.layer.lr`); numbers, texts and truth values keep their
//! type, a list of plain values becomes its JSON text, and what is null or empty is left out.

use std::collections::HashMap;

use protobuf::well_known_types::{Value, Value_oneof_kind as Kind};
use protobuf::{Message, ProtobufResult};
use serde_json::Value as Json;
use tensorboard_proto::api::{DataType, Experiment, HParamInfo, MetricInfo, MetricName, Status};
use tensorboard_proto::plugin_hparams::{
    HParamsPluginData, HParamsPluginData_oneof_data as PluginData, SessionEndInfo, SessionStartInfo,
};
use tensorboard_proto::summary::Summary_Value;
use tensorboard_proto::tensor::TensorProto;
use tensorboard_proto::tensor_shape::{TensorShapeProto, TensorShapeProto_Dim};
use tensorboard_proto::types;

use super::columns;
use super::records::tensor;

/// What the page needs at the start of a run: which columns there are, and this run's values.
pub(super) fn start(config: &Json, now: f64) -> ProtobufResult<[Summary_Value; 2]> {
    let mut hparams = HashMap::new();
    flatten(config, String::new(), &mut hparams);
    let info = |(name, value): (&String, &Value)| HParamInfo {
        name: name.clone(),
        field_type: match value.kind {
            Some(Kind::string_value(_)) => DataType::DATA_TYPE_STRING,
            Some(Kind::bool_value(_)) => DataType::DATA_TYPE_BOOL,
            Some(Kind::number_value(_)) => DataType::DATA_TYPE_FLOAT64,
            _ => DataType::DATA_TYPE_UNSET,
        },
        ..Default::default()
    };
    let metric = |tag: &str| {
        let name = MetricName { tag: tag.into(), ..Default::default() };
        MetricInfo { name: Some(name).into(), ..Default::default() }
    };
    let mut hparam_infos: Vec<HParamInfo> = hparams.iter().map(info).collect();
    hparam_infos.sort_by(|a, b| a.name.cmp(&b.name));
    let metric_infos: Vec<MetricInfo> = columns::compared().filter_map(|c| c.tag).map(metric).collect();
    let experiment =
        Experiment { hparam_infos: hparam_infos.into(), metric_infos: metric_infos.into(), ..Default::default() };
    let session = SessionStartInfo { hparams, start_time_secs: now, ..Default::default() };
    Ok([
        value("_hparams_/experiment", PluginData::experiment(experiment))?,
        value("_hparams_/session_start_info", PluginData::session_start_info(session))?,
    ])
}

/// What the page needs when a run came to its end.
pub(super) fn end(now: f64) -> ProtobufResult<Summary_Value> {
    let end = SessionEndInfo { status: Status::STATUS_SUCCESS, end_time_secs: now, ..Default::default() };
    value("_hparams_/session_end_info", PluginData::session_end_info(end))
}

/// The plugin reads the metadata only; the tensor beside it is empty.
fn value(tag: &str, data: PluginData) -> ProtobufResult<Summary_Value> {
    let content = HParamsPluginData { data: Some(data), ..Default::default() }.write_to_bytes()?;
    let dim = TensorShapeProto_Dim { size: 0, ..Default::default() };
    let shape = TensorShapeProto { dim: vec![dim].into(), ..Default::default() };
    let dtype = types::DataType::DT_FLOAT;
    let nothing = TensorProto { dtype, tensor_shape: Some(shape).into(), ..Default::default() };
    Ok(tensor(tag, "hparams", content, nothing))
}

/// Puts the leaves below `json` into `out`, under the names of their way.
fn flatten(json: &Json, name: String, out: &mut HashMap<String, Value>) {
    let below = |key: &str| if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
    let kind = match json {
        Json::Null => return,
        Json::Bool(x) => Kind::bool_value(*x),
        Json::Number(x) => match x.as_f64() {
            Some(x) => Kind::number_value(x),
            None => Kind::string_value(x.to_string()),
        },
        Json::String(x) => Kind::string_value(x.clone()),
        Json::Array(list) if list.is_empty() => return,
        Json::Array(list) if list.iter().any(|x| x.is_object() || x.is_array()) => {
            return list.iter().enumerate().for_each(|(i, x)| flatten(x, below(&i.to_string()), out));
        }
        Json::Array(_) => Kind::string_value(json.to_string()),
        Json::Object(map) => return map.iter().for_each(|(key, x)| flatten(x, below(key), out)),
    };
    let name = if name.is_empty() { "value".into() } else { name };
    out.insert(name, Value { kind: Some(kind), ..Default::default() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_configuration_becomes_flat() {
        use Kind::{bool_value, number_value, string_value};
        let config = json!({
            "seed": 3, "device": "cpu", "save": true, "nothing": null, "none": [],
            "blocks": [{"layer": {"lr": 0.08}}, {"shape": [3, 32, 32]}],
        });
        let mut flat = HashMap::new();
        flatten(&config, String::new(), &mut flat);
        let mut flat: Vec<_> = flat.into_iter().map(|(name, value)| (name, value.kind.unwrap())).collect();
        flat.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("blocks.0.layer.lr", number_value(0.08)),
            ("blocks.1.shape", string_value("[3,32,32]".into())),
            ("device", string_value("cpu".into())),
            ("save", bool_value(true)),
            ("seed", number_value(3.0)),
        ];
        assert_eq!(flat, expected.map(|(name, kind)| (name.to_string(), kind)));
    }
}
