//! The few protobuf messages of tensorboard's event files that a run writes; field numbers are those of its public
//! schemas (`event.proto`, `summary.proto`, `tensor.proto`, and the hparams plugin's `api.proto` and
//! `plugin_data.proto`). Fields that are never set are left out, as protobuf allows.

use std::collections::BTreeMap;

use prost::{Message, Oneof};

/// One record of an event file.
#[derive(Clone, PartialEq, Message)]
pub struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub wall_time: f64,
    /// The x axis.
    #[prost(int64, tag = "2")]
    pub step: i64,
    /// What it holds.
    #[prost(oneof = "What", tags = "3, 5, 7")]
    pub what: Option<What>,
}

/// What an event holds.
#[derive(Clone, PartialEq, Oneof)]
pub enum What {
    /// First record of a file: `brain.Event:2`.
    #[prost(string, tag = "3")]
    FileVersion(String),
    /// Values.
    #[prost(message, tag = "5")]
    Summary(Summary),
    /// A start: later steps of earlier files are out of date.
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

/// A writer's start or stop.
#[derive(Clone, PartialEq, Message)]
pub struct SessionLog {
    /// 1: start.
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// Values of one step.
#[derive(Clone, PartialEq, Message)]
pub struct Summary {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub value: Vec<Value>,
}

/// One named value.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// Its name.
    #[prost(string, tag = "1")]
    pub tag: String,
    /// Which plugin shows it, where the value does not tell.
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<Metadata>,
    /// The value itself.
    #[prost(oneof = "Data", tags = "2, 4, 8")]
    pub data: Option<Data>,
}

/// A value.
#[derive(Clone, PartialEq, Oneof)]
pub enum Data {
    /// A scalar.
    #[prost(float, tag = "2")]
    Scalar(f32),
    /// A picture.
    #[prost(message, tag = "4")]
    Image(Image),
    /// A tensor; here of strings, or of nothing.
    #[prost(message, tag = "8")]
    Tensor(Tensor),
}

/// An encoded picture.
#[derive(Clone, PartialEq, Message)]
pub struct Image {
    /// Pixels down.
    #[prost(int32, tag = "1")]
    pub height: i32,
    /// Pixels across.
    #[prost(int32, tag = "2")]
    pub width: i32,
    /// 3: RGB.
    #[prost(int32, tag = "3")]
    pub colorspace: i32,
    /// PNG.
    #[prost(bytes = "vec", tag = "4")]
    pub encoded: Vec<u8>,
}

/// A tensor.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// 1: float, 7: string.
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    /// No dimension for a single value.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
    /// The strings.
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub strings: Vec<Vec<u8>>,
}

/// Shape of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// Its dimensions.
    #[prost(message, repeated, tag = "2")]
    pub dim: Vec<Dim>,
}

/// A dimension.
#[derive(Clone, PartialEq, Message)]
pub struct Dim {
    /// Its size.
    #[prost(int64, tag = "1")]
    pub size: i64,
}

/// Which plugin shows a value.
#[derive(Clone, PartialEq, Message)]
pub struct Metadata {
    /// The plugin and what it wants to know.
    #[prost(message, optional, tag = "1")]
    pub plugin: Option<Plugin>,
    /// 2: tensor.
    #[prost(int32, tag = "4")]
    pub data_class: i32,
}

/// A plugin.
#[derive(Clone, PartialEq, Message)]
pub struct Plugin {
    /// `text` or `hparams`.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its own message.
    #[prost(bytes = "vec", tag = "2")]
    pub content: Vec<u8>,
}

/// The hparams plugin's message.
#[derive(Clone, PartialEq, Message)]
pub struct HParams {
    /// Which of the three.
    #[prost(oneof = "HParamsData", tags = "2, 3, 4")]
    pub data: Option<HParamsData>,
}

/// What the hparams plugin is told.
#[derive(Clone, PartialEq, Oneof)]
pub enum HParamsData {
    /// Which hyperparameters and metrics there are.
    #[prost(message, tag = "2")]
    Experiment(Experiment),
    /// The hyperparameters of this run.
    #[prost(message, tag = "3")]
    Start(SessionStart),
    /// How it ended.
    #[prost(message, tag = "4")]
    End(SessionEnd),
}

/// Columns of the HPARAMS page.
#[derive(Clone, PartialEq, Message)]
pub struct Experiment {
    /// Hyperparameters.
    #[prost(message, repeated, tag = "4")]
    pub hparams: Vec<HParamInfo>,
    /// Metrics.
    #[prost(message, repeated, tag = "5")]
    pub metrics: Vec<MetricInfo>,
}

/// A hyperparameter's column.
#[derive(Clone, PartialEq, Message)]
pub struct HParamInfo {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// 1: string, 2: bool, 3: number.
    #[prost(int32, tag = "4")]
    pub kind: i32,
}

/// A metric's column.
#[derive(Clone, PartialEq, Message)]
pub struct MetricInfo {
    /// The scalar that it shows.
    #[prost(message, optional, tag = "1")]
    pub name: Option<MetricName>,
}

/// A metric's name.
#[derive(Clone, PartialEq, Message)]
pub struct MetricName {
    /// Tag of the scalar.
    #[prost(string, tag = "2")]
    pub tag: String,
}

/// The hyperparameters of a run.
#[derive(Clone, PartialEq, Message)]
pub struct SessionStart {
    /// By name.
    #[prost(btree_map = "string, message", tag = "1")]
    pub hparams: BTreeMap<String, Scalar>,
    /// Seconds since 1970.
    #[prost(double, tag = "5")]
    pub start_time_secs: f64,
}

/// The end of a run.
#[derive(Clone, PartialEq, Message)]
pub struct SessionEnd {
    /// 1: success.
    #[prost(int32, tag = "1")]
    pub status: i32,
    /// Seconds since 1970.
    #[prost(double, tag = "2")]
    pub end_time_secs: f64,
}

/// A number, a text or a truth value (`google.protobuf.Value`).
#[derive(Clone, PartialEq, Message)]
pub struct Scalar {
    /// Which.
    #[prost(oneof = "ScalarKind", tags = "2, 3, 4")]
    pub kind: Option<ScalarKind>,
}

/// A number, a text or a truth value.
#[derive(Clone, PartialEq, Oneof)]
pub enum ScalarKind {
    /// A number.
    #[prost(double, tag = "2")]
    Number(f64),
    /// A text.
    #[prost(string, tag = "3")]
    Text(String),
    /// A truth value.
    #[prost(bool, tag = "4")]
    Bool(bool),
}
