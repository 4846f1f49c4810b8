//! Numbers and names on the command line: what they may be, said as a person would.

/// Most threads that may be asked for: each takes memory of its own.
const MOST_THREADS: usize = 4096;

/// A count: a whole number from 1.
///
/// # Errors
/// Says what is expected.
pub fn count<N: std::str::FromStr + PartialOrd + From<u8>>(text: &str) -> Result<N, String> {
    let number = text.parse().ok().filter(|n| *n >= N::from(1));
    number.ok_or_else(|| "a whole number from 1 is expected".to_string())
}

/// A number above 0.
///
/// # Errors
/// Says what is expected.
pub fn above_zero(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|x: &f64| x.is_finite() && *x > 0.0);
    number.ok_or_else(|| "a number above 0 is expected".to_string())
}

/// Threads; 0 is all cores.
///
/// # Errors
/// Says what is expected.
pub fn threads(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| *n <= MOST_THREADS);
    number.ok_or_else(|| format!("a whole number from 0 (all cores) to {MOST_THREADS} is expected"))
}

/// What stands for the terse words of a parser of numbers: `invalid digit found in string`, `0 is not in 1..=65535`.
pub fn expected(cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    use std::num::{IntErrorKind, ParseFloatError, ParseIntError};
    if let Some(error) = cause.downcast_ref::<ParseIntError>() {
        return Some(match error.kind() {
            IntErrorKind::PosOverflow => "the number is too large".to_string(),
            _ => "a whole number from 0 is expected".to_string(),
        });
    }
    if cause.is::<ParseFloatError>() {
        return Some("a number is expected".to_string());
    }
    let text = cause.to_string();
    let (low, high) = text.split_once(" is not in ")?.1.split_once("..")?;
    let largest = [u64::from(u16::MAX), u64::from(u32::MAX), u64::MAX].map(|n| n.to_string());
    Some(match high.trim_start_matches('=') {
        "" => format!("a whole number from {low} is expected"),
        high if largest.iter().any(|n| n == high) => format!("a whole number from {low} is expected"),
        high => format!("a whole number from {low} to {high} is expected"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_make_sense() {
        assert_eq!((count::<u64>("1"), count::<usize>("70")), (Ok(1), Ok(70)));
        for text in ["0", "-1", "1.5", "", "many", "nan", "99999999999999999999"] {
            assert!(count::<u64>(text).is_err(), "{text}");
        }
        assert_eq!((above_zero("0.1"), above_zero("1e-3")), (Ok(0.1), Ok(0.001)));
        for text in ["0", "-1", "nan", "inf", "", "fast", "1e999"] {
            assert!(above_zero(text).is_err(), "{text}");
        }
        assert_eq!((threads("0"), threads("4096")), (Ok(0), Ok(4096)));
        for text in ["-1", "4097", "all", "99999999999999999999"] {
            assert!(threads(text).is_err(), "{text}");
        }
    }
}
