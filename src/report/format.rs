//! Numbers as people read them: durations, counts, rates, shares. Pure functions; whatever goes in, text comes out.

/// A duration in seconds: `12 ms`, `3.4 s`, `45 s`, `1m 05s`, `1h 02m`, `3d 04h`; `?` if it is not a duration.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".into();
    }
    if seconds < 0.0995 {
        return format!("{:.0} ms", seconds * 1e3);
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    // A float turns into an integer saturating, so the largest one is only a long time.
    let s = seconds.round() as u64;
    if s < 60 {
        return format!("{s} s");
    }
    if s < 3600 {
        return format!("{}m {:02}s", s / 60, s % 60);
    }
    let m = s.saturating_add(30) / 60;
    if m < 24 * 60 {
        return format!("{}h {:02}m", m / 60, m % 60);
    }
    let h = (m + 30) / 60;
    format!("{}d {:02}h", h / 24, h % 24)
}

/// A count with its thousands apart: `50,000`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Images a second: `3.4 images/s`, `812 images/s`, `12.3 k images/s`, `1.20 M images/s`.
pub fn rate(images_per_second: f64) -> String {
    let x = images_per_second;
    if !x.is_finite() || x < 0.0 {
        return "? images/s".into();
    }
    // The borders are where rounding to three digits goes over.
    let (value, unit) = match x {
        x if x < 999.5 => (x, ""),
        x if x < 999_500.0 => (x / 1e3, "k "),
        x => (x / 1e6, "M "),
    };
    let digits = match (value, unit) {
        (v, "") if v < 9.95 => 1,
        (_, "") => 0,
        (v, _) if v < 9.995 => 2,
        (v, _) if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}images/s")
}

/// A share in percent: `80.31 %`.
pub fn percent(value: f64) -> String {
    format!("{value:.2} %")
}

/// A number with four significant digits: `0.1234`, `13.37`, `1.5e-7`, `NaN`.
pub fn number(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let scientific = format!("{x:.3e}");
    // `{:e}` always has an exponent; were it missing, the number as it stands is right too.
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let Ok(exponent) = exponent.parse::<i32>() else { return scientific };
    if !(-4..6).contains(&exponent) {
        return format!("{}e{exponent}", trim(mantissa));
    }
    trim(&format!("{x:.digits$}", digits = (3 - exponent).max(0) as usize)).into()
}

/// Without the zeros at the end of a fraction.
fn trim(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// `1 epoch`, `50 epochs`.
pub fn plural(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A word for a shell: quoted if it holds anything that a shell would read otherwise.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        for (seconds, text) in [
            (0.0, "0 ms"),
            (0.0123, "12 ms"),
            (0.0994, "99 ms"),
            (0.0996, "0.1 s"),
            (3.42, "3.4 s"),
            (9.94, "9.9 s"),
            (9.96, "10 s"),
            (59.4, "59 s"),
            (59.6, "1m 00s"),
            (65.0, "1m 05s"),
            (3599.4, "59m 59s"),
            (3599.6, "1h 00m"),
            (3720.0, "1h 02m"),
            (86_369.0, "23h 59m"),
            (86_380.0, "1d 00h"),
            (3.0 * 86_400.0 + 4.0 * 3600.0, "3d 04h"),
            (-1.0, "?"),
            (f64::NAN, "?"),
            (f64::INFINITY, "?"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn counts_and_rates() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (50_000, "50,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), text);
        }
        for (x, text) in [
            (0.0, "0.0 images/s"),
            (3.44, "3.4 images/s"),
            (812.3, "812 images/s"),
            (999.6, "1.00 k images/s"),
            (12_345.0, "12.3 k images/s"),
            (123_456.0, "123 k images/s"),
            (999_600.0, "1.00 M images/s"),
            (f64::NAN, "? images/s"),
        ] {
            assert_eq!(rate(x), text);
        }
        assert_eq!(percent(80.309), "80.31 %");
        assert_eq!(plural(1, "epoch"), "1 epoch");
        assert_eq!(plural(2000, "epoch"), "2,000 epochs");
    }

    #[test]
    fn numbers() {
        for (x, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-13.3749, "-13.37"),
            (0.123_44, "0.1234"),
            (0.000_1, "0.0001"),
            (0.000_015, "1.5e-5"),
            (99_999.0, "99999"),
            (12_345_678.0, "1.235e7"),
            (9.999_96, "10"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn words_for_a_shell() {
        for (word, text) in [("a/b-c.1", "a/b-c.1"), ("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'")] {
            assert_eq!(shell(word), text);
        }
    }

    proptest! {
        #[test]
        fn any_float_has_a_text(bits in any::<u64>()) {
            let x = f64::from_bits(bits);
            prop_assert!(!duration(x).is_empty() && !rate(x).is_empty() && !percent(x).is_empty());
            let back: f64 = number(x).parse().unwrap();
            prop_assert!(x.is_nan() && back.is_nan() || x == back || (back - x).abs() <= 6e-4 * x.abs());
        }
    }
}
