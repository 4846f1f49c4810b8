//! A recorded encoder: its laterals and outputs step by step, and the lines that it logged.

use tch::Device;

use super::{Recording, VerifyError};
use crate::encoder::model::Convolution;
use crate::encoder::published::Published;
use crate::encoder::{Encoder, Rule, StepLog, Variant};

/// Either form of the encoder.
enum Form {
    Fast(Encoder),
    Plain(Published),
}

pub(super) fn run(r: &mut Recording) -> Result<(), VerifyError> {
    // Of each layer: channels of the input, of the output, and rows and columns of positions.
    let layers: Vec<(i64, i64, [i64; 2])> = r.json("layers")?;
    let variant = match r.metadata.get("variant").map(String::as_str) {
        Some("v1") => Variant::V1,
        _ => Variant::V2,
    };
    let rule = Rule { variant, rate: r.number("rate")?, clamp: r.number("clamp")? };
    let convolution = |i| {
        let tensor = |what| r.tensor(&format!("conv{i}.{what}"));
        Ok(Convolution { weight: tensor("weight")?, bias: tensor("bias")? })
    };
    let convolutions = (0..layers.len()).map(convolution).collect::<Result<Vec<_>, VerifyError>>()?;
    let size = r.tensor("x.0")?.size();
    let &[_, c, h, w] = size.as_slice() else {
        return Err(r.lacks(format!("tensor x.0 has shape {size:?}, images have four dimensions")));
    };
    let encoder = Encoder::from_convolutions([c, h, w], convolutions, rule).map_err(|e| r.lacks(e.to_string()))?;
    if let Some((i, _)) = encoder.positions().iter().zip(&layers).enumerate().find(|(_, (p, l))| **p != l.2) {
        return Err(r.lacks(format!("layer {i} has {:?} positions, ours {:?}", layers[i].2, encoder.positions()[i])));
    }
    let encoder = encoder.to_device(r.device);
    let mut form = if r.fast { Form::Fast(encoder) } else { Form::Plain(Published::like(&encoder)) };
    let lines: Vec<String> = r.json("logs")?;
    let mut k = 0;
    while r.has(&format!("x.{k}")) {
        let x = r.tensor(&format!("x.{k}"))?;
        if x.size()[1..] != size[1..] || x.size().len() != 4 {
            return Err(r.lacks(format!("tensor x.{k} has shape {:?}, x.0 has {size:?}", x.size())));
        }
        let (features, log) = match &mut form {
            Form::Fast(encoder) => encoder.step(&x),
            Form::Plain(published) => published.step(&x),
        };
        r.compare(&format!("features.{k}"), &features)?;
        for i in 0..layers.len() {
            let lateral = match &form {
                // The recording has a copy for each channel.
                Form::Fast(encoder) => {
                    let l = &encoder.layers[i];
                    let n = l.lateral.positions();
                    l.lateral.full().unsqueeze(0).expand([l.convolution.channels(), n, n], false).to_device(Device::Cpu)
                }
                Form::Plain(published) => published.layers[i].1.shallow_clone(),
            };
            r.compare(&format!("lateral{i}.{k}"), &lateral)?;
        }
        if let Some(line) = lines.get(k) {
            compare_line(r, k, line, &log)?;
        }
        k += 1;
    }
    if lines.len() != k {
        return Err(r.lacks(format!("it has {k} inputs and {} log lines", lines.len())));
    }
    Ok(())
}

/// A logged number is right if it is the recorded one to its last digit; rounding may go either way between two neighbours.
fn compare_line(r: &mut Recording, k: usize, line: &str, log: &StepLog) -> Result<(), VerifyError> {
    for (name, ours, digits) in [("energy", log.energy, 4), ("delta", log.delta, 6), ("norm", log.norm, 4)] {
        let text = line.split([' ', ',']).find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let theirs: f64 = text
            .and_then(|t| t.parse().ok())
            .ok_or_else(|| r.lacks(format!("log line {k} has no number {name}: {line}")))?;
        let half = 0.5 * 10f64.powi(-digits);
        r.judge(&format!("log {k}: {name}"), (ours - theirs).abs(), half + super::RELATIVE * theirs.abs());
    }
    Ok(())
}
