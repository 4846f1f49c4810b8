//! A layer that learns by a local rule: forward pass, competition, update, rate.

use rand::Rng;
use tch::{Device, Kind, Tensor};

use super::Mode;
use super::competition::Competition;
use super::fused::{self, Measured};
use super::rate::Rate;
use super::{activation, init, patches, plasticity, wide};
use crate::device::Precision;
use crate::preset::config::{Arch, LayerConfig, Method};

/// A Hebbian layer.
#[derive(Debug)]
pub struct Hebbian {
    config: LayerConfig,
    arch: Arch,
    /// `(G, M, K)`: G groups of M units with K inputs each, in the order of [`patches::rows`].
    weight: Tensor,
    /// `(G·M)`.
    bias: Option<Tensor>,
    competition: Competition,
    rate: Rate,
    pending: Option<Pending>,
    wins: Wins,
    /// Whether the fast form may be used where it reaches.
    fast: bool,
    /// What the operands of products are rounded to.
    operands: Kind,
}

/// What a training forward pass leaves for the update.
#[derive(Debug)]
pub struct Pending {
    step: Step,
    /// Δb `(G·M)`.
    delta_bias: Option<Tensor>,
    /// Activities y `(N, G, M)`.
    pub activities: Tensor,
}

/// An update in one of its two forms.
#[derive(Debug)]
enum Step {
    /// Δ `(G, M, K)`, normalised, and the largest |Δ| of each group before that.
    Plain { delta: Tensor, largest: Tensor },
    /// Σ y·x `(G, M, K)`, Σ y·u, and what was measured of Δ, which is computed where it is added.
    Fast { yx: Tensor, yu: Vec<f32>, measured: Measured },
}

/// What an unsupervised forward pass keeps for labels that come later (the supervised classifier).
type Seen = (Tensor, Tensor);

/// How often each unit won since the last report.
#[derive(Debug)]
struct Wins {
    /// Σ max(y, 0) of each unit.
    mass: Tensor,
    /// Σ max(−y, 0) over all units.
    anti: Tensor,
    /// Images and positions seen.
    rows: i64,
    /// Rows kept for a supervised update.
    seen: Option<Seen>,
}

/// What a layer reports (§3).
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    /// Radius ‖w‖_P of each unit.
    pub radius: Vec<f64>,
    /// Learning rate of each unit (one entry when scheduled).
    pub lr: Vec<f64>,
    /// Share of wins of each unit, percent.
    pub wins: Vec<f64>,
    /// Mean activity of winners and of anti-winners (Krotov layers).
    pub winner: Option<(f64, f64)>,
    /// Mean and standard deviation of the weights.
    pub weight: (f64, f64),
    /// Mean and standard deviation of the bias.
    pub bias: Option<(f64, f64)>,
}

impl Statistics {
    /// How many units have learned (R1), and within what of 1 their radius then is: 0.01 in a convolution, 0.005 in a fully
    /// connected layer.
    pub fn learned(&self, arch: Arch) -> (usize, f64) {
        let near = if arch == Arch::Cnn { 0.01 } else { 0.005 };
        (self.radius.iter().filter(|r| (*r - 1.0).abs() < near).count(), near)
    }
}

impl Hebbian {
    /// A layer with fresh weights.
    pub fn new(config: &LayerConfig, arch: Arch, rng: &mut impl Rng, device: Device) -> Hebbian {
        let (g, m) = (config.groups, config.out_channels / config.groups);
        let k = config.in_channels / g * config.kernel_size * config.kernel_size;
        let bias = config.add_bias.then(|| {
            let prior = (1.0 / config.out_channels as f64).ln() / config.t_invert;
            Tensor::full([config.out_channels], prior, (Kind::Float, device))
        });
        let t_invert = config.t_invert;
        let competition = match config.method {
            Method::Hard | Method::Bp => Competition::Hard,
            Method::HardKrotov => Competition::HardKrotov {
                delta: config.delta,
                rank: config.ranking_param.min(m),
                replace: arch == Arch::Mlp,
            },
            Method::Soft => Competition::Soft { t_invert },
            Method::SoftKrotov => Competition::SoftKrotov { t_invert },
            Method::SupervisedSoftKrotov => Competition::Labels,
        };
        Hebbian {
            weight: init::hebbian(config, &[g, m, k], rng).to_device(device),
            bias,
            competition,
            rate: Rate::new(config, 1.0, 1.0),
            pending: None,
            wins: Wins::new(g * m, device),
            fast: true,
            operands: Kind::Float,
            config: config.clone(),
            arch,
        }
    }

    /// Its settings.
    pub fn config(&self) -> &LayerConfig {
        &self.config
    }

    /// Sets the learning-rate rule for a phase.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// The learning-rate rule.
    pub fn rate(&self) -> &Rate {
        &self.rate
    }

    /// Chooses what the operands of products are rounded to.
    pub fn set_precision(&mut self, precision: Precision) {
        self.operands = if precision == Precision::Bf16 { Kind::BFloat16 } else { Kind::Float };
    }

    /// Pre-activations u of an input `(B, C, H, W)` or `(B, K)`. In [`Mode::Train`] also prepares the update, which
    /// [`Hebbian::apply`] makes.
    pub fn forward(&mut self, x: &Tensor, mode: Mode) -> Tensor {
        if mode == Mode::Eval && self.arch == Arch::Cnn && self.config.groups == 1 {
            return self.convolve(x);
        }
        let b = x.size()[0];
        let x = &x.to_kind(self.operands); // no copy in single precision
        let (rows, shape) = match self.arch {
            Arch::Mlp => (x.unsqueeze(0), None),
            Arch::Cnn => {
                let (rows, out) = patches::rows(&patches::pad(x, &self.config), &self.config);
                (rows, Some(out))
            }
        };
        let u = self.preactivate(&rows);
        let (n, units) = (u.size()[0], self.config.out_channels);
        let u = if self.config.pre_triangle {
            activation::triangle(&u.view([n, units]), 1.0).view(u.size().as_slice())
        } else {
            u
        };
        if mode.trains() {
            tch::no_grad(|| self.prepare(&rows.detach(), &u.detach()));
        }
        match shape {
            Some([h, w]) => u.view([b, h, w, units]).permute([0, 3, 1, 2]),
            None => u.view([b, units]),
        }
    }

    /// The forward pass alone, by libtorch's convolution, channels-last.
    fn convolve(&self, x: &Tensor) -> Tensor {
        let (c, k) = (self.config.in_channels, self.config.kernel_size);
        let w = self.effective_weight().view([self.config.out_channels, k, k, c]).permute([0, 3, 1, 2]);
        let x = patches::pad(&patches::channels_last(&x.to_kind(self.operands)), &self.config);
        let (s, d) = ([self.config.stride; 2], [self.config.dilation; 2]);
        let bias = self.bias.as_ref().map(|b| b.to_kind(self.operands));
        let u = x.conv2d(&w, bias, s, [0, 0], d, 1).to_kind(Kind::Float);
        if self.config.pre_triangle { activation::triangle(&u, 1.0) } else { u }
    }

    /// u = x·Wᵉ (+ b): `(G, N, K)` to `(N, G, M)`.
    fn preactivate(&self, rows: &Tensor) -> Tensor {
        let w = self.effective_weight();
        let u = if self.config.groups == 1 {
            rows.squeeze_dim(0).matmul(&w.squeeze_dim(0).tr()).unsqueeze(1)
        } else {
            rows.bmm(&w.transpose(1, 2)).transpose(0, 1).contiguous()
        };
        let u = u.to_kind(Kind::Float);
        match &self.bias {
            Some(b) => {
                let size = w.size();
                u + b.view([size[0], size[1]])
            }
            None => u,
        }
    }

    /// sign(W)·|W|^(P−1), which is W for P = 2, rounded as the operands of products are.
    fn effective_weight(&self) -> Tensor {
        match self.config.lebesgue_p {
            2 => self.weight.to_kind(self.operands),
            p => (self.weight.sign() * self.weight.abs().pow_tensor_scalar(p - 1)).to_kind(self.operands),
        }
    }

    fn prepare(&mut self, rows: &Tensor, u: &Tensor) {
        if self.competition == Competition::Labels {
            self.wins.seen = Some((rows.shallow_clone(), u.shallow_clone()));
        } else if self.uses_fast_form() && fused::knows(&self.competition) {
            let competed = fused::compete(&self.competition, &u.contiguous());
            let yx = plasticity::products(&competed.y, rows).contiguous();
            let measured = fused::measure(&yx, &competed.yu, &self.weight);
            self.wins.add(&Tensor::from_slice(&competed.mass), competed.anti, u.size()[0]);
            self.wait(Step::Fast { yx, yu: competed.yu, measured }, competed.y);
        } else {
            let y = self.competition.activities(u);
            self.learn(rows, u, y);
        }
    }

    fn uses_fast_form(&self) -> bool {
        self.fast && wide::reaches(self.weight.device()) && self.config.lebesgue_p == 2
    }

    /// Chooses between the fast form (where it reaches) and the plain one.
    pub fn set_fast(&mut self, fast: bool) {
        self.fast = fast;
    }

    /// Whether fast forms may be used where they reach.
    pub fn is_fast(&self) -> bool {
        self.fast
    }

    fn learn(&mut self, rows: &Tensor, u: &Tensor, y: Tensor) {
        let (delta, largest) = plasticity::update(rows, &y, u, &self.weight);
        self.wins.count(&y);
        self.wait(Step::Plain { delta, largest }, y);
    }

    fn wait(&mut self, step: Step, activities: Tensor) {
        let delta_bias = self.bias.as_ref().map(|b| plasticity::bias_update(&activities, b, self.config.t_invert));
        self.pending = Some(Pending { step, delta_bias, activities });
    }

    /// Prepares the update of a supervised Hebbian classifier from the labels `(B)` of the batch just seen.
    pub fn learn_labels(&mut self, labels: &Tensor) {
        if let Some((rows, u)) = self.wins.seen.take() {
            let y = labels.one_hot(self.config.out_channels).to_kind(Kind::Float).view(u.size().as_slice());
            tch::no_grad(|| self.learn(&rows, &u, y));
        }
    }

    /// The update that waits, if a training pass left one.
    pub fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// Δ of the update that waits, normalised, in the published shape.
    pub fn pending_delta(&self) -> Option<Tensor> {
        let delta = match &self.pending.as_ref()?.step {
            Step::Plain { delta, .. } => delta.shallow_clone(),
            Step::Fast { yx, yu, measured } => {
                let size = self.weight.size();
                let delta = yx - Tensor::from_slice(yu).view([size[0], size[1], 1]) * &self.weight;
                delta / (Tensor::from_slice(&measured.largest).view([size[0], 1, 1]) + plasticity::TINY)
            }
        };
        Some(self.published_shape(&delta))
    }

    /// A number that is finite if and only if the update that waits and the weights' radii are.
    pub fn soundness(&self) -> f64 {
        let sum = |t: &Tensor| t.sum(Kind::Double).double_value(&[]);
        match self.pending.as_ref().map(|p| &p.step) {
            Some(Step::Fast { measured, .. }) => {
                measured.largest.iter().chain(&measured.radius).map(|v| f64::from(*v)).sum()
            }
            Some(Step::Plain { largest, .. }) => sum(largest) + sum(&self.radius()),
            None => sum(&self.radius()),
        }
    }

    /// Makes the update that waits: W += η·Δ, then the rate moves on. Returns whether there was one.
    pub fn apply(&mut self) -> bool {
        let Some(Pending { step, delta_bias, .. }) = self.pending.take() else { return false };
        tch::no_grad(|| {
            let radius = match &step {
                Step::Fast { measured, .. } => Tensor::from_slice(&measured.radius),
                Step::Plain { .. } => self.radius(),
            };
            let mut lr = self.rate.per_unit(&radius);
            if let Some(n) = self.config.nb_train {
                let learns = Tensor::arange(self.config.out_channels, (Kind::Int64, lr.device())).less(n);
                lr *= learns.to_kind(Kind::Float);
            }
            let size = self.weight.size();
            match step {
                Step::Plain { delta, .. } => {
                    let unit = if lr.numel() == 1 { lr.view([1, 1, 1]) } else { lr.view([size[0], size[1], 1]) };
                    let _ = self.weight.g_add_(&(delta * unit));
                }
                Step::Fast { yx, yu, measured } => {
                    let each = lr.expand([self.config.out_channels], false).contiguous();
                    fused::apply(&mut self.weight, &yx, &yu, &measured.largest, wide::numbers(&each));
                }
            }
            if let (Some(b), Some(delta)) = (&mut self.bias, delta_bias) {
                let scale = match self.arch {
                    Arch::Mlp => 1.0,
                    Arch::Cnn => 0.1,
                } / self.config.t_invert;
                let _ = b.g_add_(&(delta * lr * scale));
            }
        });
        self.rate.advance();
        true
    }

    /// Radius ‖w‖_P of each unit `(G·M)`.
    pub fn radius(&self) -> Tensor {
        let p = self.config.lebesgue_p as f64;
        self.weight.norm_scalaropt_dim(p, [2i64].as_slice(), false).view(-1)
    }

    /// Learning rate of each unit `(G·M)`, or `(1)` when scheduled.
    pub fn lr(&self) -> Tensor {
        self.rate.per_unit(&self.radius())
    }

    /// Activities y of an input, for scoring: `(B, M)` for a fully connected layer.
    pub fn activities(&self, u: &Tensor) -> Tensor {
        let (b, m) = (u.size()[0], self.config.out_channels);
        self.competition.activities(&u.view([b, 1, m])).view([b, m])
    }

    /// The weights as the published program shapes them: `(O, C/G, k, k)` or `(O, K)`.
    pub fn weight(&self) -> Tensor {
        self.published_shape(&self.weight)
    }

    /// Weights or updates `(G, M, K)` as `(O, C/G, k, k)` or `(O, K)`.
    pub fn published_shape(&self, w: &Tensor) -> Tensor {
        let (g, o) = (self.config.groups, self.config.out_channels);
        match self.arch {
            Arch::Mlp => w.squeeze_dim(0),
            Arch::Cnn => {
                let k = self.config.kernel_size;
                w.view([o, k, k, self.config.in_channels / g]).permute([0, 3, 1, 2])
            }
        }
    }

    /// Overwrites the weights from the published shape.
    pub fn set_weight(&mut self, w: &Tensor) {
        let w = match self.arch {
            Arch::Mlp => w.shallow_clone(),
            Arch::Cnn => w.permute([0, 2, 3, 1]),
        };
        let size = self.weight.size();
        tch::no_grad(|| self.weight.copy_(&w.to_device(self.weight.device()).reshape(size)));
    }

    /// The bias `(O)`, if there is one.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Overwrites the bias.
    pub fn set_bias(&mut self, b: &Tensor) {
        if let Some(bias) = &mut self.bias {
            tch::no_grad(|| bias.copy_(b));
        }
    }

    /// What the layer reports; counting of wins starts anew.
    pub fn statistics(&mut self) -> Statistics {
        let vec = |t: &Tensor| -> Vec<f64> {
            let t = t.to_kind(Kind::Double).to_device(Device::Cpu).contiguous().view(-1);
            Vec::try_from(&t).unwrap_or_default()
        };
        let spread = |t: &Tensor| (t.mean(Kind::Float).double_value(&[]), t.std(t.numel() > 1).double_value(&[]));
        let krotov = matches!(self.competition, Competition::HardKrotov { .. } | Competition::SoftKrotov { .. });
        let rows = self.wins.rows.max(1) as f64;
        let total = rows * self.config.groups as f64;
        let statistics = Statistics {
            radius: vec(&self.radius()),
            lr: vec(&self.lr()),
            wins: vec(&self.wins.mass).into_iter().map(|m| 100.0 * m / rows).collect(),
            winner: (krotov && self.wins.rows > 0).then(|| {
                let mass = self.wins.mass.sum(Kind::Double).double_value(&[]);
                (mass / total, self.wins.anti.double_value(&[]) / total)
            }),
            weight: spread(&self.weight),
            bias: self.bias.as_ref().map(spread),
        };
        self.wins = Wins::new(self.config.out_channels, self.weight.device());
        statistics
    }
}

impl Wins {
    fn new(units: i64, device: Device) -> Wins {
        let zeros = |n: &[i64]| Tensor::zeros(n, (Kind::Float, device));
        Wins { mass: zeros(&[units]), anti: zeros(&[]), rows: 0, seen: None }
    }

    fn count(&mut self, y: &Tensor) {
        let net = y.sum_dim_intlist([0i64].as_slice(), false, Kind::Float).view(-1);
        let mass = y.relu().sum_dim_intlist([0i64].as_slice(), false, Kind::Float).view(-1);
        let _ = self.anti.g_add_(&(&mass - net).sum(Kind::Float));
        let _ = self.mass.g_add_(&mass);
        self.rows += y.size()[0];
    }

    fn add(&mut self, mass: &Tensor, anti: f64, rows: i64) {
        let _ = self.mass.g_add_(mass);
        let _ = self.anti.g_add_scalar_(anti);
        self.rows += rows;
    }
}
