"""The Inception v3 of FID in PyTorch, with the names and the pools that pytorch-fid's weights are for.

It is written without torchvision, from the papers and the names of the weights, for comparison with rawgan's.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

POOLED = {"kernel_size": 3, "stride": 1, "padding": 1}


class Unit(nn.Module):
    """Convolution without bias, batch norm with ε = 0.001, ReLU."""

    def __init__(self, inputs, outputs, kernel=1, **options):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, bias=False, **options)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def wide(inputs, outputs, length):
    """Convolution of 1 × length pixels."""
    return Unit(inputs, outputs, (1, length), padding=(0, length // 2))


def tall(inputs, outputs, length):
    """Convolution of length × 1 pixels."""
    return Unit(inputs, outputs, (length, 1), padding=(length // 2, 0))


def average(x: Tensor) -> Tensor:
    """Mean of the neighbours inside of the image."""
    return F.avg_pool2d(x, **POOLED, count_include_pad=False)


class BlockA(nn.Module):
    """Block at 35 × 35 pixels."""

    def __init__(self, inputs, pooled):
        super().__init__()
        self.branch1x1 = Unit(inputs, 64)
        self.branch5x5_1 = Unit(inputs, 48)
        self.branch5x5_2 = Unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Unit(inputs, 64)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, padding=1)
        self.branch_pool = Unit(inputs, pooled)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(average(x))], 1)


class BlockB(nn.Module):
    """From 35 × 35 to 17 × 17 pixels."""

    def __init__(self, inputs):
        super().__init__()
        self.branch3x3 = Unit(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = Unit(inputs, 64)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class BlockC(nn.Module):
    """Block at 17 × 17 pixels."""

    def __init__(self, inner):
        super().__init__()
        self.branch1x1 = Unit(768, 192)
        self.branch7x7_1 = Unit(768, inner)
        self.branch7x7_2 = wide(inner, inner, 7)
        self.branch7x7_3 = tall(inner, 192, 7)
        self.branch7x7dbl_1 = Unit(768, inner)
        self.branch7x7dbl_2 = tall(inner, inner, 7)
        self.branch7x7dbl_3 = wide(inner, inner, 7)
        self.branch7x7dbl_4 = tall(inner, inner, 7)
        self.branch7x7dbl_5 = wide(inner, 192, 7)
        self.branch_pool = Unit(768, 192)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(average(x))], 1)


class BlockD(nn.Module):
    """From 17 × 17 to 8 × 8 pixels."""

    def __init__(self):
        super().__init__()
        self.branch3x3_1 = Unit(768, 192)
        self.branch3x3_2 = Unit(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Unit(768, 192)
        self.branch7x7x3_2 = wide(192, 192, 7)
        self.branch7x7x3_3 = tall(192, 192, 7)
        self.branch7x7x3_4 = Unit(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)


class BlockE(nn.Module):
    """Block at 8 × 8 pixels; in the last one, the pool takes the largest value."""

    def __init__(self, inputs, largest):
        super().__init__()
        self.largest = largest
        self.branch1x1 = Unit(inputs, 320)
        self.branch3x3_1 = Unit(inputs, 384)
        self.branch3x3_2a = wide(384, 384, 3)
        self.branch3x3_2b = tall(384, 384, 3)
        self.branch3x3dbl_1 = Unit(inputs, 448)
        self.branch3x3dbl_2 = Unit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = wide(384, 384, 3)
        self.branch3x3dbl_3b = tall(384, 384, 3)
        self.branch_pool = Unit(inputs, 192)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, **POOLED) if self.largest else average(x)
        parts = self.branch3x3_2a(three), self.branch3x3_2b(three), self.branch3x3dbl_3a(double)
        return torch.cat([self.branch1x1(x), *parts, self.branch3x3dbl_3b(double), self.branch_pool(pooled)], 1)


class Inception(nn.Module):
    """Images (N, 3, 299, 299) in [−1, 1] → features (N, 2048). Its classifier, `fc`, is there for its name alone."""

    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Unit(64, 80)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = map(BlockC, (128, 160, 160, 192))
        self.Mixed_7a = BlockD()
        self.Mixed_7b, self.Mixed_7c = BlockE(1280, largest=False), BlockE(2048, largest=True)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(F.max_pool2d(x, 3, 2))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))


def random_inception(seed=0):
    """A network of random weights, in evaluation mode, whose numbers keep their scale from layer to layer."""
    torch.manual_seed(seed)
    network = Inception().eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.8, 1.2)
                module.bias.normal_(0, 0.1)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.8, 1.2)
    return network


def features_of(network, images):
    """Features of images as the network sees them. Shapes: images (N, 299, 299, 3), an array → (N, 2048)"""
    with torch.no_grad():
        return network(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()).numpy()


def of_pytorch_fid(weights):
    """The network of pytorch-fid with these weights, and its distance of two moments. Raises: ImportError without it"""
    from pytorch_fid import fid_score, inception

    inception.load_state_dict_from_url = lambda *_, **__: weights  # in the place of a download
    blocks = inception.InceptionV3(resize_input=False, normalize_input=False).eval()

    def distance(a, b):
        return float(fid_score.calculate_frechet_distance(a.mean, a.covariance, b.mean, b.covariance))

    return nn.Sequential(blocks, Pooled()), distance


class Pooled(nn.Module):
    """The features of pytorch-fid's only block, (N, 2048, 1, 1), without the axes of pixels."""

    def forward(self, blocks: list[Tensor]) -> Tensor:
        return blocks[0].flatten(1)
