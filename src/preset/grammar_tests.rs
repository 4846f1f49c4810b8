//! Block strings: what is read, what is refused and how, and that printing and reading are inverse.

use super::*;
use crate::preset::key::Kind;
use proptest::prelude::*;

fn block(text: &str) -> BlockSpec {
    parse_block(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn block_strings_of_any_spelling_have_one_canonical_form() {
    for (text, want) in [
        ("softkrotov-c96-k5-p2-s1-d1-b0-t1-lr0.08-lp0.5-e0", "SoftKrotov-c96-k5-p2-s1-d1-b0-t1-lr0.08-lp0.5-e0"),
        ("BP-C10", "BP-c10"),
        ("bp", "BP"),
        ("  HARD-LR0.050-c8  ", "Hard-c8-lr0.05"),
        ("supervisedsoftkrotov-c10-t12-lr0.045-r35-v0", "SupervisedSoftKrotov-c10-r35-t12-lr0.045-v0"),
        ("soft-lr1e-3", "Soft-lr0.001"),
        ("soft-lr1e-3-t2", "Soft-t2-lr0.001"),
        ("soft-lr1E-3-T2", "Soft-t2-lr0.001"),
        ("soft-lr1.e-3-t2", "Soft-t2-lr0.001"),
        ("soft-lr2e+1", "Soft-lr20"),
        ("soft-lr1e-9", "Soft-lr1e-9"),
        // The `e` of a key, not of an exponent.
        ("soft-lr1-e1", "Soft-lr1-e1"),
        ("soft-ls1e-2-lb3-lp0-m0", "Soft-ls0.01-lp0-lb3-m0"),
        ("hardkrotov-c8-a.4", "HardKrotov-c8-a0.4"),
        ("hard-c12288-k1-g768", "Hard-c12288-k1-g768"),
    ] {
        assert_eq!(block(text).to_string(), want, "{text}");
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    // Text, first line of the message, the place that the carets mark, a part of the rest.
    for (text, what, place, rest) in [
        ("Sotf-c96", "unknown method `Sotf`", "Sotf", "did you mean `Soft`?"),
        ("", "missing method", "", "one of BP, Hard"),
        ("   ", "missing method", "", "one of BP, Hard"),
        ("-c96", "missing method", "", "one of BP, Hard"),
        ("Soft-x5", "unknown key `x`", "x", "a key (c, k, p, s, d, g, b, r, a, t, lr, ls, lp, v, lb, e, m)"),
        ("Soft-lx5", "unknown key `lx`", "lx", "did you mean `lr`, `ls`, `lp` or `lb`?"),
        ("Soft-stride2", "unknown key `stride`", "stride", "stride is set by `s`"),
        ("Soft-c96-c48", "key `c` is given twice", "c48", "at most once"),
        ("Soft-c96-LR1-lr1", "key `lr` is given twice", "lr1", "at most once"),
        ("Soft-c", "missing value of key `c`", "", "a whole number from 1"),
        ("Soft-c-k5", "missing value of key `c`", "", "a whole number from 1"),
        ("Soft-c1.5", "wrong value `1.5` of key `c` (out_channels)", "1.5", "a whole number"),
        ("Soft-c1e-3", "wrong value `1e-3` of key `c` (out_channels)", "1e-3", "a whole number"),
        ("Soft-b2", "value `2` of key `b` (add_bias) is out of range", "2", "0 or 1"),
        ("Soft-c0", "value `0` of key `c` (out_channels) is out of range", "0", "from 1"),
        ("Soft-c96-k0", "value `0` of key `k` (kernel_size) is out of range", "0", "from 1"),
        ("Soft-s0", "value `0` of key `s` (stride) is out of range", "0", "from 1"),
        ("Soft-t0", "value `0` of key `t` (t_invert) is out of range", "0", "above 0"),
        ("Soft-lr1e999", "value `1e999` of key `lr` (lr) is out of range", "1e999", "at least 0"),
        ("Soft-lb2.5", "wrong value `2.5` of key `lb` (lebesgue_p)", "2.5", "a whole number"),
        ("Soft-lr0.0.1", "wrong value `0.0.1` of key `lr` (lr)", "0.0.1", "a number"),
        ("Soft-t-1", "missing value of key `t`", "", "above 0"),
        (
            "Soft-c96-g5",
            "96 neurons do not fall into 5 groups of one size",
            "g5",
            "the largest divisor of 96 below 5 is 4",
        ),
        ("Soft-g5-c96", "96 neurons do not fall into 5 groups of one size", "c96", "divide"),
        ("Soft--c96", "missing key", "", "a key (c,"),
        ("Soft-c96-", "missing key", "", "a key (c,"),
        ("Soft-96", "missing key", "96", "a key (c,"),
        ("Soft-c96 -k5", "space inside the block string", " ", "without spaces"),
        ("Söft-c96", "unknown method `Söft`", "Söft", "did you mean `Soft`?"),
        ("Soft-λ0.1-c9", "unknown key `λ`", "λ", "a key (c,"),
        ("Soft-c٣", "wrong value `٣` of key `c` (out_channels)", "٣", "a whole number"),
    ] {
        let error = parse_block(text).expect_err(text);
        let message = error.to_string();
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines[0], what, "{text}");
        assert_eq!(lines[1], format!("    {text}"));
        let marked: String = text.chars().skip(error.at).take(error.len).collect();
        assert_eq!(marked, place, "{text}");
        assert!(lines[2..].join("\n").contains(rest), "{text}: {message}");
    }
}

#[test]
fn the_caret_stands_under_the_place_counted_in_characters() {
    let message = parse_block("  Soft-c96-größe5").unwrap_err().to_string();
    assert_eq!(message.lines().nth(1), Some("      Soft-c96-größe5"));
    let caret = message.lines().nth(2).unwrap();
    assert!(caret.starts_with("               ^^^^^ expected a key"), "{message}");
    // A tab or line feed in the text does not move it.
    let message = parse_block("\tSotf").unwrap_err().to_string();
    assert_eq!(message.lines().nth(1), Some("     Sotf"));
    assert!(message.lines().nth(2).unwrap().starts_with("     ^^^^ expected"));
}

/// A value of the kind that a key takes, anywhere in its range.
fn any_value(key: Key) -> BoxedStrategy<KeyValue> {
    let real = prop_oneof![0.0..1000.0_f64, (-300..300_i32).prop_map(|e| 10_f64.powi(e)), 1e-300..1e300_f64];
    match key.kind() {
        Kind::Whole(min, max) => (min..=max).prop_map(KeyValue::Whole).boxed(),
        Kind::NonNegative => prop_oneof![Just(0.0), real].prop_map(KeyValue::Real).boxed(),
        Kind::Positive => real.prop_filter("above 0", |v| *v > 0.0).prop_map(KeyValue::Real).boxed(),
        Kind::Switch => any::<bool>().prop_map(KeyValue::Switch).boxed(),
    }
}

/// Any valid block, with any set of keys.
pub(crate) fn any_block() -> impl Strategy<Value = BlockSpec> {
    let keys: Vec<_> = Key::all().map(|key| proptest::option::of(any_value(key))).collect();
    (proptest::sample::select(METHODS.to_vec()), keys).prop_map(|((method, _), values)| {
        let mut block = BlockSpec::new(method);
        for (key, value) in Key::all().zip(values) {
            if let Some(value) = value {
                block.set(key, value).unwrap();
            }
        }
        // Groups must divide the neurons, if both are given.
        if let (Some(c), Some(g)) = (block.whole(Key::OutChannels), block.whole(Key::Groups)) {
            let g = (1..=g.min(1000)).rev().find(|d| c % d == 0).unwrap_or(1);
            block.set(Key::Groups, KeyValue::Whole(g)).unwrap();
        }
        block
    })
}

proptest! {
    #[test]
    fn parse_after_print_is_identity(block in any_block()) {
        let text = block.to_string();
        prop_assert_eq!(parse_block(&text).unwrap(), block.clone());
        // The canonical form is a fixed point, and case and outer spaces say nothing.
        prop_assert_eq!(parse_block(&text).unwrap().to_string(), text.clone());
        prop_assert_eq!(parse_block(&format!("  {} ", text.to_uppercase())).unwrap(), block.clone());
        prop_assert_eq!(parse_block(&text.to_lowercase()).unwrap(), block);
    }

    #[test]
    fn the_order_of_keys_says_nothing(block in any_block(), seed in any::<u64>()) {
        let text = block.to_string();
        let mut keys: Vec<(Key, KeyValue)> = block.keys().collect();
        let count = keys.len().max(1);
        keys.rotate_left(seed as usize % count);
        let shuffled: String = keys.iter().map(|(k, v)| format!("-{}{v}", k.letters())).collect();
        prop_assert_eq!(parse_block(&format!("{}{shuffled}", block.method)).unwrap().to_string(), text);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        check_error(&text);
    }

    #[test]
    fn no_text_near_the_grammar_makes_it_panic(text in "[ \t]?(BP|Soft|hard|é)?(-?[a-zé]{0,3}[-0-9.eE+٣]{0,6}){0,5}") {
        check_error(&text);
    }
}

/// Whatever is refused is refused with a place inside the text.
fn check_error(text: &str) {
    if let Err(error) = parse_block(text) {
        assert!(error.at + error.len <= text.chars().count(), "{text:?}: {error:?}");
        assert!(error.to_string().lines().count() >= 3);
    }
}
