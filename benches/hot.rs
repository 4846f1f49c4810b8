//! The hot functions of a Hebbian step, of the stored features and of the classifier, at the shapes of
//! 4SoftHebbCnnCIFAR in batches of 10 (64 for the classifier). `make bench` runs them; each fast form stands beside its
//! plain one.

use criterion::{Criterion, criterion_group, criterion_main};
use rand::SeedableRng;
use rand::rngs::StdRng;
use softhebb::encoder::lateral::Lateral;
use softhebb::layer::backprop::Backprop;
use softhebb::layer::classifier::{Rows, gradient, logits};
use softhebb::layer::competition::Competition;
use softhebb::layer::dropout::Mask;
use softhebb::layer::{activation, dropout, finish, fused, patches, plasticity, pool};
use softhebb::preset::{Catalogue, dataset_config, resolve};
use softhebb::train::adam::Adam;
use tch::{Device, Kind, Tensor};

const O: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Name, positions N, inputs K, units M of the three layers.
const LAYERS: [(&str, i64, i64, i64); 3] = [("b0", 10_240, 75, 96), ("b1", 2_560, 864, 384), ("b2", 640, 3_456, 1_536)];

fn competition(c: &mut Criterion) {
    let rule = Competition::SoftKrotov { t_invert: 0.65 };
    for (name, n, _, m) in LAYERS {
        let u = Tensor::randn([n, 1, m], O);
        c.bench_function(&format!("competition/fast/{name}"), |b| b.iter(|| fused::compete(&rule, &u)));
        c.bench_function(&format!("competition/plain/{name}"), |b| {
            b.iter(|| (rule.activities(&u) * &u).sum(Kind::Float))
        });
    }
}

fn update(c: &mut Criterion) {
    for (name, n, k, m) in LAYERS {
        let (x, y, u) = (Tensor::randn([1, n, k], O), Tensor::rand([n, 1, m], O), Tensor::randn([n, 1, m], O));
        let mut w = Tensor::randn([1, m, k], O);
        let (yu, lr) = (vec![0.1f32; m as usize], vec![1e-3f32; m as usize]);
        c.bench_function(&format!("update/product/{name}"), |b| b.iter(|| plasticity::products(&y, &x)));
        let yx = plasticity::products(&y, &x).contiguous();
        c.bench_function(&format!("update/measure and add/{name}"), |b| {
            b.iter(|| {
                let measured = fused::measure(&yx, &yu, &w);
                fused::apply(&mut w, &yx, &yu, &measured.largest, &lr);
            });
        });
        c.bench_function(&format!("update/plain, with product/{name}"), |b| {
            b.iter(|| {
                let delta = plasticity::update(&x, &y, &u, &w).0;
                let _ = w.g_add_(&(delta * 1e-9));
            });
        });
    }
}

fn images(c: &mut Criterion) {
    let catalogue = Catalogue::embedded().expect("the embedded catalogue reads");
    let data = dataset_config(&catalogue, "CIFAR10_1", false, 0).expect("CIFAR10_1 is there");
    let model = catalogue.model("4SoftHebbCnnCIFAR").expect("the preset is there");
    let network = resolve(&catalogue, &model, &data).expect("it resolves");
    for (i, block) in network.blocks.iter().take(3).enumerate() {
        let [ch, h, w] = block.in_shape;
        let x = patches::channels_last(&Tensor::rand([10, ch, h, w], O));
        c.bench_function(&format!("patches/b{i}"), |b| {
            b.iter(|| patches::rows(&patches::pad(&x, &block.layer), &block.layer))
        });
        let [ch, h, w] = block.layer_shape;
        let u = patches::channels_last(&Tensor::rand([10, ch, h, w], O));
        if let Some(a) = &block.activation {
            c.bench_function(&format!("activation/b{i}"), |b| b.iter(|| activation::apply(a, &u)));
            if let Some(p) = block.pool.as_ref().filter(|p| finish::knows(a, p)) {
                c.bench_function(&format!("activation and pool/fast/b{i}"), |b| {
                    b.iter(|| finish::triangle_pool(&u, a.param, p))
                });
                c.bench_function(&format!("activation and pool/plain/b{i}"), |b| {
                    b.iter(|| pool::apply(p, &activation::apply(a, &u.copy())))
                });
            }
        }
    }
}

fn classifier(c: &mut Criterion) {
    let x = Tensor::rand([64, 24_576], O);
    c.bench_function("dropout/ours", |b| b.iter(|| dropout::apply(&x, 0.5, 1)));
    c.bench_function("dropout/libtorch", |b| b.iter(|| x.dropout(0.5, true)));
    let w = Tensor::rand([10, 24_576], O);
    c.bench_function("classifier/forward", |b| b.iter(|| x.linear(&w, None::<&Tensor>)));
    let g = Tensor::rand([64, 10], O);
    c.bench_function("classifier/gradient", |b| b.iter(|| g.tr().matmul(&x)));
    let stored = Tensor::rand([2_560, 24_576], O);
    let rows: Vec<i64> = (0..64).map(|i| i * 7_919 % 2_560).collect();
    let index = Tensor::from_slice(&rows);
    c.bench_function("classifier/gather", |b| b.iter(|| stored.index_select(0, &index)));
    let rows = Rows::new(&stored, &rows, 24_576).expect("a matrix on the CPU");
    let mask = Mask::new(0.5, 1);
    // A step's rows lie anywhere in gigabytes: these take others each time, from more than any cache holds.
    let batches: Vec<Vec<i64>> = (0..40).map(|k| (0..64).map(|i| (k * 64 + i) * 7_919 % 2_560).collect()).collect();
    let mut turn = 0;
    c.bench_function("classifier/fast/step from memory", |b| {
        b.iter(|| {
            turn = (turn + 1) % batches.len();
            let rows = Rows::new(&stored, &batches[turn], 24_576).expect("a matrix on the CPU");
            (logits(&rows, Some(&mask), &w, None), gradient(&rows, Some(&mask), &g))
        });
    });
    c.bench_function("classifier/fast/logits", |b| b.iter(|| logits(&rows, Some(&mask), &w, None)));
    c.bench_function("classifier/fast/logits, no dropout", |b| b.iter(|| logits(&rows, None, &w, None)));
    c.bench_function("classifier/fast/gradient", |b| b.iter(|| gradient(&rows, Some(&mask), &g)));
    let mut adam = Adam::new(vec![w.copy()]);
    let by_weight = [Tensor::rand([10, 24_576], O)];
    c.bench_function("classifier/adam", |b| b.iter(|| adam.step(&by_weight, 1e-3)));
}

/// The second block of 3CnnCIFAR, forward and backward, batches of 64.
fn backpropagation(c: &mut Criterion) {
    let catalogue = Catalogue::embedded().expect("the embedded catalogue reads");
    let data = dataset_config(&catalogue, "CIFAR10_50", false, 0).expect("CIFAR10_50 is there");
    let model = catalogue.model("3CnnCIFAR").expect("the preset is there");
    let block = &resolve(&catalogue, &model, &data).expect("it resolves").blocks[1];
    let mut layer = Backprop::new(&block.layer, block.arch, &mut StdRng::seed_from_u64(0), Device::Cpu);
    layer.set_trainable(true);
    let pooled = block.pool.as_ref().expect("it pools");
    let [ch, h, w] = block.in_shape;
    let x = Tensor::rand([64, ch, h, w], O);
    let ends = |u: Tensor| pool::apply(pooled, &u.relu()).sum(Kind::Float).backward();
    c.bench_function("backpropagation/fast", |b| b.iter(|| ends(layer.forward(&x.detach().set_requires_grad(true)))));
    c.bench_function("backpropagation/plain", |b| {
        b.iter(|| {
            let x = patches::pad(&x.detach().set_requires_grad(true), &block.layer);
            ends(x.conv2d(&layer.weight, None::<&Tensor>, [1, 1], [0, 0], [1, 1], 1));
        });
    });
}

/// The first layer of the encoder on eight images of 96×96: 16 channels, 48×48 positions.
fn laterals(c: &mut Criterion) {
    let rows = Tensor::rand([8 * 16, 48 * 48], O);
    let plain = Tensor::zeros([48 * 48, 48 * 48], O);
    c.bench_function("laterals/learn/plain", |b| {
        b.iter(|| {
            let _ = plain.shallow_clone().addmm_(&rows.tr(), &rows);
        });
    });
    c.bench_function("laterals/of/plain", |b| b.iter(|| rows.mm(&plain)));
    for panels in [1, 2, 3, 4, 8] {
        let mut lateral = Lateral::with_panels(48 * 48, panels, Device::Cpu);
        c.bench_function(&format!("laterals/learn/{panels} panels"), |b| b.iter(|| lateral.learn(&rows, 1e-9, 1.0)));
        c.bench_function(&format!("laterals/of/{panels} panels"), |b| b.iter(|| lateral.of(&rows)));
    }
}

criterion_group! {
    name = hot;
    config = Criterion::default().sample_size(20).measurement_time(std::time::Duration::from_secs(2));
    targets = competition, update, images, classifier, backpropagation, laterals
}
criterion_main!(hot);
