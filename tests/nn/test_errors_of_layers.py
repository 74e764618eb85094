"""Messages of errors of layers and optimisers."""

import pytest
from error_tables import check, entries

LAYERS = """
nn.Linear(0, 3, rng=rng())
ArgumentError: Linear: inputs must be an integer >= 1, but is 0

nn.Linear(3, -1, rng=rng())
ArgumentError: Linear: outputs must be an integer >= 1, but is -1

nn.Linear(3, 2, rng=rng())(zeros(4, 5))
ShapeError: linear: x has 5 features but w takes 3
  x (4, 5), laid out (N, in)   w (3, 2), laid out (in, out)
  in Linear(3 → 2)

nn.Conv2d(0, 3, 3, rng=rng())
ArgumentError: Conv2d: inputs must be an integer >= 1, but is 0

nn.Conv2d(3, 8, 0, rng=rng())
ArgumentError: Conv2d: kernel must be an integer >= 1, or two of them, but is 0

nn.Conv2d(3, 8, (3, 3, 3), rng=rng())
ArgumentError: Conv2d: kernel must be an integer >= 1, or two of them, but is (3, 3, 3)

nn.Conv2d(3, 8, 3, groups=2, rng=rng())
ArgumentError: Conv2d: groups must divide inputs, but inputs is 3 and groups 2

nn.Conv2d(4, 6, 3, groups=0, rng=rng())
ArgumentError: Conv2d: groups must divide inputs, but inputs is 4 and groups 0

nn.Conv2d(3, 8, 5, rng=rng())(zeros(1, 4, 4, 3))
ShapeError: conv2d: the window does not fit, the output height would be 0
  floor((size 4 + padding 0 + 0 - (dilation 1 * (kernel 5 - 1) + 1)) / stride 1) + 1 = 0
  x (1, 4, 4, 3), laid out (N, H, W, C)   w (5, 5, 3, 8), laid out (kh, kw, in, out)
  in Conv2d(3 → 8, 5×5)

nn.ConvTranspose2d(4, 5, 3, groups=2, rng=rng())
ArgumentError: ConvTranspose2d: groups must divide outputs, but outputs is 5 and groups 2

nn.ConvTranspose2d(4, 6, (0, 3), rng=rng())
ArgumentError: ConvTranspose2d: kernel must be an integer >= 1, or two of them, but is (0, 3)

nn.Conv1d(3, 8, (3, 3), rng=rng())
ArgumentError: Conv1d: kernel must be an integer >= 1, but is (3, 3)

nn.Conv1d(3, 8, 3, padding=(1, 1, 1), rng=rng())
ArgumentError: Conv1d: padding must be an integer >= 0, a pair (before, after), or 'same', but is (1, 1, 1)

nn.Conv1d(3, 8, 5, rng=rng())(zeros(1, 4, 3))
ShapeError: conv1d: the window does not fit, the output width would be 0
  floor((size 4 + padding 0 + 0 - (dilation 1 * (kernel 5 - 1) + 1)) / stride 1) + 1 = 0
  x (1, 4, 3), laid out (N, L, C)   w (5, 3, 8), laid out (k, in, out)
  in Conv1d(3 → 8, 5)

nn.ConvTranspose1d(3, 8, 2, rng=rng())(zeros(1, 4, 4))
ShapeError: conv_transpose1d: x has 4 channels but w takes 3
  x (1, 4, 4), laid out (N, L, C)   w (2, 8, 3), laid out (k, out, in)
  in ConvTranspose1d(3 → 8, 2)

nn.GELU("exact")
ArgumentError: gelu: approximate is 'exact'; choose one of: none, tanh

nn.PReLU(0)
ArgumentError: PReLU: channels must be an integer >= 1, but is 0

nn.Embedding(0, 3, rng=rng())
ArgumentError: Embedding: count must be an integer >= 1, but is 0

nn.Embedding(3, 3, rng=rng())(np.array([3]))
ArgumentError: Embedding: indices must lie in 0 … 2, but go from 3 to 3
  table (3, 3)   indices (1,)
  in Embedding(3 → 3)

nn.LayerNorm(3, affine=False)(None)
ShapeError: LayerNorm: x must have trailing axes (3,)
  x None
  in LayerNorm(3, not affine)

nn.Truncation(3)(np.array([[1, 2, 3]]))
DTypeError: Truncation: x must be a Tensor of floats, but is ndarray (1, 3)
  in Truncation(3)

nn.Embedding(3, 3, rng=rng())([0, -1])
ArgumentError: Embedding: indices must lie in 0 … 2, but go from -1 to 0
  table (3, 3)   indices (2,)
  in Embedding(3 → 3)

nn.Embedding(3, 3, rng=rng())(zeros(2))
DTypeError: Embedding: indices must be integers, but are float32
  a list given to a Module becomes a Tensor of floats: give an array of integers, np.array([0, 1])
  in Embedding(3 → 3)

ops.cross_entropy(zeros(2, 3), zeros(2))
DTypeError: cross_entropy: labels must be integers, but are float32

nn.Dropout(1.0, rng=rng())
ArgumentError: Dropout: rate must be a number, at least 0 and less than 1, but is 1.0

nn.Upsample(2, "cubic")
ArgumentError: Upsample: mode is 'cubic'; choose one of: nearest, bilinear

nn.Upsample(0)(zeros(1, 2, 2, 1))
ArgumentError: Upsample: factor must be an integer >= 1, but is 0

nn.MaxPool2d(2, padding=((0, 2), (0, 0)))(zeros(1, 4, 4, 1))
ArgumentError: max_pool2d: padding must be smaller than the kernel, or a window would contain nothing else
  x (1, 4, 4, 1), laid out (N, H, W, C)   kernel (2, 2)   padding ((0, 2), (0, 0))
  in MaxPool2d(2, stride 2)

nn.AvgPool2d((2, 1), padding=1)(zeros(1, 4, 4, 1))
ArgumentError: avg_pool2d: padding must be smaller than the kernel, or a window would contain nothing else
  x (1, 4, 4, 1), laid out (N, H, W, C)   kernel (2, 1)   padding ((1, 1), (1, 1))
  in AvgPool2d((2, 1), stride (2, 1))

nn.Sequential([nn.ReLU()])
ArgumentError: Sequential: layer 0 must be a Module, but is list
  give them one by one, nn.Sequential(a, b), or as nn.Sequential(*layers)

ops.conv1d(zeros(1, 8, 3), zeros(3, 3, 2), padding=zeros(2))
ArgumentError: conv1d: padding must be an integer >= 0, a pair (before, after), or 'same', but is Tensor (2,)

nn.ModuleList([3])
ArgumentError: ModuleList: layer 0 must be a Module, but is int

nn.PReLU(3)(1.0)
ShapeError: prelu: slope must broadcast to the shape of x
  x ()   slope (3,)
  in PReLU(3)

setattr(nn.Module(), "w", Tensor([1.0, 2.0], requires_grad=True))
ArgumentError: Module.w: a Tensor that requires a gradient is not a Parameter, so no optimiser would find it
  w (2,)   wrap it: nn.Parameter(array)

nn.BatchNorm(3, eps=-1)(zeros(2, 3))
ArgumentError: batch_norm: eps must be a number, at least 0 and finite, but is -1
  in BatchNorm(3)

nn.BatchNorm(3, eps=float("nan")).eval()(zeros(2, 3))
ArgumentError: batch_norm: eps must be a number, at least 0 and finite, but is nan
  in BatchNorm(3)

nn.BatchNorm(3, momentum=1.5)(zeros(2, 3))
ArgumentError: batch_norm: momentum must be a number between 0 and 1, but is 1.5
  in BatchNorm(3)

nn.LayerNorm(3, eps=-1)(zeros(2, 3))
ArgumentError: layer_norm: eps must be a number, at least 0 and finite, but is -1
  in LayerNorm(3)

nn.InstanceNorm(3, eps=-1)(zeros(2, 4, 4, 3))
ArgumentError: instance_norm: eps must be a number, at least 0 and finite, but is -1
  in InstanceNorm(3)

optim.Adam(nn.Linear(2, 1, rng=rng()))
ArgumentError: Adam: parameters is Linear; pass model.parameters()

optim.Adam(nn.Linear(2, 1, rng=rng()).named_parameters())
ArgumentError: Adam: parameter 0 is tuple; pass model.parameters()

optim.SGD([zeros(2)], 0.1)
ArgumentError: SGD: parameter 0 (2,) requires no gradient
  leave frozen ones out: [p for p in model.parameters() if p.requires_grad]

optim.Adam([nn.Parameter([1.0])], 0.1, 0.5)
ArgumentError: Adam: betas must be two numbers, but is 0.5

setattr(zeros(2), "data", 3.0)
DTypeError: Tensor.data: a new array must be an array, not float

bool(Tensor([1.0, 2.0]))
ShapeError: a Tensor of several numbers is neither true nor false
  x (2,)

ops.leaky_relu(zeros(2), 1.5)
ArgumentError: leaky_relu: slope must be a number between 0 and 1, but is 1.5

nn.BatchNorm(3)(zeros(1, 3))
ShapeError: batch_norm: in training each channel needs more than one value, as the variance of one is 0
  x (1, 3), laid out (N, C)   use a larger batch, or eval()
  in BatchNorm(3)

nn.BatchNorm(3)(zeros(2, 2, 2, 4))
ShapeError: batch_norm: gamma must have shape (4,) to fit x
  x (2, 2, 2, 4), laid out (N, H, W, C)   gamma (3,)
  in BatchNorm(3)

nn.Flatten()(np.zeros((2, 3), "int64"))
DTypeError: Tensor: data is int64, but only float32 and float64 have gradients
  data (2, 3)   convert it: data.astype('float32')
  as x of reshape
  in Flatten()

nn.Linear(2, 3, rng=rng()).load_state_dict({"w": np.zeros((3, 2)), "bias": np.zeros(3)})
ConfigError: Linear: the weights do not fit this network
  b (3,) is missing
  bias (3,) is unknown
  w (3, 2) should be (2, 3)

nn.Sequential(nn.Linear(2, 3, rng=rng())).load_state_dict({})
ConfigError: Sequential: the weights do not fit this network
  0.w (2, 3) is missing
  0.b (3,) is missing
"""


@pytest.mark.parametrize(("call", "expected"), entries(LAYERS))
def test_errors_of_layers(call, expected):
    check(call, expected)


OPTIMISERS = """
optim.SGD([], lr=0.1)
ArgumentError: SGD: there are no parameters to update; pass model.parameters()

optim.SGD([weight(2)] * 2, lr=0.1)
ArgumentError: SGD: a parameter is listed twice, and would be updated twice
  parameters 0 and 1 are one, (2,)

optim.SGD([{"params": 3}], lr=0.1)
ArgumentError: SGD: group 0: "params" is int; pass model.parameters()

optim.SGD([weight(2)], lr=True)
ArgumentError: SGD: lr must be a number, but is True

optim.SGD([weight(2)], lr=10**400)
ArgumentError: SGD: lr must be a number, but is 100000000000000000000000000000000000000000000000000000000000…

optim.Adam([weight(2)], amsgrad="no")
ArgumentError: Adam: amsgrad must be True or False, but is 'no'

optim.SGD([weight(2)], lr=0.1, momentum=0.5, nesterov=0)
ArgumentError: SGD: nesterov must be True or False, but is 0

optim.schedules.Linear(True)
ArgumentError: Linear: steps must be a whole number of at least 1, but is True

optim.schedules.Cosine(10)("1")
ArgumentError: Cosine: steps are counted from 0, but this is '1'

optim.schedules.Cosine(10)(float("nan"))
ArgumentError: Cosine: steps are counted from 0, but this is nan

optim.EMA(nn.ReLU()).update(-1)
ArgumentError: EMA.update: step must be an integer >= 0, but is -1

optim.SGD([weight(2)], lr=0)
ArgumentError: SGD: lr must be more than 0 and finite, but is 0

optim.SGD([weight(2)], lr=float("nan"))
ArgumentError: SGD: lr must be more than 0 and finite, but is nan

optim.Adam([weight(2)], lr=float("inf"))
ArgumentError: Adam: lr must be more than 0 and finite, but is inf

optim.SGD([weight(2)], lr=0.1, momentum=1.0)
ArgumentError: SGD: momentum must be at least 0 and less than 1, but is 1.0

optim.SGD([weight(2)], lr=0.1, nesterov=True)
ArgumentError: SGD: nesterov looks ahead along the momentum, so momentum must be more than 0

optim.RMSprop([weight(2)], rho=-0.1)
ArgumentError: RMSprop: rho must be at least 0 and less than 1, but is -0.1

optim.RMSprop([weight(2)], eps=-1.0)
ArgumentError: RMSprop: eps must be at least 0 and finite, but is -1.0

optim.Adam([weight(2)], betas=(0.9, 1.0))
ArgumentError: Adam: betas[1] must be at least 0 and less than 1, but is 1.0

optim.AdamW([weight(2)], betas=(-0.1, 0.9))
ArgumentError: AdamW: betas[0] must be at least 0 and less than 1, but is -0.1

optim.AdamW([weight(2)], eps=-1e-8)
ArgumentError: AdamW: eps must be at least 0 and finite, but is -1e-08

optim.AdamW([weight(2)], weight_decay=-0.1)
ArgumentError: AdamW: weight_decay must be at least 0 and finite, but is -0.1

optim.SGD([weight(2)], lr="a")
ArgumentError: SGD: lr must be a number, but is 'a'

optim.Adam([weight(2)], betas=(Tensor(0.5), 0.9))
ArgumentError: Adam: betas[0] must be a number, but is Tensor(0.5, float32)

optim.Adam([weight(2)], weight_decay=-0.1)
ArgumentError: Adam: weight_decay must be at least 0 and finite, but is -0.1

optim.SGD([{"params": [weight(2)], "rate": 0.1}], lr=0.1)
ArgumentError: SGD: group 0: unknown 'rate'
  options: lr, momentum, weight_decay, nesterov

optim.SGD([{"params": weight(2)}], lr=0.1)
ArgumentError: SGD: group 0 is ['params']; give each as {"params": list of parameters, …}

optim.SGD([{"params": [weight(2)]}, weight(2)], lr=0.1)
ArgumentError: SGD: group 1 is Tensor; give each as {"params": list of parameters, …}

optim.SGD({"params": [weight(2)]}, lr=0.1)
ArgumentError: SGD: parameters is dict; put it into a list

optim.Lion([{"params": [weight(2)]}, {"params": [weight(3)], "betas": (0.9, 2)}])
ArgumentError: Lion: group 1: betas[1] must be at least 0 and less than 1, but is 2

optim.EMA(weight(2))
ArgumentError: EMA: source is Tensor; give the Module whose weights are averaged

optim.EMA(nn.ReLU(), decay=1)
ArgumentError: EMA: decay must be at least 0 and less than 1, but is 1

optim.clip_grad_norm([weight(2)], 0)
ArgumentError: clip_grad_norm: max_norm must be more than 0 and finite, but is 0

optim.clip_grad_norm([zeros(2), 1.0], 1.0)
DTypeError: clip_grad_norm: gradient 1 is float; give Tensors

optim.clip_grad_value(np.ones(2), 1.0)
DTypeError: clip_grad_value: gradients is ndarray; give a list of Tensors

optim.clip_grad_value([zeros(2), weight(2) * 2], 1.0)
ArgumentError: clip_grad_value: gradient 1 (2,) is a result, of Mul, which cannot be written to
  pass its detach(), or take the gradient without create_graph

optim.schedules.Cosine(0)
ArgumentError: Cosine: steps must be a whole number of at least 1, but is 0

optim.schedules.Exponential(-0.5)
ArgumentError: Exponential: gamma must be at least 0 and finite, but is -0.5

optim.schedules.WarmUp(3)(-1)
ArgumentError: WarmUp: steps are counted from 0, but this is -1

optim.schedules.WarmUp(3).then(3, 0.5)
ArgumentError: then: 0.5 is no schedule; give one, such as Cosine(1000)

optim.SGD(weight(2), lr=0.1)
ArgumentError: SGD: parameters is Tensor; put it into a list

optim.SGD([weight(2) * 2], lr=0.1)
ArgumentError: SGD: parameter 0 (2,) is a result, of Mul
  pass the Tensors that it is computed from

optim.SGD([weight(2)], lr=0.1).step([np.zeros(2, "float32")])
DTypeError: SGD.step: gradient 0 is ndarray; wrap the array: Tensor(array)

optim.SGD([weight(2)], lr=0.1).step(zeros(1, 2))
ArgumentError: SGD.step: gradients is Tensor; give a list, one for each parameter

optim.SGD([weight(2)], lr=0.1).step()
GraphError: SGD.step: no parameter has a gradient; call loss.backward() first

optim.SGD([weight(2)], lr=0.1).step([])
ShapeError: SGD.step: 1 parameters but 0 gradients

optim.Adam([weight(2), weight(3)]).step([zeros(2), zeros(2)])
ShapeError: Adam.step: gradient 1 is unlike its parameter
  parameter (3,) float32 cpu   gradient (2,) float32 cpu

optim.RMSprop([weight(2)]).step([zeros(2, dtype="float64")])
ShapeError: RMSprop.step: gradient 0 is unlike its parameter
  parameter (2,) float32 cpu   gradient (2,) float64 cpu
"""


@pytest.mark.parametrize(("call", "expected"), entries(OPTIMISERS))
def test_errors_of_optimisers(call, expected):
    check(call, expected)
