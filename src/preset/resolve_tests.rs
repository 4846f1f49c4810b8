//! Shapes by hand, and what does not fit.

use super::*;
use crate::preset::grammar::tests::any_block;
use proptest::prelude::*;
use std::sync::LazyLock;

fn network(model: &str, image: [i64; 3], classes: i64) -> Result<NetworkConfig, PresetError> {
    let catalogue = Catalogue::embedded().unwrap();
    let model = catalogue.custom_model(model).unwrap_or_else(|e| panic!("{model}: {e}"));
    resolve_on(&catalogue, &model, image, classes)
}

#[test]
fn shapes_follow_the_formulas_for_rows_and_columns() {
    for (model, image, layer_shape, out_shape) in [
        ("Soft-c8-k5-p2 max_4_2_1; BP", [3, 32, 32], [8, 32, 32], [8, 16, 16]),
        ("Soft-c8-k5-p2 max_4_2_1; BP", [3, 20, 33], [8, 20, 33], [8, 10, 16]),
        ("Soft-c8-k3-s2; BP", [1, 9, 14], [8, 4, 6], [8, 4, 6]),
        ("Soft-c8-k3-d2-p1 avg_3_2_1; BP", [2, 10, 7], [8, 8, 5], [8, 4, 3]),
        ("Soft-c8-k1-p0 max_2_2_0; BP", [3, 5, 4], [8, 5, 4], [8, 2, 2]),
        // As small as it goes.
        ("Soft-c8-k5-p2; BP", [3, 3, 3], [8, 3, 3], [8, 3, 3]),
        ("Soft-c8-k5-p2 padding_mode=zeros; BP", [3, 1, 1], [8, 1, 1], [8, 1, 1]),
        ("Soft-c8-k5-p2 padding_mode=circular; BP", [3, 2, 2], [8, 2, 2], [8, 2, 2]),
    ] {
        let network = network(model, image, 10).unwrap_or_else(|e| panic!("{model}: {e}"));
        assert_eq!((network.in_shape, network.blocks[0].in_shape), (image, image));
        assert_eq!((network.blocks[0].layer_shape, network.blocks[0].out_shape), (layer_shape, out_shape), "{model}");
        assert_eq!(network.blocks[1].in_shape, out_shape);
        assert_eq!(network.blocks[1].layer.in_channels, out_shape.iter().product::<i64>());
        assert_eq!(network.blocks[1].out_shape, [10, 1, 1]);
    }
}

#[test]
fn the_last_block_takes_the_classes_if_it_is_trained_by_backpropagation() {
    let network = network("BP-c7; BP-c10", [1, 8, 8], 100).unwrap();
    assert_eq!(network.blocks.iter().map(|b| b.layer.out_channels).collect::<Vec<_>>(), [7, 100]);
    assert_eq!(network.blocks[1].block, "BP-c100");
    // An unlabelled Hebbian network ends as it is.
    assert_eq!(self::network("Soft-c50", [1, 8, 8], 10).unwrap().blocks[0].layer.out_channels, 50);
}

#[test]
fn what_does_not_fit_is_named_with_its_block_and_sizes() {
    for (model, image, want) in [
        (
            "Soft-c8-k7-p1 padding_mode=zeros; BP",
            [3, 4, 9],
            "block 0 (`Soft-c8-k7-p1`): the image is too small: a kernel that \
             spans 7 pixels does not fit into 4×9 padded by 1",
        ),
        ("Soft-c8-k3-d4; BP", [3, 8, 8], "a kernel that spans 9 pixels"),
        ("Soft-c8-k3-p4; BP", [3, 4, 9], "padding 4 (reflect) is too large for an image of 4×9"),
        ("Soft-c8-k3-p5 padding_mode=circular; BP", [3, 4, 9], "padding 5 (circular) is too large"),
        (
            "Soft-c8-k1; Soft-c8-k3 max_4_2_0; BP",
            [3, 5, 5],
            "block 1 (`Soft-c8-k3`): the image is too small: the pool max_4_2_0 does not \
             fit into the layer's output of 3×3",
        ),
        ("Soft-c8-k3 max_2_2_2; BP", [3, 9, 9], "is padded by 2, more than half of its window of 2"),
        ("Soft-c8 max_2_2_0; BP", [3, 9, 9], "an MLP block has no pixels to pool"),
        ("Soft-c8; Soft-c8-k3; BP", [3, 9, 9], "block 1 (`Soft-c8-k3`): batchnorm2d needs images"),
        (
            "Soft-c8; Soft-c8-k3 nonorm; BP",
            [3, 9, 9],
            "a convolution needs images, and is handed vectors of 8 features",
        ),
        ("Soft-c8-k3 flatten; BP", [3, 9, 9], "a convolution cannot follow `flatten`"),
        ("Soft-c8-k3 batchnorm1d; BP", [3, 9, 9], "batchnorm1d needs vectors, and is handed images of 3×9×9"),
        ("Soft-c8-k3-g2; BP", [3, 9, 9], "3 input channels do not fall into 2 groups"),
        ("Soft-c8; SupervisedSoftKrotov-c11", [3, 9, 9], "this one has 11, and the data have 10 classes"),
        ("BP-c8-k3", [3, 9, 9], "its output of 10×7×7 is not one score a class"),
        ("Soft-c8-k3; Soft; BP", [3, 9, 9], "block 1 (`Soft`): key `c` (out_channels) is missing"),
        ("BP", [3, 0, 9], "images of 3×0×9 with 10 classes"),
        ("BP", [1_000_000, 1_000_000, 1_000_000], "more than"),
    ] {
        let message = network(model, image, 10).expect_err(model).to_string();
        assert!(message.contains(want), "{model}: {message}");
    }
}

#[test]
fn an_mlp_that_does_not_flatten_images_is_refused() {
    let catalogue = Catalogue::embedded().unwrap();
    let mut model = catalogue.model("4SoftHebbCnnCIFAR").unwrap();
    model.blocks[3].operations.clear();
    let message = resolve_on(&catalogue, &model, [3, 32, 32], 10).unwrap_err().to_string();
    let want = "block 3 (`BP-c10`): an MLP block is handed images of 1536×4×4 and does not flatten them";
    assert!(message.starts_with(want), "{message}");
}

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::embedded().unwrap());

proptest! {
    #[test]
    fn no_network_makes_it_panic(
        blocks in proptest::collection::vec((any_block(), any::<bool>()), 1..4),
        image in proptest::array::uniform3(0..2000_i64),
        classes in 1..2000_i64,
    ) {
        let blocks = blocks.into_iter().map(|(block, flatten)| {
            let mut entry = BlockEntry::new(block, None);
            if flatten {
                entry.operations.push(Operation::Flatten);
            }
            entry
        });
        let (name, none) = ("any".to_owned(), String::new());
        let model = ModelSpec { name, dataset_unsup: none.clone(), dataset_sup: none, blocks: blocks.collect() };
        if let Ok(network) = resolve_on(&CATALOGUE, &model, image, classes) {
            let total = crate::preset::describe::total_cost(&network);
            prop_assert!(total.parameters > 0);
            prop_assert!(network.blocks.iter().all(|b| b.out_shape.iter().all(|n| *n > 0)));
        }
    }
}
