//! Why a block does not fit its place: its keys, its shapes, its neighbours. Each message ends in a way out.

/// Why a block does not fit its place in the network. Shapes are channels×height×width.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BlockProblem {
    /// A key that has no default is missing.
    #[error("key `{letters}` ({name}) is missing, and it has no default\nhint: give it, e.g. `{letters}{example}`")]
    Missing {
        /// `c`
        letters: &'static str,
        /// `out_channels`
        name: &'static str,
        /// `96`
        example: &'static str,
    },
    /// A convolution's key on an MLP block.
    #[error(
        "key {key} is for convolutions, and this block is an MLP\n\
         hint: leave it out, or make the block a convolution (arch_CNN)"
    )]
    NotConvolution {
        /// Which: "`k` (kernel_size)".
        key: String,
    },
    /// A layer default is missing or not of its type.
    #[error("layer default `{key}` is {what}; expected {expected}")]
    Default {
        /// Which key.
        key: String,
        /// "missing", or the value.
        what: String,
        /// What would be right.
        expected: String,
    },
    /// The kernel does not fit into the image.
    #[error(
        "the image is too small: a kernel that spans {kernel} pixels does not fit into {height}×{width} padded by \
         {padding}\nhint: use fewer blocks or pools, a smaller kernel, or larger images"
    )]
    KernelTooLarge {
        /// Pixels that the (dilated) kernel spans.
        kernel: i64,
        /// Rows of the layer's input.
        height: i64,
        /// Columns of the layer's input.
        width: i64,
        /// Padding at each side.
        padding: i64,
    },
    /// Mirroring or wrapping more than there is.
    #[error(
        "padding {padding} ({mode}) is too large for an image of {height}×{width}: it must be {limit} each side\n\
         hint: use fewer blocks or pools, less padding, or padding_mode=zeros"
    )]
    PaddingTooLarge {
        /// Padding at each side.
        padding: i64,
        /// `reflect` or `circular`.
        mode: &'static str,
        /// Rows of the layer's input.
        height: i64,
        /// Columns of the layer's input.
        width: i64,
        /// "smaller than" or "at most".
        limit: &'static str,
    },
    /// The pool does not fit into the layer's output.
    #[error(
        "the image is too small: the pool {pool} does not fit into the layer's output of {height}×{width}, \
         nothing would be left\nhint: use fewer blocks or pools, a smaller pool, or larger images"
    )]
    PoolTooLarge {
        /// As written: `max_4_2_1`.
        pool: String,
        /// Rows of the layer's output.
        height: i64,
        /// Columns of the layer's output.
        width: i64,
    },
    /// A pool padded by more than half of its window.
    #[error(
        "the pool {pool} is padded by {padding}, more than half of its window of {kernel}\n\
         hint: the form is kind_kernel_stride_padding, e.g. max_4_2_1"
    )]
    PoolPadding {
        /// As written.
        pool: String,
        /// Padding at each side.
        padding: i64,
        /// Side of the window.
        kernel: i64,
    },
    /// A pool on an MLP block.
    #[error("an MLP block has no pixels to pool with {pool}\nhint: leave the pool out")]
    PoolOnMlp {
        /// As written.
        pool: String,
    },
    /// Groups that do not divide.
    #[error(
        "{channels} {which} channels do not fall into {groups} groups of one size\n\
         hint: `g` must divide both the input and the output channels"
    )]
    Groups {
        /// "input" or "output".
        which: &'static str,
        /// How many channels.
        channels: i64,
        /// How many groups.
        groups: i64,
    },
    /// An MLP that is handed images.
    #[error("an MLP block is handed images of {shape} and does not flatten them\nhint: add the operation `flatten`")]
    NotFlat {
        /// The images.
        shape: String,
    },
    /// A convolution or 2-d norm that is handed vectors.
    #[error(
        "{what} needs images, and is handed vectors of {features} features: an MLP block or a flatten stands \
         before it\nhint: put convolutions before MLP blocks"
    )]
    Flat {
        /// "a convolution" or "batchnorm2d".
        what: &'static str,
        /// Length of the vectors.
        features: i64,
    },
    /// A convolution whose operations flatten its input.
    #[error("a convolution cannot follow `flatten` in its own block\nhint: leave the operation out")]
    FlattenedConvolution,
    /// A 1-d batch norm on images.
    #[error("batchnorm1d needs vectors, and is handed images of {shape}\nhint: use batchnorm2d, or add `flatten`")]
    NormOnImages {
        /// The images.
        shape: String,
    },
    /// A classifier with too many or too few outputs.
    #[error(
        "a classifier needs one unit a class: this one has {units}, and the data have {classes} classes\n\
         hint: use c{classes}, or end with a `BP` block, which takes the number of classes by itself"
    )]
    Classes {
        /// Units of the layer.
        units: i64,
        /// Classes of the data.
        classes: i64,
    },
    /// A backpropagation classifier that is a convolution.
    #[error(
        "the last block is a convolution trained by backpropagation: its output of {shape} is not one score a \
         class\nhint: end with an MLP block such as `BP-c10`"
    )]
    ConvolutionalClassifier {
        /// Its output.
        shape: String,
    },
    /// The supervised rule in a convolution.
    #[error("SupervisedSoftKrotov is a classifier and exists as MLP only\nhint: use SoftKrotov in convolutions")]
    SupervisedConvolution,
    /// A rank below the last unit.
    #[error(
        "ranking_param is {rank}, but only {units} units compete\n\
         hint: use more neurons, fewer groups, or a smaller ranking_param"
    )]
    Rank {
        /// The rank.
        rank: i64,
        /// Units that compete (those of one group).
        units: i64,
    },
    /// More learning units than units.
    #[error("nb_train is {nb_train}, but the layer has {units} units")]
    NbTrain {
        /// How many shall learn.
        nb_train: i64,
        /// How many there are.
        units: i64,
    },
    /// An initial range that is no number.
    #[error(
        "the initial range of the weights is not finite: radius {radius}, lebesgue_p {p}\n\
         hint: use a smaller radius or lebesgue_p"
    )]
    Range {
        /// Initial radius.
        radius: f64,
        /// P of the norm.
        p: i64,
    },
    /// Sizes beyond what a tensor can hold.
    #[error("the layer would have more than {limit} {what}")]
    TooLarge {
        /// "weights" or "inputs".
        what: &'static str,
        /// The limit.
        limit: i64,
    },
}
