//! "Did you mean …?": the known names nearest to a mistyped one.

/// At most so many names are offered.
const OFFERED: usize = 4;

/// The candidates nearest to `word`, best first: those that differ from it in letter case alone, are begun by it, or
/// are a few slips (a letter wrong, missing, added or swapped with its neighbour) away. Only the best kind is kept.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    // Nobody mistypes a name into a page of text; comparing it would only cost time.
    if length == 0 || length > 100 {
        return Vec::new();
    }
    let mut scored: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let longest = lower.chars().count().max(length);
            let slips = strsim::damerau_levenshtein(&word, &lower);
            let near = slips <= (longest / 3).max(1) && slips < longest;
            let begun =
                length >= 3 && lower.starts_with(&word) || lower.chars().count() >= 3 && word.starts_with(&lower);
            (near || begun).then_some((slips, candidate))
        })
        .collect();
    scored.sort_by_key(|(slips, _)| *slips);
    let best = scored.first().map_or(0, |(slips, _)| *slips);
    // A near miss silences the far ones.
    scored.into_iter().filter(|(slips, _)| *slips <= best + best / 2).map(|(_, c)| c).take(OFFERED).collect()
}

/// "did you mean `a`, `b` or `c`?", or nothing if nothing is near.
pub fn did_you_mean(names: &[&str]) -> Option<String> {
    (!names.is_empty()).then(|| format!("did you mean {}?", one_of(names)))
}

/// "`a`, `b` or `c`".
pub fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let methods = ["BP", "Hard", "HardKrotov", "Soft", "SoftKrotov", "SupervisedSoftKrotov"];
        assert_eq!(nearest("Sotf", methods), ["Soft"]);
        assert_eq!(nearest("hrad", methods), ["Hard"]);
        assert_eq!(nearest("softkrotv", methods), ["SoftKrotov"]);
        assert_eq!(nearest("Softc96", methods), ["Soft"]);
        assert_eq!(nearest("pb", methods), ["BP"]);
        assert_eq!(nearest("transformer", methods), [] as [&str; 0]);
        assert_eq!(nearest("x", ["c", "k"]), [] as [&str; 0]);
        assert_eq!(nearest("", methods), [] as [&str; 0]);
        assert_eq!(nearest("lx", ["c", "lr", "ls", "lb", "lp"]), ["lr", "ls", "lb", "lp"]);
    }

    #[test]
    fn lists_read_as_english() {
        assert_eq!(did_you_mean(&[]), None);
        assert_eq!(did_you_mean(&["a"]).as_deref(), Some("did you mean `a`?"));
        assert_eq!(did_you_mean(&["a", "b", "c"]).as_deref(), Some("did you mean `a`, `b` or `c`?"));
    }
}
