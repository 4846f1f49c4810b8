//! Models typed in one line: what is filled in, what is refused and where.

use super::*;
use proptest::prelude::*;

fn blocks(text: &str) -> Vec<String> {
    let model = ModelSpec::parse("m", text, "U", "S").unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!((model.name.as_str(), model.dataset_unsup.as_str(), model.dataset_sup.as_str()), ("m", "U", "S"));
    model.blocks.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_left_out_is_filled_in() {
    for (text, want) in [
        // A Hebbian convolution, and a classifier that is handed images.
        (
            "Soft-c96-k5-p2-t1-lr0.08; BP-c10",
            &["Soft-c96-k5-p2-t1-lr0.08 batchnorm2d triangle", "BP-c10 flatten linear"][..],
        ),
        // A convolution trained by backpropagation.
        ("bp-c8-k3;BP", &["BP-c8-k3 batchnorm2d relu", "BP flatten linear"]),
        // MLP blocks: only the first flattens, only the last is linear.
        ("Soft-c8; BP-c8; BP-c10;", &["Soft-c8 flatten triangle", "BP-c8 relu", "BP-c10 linear"]),
        ("Soft-c8", &["Soft-c8 flatten linear"]),
        // What is named stands as it is named, in the order in which it applies.
        (
            "Soft-c8-k3 max batchnorm2d tanh_0.5 avg_2_2_0; BP-c10 dropout_0.5 batchnorm1d",
            &["Soft-c8-k3 batchnorm2d max tanh_0.5 avg_2_2_0", "BP-c10 flatten batchnorm1d linear dropout_0.5"],
        ),
        ("Soft-c8-k3 max; BP-c10", &["Soft-c8-k3 max triangle", "BP-c10 flatten linear"]),
        ("Soft-c8-k3 nonorm linear; BP-c10", &["Soft-c8-k3 nonorm linear", "BP-c10 flatten linear"]),
        ("Soft-c8 flattenmax softmax_5; BP-c10 relu", &["Soft-c8 flatten max softmax_5", "BP-c10 relu"]),
        // The architecture can be named where the keys do not tell.
        ("Soft-c8 arch_cnn; BP-c10", &["Soft-c8 arch_CNN batchnorm2d triangle", "BP-c10 flatten linear"]),
        // Keys without letters; those with letters go into the block string.
        (
            "Soft-c8-k3 nb_train=5 lr_decay=exp t_invert=0.7 batch_norm",
            &["Soft-c8-k3-t0.7 batchnorm2d triangle batch_norm nb_train=5 lr_decay=exp"],
        ),
        ("Soft-c8-k3 nb_train=null", &["Soft-c8-k3 batchnorm2d triangle nb_train=null"]),
    ] {
        assert_eq!(blocks(text), want, "{text}");
        // What is printed names everything, so that it reads back as it is.
        assert_eq!(blocks(&want.join("; ")), want, "{text}");
    }
}

#[test]
fn mistakes_are_named_with_their_block_and_place() {
    // Model, start of the message, the place that the carets mark in the block, a part of the rest.
    for (text, what, place, rest) in [
        ("Soft-c8-k3; Sotf-c10", "block 1: unknown method `Sotf`", "Sotf", "did you mean `Soft`?"),
        ("Soft-c8-k3 trangle_0.7", "block 0: unknown word `trangle_0.7`", "trangle_0.7", "did you mean `triangle`?"),
        ("Soft-c8 flaten", "block 0: unknown word `flaten`", "flaten", "did you mean `flatten`?"),
        ("Soft-c8 -k3", "block 0: unknown word `-k3`", "-k3", "a block string has no spaces"),
        ("Soft-c8 BP-c10", "block 0: unknown word `BP-c10`", "BP-c10", "separated by `;`"),
        ("Soft-c8 triangle_x", "block 0: wrong value `x`", "triangle_x", "parameter above 0"),
        ("Soft-c8-k3 max_4", "block 0: wrong value `max_4` of the pool", "max_4", "kernel, stride and padding"),
        ("Soft-c8 dropout_1", "block 0: wrong value `1` of the dropout", "dropout_1", "below 1"),
        ("Soft-c8 dropout", "block 0: wrong value `` of the dropout", "dropout", "dropout_0.5"),
        ("Soft-c8 arch_RNN", "block 0: wrong value `rnn` of the architecture", "arch_RNN", "arch_CNN or arch_MLP"),
        ("Soft-c8 relu triangle", "block 0: the activation is given twice", "triangle", "at most once"),
        ("Soft-c8 flatten flatten", "block 0: the operation is given twice", "flatten", "at most once"),
        ("Soft-c8-k3 max_2_2_0 avg_2_2_0", "block 0: the pool is given twice", "avg_2_2_0", "at most once"),
        ("Soft-c8 t_inver=1", "block 0: unknown key `t_inver`", "t_inver", "did you mean `t_invert`?"),
        ("Soft-c8 t_invert=0", "block 0: wrong value `0` of `t_invert`", "0", "above 0"),
        ("Soft-c8 nb_train=", "block 0: wrong value `` of `nb_train`", "", "a whole number"),
        ("Soft-c8 in_channels=3", "block 0: wrong value `3` of `in_channels`", "in_channels=3", "follows from"),
    ] {
        let error = ModelSpec::parse("m", text, "", "").expect_err(text);
        let message = error.to_string();
        assert!(message.starts_with(what), "{text}: {message}");
        assert!(message.contains(rest), "{text}: {message}");
        let PresetError::Grammar { error, .. } = error else { panic!("{text}: {message}") };
        let marked: String = error.text.chars().skip(error.at).take(error.len).collect();
        assert_eq!(marked, place, "{text}");
    }
}

#[test]
fn empty_blocks_are_named() {
    for (text, want) in [
        ("", "no block in the model ``"),
        ("  ", "no block in the model"),
        (";", "no block in the model `;`"),
        ("Soft-c8;;BP-c10", "block 1 is empty in the model"),
        (";BP-c10", "block 0 is empty in the model"),
    ] {
        let message = ModelSpec::parse("m", text, "", "").unwrap_err().to_string();
        assert!(message.starts_with(want), "{text}: {message}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in ".*",
        words in "Soft-c8(-k3)?( (flatten|max|max_[0-9_]{0,6}|relu|[a-zé_=.0-9]{0,9}|nb_train=[0-9a-z]{0,4}|;)){0,5}",
    ) {
        let _ = ModelSpec::parse("m", &text, "", "");
        if let Ok(model) = ModelSpec::parse("m", &words, "", "") {
            let printed: Vec<String> = model.blocks.iter().map(ToString::to_string).collect();
            prop_assert_eq!(ModelSpec::parse("m", &printed.join("; "), "", "").unwrap(), model);
        }
    }
}
