//! Where two plans differ.

use serde_json::Value;

use super::RunPlan;

/// Where two plans differ in what a run computes: `phases.1.epochs: 5 there, 50 asked for`.
pub fn differences(there: &RunPlan, asked: &RunPlan) -> Vec<String> {
    let (Ok(there), Ok(asked)) = (serde_json::to_value(there), serde_json::to_value(asked)) else { return vec![] };
    let mut found = Vec::new();
    // Where and how it runs may change; what it computes may not.
    const FREE: [&str; 11] = [
        "features_on_disk",
        "no_cache",
        "record_every",
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
    found.extend(all.into_iter().map(|(path, a, b)| format!("{path}: {a} there, {b} asked for")));
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
