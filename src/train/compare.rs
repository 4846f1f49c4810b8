//! Where two plans differ.

use serde_json::Value;

use super::RunPlan;
use crate::report::format::plural;

/// Where two plans differ in what a run computes: `phases.1.epochs: 5 there, 50 asked for`.
pub fn differences(there: &RunPlan, asked: &RunPlan) -> Vec<String> {
    let (Ok(there), Ok(asked)) = (serde_json::to_value(there), serde_json::to_value(asked)) else { return vec![] };
    let mut found = Vec::new();
    // Where and how it runs may change; what it computes may not.
    const FREE: [&str; 12] = [
        "features_on_disk",
        "no_cache",
        "record_every",
        "baseline",
        "keep",
        "device",
        "threads",
        "save",
        "folder",
        "data_dir",
        "model",
        "blocks_from",
    ];
    if let (Value::Object(there), Value::Object(asked)) = (&there, &asked) {
        for (key, value) in there.iter().filter(|(key, _)| !FREE.contains(&key.as_str())) {
            compare(key, value, asked.get(key).unwrap_or(&Value::Null), &mut found);
        }
    }
    found
}

/// Adds to `found` where two values differ, with the way to each place.
pub fn compare(path: &str, there: &Value, asked: &Value, found: &mut Vec<String>) {
    let mut all = Vec::new();
    walk(path, there, asked, &mut all);
    found.extend(all.into_iter().map(|(path, a, b)| format!("{path}: {} there, {} asked for", short(&a), short(&b))));
}

/// Adds to `found` each place where two values differ, with both values; an absent one is null.
pub fn walk(path: &str, there: &Value, asked: &Value, found: &mut Vec<(String, Value, Value)>) {
    match (there, asked) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let get = |m: &serde_json::Map<String, Value>| m.get(key).cloned().unwrap_or(Value::Null);
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&path, &get(a), &get(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                walk(&format!("{path}.{i}"), a, b, found);
            }
        }
        (a, b) if a != b => found.push((path.to_string(), a.clone(), b.clone())),
        _ => {}
    }
}

/// A value in a few words: what is long is counted, not printed.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match value {
        _ if text.chars().count() <= 60 => text,
        Value::Array(all) => plural(all.len() as u64, "part"),
        Value::Object(all) => plural(all.len() as u64, "key"),
        _ => format!("{}…", text.chars().take(60).collect::<String>()),
    }
}

/// Differences for people: a line each, at most a dozen.
pub fn list(differences: &[String]) -> String {
    const MOST: usize = 12;
    let lines = differences.iter().take(MOST).map(|d| format!("\n  {d}")).collect::<String>();
    match differences.len().saturating_sub(MOST) {
        0 => lines,
        more => format!("{lines}\n  … and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_long_is_counted_and_no_list_is_long() {
        let block = json!({"text": "x".repeat(100)});
        let (there, asked) =
            (json!({"blocks": [block, block], "n": 1}), json!({"blocks": [block], "n": "y".repeat(99)}));
        let mut found = Vec::new();
        compare("network", &there, &asked, &mut found);
        assert_eq!(found[0], "network.blocks: 2 parts there, 1 part asked for");
        assert!(found[1].starts_with("network.n: 1 there, \"yyy") && found[1].ends_with("y… asked for"), "{found:?}");
        let many: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        assert_eq!(list(&many).lines().count(), 1 + 12 + 1);
        assert!(list(&many).ends_with("\n  … and 28 more"));
        assert_eq!(list(&many[..2]), "\n  0\n  1");
    }
}
