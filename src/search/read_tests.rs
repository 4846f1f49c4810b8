use super::error::SearchError;
use super::read::{SHIPPED, parse};

#[test]
fn mistakes_name_file_line_and_key() {
    for (text, line, key, want) in [
        ("sedes = [1]", 1, Some("sedes"), "unknown key `sedes`\nhint: did you mean `seeds`?"),
        ("\n\nseeds = 3", 3, Some("seeds"), "invalid type: integer `3`, expected a list"),
        ("seeds = []", 1, Some("seeds"), "no seed"),
        ("seeds = [1, 1]", 1, Some("seeds"), "the same seed twice"),
        ("num_samples = 0", 1, Some("num_samples"), "nothing would run"),
        ("num_samples = 1.5", 1, Some("num_samples"), "floating point `1.5`"),
        (
            "metric = \"accuracy\"",
            1,
            Some("metric"),
            "unknown value `accuracy`\nhint: known here are train_loss, train_acc",
        ),
        ("[base]\npreset = 3", 2, Some("preset"), "invalid type: integer `3`, expected a string"),
        ("[base]\npresett = \"x\"", 2, Some("presett"), "did you mean `preset`?"),
        ("[base]\nvalidation = 1", 2, Some("validation"), "integer `1`, expected a boolean"),
        ("[base]\ntraining_mode = \"fast\"", 2, Some("training_mode"), "successive, consecutive"),
        ("[base.set]\n\"dataset_sup.epochs\" = 5", 2, Some("dataset_sup.epochs"), "unknown key `epochs`"),
        ("base = 3", 1, Some("base"), "integer `3`, expected a table: [base]"),
        ("[run]\ndevice = \"tpu\"", 2, Some("device"), "auto, cpu, cuda"),
        ("[space]\n\"b0.layer.t_invert\" = 3", 2, Some("b0.layer.t_invert"), "integer `3`, expected values: { grid"),
        ("[space]\n\"b0.layer.t_invert\" = {}", 2, Some("b0.layer.t_invert"), "one of grid, geometric"),
        (
            "[space]\n\n\"b0.layer.t_inverse\" = { grid = [1] }",
            3,
            Some("b0.layer.t_inverse"),
            "did you mean `b0.layer.t_invert`?",
        ),
        ("[space]\nt = { grid = [1] }", 2, Some("t"), "`t` is not a key"),
        ("[space]\nt = { keys = [], grid = [1] }", 2, Some("keys"), "the list is empty"),
        ("[space]\n\"b0.pool\" = { grid = [] }", 2, Some("grid"), "the list is empty"),
        ("[space]\n\"b0.pool\" = { gird = [] }", 2, Some("gird"), "did you mean `grid`?"),
        ("[space]\n\"b0.pool\" = { grid = [1, 1] }", 2, Some("grid"), "the same value twice"),
        ("[space]\n\"b0.pool\" = { grid = [nan] }", 2, Some("grid"), "not a number, text"),
        ("[space]\n\"b0.pool\" = { grid = [1], choice = [2] }", 2, Some("choice"), "one kind of values"),
        ("[space]\n\"b0.layer.lr\" = { uniform = [2, 1] }", 2, Some("uniform"), "not below"),
        ("[space]\n\"b0.layer.lr\" = { uniform = [1] }", 2, Some("uniform"), "length 2"),
        ("[space]\n\"b0.layer.lr\" = { log_uniform = [0, 1] }", 2, Some("log_uniform"), "above 0"),
        ("[space]\n\"b0.layer.lr\" = { int_uniform = [3, 3] }", 2, Some("int_uniform"), "not below"),
        ("[space]\n\"b0.layer.lr\" = { normal = { mean = 1 } }", 2, Some("normal"), "missing field `std`"),
        ("[space]\n\"b0.layer.lr\" = { normal = { mean = 1, std = 0 } }", 2, Some("normal"), "std must be above 0"),
        (
            "[space]\n\"b0.layer.lr\" = { geometric = { base = 0, from = 0, to = 1 } }",
            2,
            Some("geometric"),
            "base must be",
        ),
        (
            "[space]\n\"b0.layer.lr\" = { geometric = { base = 2, from = 3, to = 1 } }",
            2,
            Some("geometric"),
            "from the smaller",
        ),
        (
            "[space]\n\"b0.layer.lr\" = { geometric = { base = 2, form = 3, to = 1 } }",
            2,
            Some("form"),
            "did you mean `from`?",
        ),
        (
            "[space]\n\"b0.layer.lr\" = { grid = [1] }\nx = { keys = [\"b0.layer.lr\"], grid = [2] }",
            3,
            Some("x"),
            "searched twice",
        ),
        (
            "[space]\n\"b0.layer.lr\" = { geometric = { base = 1.1, from = -9000, to = 9000 } }\n\"b0.layer.radius\" = { geometric = { base = 1.1, from = -9000, to = 9000 } }",
            2,
            None,
            "more than 100000 trials",
        ),
        ("seeds = [1]\nseeds = [2]", 2, None, ""),
        ("[space\n", 1, None, ""),
    ] {
        match parse("my.toml", text) {
            Err(SearchError::Space { file, line: at, key: k, message }) => {
                assert_eq!((file.as_str(), at, k.as_deref()), ("my.toml", line, key), "{text}: {message}");
                assert!(message.contains(want), "{text}: {message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn every_shipped_space_reads_and_says_what_it_is_for() {
    for (name, text) in SHIPPED {
        assert!(text.starts_with("# "), "{name} has no comment");
        parse(name, text).unwrap();
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}", tail in "(seeds|metric|\\[space\\]\n\"b0.pool\") = .{0,40}") {
        let _ = parse("x", &text);
        let _ = parse("x", &tail);
    }
}
