//! Places in a file that people write: values read with the line and the key that a mistake is told with.

use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::preset::suggest::{did_you_mean, nearest};
use crate::search::SearchError;

/// A key and where it stands.
pub type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;

/// Entries in the order of the file.
pub fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a Key<'i>, &'a Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// The file, for messages.
pub struct Place<'a> {
    /// What messages call it.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl Place<'_> {
    pub fn line(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|b| **b == b'\n').count() + 1
    }

    pub fn fail(&self, span: Range<usize>, key: Option<&str>, message: String) -> SearchError {
        let (line, key) = (self.line(span.start), key.map(str::to_string));
        SearchError::Space { file: self.file.to_string(), line, key, message }
    }

    pub fn at(&self, key: &Key, message: String) -> SearchError {
        self.fail(key.span(), Some(key.get_ref()), message)
    }

    pub fn unknown(&self, key: &Key, known: &[&str]) -> SearchError {
        let hint = did_you_mean(&nearest(key.get_ref(), known.iter().copied()));
        let hint = hint.unwrap_or_else(|| format!("the keys here are {}", known.join(", ")));
        self.at(key, format!("unknown key\nhint: {hint}"))
    }

    pub fn table<'v, 'i>(&self, key: &Key, value: &'v Spanned<DeValue<'i>>) -> Result<&'v DeTable<'i>, SearchError> {
        value.get_ref().as_table().ok_or_else(|| self.at(key, format!("a table is expected: [{}]", key.get_ref())))
    }

    pub fn json(&self, key: &Key, value: &Spanned<DeValue>) -> Result<Value, SearchError> {
        let wrong =
            || self.fail(value.span(), Some(key.get_ref()), "not a number, text, true, false or list".to_string());
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                Value::from(i64::from_str_radix(&digits, number.radix()).map_err(|_| wrong())?)
            }
            DeValue::Float(number) => {
                let number: f64 = number.as_str().replace('_', "").parse().map_err(|_| wrong())?;
                if !number.is_finite() {
                    return Err(wrong());
                }
                Value::from(number)
            }
            DeValue::Boolean(yes) => Value::from(*yes),
            DeValue::Array(list) => list.iter().map(|v| self.json(key, v)).collect::<Result<_, _>>()?,
            DeValue::Datetime(_) | DeValue::Table(_) => return Err(wrong()),
        })
    }
}
