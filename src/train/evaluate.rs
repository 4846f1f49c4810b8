//! Loss and accuracy of a network, and the score of units that never saw a label.

use tch::{Device, Kind, Tensor};

use super::bank::Bank;
use crate::layer::{Mode, Network};

/// Images a step when nothing learns.
pub const BATCH: usize = 500;

/// Mean cross entropy and accuracy (percent) of the whole network on these rows.
pub fn supervised(network: &mut Network, bank: &Bank, rows: &[i64]) -> (f64, f64) {
    let n = network.blocks.len();
    let (mut loss, mut correct) = (0.0, 0.0);
    for chunk in rows.chunks(BATCH) {
        let index = Tensor::from_slice(chunk);
        let labels = bank.labels(&index);
        let logits = bank.outputs(&index, network, n);
        loss += logits.cross_entropy_loss(&labels, None::<&Tensor>, tch::Reduction::Sum, -100, 0.0).double_value(&[]);
        correct += logits.argmax(1, false).eq_tensor(&labels).sum(Kind::Int64).double_value(&[]);
    }
    let n = rows.len().max(1) as f64;
    (loss / n, 100.0 * correct / n)
}

/// Which label each unit of a fully connected Hebbian block stands for.
#[derive(Debug)]
pub struct UnitLabels(Tensor);

impl UnitLabels {
    /// The label of the winner of each row of activities `(B, M)`: `(B)`.
    pub fn predict(&self, y: &Tensor) -> Tensor {
        self.0.index_select(0, &y.argmax(1, false))
    }
}

/// Winners and activity of a Hebbian block on labelled rows.
struct Responses {
    /// How often unit i won for label j `(M, classes)`.
    wins: Tensor,
    /// Activity of unit i for label j `(M, classes)`.
    mass: Tensor,
}

/// Gives each unit the label for which it wins most; a unit that never wins gets the label with most activity (§5).
pub fn label_units(network: &mut Network, block: usize, bank: &Bank, rows: &[i64]) -> UnitLabels {
    let classes = network.config().classes;
    let units = network.config().blocks[block].layer.out_channels;
    let options = (Kind::Double, network.device());
    let zeros = || Tensor::zeros([units, classes], options);
    let mut r = Responses { wins: zeros(), mass: zeros() };
    for_labelled(network, block, bank, rows, |y, labels| {
        let label = labels.one_hot(classes).to_kind(Kind::Double);
        let winner = y.argmax(1, false).one_hot(units).to_kind(Kind::Double);
        let _ = r.wins.g_add_(&winner.tr().matmul(&label));
        let _ = r.mass.g_add_(&y.to_kind(Kind::Double).tr().matmul(&label));
    });
    let never = r.wins.sum_dim_intlist([1i64].as_slice(), true, Kind::Double).eq(0.0);
    UnitLabels(r.mass.where_self(&never, &r.wins).argmax(1, false))
}

/// Accuracy (percent) when the winner's label is the prediction.
pub fn score_units(network: &mut Network, block: usize, bank: &Bank, rows: &[i64], units: &UnitLabels) -> f64 {
    let (mut correct, mut n) = (0.0, 0.0);
    for_labelled(network, block, bank, rows, |y, labels| {
        correct += units.predict(y).eq_tensor(labels).sum(Kind::Int64).double_value(&[]);
        n += labels.numel() as f64;
    });
    100.0 * correct / f64::max(n, 1.0)
}

/// Activities and labels of the rows that have a label, a batch at a time.
pub fn for_labelled(
    network: &mut Network,
    block: usize,
    bank: &Bank,
    rows: &[i64],
    mut visit: impl FnMut(&Tensor, &Tensor),
) {
    tch::no_grad(|| {
        for chunk in rows.chunks(BATCH) {
            let index = Tensor::from_slice(chunk);
            let labelled = bank.labels(&index).to_device(Device::Cpu).not_equal(-1);
            let index = index.masked_select(&labelled);
            if index.numel() == 0 {
                continue;
            }
            let x = bank.outputs(&index, network, block);
            let u = network.blocks[block].preactivate(&x, Mode::Eval);
            if let Some(layer) = network.blocks[block].hebbian() {
                visit(&layer.activities(&u), &bank.labels(&index));
            }
        }
    });
}
