//! The keys of a block string: their letters, what they set, what values they take.

use serde_json::Value;
use std::fmt;

/// A key of a block string. The order is that of the canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `c`: neurons.
    OutChannels,
    /// `k`: side of the kernel.
    KernelSize,
    /// `p`: padding.
    Padding,
    /// `s`: stride.
    Stride,
    /// `d`: dilation.
    Dilation,
    /// `g`: groups.
    Groups,
    /// `b`: bias.
    AddBias,
    /// `r`: initial radius.
    Radius,
    /// `a`: anti-Hebbian strength.
    Delta,
    /// `t`: inverse temperature.
    TInvert,
    /// `lr`: Hebbian learning rate.
    Lr,
    /// `ls`: learning rate of backpropagation.
    LrSup,
    /// `lp`: power of the norm-dependent rate.
    PowerLr,
    /// `v`: norm-dependent rate.
    Adaptive,
    /// `lb`: P of the Lebesgue norm.
    LebesgueP,
    /// `e`: triangle before the competition.
    PreTriangle,
    /// `m`: pruning threshold, read without effect.
    MaskThsd,
}

/// The value of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum KeyValue {
    /// A whole number.
    Whole(i64),
    /// A real number.
    Real(f64),
    /// 0 or 1.
    Switch(bool),
}

/// What values a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Whole numbers from the first to the second.
    Whole(i64, i64),
    /// Real numbers, at least 0.
    NonNegative,
    /// Real numbers above 0.
    Positive,
    /// 0 or 1.
    Switch,
}

/// Why a text or a JSON value is none for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadValue {
    /// Of another type: `c1.5`.
    Type,
    /// Of the right type, out of range: `c0`.
    Range,
}

/// Letters, name in the layer's configuration, whether only convolutions have it, and its values.
struct Row(Key, &'static str, &'static str, bool, Kind);

/// The largest side, stride or padding: far above any image, far below an overflow.
const SIDE: i64 = 100_000;
/// The most neurons a layer may have.
const NEURONS: i64 = 10_000_000;

#[rustfmt::skip]
const ROWS: [Row; 17] = [
    Row(Key::OutChannels, "c",  "out_channels", false, Kind::Whole(1, NEURONS)),
    Row(Key::KernelSize,  "k",  "kernel_size",  true,  Kind::Whole(1, SIDE)),
    Row(Key::Padding,     "p",  "padding",      true,  Kind::Whole(0, SIDE)),
    Row(Key::Stride,      "s",  "stride",       true,  Kind::Whole(1, SIDE)),
    Row(Key::Dilation,    "d",  "dilation",     true,  Kind::Whole(1, SIDE)),
    Row(Key::Groups,      "g",  "groups",       true,  Kind::Whole(1, NEURONS)),
    Row(Key::AddBias,     "b",  "add_bias",     false, Kind::Switch),
    Row(Key::Radius,      "r",  "radius",       false, Kind::Positive),
    Row(Key::Delta,       "a",  "delta",        false, Kind::NonNegative),
    Row(Key::TInvert,     "t",  "t_invert",     false, Kind::Positive),
    Row(Key::Lr,          "lr", "lr",           false, Kind::NonNegative),
    Row(Key::LrSup,       "ls", "lr_sup",       false, Kind::NonNegative),
    Row(Key::PowerLr,     "lp", "power_lr",     false, Kind::NonNegative),
    Row(Key::Adaptive,    "v",  "adaptive",     false, Kind::Switch),
    // Written like a real number (lb2 or lb2.0), but the initial range is defined for whole ones.
    Row(Key::LebesgueP,   "lb", "lebesgue_p",   false, Kind::Whole(1, 100)),
    Row(Key::PreTriangle, "e",  "pre_triangle", true,  Kind::Switch),
    Row(Key::MaskThsd,    "m",  "mask_thsd",    true,  Kind::NonNegative),
];

impl Key {
    /// Every key, in canonical order.
    pub fn all() -> impl Iterator<Item = Key> {
        ROWS.iter().map(|row| row.0)
    }

    fn row(self) -> &'static Row {
        // The table stands in the order of the enum; a test holds it to that.
        &ROWS[self as usize]
    }

    /// Its letters in a block string: `lr`.
    pub fn letters(self) -> &'static str {
        self.row().1
    }

    /// Its name in a layer's configuration: `t_invert`.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// Whether only convolutions have it.
    pub fn is_for_convolutions(self) -> bool {
        self.row().3
    }

    /// Whether a block that names it must be a convolution, where nothing else says what it is.
    pub fn makes_convolution(self) -> bool {
        matches!(self, Key::KernelSize | Key::Padding | Key::Stride | Key::Dilation | Key::Groups)
    }

    /// What values it takes.
    pub fn kind(self) -> Kind {
        self.row().4
    }

    /// The key with these letters, in any case.
    pub fn from_letters(letters: &str) -> Option<Key> {
        Key::all().find(|k| k.letters().eq_ignore_ascii_case(letters))
    }

    /// The key with this name in a layer's configuration.
    pub fn from_name(name: &str) -> Option<Key> {
        Key::all().find(|k| k.name() == name)
    }

    /// What may stand after it, in words.
    pub fn expected(self) -> String {
        match self.kind() {
            Kind::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Kind::NonNegative => "a number of at least 0".into(),
            Kind::Positive => "a number above 0".into(),
            Kind::Switch => "0 or 1".into(),
        }
    }

    /// Reads its value from text.
    pub fn parse(self, text: &str) -> Result<KeyValue, BadValue> {
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        let value = match self.kind() {
            Kind::Switch if digits(text) => match text.parse() {
                Ok(0_i64) => KeyValue::Switch(false),
                Ok(1) => KeyValue::Switch(true),
                _ => return Err(BadValue::Range),
            },
            Kind::Whole(..) if digits(text) => KeyValue::Whole(text.parse().map_err(|_| BadValue::Range)?),
            Kind::Whole(..) if self == Key::LebesgueP => {
                let real = parse_real(text).filter(|v| v.fract() == 0.0).ok_or(BadValue::Type)?;
                // Out of an i64's range the cast saturates, which the check below refuses.
                KeyValue::Whole(real as i64)
            }
            Kind::NonNegative | Kind::Positive => KeyValue::Real(parse_real(text).ok_or(BadValue::Type)?),
            _ => return Err(BadValue::Type),
        };
        self.check(value)
    }

    /// Reads its value from JSON: a number, a boolean, or a text as in a block string.
    pub fn parse_json(self, json: &Value) -> Result<KeyValue, BadValue> {
        let value = match (self.kind(), json) {
            (_, Value::String(text)) => return self.parse(text),
            (Kind::Switch, Value::Bool(b)) => KeyValue::Switch(*b),
            (Kind::Switch, Value::Number(n)) => match n.as_f64() {
                Some(0.0) => KeyValue::Switch(false),
                Some(1.0) => KeyValue::Switch(true),
                _ => return Err(BadValue::Range),
            },
            (Kind::Whole(..), Value::Number(n)) => match (n.as_i64(), n.as_f64()) {
                (Some(i), _) => KeyValue::Whole(i),
                (None, Some(f)) if f.fract() == 0.0 => KeyValue::Whole(f as i64),
                _ => return Err(BadValue::Type),
            },
            (Kind::NonNegative | Kind::Positive, Value::Number(n)) => KeyValue::Real(n.as_f64().ok_or(BadValue::Type)?),
            _ => return Err(BadValue::Type),
        };
        self.check(value)
    }

    /// Hands the value back if it is one for this key.
    pub fn check(self, value: KeyValue) -> Result<KeyValue, BadValue> {
        let ok = match (self.kind(), value) {
            (Kind::Whole(min, max), KeyValue::Whole(v)) => (min..=max).contains(&v),
            (Kind::NonNegative, KeyValue::Real(v)) => v.is_finite() && v >= 0.0,
            (Kind::Positive, KeyValue::Real(v)) => v.is_finite() && v > 0.0,
            (Kind::Switch, KeyValue::Switch(_)) => true,
            _ => return Err(BadValue::Type),
        };
        if ok { Ok(value) } else { Err(BadValue::Range) }
    }
}

/// A decimal number with an optional exponent (`0.08`, `.5`, `1e-3`); no sign, no words.
pub fn parse_real(text: &str) -> Option<f64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    plain.then(|| text.parse().ok()).flatten()
}

impl KeyValue {
    /// As a JSON value.
    pub fn to_json(self) -> Value {
        match self {
            KeyValue::Whole(v) => v.into(),
            KeyValue::Real(v) => v.into(),
            KeyValue::Switch(v) => v.into(),
        }
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            KeyValue::Whole(v) => write!(f, "{v}"),
            KeyValue::Real(v) => Real(v).fmt(f),
            KeyValue::Switch(v) => write!(f, "{}", u8::from(v)),
        }
    }
}

/// A real number in its shortest form that reads back the same, with an exponent where zeros would pile up.
pub struct Real(pub f64);

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let v = self.0;
        // Adding 0 turns −0 into 0, which has no sign to print.
        let v = v + 0.0;
        if v == 0.0 || (1e-4..1e9).contains(&v.abs()) { write!(f, "{v}") } else { write!(f, "{v:e}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (i, key) in Key::all().enumerate() {
            assert_eq!(key as usize, i);
            assert_eq!(Key::from_letters(&key.letters().to_uppercase()), Some(key));
            assert_eq!(Key::from_name(key.name()), Some(key));
        }
    }

    #[test]
    fn values_are_read_by_the_type_of_their_key() {
        for (key, text, want) in [
            (Key::OutChannels, "96", Ok(KeyValue::Whole(96))),
            (Key::OutChannels, "096", Ok(KeyValue::Whole(96))),
            (Key::OutChannels, "1.5", Err(BadValue::Type)),
            (Key::OutChannels, "1e2", Err(BadValue::Type)),
            (Key::OutChannels, "0", Err(BadValue::Range)),
            (Key::OutChannels, "99999999999999999999", Err(BadValue::Range)),
            (Key::Padding, "0", Ok(KeyValue::Whole(0))),
            (Key::AddBias, "1", Ok(KeyValue::Switch(true))),
            (Key::AddBias, "2", Err(BadValue::Range)),
            (Key::AddBias, "yes", Err(BadValue::Type)),
            (Key::Lr, "1e-3", Ok(KeyValue::Real(0.001))),
            (Key::Lr, ".5", Ok(KeyValue::Real(0.5))),
            (Key::Lr, "1e999", Err(BadValue::Range)),
            (Key::Lr, "1.2.3", Err(BadValue::Type)),
            (Key::Lr, "-1", Err(BadValue::Type)),
            (Key::Lr, "inf", Err(BadValue::Type)),
            (Key::TInvert, "0", Err(BadValue::Range)),
            (Key::LebesgueP, "2.0", Ok(KeyValue::Whole(2))),
            (Key::LebesgueP, "2.5", Err(BadValue::Type)),
            (Key::LebesgueP, "1e30", Err(BadValue::Range)),
        ] {
            assert_eq!(key.parse(text), want, "{key:?} {text}");
        }
    }

    #[test]
    fn json_values_are_read_by_the_type_of_their_key() {
        use serde_json::json;
        assert_eq!(Key::AddBias.parse_json(&json!(true)), Ok(KeyValue::Switch(true)));
        assert_eq!(Key::AddBias.parse_json(&json!(0)), Ok(KeyValue::Switch(false)));
        assert_eq!(Key::Lr.parse_json(&json!(1)), Ok(KeyValue::Real(1.0)));
        assert_eq!(Key::Lr.parse_json(&json!(-1)), Err(BadValue::Range));
        assert_eq!(Key::Lr.parse_json(&json!("1e-3")), Ok(KeyValue::Real(0.001)));
        assert_eq!(Key::Stride.parse_json(&json!(2.0)), Ok(KeyValue::Whole(2)));
        assert_eq!(Key::Stride.parse_json(&json!(2.5)), Err(BadValue::Type));
        assert_eq!(Key::Stride.parse_json(&json!(null)), Err(BadValue::Type));
    }

    #[test]
    fn reals_print_shortest() {
        for (value, want) in [(0.08, "0.08"), (1.0, "1"), (0.0, "0"), (-0.0, "0"), (1e-9, "1e-9"), (2.5e12, "2.5e12")] {
            assert_eq!(Real(value).to_string(), want);
        }
    }
}
