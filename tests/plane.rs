//! Promise: neighbours are those of every pair and principal components those of the covariance; UMAP keeps as much of the
//! neighbourhoods of FashionMini as umap-learn does, keeps apart what lies apart, places the same rows at the same places, and
//! whatever can be placed has finite places.

use proptest::prelude::*;
use softhebb::data::{DataDirs, load};
use softhebb::plane::neighbours::{Near, agreement, nearest, nearest_in_blocks};
use softhebb::plane::{Umap, kmeans, list, pca, umap};
use tch::{Device, Kind, Tensor};

// ---- neighbours, components, clusters -------------------------------------------------------------------------------------

/// Every pair, in double precision.
fn plain(rows: &[Vec<f32>], i: usize, near: Near) -> Vec<(u32, f64)> {
    let of = |j: usize| -> f64 {
        let pairs = rows[i].iter().zip(&rows[j]).map(|(a, b)| (f64::from(*a), f64::from(*b)));
        match near {
            Near::Product => pairs.map(|(a, b)| a * b).sum(),
            Near::Distance => pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt(),
        }
    };
    let mut all: Vec<(u32, f64)> = (0..rows.len()).filter(|j| *j != i).map(|j| (j as u32, of(j))).collect();
    let sign = if near == Near::Product { -1.0 } else { 1.0 };
    all.sort_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)));
    all
}

proptest! {
    #[test]
    fn neighbours_are_those_of_every_pair(
        rows in (1usize..7).prop_flat_map(|d| proptest::collection::vec(proptest::collection::vec(-3f32..3.0, d), 1..60)),
        k in 0usize..20,
        compared in 1usize..70,
    ) {
        let x = Tensor::from_slice(&rows.concat()).view([rows.len() as i64, -1]);
        let every: Vec<u32> = (0..rows.len() as u32).collect();
        for near in [Near::Product, Near::Distance] {
            let found = nearest_in_blocks(&x, &every, k, near, compared).unwrap();
            for (i, list) in found.iter().enumerate() {
                let expected = plain(&rows, i, near);
                prop_assert_eq!(list.len(), k.min(rows.len() - 1));
                for ((j, ours), (_, theirs)) in list.iter().zip(&expected) {
                    let own = expected.iter().find(|(other, _)| other == j).unwrap().1;
                    prop_assert!((f64::from(*ours) - own).abs() < 1e-4 && (own - theirs).abs() < 1e-3, "{i}: {j}");
                }
            }
        }
    }
}

#[test]
fn equal_rows_have_no_distance_and_come_in_order() {
    let x = Tensor::from_slice(&[0.1f32, 1000.1, 10.0, 10.5, 1000.1, 1000.1]).view([6, 1]);
    let found = nearest(&x, &[1, 4], 2, Near::Distance).unwrap();
    assert_eq!(found, [[(4, 0.0), (5, 0.0)], [(1, 0.0), (5, 0.0)]]);
}

#[test]
fn classes_that_lie_apart_agree() {
    let points: Vec<[f64; 2]> = (0..12).map(|i| [f64::from(i % 2) * 100.0, f64::from(i)]).collect();
    let labels: Vec<i64> = (0..12).map(|i| if i == 0 { 1 } else { i % 2 }).collect();
    assert!((agreement(&points, &labels, 3).unwrap() - 100.0 * 11.0 / 12.0).abs() < 1e-9);
    assert_eq!(agreement(&[], &[], 3).unwrap(), 0.0);
}

/// Scores along the eigenvectors of the covariance, largest first, without their signs.
fn by_covariance(x: &Tensor, count: i64) -> Tensor {
    let x = x.to_kind(Kind::Double);
    let x = &x - x.mean_dim([0i64].as_slice(), true, Kind::Double);
    let (_, vectors) = x.tr().mm(&x).linalg_eigh("L");
    x.mm(&vectors.flip([1i64]).narrow(1, 0, count)).abs()
}

#[test]
fn components_are_those_of_the_covariance() {
    tch::manual_seed(1);
    // Wide, tall, and larger than what the range finder keeps; each column of another size, one of them constant.
    for (n, d, count) in [(12i64, 40i64, 5i64), (300, 8, 5), (200, 60, 2)] {
        let spread = Tensor::arange(d, (Kind::Float, Device::Cpu)).exp2().reciprocal().clamp_min(1e-4) * 100;
        let x = Tensor::randn([n, d], (Kind::Float, Device::Cpu)) * spread;
        let _ = x.select(1, d - 1).fill_(7.0);
        let (ours, exact) = (pca(&x, count, 0).unwrap(), by_covariance(&x, count));
        assert_eq!(ours.size(), [n, count]);
        let error = (ours.abs().to_kind(Kind::Double) - &exact).abs().amax([0i64].as_slice(), false)
            / exact.amax([0i64].as_slice(), false);
        assert!(error.max().double_value(&[]) < 1e-3, "{n}×{d}: {error}");
        let largest: Vec<f32> = list(&ours.gather(0, &ours.abs().argmax(0, true), false));
        assert!(largest.iter().all(|v| *v > 0.0), "{largest:?}");
    }
}

#[test]
fn few_rows_few_columns_and_none_that_differ() {
    let row = Tensor::from_slice(&[1f32, 2.0]).view([1, 2]);
    assert_eq!(list::<f32>(&pca(&row, 2, 0).unwrap()), [0.0]);
    assert_eq!(
        pca(&Tensor::ones([5, 3], (Kind::Float, Device::Cpu)), 2, 0).unwrap().abs().max().double_value(&[]),
        0.0
    );
    assert_eq!(pca(&Tensor::randn([9, 1], (Kind::Float, Device::Cpu)), 2, 0).unwrap().size(), [9, 1]);
}

#[test]
fn what_is_not_finite_is_refused() {
    let x = Tensor::ones([4, 3], (Kind::Float, Device::Cpu));
    let _ = x.get(2).fill_(f64::NAN);
    assert_eq!(pca(&x, 2, 0).unwrap_err().to_string(), "row 2 of 4 has values that are not finite");
}

#[test]
fn what_has_no_clusters_is_refused() {
    let x = Tensor::from_slice(&[0f32, 0.0, 5.0]).view([3, 1]);
    assert_eq!(kmeans(&x, 2, 0).unwrap(), [0, 0, 1]);
    for clusters in [0, 4] {
        assert!(kmeans(&x, clusters, 0).unwrap_err().to_string().contains("of 3 rows"));
    }
    let x = Tensor::from_slice(&[0f32, f32::INFINITY, 5.0]).view([3, 1]);
    assert!(kmeans(&x, 2, 0).unwrap_err().to_string().contains("row 1 of 3"));
}

// ---- UMAP -----------------------------------------------------------------------------------------------------------------

/// Neighbours that are compared.
const K: i64 = 15;

/// Trustworthiness (Venna & Kaski 2001) and the share of the K nearest rows that are among the K nearest places.
fn kept(rows: &Tensor, places: &[[f64; 2]]) -> (f64, f64) {
    let (n, k) = (rows.size()[0], K as f64);
    let distances = Tensor::cdist(&rows.to_kind(Kind::Double), &rows.to_kind(Kind::Double), 2.0, None::<i64>);
    let _ = distances.diagonal(0, 0, 1).fill_(-1.0); // itself has rank 0
    let order = distances.argsort(1, false);
    let ranks = Tensor::arange(n, (Kind::Int64, Device::Cpu)).expand([n, n], false).contiguous();
    let ranks = list::<i64>(&order.zeros_like().scatter(1, &order, &ranks));
    let flat = Tensor::from_slice(&places.concat()).view([-1, 2]).to_kind(Kind::Float);
    let every: Vec<u32> = (0..n as u32).collect();
    let found = nearest(&flat, &every, K as usize, Near::Distance).unwrap();
    let pairs =
        found.iter().enumerate().flat_map(|(i, near)| near.iter().map(move |(j, _)| i * n as usize + *j as usize));
    let (mut beyond, mut same) = (0, 0);
    for rank in pairs.map(|at| ranks[at]) {
        beyond += (rank - K).max(0);
        same += i64::from(rank <= K);
    }
    let n = n as f64;
    (1.0 - 2.0 * beyond as f64 / (n * k * (2.0 * n - 3.0 * k - 1.0)), same as f64 / (n * k))
}

fn placed(rows: &Tensor, how: Umap) -> Vec<[f64; 2]> {
    umap(rows, how, &mut |_| true).unwrap().unwrap()
}

/// umap-learn's means over five seeds, by scripts/umap_quality.py: 0.9506 and 0.4343 for these rows.
#[test]
fn the_neighbourhoods_of_images_are_kept_as_umap_learn_keeps_them() {
    let images = load("FashionMini", "", &DataDirs::only("/")).unwrap().train;
    let pixels = Tensor::from_slice(&images.pixels[..1500 * 784]).view([1500, 784]).to_kind(Kind::Float);
    let rows = &pixels / pixels.norm_scalaropt_dim(2.0, [1i64].as_slice(), true);
    let (trustworthiness, same) = kept(&rows, &placed(&rows, Umap::default()));
    println!("trustworthiness {trustworthiness:.4}, {same:.4} of the neighbours");
    assert!(trustworthiness > 0.9508 - 0.005 && same > 0.4363 - 0.01, "{trustworthiness}, {same}");
    // The measure itself: places that say nothing, and places that say all.
    let line: Vec<[f64; 2]> = (0..1500).map(|i| [f64::from(i), 0.0]).collect();
    assert!(kept(&rows, &line).0 < 0.6);
    let line_rows = Tensor::arange(1500, (Kind::Float, Device::Cpu)).view([-1, 1]);
    assert!(kept(&line_rows, &line).0 > 0.999);
}

/// Five clouds in thirty dimensions.
fn clouds(each: i64) -> (Tensor, Vec<i64>) {
    tch::manual_seed(5);
    let labels: Vec<i64> = (0..5 * each).map(|i| i % 5).collect();
    let centres = Tensor::randn([5, 30], (Kind::Float, Device::Cpu)) * 3.0;
    let rows = centres.index_select(0, &Tensor::from_slice(&labels));
    (rows.randn_like() + rows, labels)
}

#[test]
fn clouds_stay_apart_and_the_plane_is_the_same_again() {
    let (rows, labels) = clouds(60);
    let how = Umap { neighbours: 10, epochs: 100, seed: 3 };
    let places = placed(&rows, how);
    assert!(agreement(&places, &labels, 10).unwrap() > 98.0);
    assert_eq!(places, placed(&rows, how));
    assert_ne!(places, placed(&rows, Umap { seed: 4, ..how }));
    assert!(umap(&rows, how, &mut |epoch| epoch < 3).unwrap().is_none());
    // Places depend neither on the unit of length nor, but for rounding, on a column that says nothing.
    assert_eq!(places, placed(&(&rows * 1024.0), how));
    let constant = Tensor::cat(&[&rows, &(rows.narrow(1, 0, 1).ones_like() * 50.0)], 1);
    assert!(agreement(&placed(&constant, how), &labels, 10).unwrap() > 98.0);
}

#[test]
fn few_rows_equal_rows_and_large_numbers_have_places() {
    let row = |values: &[f32], d: i64| Tensor::from_slice(values).view([-1, d]);
    let how = Umap { epochs: 50, ..Umap::default() };
    let cases = [
        row(&[3.0, 4.0], 2),
        row(&[3.0, 4.0, 5.0, 6.0], 2),
        row(&[3.0, 4.0, 5.0, 6.0, 9.0, 9.0], 2),
        row(&[1.0, 2.0, 4.0, 8.0, 16.0], 1),
        row(&[7.0; 80], 2),
        Tensor::zeros([20, 3], (Kind::Float, Device::Cpu)),
        clouds(4).0 * 1e37,
        clouds(4).0 * 1e-37,
    ];
    for rows in &cases {
        let places = placed(rows, how);
        assert_eq!(places.len(), rows.size()[0] as usize);
        assert!(places.iter().flatten().all(|v| v.is_finite()), "{rows:?}: {places:?}");
    }
    // Twice the same rows: each beside its double.
    let (rows, _) = clouds(30);
    let places = placed(&Tensor::cat(&[&rows, &rows], 0), how);
    let near = |i: usize, j: usize| (0..2).map(|c| (places[i][c] - places[j][c]).powi(2)).sum::<f64>().sqrt();
    assert!((0..150).filter(|i| near(*i, i + 150) < 1.0).count() > 140);
    for bad in [f32::NAN, f32::INFINITY] {
        let error = umap(&row(&[1.0, 2.0, bad, 4.0, 5.0, 6.0], 2), how, &mut |_| true).unwrap_err();
        assert_eq!(error.to_string(), "row 1 of 3 has values that are not finite");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn any_rows_have_places(
        values in (1usize..4).prop_flat_map(|d| proptest::collection::vec(proptest::collection::vec(-2i8..3, d), 1..40)),
        neighbours in 0usize..50,
    ) {
        let flat: Vec<f32> = values.iter().flatten().map(|v| f32::from(*v)).collect();
        let rows = Tensor::from_slice(&flat).view([values.len() as i64, -1]);
        let how = Umap { neighbours, epochs: 20, seed: 1 };
        let places = placed(&rows, how);
        prop_assert!(places.len() == values.len() && places.iter().flatten().all(|v| v.is_finite()));
        prop_assert_eq!(places, placed(&rows, how));
    }
}
