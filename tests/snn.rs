//! The spiking network: sparse is dense to the rounding of 32-bit floats, the recorded run is reproduced, a stopped run
//! goes on with the same bits, and wrong constants are told.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use rand_chacha::rand_core::RngCore;
use softhebb::data::{Dataset, Images};
use softhebb::files::RunDir;
use softhebb::report::{Event, Hub, ReportError, Subscriber};
use softhebb::snn::checkpoint::{self, Progress};
use softhebb::snn::dense::Dense;
use softhebb::snn::eval::evaluate;
use softhebb::snn::train::{RunData, initial, train};
use softhebb::snn::{Activity, Constants, Encoder, Network, Plan, Preset, Readout, Spikes, Stream, generator, verify};

/// What a case of the comparison is made of.
#[derive(Debug, Clone)]
struct Case {
    constants: Constants,
    inputs: usize,
    classes: usize,
    images: usize,
    batch: usize,
    seed: u64,
    density: f64,
}

fn cases() -> impl Strategy<Value = Case> {
    let readout = prop_oneof![Just(Readout::Notebook), Just(Readout::Counts), Just(Readout::Errors)];
    let sizes = (1usize..60, 1usize..50, 2usize..12, 1usize..12, 1usize..4, 1usize..9);
    let rates = (prop_oneof![Just(0.0), 0.0..0.3, Just(1.0)], 0.0..0.3, 0.0..0.3, 0.0..0.05, 0.0..0.05);
    let more = (prop_oneof![Just(0.0), 0.0..0.1], 0.0..2.0, any::<u64>(), 0.02..0.9);
    (sizes, rates, more, readout, 1usize..50, 1usize..12).prop_map(|(sizes, rates, more, readout, k, k_output)| {
        let (inputs, hidden, classes, steps, batch, images) = sizes;
        let constants = Constants {
            hidden,
            k_hidden: k.min(hidden),
            k_output: k_output.min(classes),
            steps,
            eta1: rates.0,
            eta2: rates.1,
            eta2_neg: rates.2,
            decay1: rates.3,
            decay2: rates.4,
            theta: more.0,
            vth_h: more.1,
            init_std: 0.1,
            readout,
            ..Constants::default()
        };
        Case { constants, inputs, classes, images, batch, seed: more.2, density: more.3 }
    })
}

/// A random train: each input fires with this probability in each step.
fn random_train(case: &Case, rng: &mut impl RngCore) -> Spikes {
    let n = case.constants.steps * case.inputs;
    let dense: Vec<f32> =
        (0..n).map(|_| if f64::from(rng.next_u32()) < case.density * 4_294_967_296.0 { 1.0 } else { 0.0 }).collect();
    Spikes::from_dense(&dense, case.inputs).unwrap()
}

fn random_weights(n: usize, rng: &mut impl RngCore) -> Vec<f32> {
    (0..n).map(|_| (rng.next_u32() as f32 / u32::MAX as f32 - 0.4) * 0.5).collect()
}

/// Both networks with the same random weights.
fn both(case: &Case, rng: &mut impl RngCore) -> (Network, Dense) {
    let c = &case.constants;
    let w1 = random_weights(case.inputs * c.hidden, rng);
    let w2 = random_weights(c.hidden * case.classes, rng);
    let sparse = Network::new(c, case.inputs, case.classes, &w1, &w2).unwrap();
    let mut dense = Dense::new(c, case.inputs, case.classes, w1, w2);
    dense.margin = Some(f32::INFINITY);
    (sparse, dense)
}

/// Within |error| ≤ 1e-4·|T| + 1e-5·max|T|, as recorded runs are compared; `size` is what was added up, where it may cancel.
fn close(ours: &[f32], theirs: &[f32], size: f32, what: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(size, |a, b| a.max(b.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        let tolerance = 1e-4 * b.abs() + 1e-5 * largest + 1e-12;
        prop_assert!((a - b).abs() <= tolerance, "{} [{}]: {} and {} of {}", what, i, a, b, largest);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn sparse_is_dense(case in cases()) {
        let c = case.constants.clone();
        let mut rng = generator(case.seed, Stream::Example);
        let (mut sparse, mut dense) = both(&case, &mut rng);
        let mut a = Activity::default();
        for i in 0..case.images {
            let spikes = random_train(&case, &mut rng);
            let label = rng.next_u32() as usize % case.classes;
            let teacher: Vec<bool> = (0..c.steps).map(|_| rng.next_u32().is_multiple_of(2)).collect();
            sparse.train_image(&spikes, label, &teacher, &mut a);
            dense.train_image(&spikes.to_dense(case.inputs), label, &teacher);
            // Where two potentials are as close as rounding, either unit may fire: from there on the two differ.
            if dense.margin.unwrap() < 3e-5 {
                return Ok(());
            }
            close(&sparse.w1(), &dense.w1, 0.0, "w1")?;
            close(&sparse.w2(), &dense.w2, 0.0, "w2")?;
            close(sparse.thresholds(), &dense.thresholds, c.theta as f32, "thresholds")?;
            if (i + 1) % case.batch == 0 {
                sparse.end_batch();
                dense.clip();
                close(&sparse.w1(), &dense.w1, 0.0, "w1 after the batch")?;
                close(&sparse.w2(), &dense.w2, 0.0, "w2 after the batch")?;
            }
        }
        let spikes = random_train(&case, &mut rng);
        sparse.forward(&spikes, &mut a);
        let counts = dense.counts(&spikes.to_dense(case.inputs));
        if dense.margin.unwrap() < 3e-5 {
            return Ok(());
        }
        let ours: Vec<f32> = a.counts[..case.classes].iter().map(|n| *n as f32).collect();
        prop_assert_eq!(ours, counts);
    }

    #[test]
    fn spikes_are_bounded_and_columns_have_norm_one(case in cases()) {
        let c = case.constants.clone();
        let mut rng = generator(case.seed, Stream::Example);
        let (mut network, _) = both(&case, &mut rng);
        let mut a = Activity::default();
        for _ in 0..case.images {
            let spikes = random_train(&case, &mut rng);
            network.train_image(&spikes, 0, &vec![true; c.steps], &mut a);
            prop_assert!(a.counts.iter().sum::<u32>() as usize <= c.steps * c.k_output);
            unit_columns(&network.w1(), c.hidden)?;
            if c.readout == Readout::Notebook {
                unit_columns(&network.w2(), case.classes)?;
            }
            a.rest(&network);
            let mut fired = 0;
            for t in 0..c.steps {
                network.step(spikes.step(t), &mut a);
                prop_assert!(a.fired_h.len() <= c.k_hidden && a.fired_o.len() <= c.k_output);
                prop_assert!(a.fired_h.windows(2).all(|w| w[0] < w[1]));
                fired += a.fired_h.len();
            }
            prop_assert!(fired <= c.steps * c.k_hidden);
        }
    }

    #[test]
    fn a_dense_train_comes_back(case in cases()) {
        let train = random_train(&case, &mut generator(case.seed, Stream::Example));
        prop_assert_eq!(Spikes::from_dense(&train.to_dense(case.inputs), case.inputs).unwrap(), train);
    }
}

/// Columns have norm 1, but for those that vanished.
fn unit_columns(w: &[f32], columns: usize) -> Result<(), TestCaseError> {
    // Fewer weights than that can be nearly nothing together, and then the 1e-6 that is added to a norm that divides shows.
    if w.len() / columns < 4 {
        return Ok(());
    }
    for j in 0..columns {
        let norm = w.iter().skip(j).step_by(columns).map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt();
        prop_assert!((norm - 1.0).abs() < 1e-2 || norm < 1e-2, "column {} has norm {}", j, norm);
    }
    Ok(())
}

/// The system's allocator, which counts what this thread asks for.
struct Counting;

thread_local! {
    static ASKED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ASKED.try_with(|n| n.set(n.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn the_hot_loops_allocate_nothing() {
    for preset in [Preset::Notebook, Preset::Tuned] {
        let mut plan = Plan::of(preset);
        plan.constants.hidden = 200;
        let mut network = initial(&plan, 144, 10).unwrap();
        let case = Case {
            constants: plan.constants.clone(),
            inputs: 144,
            classes: 10,
            images: 20,
            batch: 5,
            seed: 1,
            density: 0.1,
        };
        let mut rng = generator(1, Stream::Example);
        let trains: Vec<Spikes> = (0..case.images).map(|_| random_train(&case, &mut rng)).collect();
        let teacher = vec![true; plan.constants.steps];
        let mut a = Activity::default();
        let mut pass = |network: &mut Network| {
            let before = ASKED.get();
            for (i, train) in trains.iter().enumerate() {
                network.train_image(train, i % 10, &teacher, &mut a);
                network.forward(train, &mut a);
            }
            network.end_batch();
            ASKED.get() - before
        };
        assert!(pass(&mut network) > 0, "{preset:?}: the first images make room");
        assert_eq!((pass(&mut network), pass(&mut network)), (0, 0), "{preset:?}");
    }
}

#[test]
fn the_recorded_run_is_reproduced() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/golden/snn.safetensors");
    if !path.exists() {
        println!("{} is not here: nothing compared", path.display());
        return;
    }
    let verdict = verify::run(&path).unwrap();
    assert_eq!(verdict.tensors, 5);
    assert!(verdict.worst <= 1.0, "{verdict:?}");
}

#[test]
fn rates_are_those_of_the_poisson_code() {
    // 40,000 steps of p = 0.15·x: the mean is within five standard deviations.
    let image: Vec<u8> = vec![0, 51, 128, 255];
    let (steps, mut spikes) = (40_000, Spikes::default());
    let constants = Constants::default();
    let mut encoder = Encoder::new(constants.p_input(), 0.0);
    encoder.encode(&image, steps, &mut generator(1, Stream::Example), &mut spikes);
    let dense = spikes.to_dense(4);
    for (d, x) in image.iter().enumerate() {
        let p = f64::from(*x) / 255.0 * 0.15;
        let mean = f64::from(dense.iter().skip(d).step_by(4).sum::<f32>()) / steps as f64;
        let sd = (p * (1.0 - p) / steps as f64).sqrt();
        assert!((mean - p).abs() <= 5.0 * sd, "input {d}: {mean} is not {p}");
    }
    // Scaled to two spikes a step in all, and certain to fire where p is above 1.
    let mut encoder = Encoder::new(constants.p_input(), 2.0);
    encoder.encode(&[10, 10, 20], steps, &mut generator(1, Stream::Example), &mut spikes);
    assert!((spikes.total() as f64 / steps as f64 - 2.0).abs() < 0.02);
    encoder.encode(&[200, 0, 0], 100, &mut generator(1, Stream::Example), &mut spikes);
    assert_eq!(spikes.total(), 100);
    encoder.encode(&[0, 0, 0], 100, &mut generator(1, Stream::Example), &mut spikes);
    assert_eq!((spikes.total(), spikes.steps()), (0, 100));
}

/// Images of 6×6 pixels: class c has a bright bar in row c.
fn bars(n: usize) -> Images {
    let mut images = Images { channels: 1, height: 6, width: 6, pixels: vec![], labels: vec![] };
    for i in 0..n {
        let class = i % 3;
        images.pixels.extend((0..36).map(|p| if p / 6 == class * 2 { 255 } else { (i * 7 + p * 13) as u8 % 40 }));
        images.labels.push(class as i64);
    }
    images
}

fn small(preset: Preset) -> (Plan, RunData) {
    let mut plan = Plan::of(preset);
    plan.constants.hidden = 20;
    plan.constants.k_hidden = plan.constants.k_hidden.min(4);
    plan.constants.input_spikes = plan.constants.input_spikes.min(6.0);
    plan.constants.rate_hz = 100.0;
    (plan.epochs, plan.batch_size) = (3, 8);
    let dataset = Dataset {
        name: "bars".into(),
        train: bars(60),
        test: bars(30),
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        source: String::new(),
        notes: vec![],
    };
    let data = RunData::choose(&plan, dataset);
    (plan, data)
}

/// Sets the flag after so many batches.
struct Stopper(usize, std::sync::Arc<AtomicBool>);

impl Subscriber for Stopper {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        if let Event::Progress { .. } = event {
            self.0 = self.0.saturating_sub(1);
            self.1.store(self.0 == 0, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn bars_are_learned_and_a_stopped_run_goes_on_with_the_same_bits() {
    for preset in [Preset::Notebook, Preset::Tuned] {
        let (plan, data) = small(preset);
        let never = AtomicBool::new(false);
        let new = || (initial(&plan, 36, 3).unwrap(), Progress::default());
        let whole = train(&plan, &data, new(), None, &mut Hub::new(), &never).unwrap();
        assert!(whole.accuracy.unwrap() > 90.0, "{preset:?}: {:?}", whole.accuracy);
        assert!(!whole.interrupted);

        // 60 images are 8 batches an epoch: stopped within the first, the second, and at an epoch's end.
        for batches in [3, 8, 13] {
            let folder = tempfile::tempdir().unwrap();
            let dir = RunDir::new(folder.path());
            let stop = std::sync::Arc::new(AtomicBool::new(false));
            let mut hub = Hub::new();
            hub.add(Stopper(batches, std::sync::Arc::clone(&stop)));
            let part = train(&plan, &data, new(), Some(&dir), &mut hub, &stop).unwrap();
            assert!(part.interrupted);
            let (network, progress) = checkpoint::load(&dir, &plan.constants).unwrap();
            assert_eq!(progress.epochs as usize * 8 + progress.batches, batches);
            let rest = train(&plan, &data, (network, progress), Some(&dir), &mut Hub::new(), &never).unwrap();
            assert_eq!(rest.network.w1(), whole.network.w1(), "{preset:?}, stopped after {batches}");
            assert_eq!(rest.network.w2(), whole.network.w2());
            assert_eq!(rest.network.thresholds(), whole.network.thresholds());
            assert_eq!(rest.accuracy, whole.accuracy);
        }
    }
}

#[test]
fn evaluation_does_not_depend_on_the_number_of_threads() {
    let (plan, data) = small(Preset::Notebook);
    let never = AtomicBool::new(false);
    let start = (initial(&plan, 36, 3).unwrap(), Progress::default());
    let network = train(&plan, &data, start, None, &mut Hub::new(), &never).unwrap().network;
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| evaluate(&network, &data.dataset.test, &data.test, 5).unwrap())
    };
    assert_eq!(on(1), on(3));
    assert_eq!(on(1).confusion.iter().flatten().sum::<usize>(), 30);
}

#[test]
fn validation_holds_out_a_fifth() {
    let (mut plan, data) = small(Preset::Notebook);
    plan.validation = true;
    let held = RunData::choose(&plan, data.dataset);
    assert_eq!((held.train.len(), held.test.len(), held.held_out), (48, 12, true));
    assert!(held.test.iter().all(|i| !held.train.contains(i)));
    plan.test_batches = 1;
    assert_eq!(RunData::choose(&plan, held.dataset).test.len(), 8);
}

#[test]
fn wrong_constants_are_told() {
    type Change = fn(&mut Plan);
    let table: [(Change, &str); 22] = [
        (|p| p.constants.hidden = 0, "--hidden is 0, but must be at least 1"),
        (|p| p.constants.k_hidden = 257, "--k-hidden is 257, but the hidden layer has 256 units"),
        (|p| p.constants.k_hidden = 0, "--k-hidden is 0, but must be at least 1"),
        (|p| p.constants.k_output = 11, "--k-output is 11, but the output layer has 10 units"),
        (|p| p.constants.steps = 0, "--steps is 0, but must be at least 1"),
        (|p| p.constants.rate_hz = 201.0, "would fire with probability 1.0050; take at most 1/dt = 200.0000 Hz"),
        (|p| p.constants.teacher_rate_hz = 400.0, "--teacher-rate-hz is 400, but a step of 0.005 s would fire with"),
        (|p| p.constants.rate_hz = f64::NAN, "--rate-hz is NaN, but must be a finite number"),
        (|p| p.constants.rate_hz = -1.0, "--rate-hz is -1, but must be a rate of 0 or more"),
        (|p| p.constants.dt = 0.0, "--dt is 0, but must be a time above 0"),
        (|p| p.constants.tau_h = f64::INFINITY, "--tau-h is inf, but must be a finite number"),
        (|p| p.constants.tau_o = -0.1, "--tau-o is -0.1, but must be a time above 0"),
        (|p| p.constants.eta1 = f64::NAN, "--eta1 is NaN"),
        (|p| p.constants.eta2 = 1.5, "--eta2 is 1.5, but must be a learning rate from 0 to 1"),
        (|p| p.constants.decay1 = 1.0, "--decay1 is 1, but must be a share from 0 to below 1"),
        (|p| p.constants.vth_h = f64::NAN, "--vth-h is NaN"),
        (|p| p.constants.theta = -1.0, "--theta is -1, but must be 0 or more"),
        (|p| p.constants.init_std = f64::NAN, "--init-std is NaN"),
        (|p| p.epochs = 0, "--epochs is 0, but must be at least 1"),
        (|p| p.batch_size = 0, "--batch-size is 0, but must be at least 1"),
        (|p| p.ends.eta1 = Some(0.0), "--eta1-end is 0, but must be above 0"),
        (|p| p.ends.eta2 = Some(f64::NAN), "--eta2-end is NaN"),
    ];
    for (change, want) in table {
        let mut plan = Plan::of(Preset::Notebook);
        change(&mut plan);
        let message = plan.check(10).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
        assert!(initial(&plan, 36, 10).is_err());
    }
    let mut plan = Plan::of(Preset::Notebook);
    plan.constants.rate_hz = 200.0; // p = 1 is right
    plan.check(10).unwrap();
}

#[test]
fn what_does_not_fit_is_told() {
    let (plan, mut data) = small(Preset::Notebook);
    let never = AtomicBool::new(false);
    let c = &plan.constants;
    assert!(Network::new(c, 36, 3, &[0.0; 7], &[0.0; 60]).unwrap_err().to_string().contains("weights w1: 7 numbers"));
    for (dense, inputs, want) in
        [(&[0.5f32][..], 1, "0.5 at input 0"), (&[1.0, 0.0, 1.0], 2, "3 values"), (&[f32::NAN], 1, "NaN at input 0")]
    {
        let message = Spikes::from_dense(dense, inputs).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    }
    let network = initial(&plan, 35, 3).unwrap();
    let error = train(&plan, &data, (network, Progress::default()), None, &mut Hub::new(), &never).unwrap_err();
    assert!(error.to_string().contains("images: 1x6x6 pixels, the network wants 35 inputs"), "{error}");
    data.dataset.train.labels[3] = -1;
    let start = (initial(&plan, 36, 3).unwrap(), Progress::default());
    let error = train(&plan, &data, start, None, &mut Hub::new(), &never).unwrap_err();
    assert!(error.to_string().contains("labels: one is -1"), "{error}");
}

#[test]
fn a_broken_checkpoint_is_told() {
    let (plan, _) = small(Preset::Tuned);
    let folder = tempfile::tempdir().unwrap();
    let dir = RunDir::new(folder.path());
    let load = |c: &Constants| checkpoint::load(&dir, c).unwrap_err().to_string();
    assert!(load(&plan.constants).contains("cannot read"));
    let network = initial(&plan, 36, 3).unwrap();
    checkpoint::save(&dir, &network, Progress { epochs: 2, batches: 1, seconds: 3.5 }).unwrap();
    let (same, progress) = checkpoint::load(&dir, &plan.constants).unwrap();
    assert_eq!((same.w1(), progress.epochs), (network.w1(), 2));
    assert!(load(&Constants { hidden: 21, ..plan.constants.clone() }).contains("20 hidden units, the plan 21"));
    let whole = std::fs::read(dir.checkpoint()).unwrap();
    for bytes in [&whole[..whole.len() - 5], &whole[..20], b""] {
        std::fs::write(dir.checkpoint(), bytes).unwrap();
        assert!(load(&plan.constants).contains("not a whole safetensors file"));
    }
    let mut nan = whole.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(dir.checkpoint(), nan).unwrap();
    assert!(load(&plan.constants).contains("is NaN"));
}
