//! Block strings: `METHOD-keyvalue-keyvalue…`, e.g. `Soft-c96-k5-lr0.08-t0.7`.
//!
//! Letters may be of any case, keys stand in any order, numbers may have exponents (`lr1e-3`: the `-` of an exponent
//! separates nothing). [`parse_block`] reads them, `Display` prints the canonical form, which reads back as the same
//! block: methods as in the paper, keys in the order of [`Key`], numbers in their shortest form.

use super::config::Method;
use super::error::{GrammarError, GrammarErrorKind as Wrong};
use super::key::{BadValue, Key, KeyValue};
use super::suggest::{did_you_mean, nearest};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// Every method, as it is spelt in a block string.
pub const METHODS: [(Method, &str); 6] = [
    (Method::Bp, "BP"),
    (Method::Hard, "Hard"),
    (Method::HardKrotov, "HardKrotov"),
    (Method::Soft, "Soft"),
    (Method::SoftKrotov, "SoftKrotov"),
    (Method::SupervisedSoftKrotov, "SupervisedSoftKrotov"),
];

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(METHODS.iter().find(|(m, _)| m == self).map_or("", |(_, name)| name))
    }
}

impl Method {
    /// The method of this name, in any case.
    pub fn from_name(name: &str) -> Option<Method> {
        METHODS.iter().find(|(_, n)| n.eq_ignore_ascii_case(name)).map(|(m, _)| *m)
    }
}

/// A block string as it was given: the method, and the keys that were named.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockSpec {
    /// How the layer learns.
    pub method: Method,
    keys: BTreeMap<Key, KeyValue>,
}

impl BlockSpec {
    /// A block with no key given.
    pub fn new(method: Method) -> BlockSpec {
        BlockSpec { method, keys: BTreeMap::new() }
    }

    /// The value of a key, if it was given.
    pub fn get(&self, key: Key) -> Option<KeyValue> {
        self.keys.get(&key).copied()
    }

    /// The keys given, in canonical order.
    pub fn keys(&self) -> impl Iterator<Item = (Key, KeyValue)> + '_ {
        self.keys.iter().map(|(k, v)| (*k, *v))
    }

    /// Gives a key a value; fails if the value is of another type or out of range.
    pub fn set(&mut self, key: Key, value: KeyValue) -> Result<(), BadValue> {
        self.keys.insert(key, key.check(value)?);
        Ok(())
    }

    /// The neurons, if they were given.
    pub fn out_channels(&self) -> Option<i64> {
        self.whole(Key::OutChannels)
    }

    fn whole(&self, key: Key) -> Option<i64> {
        match self.get(key) {
            Some(KeyValue::Whole(v)) => Some(v),
            _ => None,
        }
    }
}

impl fmt::Display for BlockSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.method)?;
        self.keys().try_for_each(|(key, value)| write!(f, "-{}{value}", key.letters()))
    }
}

impl std::str::FromStr for BlockSpec {
    type Err = GrammarError;
    fn from_str(text: &str) -> Result<BlockSpec, GrammarError> {
        parse_block(text)
    }
}

/// Reads a block string. Spaces around it are ignored.
pub fn parse_block(text: &str) -> Result<BlockSpec, GrammarError> {
    let source = Source::new(text);
    let (words, end) = (source.words(), source.chars.len());
    match words.as_slice() {
        [] => source.block(end..end),
        [word] => source.block(word.clone()),
        [first, second, ..] => {
            // What stands before the space may be wrong too, and is then the better thing to say.
            source.block(first.clone())?;
            Err(source.wrong(first.end..second.start, Wrong::Space, "a block string without spaces", None))
        }
    }
}

/// A text in characters, so that places are counted as a reader counts them.
pub(super) struct Source {
    text: String,
    chars: Vec<char>,
}

impl Source {
    pub(super) fn new(text: &str) -> Source {
        Source { text: text.to_owned(), chars: text.chars().collect() }
    }

    /// Where the words that spaces separate stand.
    pub(super) fn words(&self) -> Vec<Range<usize>> {
        let mut words: Vec<Range<usize>> = Vec::new();
        for (i, _) in self.chars.iter().enumerate().filter(|(_, c)| !c.is_whitespace()) {
            match words.last_mut() {
                Some(word) if word.end == i => word.end = i + 1,
                _ => words.push(i..i + 1),
            }
        }
        words
    }

    /// How many characters there are.
    pub(super) fn chars_len(&self) -> usize {
        self.chars.len()
    }

    /// The characters at a place.
    pub(super) fn slice(&self, at: Range<usize>) -> String {
        self.chars[at].iter().collect()
    }

    /// An error at a place.
    pub(super) fn wrong(
        &self,
        at: Range<usize>,
        kind: Wrong,
        expected: impl Into<String>,
        hint: Option<String>,
    ) -> GrammarError {
        let kind = Box::new(kind);
        GrammarError { text: self.text.clone(), at: at.start, len: at.len(), kind, expected: expected.into(), hint }
    }

    /// Reads the block string at `at`, which holds no spaces.
    pub(super) fn block(&self, at: Range<usize>) -> Result<BlockSpec, GrammarError> {
        let mut segments = self.segments(at).into_iter();
        // There is always a first segment, if an empty one.
        let mut block = BlockSpec::new(self.method(segments.next().unwrap_or(0..0))?);
        for segment in segments {
            let (key, value) = self.key_value(segment.clone())?;
            if block.get(key).is_some() {
                let name = key.letters().to_owned();
                return Err(self.wrong(segment, Wrong::DuplicateKey(name), "each key at most once", None));
            }
            block.keys.insert(key, value);
            self.check_groups(&block, segment)?;
        }
        Ok(block)
    }

    /// Cuts at every `-` that belongs to no exponent.
    fn segments(&self, at: Range<usize>) -> Vec<Range<usize>> {
        let mut segments = Vec::new();
        let mut start = at.start;
        for i in at.clone().filter(|&i| self.chars[i] == '-') {
            let exponent = i >= start + 2
                && i + 1 < at.end
                && matches!(self.chars[i - 1], 'e' | 'E')
                && (self.chars[i - 2].is_ascii_digit() || self.chars[i - 2] == '.')
                && self.chars[i + 1].is_ascii_digit();
            if !exponent {
                segments.push(start..i);
                start = i + 1;
            }
        }
        segments.push(start..at.end);
        segments
    }

    fn method(&self, at: Range<usize>) -> Result<Method, GrammarError> {
        let names = METHODS.map(|(_, name)| name);
        let expected = format!("one of {}", names.join(", "));
        let word = self.slice(at.clone());
        if word.is_empty() {
            return Err(self.wrong(at, Wrong::MissingMethod, expected, None));
        }
        Method::from_name(&word).ok_or_else(|| {
            let hint = did_you_mean(&nearest(&word, names));
            self.wrong(at, Wrong::UnknownMethod(word), expected, hint)
        })
    }

    fn key_value(&self, at: Range<usize>) -> Result<(Key, KeyValue), GrammarError> {
        let letters_end = at.clone().find(|&i| !self.chars[i].is_alphabetic()).unwrap_or(at.end);
        let (letters, value) = (self.slice(at.start..letters_end), self.slice(letters_end..at.end));
        let known = || format!("a key ({}) and its value", Key::all().map(Key::letters).collect::<Vec<_>>().join(", "));
        if letters.is_empty() {
            return Err(self.wrong(at, Wrong::MissingKey, known(), None));
        }
        // All letters together must be one key: `lr` is never read as an `l` and an `r`.
        let Some(key) = Key::from_letters(&letters) else {
            let hint = did_you_mean_key(&letters);
            return Err(self.wrong(at.start..letters_end, Wrong::UnknownKey(letters), known(), hint));
        };
        if value.is_empty() {
            let name = key.letters().to_owned();
            return Err(self.wrong(at.end..at.end, Wrong::MissingValue(name), key.expected(), None));
        }
        let what = format!("key `{}` ({})", key.letters(), key.name());
        key.parse(&value).map(|v| (key, v)).map_err(|bad| {
            let kind = match bad {
                BadValue::Type => Wrong::WrongValue { what, value },
                BadValue::Range => Wrong::OutOfRange { what, value },
            };
            self.wrong(letters_end..at.end, kind, key.expected(), None)
        })
    }

    /// Once both are known, the groups must divide the neurons.
    fn check_groups(&self, block: &BlockSpec, at: Range<usize>) -> Result<(), GrammarError> {
        match (block.whole(Key::OutChannels), block.whole(Key::Groups)) {
            (Some(c), Some(g)) if c % g != 0 => {
                let below = (1..=g.min(c)).rev().find(|d| c % d == 0);
                let hint = below.map(|d| format!("the largest divisor of {c} below {g} is {d}"));
                let expected = "neurons (`c`) that the groups (`g`) divide";
                Err(self.wrong(at, Wrong::Groups { out_channels: c, groups: g }, expected, hint))
            }
            _ => Ok(()),
        }
    }
}

/// A hint for letters that are no key: keys of similar letters, or the one that sets what they name.
fn did_you_mean_key(letters: &str) -> Option<String> {
    did_you_mean(&nearest(letters, Key::all().map(Key::letters))).or_else(|| {
        let named = nearest(letters, Key::all().map(Key::name));
        let key = Key::from_name(named.first()?)?;
        Some(format!("{} is set by `{}`", key.name(), key.letters()))
    })
}

#[cfg(test)]
#[path = "grammar_tests.rs"]
pub(crate) mod tests;
