//! The part of the image that a unit sees.
//!
//! Going up through the layers, a window of `k` steps with dilation `d` widens the field by `(k−1)·d·j` pixels, where `j` is how
//! many pixels a step is by then; a stride multiplies `j`, padding moves the first field to the left by `p·j`. A layer's own
//! pool is not part of the fields of its units. The paper's network on STL-10 has fields of 5, 12, 26 and 54 pixels.

use crate::preset::config::{Arch, NetworkConfig};

/// Where the units of a layer look, in pixels of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Side of the square, pixels (before the image's border cuts it).
    pub size: i64,
    /// Pixels from a position to the next.
    pub jump: i64,
    /// First pixel of the first position's field; negative where padding counts.
    pub offset: i64,
}

impl Field {
    /// The image itself.
    const PIXEL: Field = Field { size: 1, jump: 1, offset: 0 };

    fn through(self, kernel: i64, stride: i64, dilation: i64, padding: i64) -> Field {
        Field {
            size: self.size + (kernel - 1) * dilation * self.jump,
            jump: self.jump * stride,
            offset: self.offset - padding * self.jump,
        }
    }

    /// First pixel of the field at position `i` (row or column).
    pub fn start(&self, i: i64) -> i64 {
        self.offset + i * self.jump
    }
}

/// The field of the units of block `b`; `None` for a fully connected one, which sees everything.
pub fn field(network: &NetworkConfig, b: usize) -> Option<Field> {
    let mut field = Field::PIXEL;
    for (i, block) in network.blocks.iter().enumerate().take(b + 1) {
        if block.arch == Arch::Mlp {
            return None;
        }
        let l = &block.layer;
        field = field.through(l.kernel_size, l.stride, l.dilation, l.padding);
        if let Some(p) = block.pool.filter(|_| i < b) {
            field = field.through(p.kernel, p.stride, 1, p.padding);
        }
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Catalogue, dataset_config, resolve};

    #[test]
    fn the_papers_fields_come_out() {
        let catalogue = Catalogue::embedded().unwrap();
        let data = dataset_config(&catalogue, "STL10_100aug", false, 0).unwrap();
        let network = resolve(&catalogue, &catalogue.model("5SoftHebbCnnSTL").unwrap(), &data).unwrap();
        let sizes: Vec<_> = (0..5).map(|b| field(&network, b).map(|f| f.size)).collect();
        assert_eq!(sizes, [Some(5), Some(12), Some(26), Some(54), None]);
        let second = field(&network, 1).unwrap();
        // A pool of 4 with stride 2 and padding 1 on a convolution of 5 with padding 2, then one of 3 with padding 1.
        assert_eq!((second.jump, second.offset, second.start(3)), (2, -2 - 1 - 2, 1));
    }
}
