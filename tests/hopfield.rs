//! Hopfield networks: the recorded run is reproduced, rules are their formulas, asynchronous updates never raise the energy, batches
//! are what single states are, the Hebbian rule breaks near 0.138 N, and what is wrong is told.

mod common;

use common::{Place, Table, Tensors, shared};
use proptest::prelude::*;
use rand::Rng;
use softhebb::device::rng;
use softhebb::files::RunDir;
use softhebb::hopfield::attractors::{End, accuracy, ends};
use softhebb::hopfield::capacity::{Cell, ERROR_AT_CAPACITY, Plan, break_at};
use softhebb::hopfield::memory::{Storing, overload};
use softhebb::hopfield::network::overlaps;
use softhebb::hopfield::{
    Activation, Dynamics, HopfieldError, Memory, Modern, Network, Options, Patterns, Rule, Sign, Status, Trainer,
    Updates, asynchronous, file, rules, synchronous,
};
use tch::{Device, Kind, Tensor};

/// Weights and states small enough to write every sum out.
#[derive(Debug, Clone)]
struct Case {
    n: usize,
    states: usize,
    seed: u64,
    threshold: f64,
    activation: Activation,
}

fn cases() -> impl Strategy<Value = Case> {
    let activation = prop_oneof![Just(Activation::Sign), Just(Activation::Tanh), Just(Activation::Sigmoid)];
    let threshold = prop_oneof![Just(0.0), -3.0..3.0];
    (2usize..40, 1usize..7, any::<u64>(), threshold, activation)
        .prop_map(|(n, states, seed, threshold, activation)| Case { n, states, seed, threshold, activation })
}

/// Symmetric whole numbers, diagonal 0: sums of them times ±1 are exact.
fn symmetric(n: usize, seed: u64) -> Tensor {
    let mut rng = rng(seed, &["weights".into()]);
    let mut w = vec![0f32; n * n];
    for i in 0..n {
        for j in 0..i {
            let x = rng.random_range(-4..=4) as f32;
            (w[i * n + j], w[j * n + i]) = (x, x);
        }
    }
    Tensor::from_slice(&w).view([n as i64, n as i64])
}

fn rows(t: &Tensor) -> Vec<Vec<f64>> {
    Vec::<Vec<f64>>::try_from(&t.to_kind(Kind::Double)).unwrap()
}

/// E = −½ Σ_ij W_ij s_i s_j + θ Σ s_i, term by term.
fn energy(w: &[Vec<f64>], s: &[f64], theta: f64) -> f64 {
    let pairs: f64 = (0..s.len()).map(|i| (0..s.len()).map(|j| w[i][j] * s[i] * s[j]).sum::<f64>()).sum();
    -0.5 * pairs + theta * s.iter().sum::<f64>()
}

fn network(case: &Case) -> (Network, Patterns) {
    let dynamics = Dynamics { activation: case.activation, temperature: 2.0, threshold: case.threshold };
    let network = Network::with_weights(&symmetric(case.n, case.seed), dynamics).unwrap();
    (network, Patterns::random(case.states, case.n, case.activation, case.seed))
}

fn close(a: &Tensor, b: &Tensor, tolerance: f64) -> bool {
    a.size() == b.size() && (a - b).abs().max().double_value(&[]) <= tolerance
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn asynchronous_sign_updates_never_raise_the_energy(case in cases(), sweeps in 1usize..6) {
        let case = Case { activation: Activation::Sign, ..case };
        let (network, starts) = network(&case);
        let options = Options { sweeps, convergence_threshold: 0.0, ..Options::default() };
        let recalled = asynchronous::recall(&network, starts.values(), &options, case.seed, &mut |_| true).unwrap();
        let w = rows(network.weights());
        for (i, energies) in recalled.energies.iter().enumerate() {
            // With θ the largest numbers are some hundred, so that 1e-3 is rounding.
            let slack = if case.threshold == 0.0 { 0.0 } else { 1e-3 };
            prop_assert!(energies.windows(2).all(|pair| pair[1] <= pair[0] + slack), "{:?}", energies);
            let (first, last) = (rows(starts.values())[i].clone(), rows(&recalled.states)[i].clone());
            prop_assert!((energies[0] - energy(&w, &first, case.threshold)).abs() < 1e-3);
            prop_assert!((energies.last().unwrap() - energy(&w, &last, case.threshold)).abs() < 1e-3);
        }
    }

    #[test]
    fn single_flips_never_raise_the_energy(case in cases()) {
        // Sweeps of one neuron each, written out: the step between the states that the sweeps above show.
        let (w, theta) = (rows(&symmetric(case.n, case.seed)), case.threshold);
        let mut s = rows(Patterns::random(1, case.n, Activation::Sign, case.seed).values()).remove(0);
        for i in 0..case.n {
            let before = energy(&w, &s, theta);
            let field: f64 = w[i].iter().zip(&s).map(|(w, s)| w * s).sum();
            s[i] = f64::from(Activation::Sign.apply((field - theta) as f32, s[i] as f32, 1.0));
            prop_assert!(energy(&w, &s, theta) <= before + 1e-9);
        }
    }

    #[test]
    fn columns_of_flips_give_what_rows_give(case in cases(), sweeps in 1usize..6, lopsided in any::<bool>()) {
        let (mut network, starts) = network(&case);
        if lopsided {
            let more = symmetric(case.n, case.seed ^ 1).triu(1);
            network = Network::with_weights(&(network.weights() + more), network.dynamics).unwrap();
        }
        // Without symmetric weights nothing settles: after more sweeps the last bit of a sum decides where a smooth state is.
        let sweeps = if lopsided && case.activation != Activation::Sign { sweeps.min(2) } else { sweeps };
        let options = Options { sweeps, convergence_threshold: 0.0, ..Options::default() };
        let kept = asynchronous::recall(&network, starts.values(), &options, case.seed, &mut |_| true).unwrap();
        let plain = asynchronous::naive(&network, starts.values(), &options, case.seed, &mut |_| true).unwrap();
        // Whole numbers make sign states exact; the others are sums in another order.
        let tolerance = if case.activation == Activation::Sign { 0.0 } else { 1e-3 };
        prop_assert!(close(&kept.states, &plain.states, tolerance));
        if case.activation == Activation::Sign {
            prop_assert_eq!(&kept.sweeps, &plain.sweeps);
            prop_assert_eq!(&kept.status, &plain.status);
        }
    }

    #[test]
    fn a_batch_is_its_states_one_by_one_and_the_formula(case in cases(), sweeps in 1usize..12) {
        let (network, starts) = network(&case);
        let options = Options { sweeps, convergence_threshold: 0.0, ..Options::default() };
        let batch = synchronous::recall(&network, starts.values(), &options, &mut |_| true).unwrap();
        let all = synchronous::recall(&network, starts.values(), &Options { early_stop: false, ..options }, &mut |_| true);
        let w = rows(network.weights());
        let theta = case.threshold as f32;
        for i in 0..case.states {
            let mut s: Vec<f64> = rows(starts.values())[i].clone();
            let mut energies = vec![energy(&w, &s, case.threshold)];
            for _ in 0..sweeps {
                let field = |row: &Vec<f64>| row.iter().zip(&s).map(|(w, s)| w * s).sum::<f64>() as f32 - theta;
                let next = w.iter().zip(&s).map(|(row, s)| f64::from(case.activation.apply(field(row), *s as f32, 0.5)));
                s = next.collect();
                energies.push(energy(&w, &s, case.threshold));
            }
            let tolerance = if case.activation == Activation::Sign { 0.0 } else { 2e-3 };
            for states in [&batch.states, &all.as_ref().unwrap().states] {
                prop_assert!(close(&states.get(i as i64), &Tensor::from_slice(&s).to_kind(Kind::Float), tolerance), "state {}", i);
            }
            let kept = &batch.energies[i];
            prop_assert!(kept.len() <= sweeps + 1 && kept.len() >= 2);
            for (a, b) in kept.iter().zip(&energies) {
                prop_assert!((a - b).abs() < 1e-3 * b.abs().max(1.0), "{:?} {:?}", kept, energies);
            }
        }
    }

    #[test]
    fn storing_is_the_sum_of_outer_products(
        p in 1usize..6, n in 2usize..20, seed in any::<u64>(),
        subtract_mean in any::<bool>(), zero_diagonal in any::<bool>(), normalize_by_patterns in any::<bool>(), anti in any::<bool>(),
    ) {
        let sign = if anti { Sign::AntiHebbian } else { Sign::Hebbian };
        let trainer = Trainer { subtract_mean, zero_diagonal, normalize_by_patterns, sign };
        let patterns = Patterns::random(p, n, Activation::Sigmoid, seed);
        let mut network = Network::new(n, Dynamics::default());
        trainer.train(&mut network, &patterns).unwrap();
        trainer.train(&mut network, &patterns).unwrap(); // calls add up
        let x = rows(patterns.values());
        let rho = if subtract_mean { x.concat().iter().sum::<f64>() / (p * n) as f64 } else { 0.0 };
        let w = rows(network.weights());
        let factor = 2.0 * if anti { -1.0 } else { 1.0 } / if normalize_by_patterns { p as f64 } else { 1.0 };
        for i in 0..n {
            for j in 0..n {
                let sum: f64 = x.iter().map(|x| (x[i] - rho) * (x[j] - rho)).sum::<f64>() * factor;
                let wanted = if zero_diagonal && i == j { 0.0 } else { sum };
                prop_assert!((w[i][j] - wanted).abs() < 1e-4, "{} {}: {} {}", i, j, w[i][j], wanted);
            }
        }
    }

    #[test]
    fn storkeys_rule_is_its_double_loop(p in 1usize..5, n in 2usize..14, seed in any::<u64>()) {
        let patterns = Patterns::random(p, n, Activation::Sign, seed);
        let mut network = Network::new(n, Dynamics::default());
        rules::storkey(&mut network, &patterns).unwrap();
        let mut w = vec![vec![0f64; n]; n];
        for x in rows(patterns.values()) {
            let h = |i: usize, j: usize| (0..n).filter(|k| *k != i && *k != j).map(|k| w[i][k] * x[k]).sum::<f64>();
            let delta = |i: usize, j: usize| (x[i] * x[j] - x[i] * h(j, i) - h(i, j) * x[j]) / n as f64;
            let new: Vec<Vec<f64>> =
                (0..n).map(|i| (0..n).map(|j| if i == j { 0.0 } else { w[i][j] + delta(i, j) }).collect()).collect();
            w = new;
        }
        let ours = rows(network.weights());
        for i in 0..n {
            for j in 0..n {
                prop_assert!((ours[i][j] - w[i][j]).abs() < 1e-4, "{} {}: {} {}", i, j, ours[i][j], w[i][j]);
            }
        }
    }
}

#[test]
fn the_recorded_run_is_reproduced_and_a_wrong_number_found() {
    let Some(golden) = shared().map(|s| s.join("golden/hopfield.safetensors")) else { return };
    if !golden.exists() {
        println!("skipped: there is no {}", golden.display());
        return;
    }
    let place = Place::new();
    for plain in ["", "--plain "] {
        let done = place.softhebb(&format!("verify --threads 1 {plain}'{}'", golden.display())).succeeds();
        assert!(done.stdout.starts_with("ok ") && done.stdout.contains(": 15 tensors"), "{}", done.stdout);
    }
    for tensor in ["w.subtract_mean1", "recall.tanh.0", "energy.sigmoid.1", "w.forget0"] {
        let mut changed = Tensors::read(&golden);
        changed.get(tensor).add(1, 0.5);
        changed.write(&place.path("changed.safetensors"));
        let done = place.softhebb("verify --threads 1 changed.safetensors");
        assert!(done.code == Some(1) && done.stdout.contains(&format!("in {tensor})")), "{done:#?}");
    }
}

#[test]
fn the_hebbian_rule_breaks_near_its_capacity_and_the_others_do_not() {
    let loads: Vec<f64> = (4..=11).map(|i| f64::from(i) * 0.02).collect();
    let plan = Plan {
        n: 500,
        loads: loads.clone(),
        rules: vec![Rule::Hebbian, Rule::Projection, Rule::Storkey, Rule::Modern],
        trials: 5,
        noise: 0.0,
        storing: Storing {
            rule: Rule::Hebbian,
            trainer: Trainer::default(),
            beta: None,
            dynamics: Dynamics::default(),
        },
        updates: Updates::Sync,
        options: Options { sweeps: 50, energies: false, ..Options::default() },
        seed: 7,
    };
    plan.check().unwrap();
    let measure = |rule, load: &f64| plan.cell(rule, *load, &mut || true).unwrap().unwrap();
    let cells: Vec<Cell> = loads.iter().map(|load| measure(Rule::Hebbian, load)).collect();
    let at = break_at(&cells, Rule::Hebbian, ERROR_AT_CAPACITY).expect("it breaks");
    // 500 neurons: the jump of infinitely many is a slope around it.
    assert!((at - 0.138).abs() < 0.02, "breaks at {at}: {cells:#?}");
    assert!(cells[0].error < 0.01 && cells[7].error > 0.2, "{cells:#?}");
    for (rule, error) in [(Rule::Projection, 0.0), (Rule::Storkey, 0.01), (Rule::Modern, 0.0)] {
        let cell = measure(rule, &0.2);
        assert!(cell.error <= error, "{cell:#?}");
    }
    assert_eq!(plan.cell(Rule::Hebbian, 0.1, &mut || false).unwrap(), None, "the listener ends it");
}

#[test]
fn a_modern_network_holds_exponentially_many() {
    // 5,000 patterns in 64 neurons: 78 a neuron.
    let patterns = Patterns::random(5000, 64, Activation::Sign, 3);
    let starts = patterns.noisy(0.05, 3, "modern");
    let modern = Modern::new(&patterns, Some(1.0)).unwrap();
    let recalled = modern.recall(starts.values(), &Options::default(), &mut |_| true).unwrap();
    let right = accuracy(&recalled.states, &patterns);
    let exact = right.iter().filter(|share| **share == 1.0).count();
    assert!(exact > 4900, "{exact} of 5000");
    assert!(recalled.count(Status::Converged) > 4900);
    for energies in &recalled.energies {
        assert!(energies.windows(2).all(|pair| pair[1] <= pair[0] + 1e-3), "the energy falls: {energies:?}");
    }
}

#[test]
fn synchronous_pairs_are_found_and_end_as_all_sweeps_would() {
    // Two neurons that copy each other exchange their states for ever.
    let w = Tensor::from_slice(&[0f32, 1.0, 1.0, 0.0]).view([2, 2]);
    let network = Network::with_weights(&w, Dynamics::default()).unwrap();
    let starts = Tensor::from_slice(&[1f32, -1.0, 1.0, 1.0]).view([2, 2]);
    for sweeps in [3, 4, 20, 21] {
        let options = Options { sweeps, ..Options::default() };
        let recalled = synchronous::recall(&network, &starts, &options, &mut |_| true).unwrap();
        assert_eq!(recalled.status, [Status::Oscillating, Status::Converged]);
        assert_eq!(recalled.sweeps, [2, 1]);
        let swapped = if sweeps % 2 == 1 { [-1.0, 1.0] } else { [1.0, -1.0] };
        assert_eq!(rows(&recalled.states)[0], swapped, "{sweeps} sweeps");
        let patterns = Patterns::from_rows(&[vec![1.0, 1.0]], Activation::Sign).unwrap();
        assert_eq!(ends(&recalled, &patterns), [End::Oscillating, End::Stored(0)]);
    }
    let recalled = asynchronous::recall(&network, &starts, &Options::default(), 0, &mut |_| true).unwrap();
    assert_eq!(recalled.status, [Status::Converged; 2], "one neuron after the other finds a fixed point");
}

#[test]
fn attractors_have_names() {
    let patterns = Patterns::random(3, 301, Activation::Sign, 5);
    let mut network = Network::new(301, Dynamics::default());
    Trainer::default().train(&mut network, &patterns).unwrap();
    let x = patterns.values();
    let mixture = x.sum_dim_intlist([0].as_slice(), true, Kind::Float).sign();
    let starts = Tensor::cat(&[&x.get(1).unsqueeze(0), &-x.get(2).unsqueeze(0), &mixture], 0);
    let recalled = synchronous::recall(&network, &starts, &Options::default(), &mut |_| true).unwrap();
    let found = ends(&recalled, &patterns);
    assert_eq!(found[..2], [End::Stored(1), End::Reversed(2)]);
    assert_eq!(found[2].kind(), "mixture", "{found:?}");
    let m = rows(&overlaps(&starts, x));
    assert!(
        (m[0][1] - 1.0).abs() < 1e-6 && (m[1][2] + 1.0).abs() < 1e-6 && m[2].iter().all(|m| (m - 0.5).abs() < 0.15)
    );
}

#[test]
fn another_size_keeps_the_sub_matrix() {
    let mut network = Network::with_weights(&symmetric(6, 1), Dynamics::default()).unwrap();
    let before = network.weights().copy();
    network.resize(9);
    assert_eq!((network.neurons(), network.weights().narrow(0, 0, 6).narrow(1, 0, 6)), (9, before.shallow_clone()));
    assert_eq!(network.weights().abs().sum(Kind::Float), before.abs().sum(Kind::Float), "what is new is 0");
    network.resize(4);
    assert_eq!(*network.weights(), before.narrow(0, 0, 4).narrow(1, 0, 4));
    assert!((network.capacity() - 0.552).abs() < 1e-12);
    // A trainer resizes to its patterns.
    Trainer::default().train(&mut network, &Patterns::random(1, 7, Activation::Sign, 0)).unwrap();
    assert_eq!(network.neurons(), 7);
}

#[test]
fn an_update_in_blocks_is_the_whole_product() {
    // More neurons than a block has, and not a multiple of it.
    let n = synchronous::BLOCK + 37;
    let patterns = Patterns::random(20, n, Activation::Sign, 2);
    let mut network = Network::new(n, Dynamics::default());
    Trainer { normalize_by_patterns: false, subtract_mean: false, ..Trainer::default() }
        .train(&mut network, &patterns)
        .unwrap();
    let starts = patterns.noisy(0.3, 2, "blocks");
    let options = Options { sweeps: 1, ..Options::default() };
    let recalled = synchronous::recall(&network, starts.values(), &options, &mut |_| true).unwrap();
    let fields = starts.values().matmul(network.weights());
    let wanted = starts.values().where_self(&fields.eq(0.0), &fields.sign());
    assert_eq!(recalled.states, wanted);
}

#[test]
fn bad_patterns_are_told() {
    let from = |rows: &[Vec<f32>], activation| Patterns::from_rows(rows, activation).unwrap_err();
    let say = |e: HopfieldError| e.to_string();
    let good = vec![1.0, -1.0, 1.0];
    for (error, text) in [
        (from(&[], Activation::Sign), "there are no patterns to store: the set is empty"),
        (from(&[good.clone(), vec![1.0]], Activation::Sign), "pattern 1 has 1 values, pattern 0 has 3"),
        (from(&[good.clone(), vec![1.0, f32::NAN, 1.0]], Activation::Tanh), "pattern 1 is NaN at neuron 1"),
        (from(&[vec![0.5, 1.0]], Activation::Sign), "pattern 0 is 0.5 at neuron 0, but sign takes values -1 and 1"),
        (from(&[vec![0.5, 1.5]], Activation::Tanh), "pattern 0 is 1.5 at neuron 1, but tanh takes values from -1 to 1"),
        (
            from(std::slice::from_ref(&good), Activation::Sigmoid),
            "pattern 0 is -1 at neuron 1, but sigmoid takes values from 0 to 1",
        ),
    ] {
        assert!(error.to_string().starts_with(text), "{error}");
    }
    let network = Network::new(4, Dynamics::default());
    let three = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
    let wrong = say(synchronous::recall(&network, &three, &Options::default(), &mut |_| true).unwrap_err());
    assert_eq!(wrong, "start states: shape [2, 3], wanted: (states, 4)");
    let none = Options { sweeps: 0, ..Options::default() };
    let wrong = say(asynchronous::recall(&network, &three, &none, 0, &mut |_| true).unwrap_err());
    assert_eq!(wrong, "--sweeps is 0, but must be at least 1");
    let warning = overload(Rule::Hebbian, &Patterns::random(20, 100, Activation::Sign, 0)).unwrap();
    assert!(warning.contains("20 patterns") && warning.contains("about 14 random ones (0.138 N)"), "{warning}");
    assert_eq!(overload(Rule::Hebbian, &Patterns::random(13, 100, Activation::Sign, 0)), None);
}

#[test]
fn a_network_is_the_same_after_its_file() {
    let place = Place::new();
    let path = place.path("net.safetensors");
    let dynamics = Dynamics { activation: Activation::Tanh, temperature: 0.5, threshold: 0.25 };
    let storing = Storing { rule: Rule::Storkey, trainer: Trainer::default(), beta: None, dynamics };
    let memory = Memory::store(&Patterns::random(3, 40, Activation::Tanh, 0), &storing).unwrap();
    file::save(&path, &memory, &storing).unwrap();
    let (network, read) = file::load(&path).unwrap();
    assert_eq!((&read, network.weights()), (&storing, memory.tensor().1));
    let whole = std::fs::read(&path).unwrap();
    for (bytes, why) in [(&whole[..whole.len() - 7], "not a whole safetensors file"), (b"hello", "not a whole")] {
        std::fs::write(&path, bytes).unwrap();
        let error = file::load(&path).unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("net.safetensors"), "{error}");
    }
    assert!(file::load(&place.path("none")).unwrap_err().to_string().contains("No such file"));
}

/// The folder that a command left.
fn only_run(place: &Place) -> RunDir {
    let mut runs = std::fs::read_dir(place.path("results/runs/hopfield")).unwrap().map(|e| e.unwrap().path());
    let run = RunDir::new(runs.next().expect("a run"));
    assert!(runs.next().is_none());
    run
}

#[test]
fn recall_leaves_a_run_and_does_what_the_tutorial_says() {
    let place = Place::new();
    let done = place.softhebb("hopfield recall --threads 1 --classes Trouser,5,8 --repeats 5").succeeds();
    assert!(done.stdout.contains("stored image    10 %"), "{}", done.stdout);
    let dir = only_run(&place);
    let table = Table::read(&dir.metrics());
    let rows = table.of("input").into_iter().zip(table.numbers("noise")).zip(table.numbers("bits_after"));
    for ((input, noise), bits) in rows {
        if input == "stored" && noise.unwrap() <= 0.2 {
            assert!(bits.unwrap() > 0.97, "near-perfect below 20 % noise: {noise:?} {bits:?}");
        }
    }
    assert_eq!(table.rows.len(), 8);
    for file in
        [dir.config(), dir.provenance(), dir.log(), dir.picture("recall"), dir.picture("energy"), dir.picture("noise")]
    {
        assert!(file.is_file(), "{}", file.display());
    }
    assert!(dir.events().is_dir());
    let (network, _) = file::load(&dir.checkpoint()).unwrap();
    assert_eq!(network.neurons(), 784);
    // The same seed gives the same table.
    place.softhebb("hopfield recall --threads 1 --classes Trouser,5,8 --repeats 5 --results-dir again").succeeds();
    let name = dir.root().file_name().unwrap();
    let again = RunDir::new(place.path("again/hopfield").join(name));
    assert!(table.differences(&Table::read(&again.metrics())).is_empty());
}

#[test]
fn every_rule_activation_and_order_runs() {
    let place = Place::new();
    for line in [
        "--rule projection --activation tanh",
        "--rule storkey --updates async",
        "--rule modern --activation sigmoid",
        "--activation sigmoid --temperature 2 --updates async",
    ] {
        let done = place.softhebb(&format!("hopfield recall --threads 1 --repeats 2 --noise 0,0.1 --no-save {line}"));
        let done = done.succeeds();
        assert_eq!(done.stdout.matches(" image ").count(), 4, "{}", done.stdout);
    }
    assert!(!place.path("results").exists(), "nothing was to be saved");
}

#[test]
fn forget_takes_one_pattern_away() {
    let place = Place::new();
    place.softhebb("hopfield forget --threads 1 --classes 1,5,8 --pattern 1 --repeats 5").succeeds();
    let dir = only_run(&place);
    let table = Table::read(&dir.metrics());
    let (fixed, unlearned) = (table.of("fixed"), table.of("unlearned"));
    assert_eq!(unlearned, ["false", "true", "false", "false", "true", "false"]);
    assert_eq!((fixed[1], fixed[4]), ("true", "false"), "{table:?}");
    for file in [dir.checkpoint(), dir.picture("weights"), dir.picture("weights-forgotten"), dir.picture("recall")] {
        assert!(file.is_file(), "{}", file.display());
    }
}

#[test]
fn capacity_goes_on_where_it_stopped() {
    let place = Place::new();
    let line = "hopfield capacity --threads 1 --n 60 --loads 0.05..0.25:0.05 --trials 2 --rule hebbian,projection";
    place.softhebb(line).succeeds();
    let dir = only_run(&place);
    let whole = Table::read(&dir.metrics());
    assert_eq!(whole.rows.len(), 10);
    assert!(dir.picture("capacity").is_file());
    // As if it had been stopped after three cells.
    let text = std::fs::read_to_string(dir.metrics()).unwrap();
    let some: Vec<&str> = text.lines().take(4).collect();
    std::fs::write(dir.metrics(), some.join("\n")).unwrap();
    std::fs::remove_file(dir.picture("capacity")).unwrap();
    let folder = dir.root().display();
    let other = place.softhebb(&format!("hopfield capacity --resume all --run-dir '{folder}' --trials 3"));
    other.fails(2, &["has another plan", "trials: 2 there, 3 asked for", "hint: "]);
    let done = place.softhebb(&format!("hopfield capacity --threads 1 --resume all --run-dir '{folder}'")).succeeds();
    assert_eq!(done.stdout.matches("  hebbian ").count(), 2, "three are not measured again: {}", done.stdout);
    assert!(whole.differences(&Table::read(&dir.metrics())).is_empty());
    assert!(dir.picture("capacity").is_file());
    // The older form, and the newest run of the same plan.
    for resume in [format!("--resume '{folder}'"), "--resume all".to_string()] {
        let done = place.softhebb(&format!("{line} {resume}")).succeeds();
        assert!(!done.stdout.contains("  hebbian "), "nothing is measured again: {}", done.stdout);
    }
    only_run(&place);
}

#[test]
fn wrong_commands_are_told() {
    let place = Place::new();
    for (line, code, parts) in [
        ("recall --classes 0,zebra", 2, &["FashionMini has no class `zebra`", "1 (Trouser)"][..]),
        ("recall --classes 0 --per-class 2000", 2, &["class 0", "500 training images", "4000 are wanted", "hint: "]),
        (
            "recall --per-class 500",
            2,
            &["1000 are wanted: 500 to store and the next 500 as other inputs", "hint: take --per-class 250 or less"],
        ),
        ("recall --classes 77", 2, &["FashionMini has no class `77`"]),
        ("recall --noise a,b", 2, &["`a` is no number; a list is written as 0,0.1,0.2"]),
        ("recall --per-class 0", 2, &["the set is empty"]),
        ("recall --noise 1.5", 2, &["--noise is 1.5"]),
        ("recall --noise -0.1", 2, &["--noise is -0.1"]),
        ("recall --temperature 0", 2, &["--temperature is 0, but must be above 0"]),
        ("recall --threshold nan", 2, &["--threshold is NaN"]),
        ("recall --threshold much", 2, &["neither `auto` nor a number"]),
        ("recall --rule modern --beta -1", 2, &["--beta is -1"]),
        ("recall --sweeps 0", 2, &["--sweeps is 0"]),
        ("recall --repeats 0", 2, &["--repeats is 0"]),
        (
            "recall --dataset MNIST",
            1,
            &["MNIST", "softhebb data fetch MNIST", "softhebb hopfield recall --dataset FashionMini"],
        ),
        ("recall --dataset Nothing", 2, &["Nothing"]),
        ("forget --pattern 3", 2, &["--pattern is 3, but there are 3 patterns"]),
        ("forget --strength 0", 2, &["--strength is 0"]),
        ("capacity --loads 0.3..0.1", 2, &["--loads"]),
        ("capacity --loads 0", 2, &["--loads is 0"]),
        ("capacity --trials 0", 2, &["--trials is 0"]),
        ("capacity --n 1", 2, &["--n is 1"]),
        ("capacity --resume nowhere", 1, &["nowhere", "No such file"]),
        ("capacity --resume all --run-dir nowhere", 1, &["nowhere", "No such file"]),
        ("capacity --resume all", 2, &["there is no run to go on with"]),
        ("bench --n 0", 2, &["--n is 0"]),
    ] {
        place.softhebb(&format!("hopfield {line}")).fails(code, parts);
    }
    assert!(!place.path("results").exists(), "nothing was begun");
    let done = place.softhebb(
        "hopfield recall --threads 1 --classes 0,1,2,3,4,5,6,7,8,9 --per-class 12 --repeats 1 --noise 0.1 --save false",
    );
    assert!(done.succeeds().stderr.contains("120 patterns are more than 784 neurons"), "a warning names the estimate");
}
