"""What is done to cached crops at each use, so that none is ever the same: place, sharpness, light, noise, patches."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_GAMMA = 2.2


def augment(crops: Tensor, generator: torch.Generator) -> Tensor:
    """Crops (N, 32, 128, 3) 0..255 changed at random: moved, over-lit, aliased, blurred, sharpened, noisy, covered."""
    values = _glow(_bleed(_move(crops.float(), generator), generator), generator)
    values = _sharpen(_blur(_alias(values, generator), generator), generator)
    count = len(values)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator) * (high - low) + low

    values = (values - 127) * uniform(0.7, 1.25, 1, 1, 1) + 127 + uniform(-25, 25, 1, 1, 1)
    values = values * uniform(0.9, 1.1, 1, 1, 3)
    values = values + torch.randn(values.shape, generator=generator) * uniform(0, 7, 1, 1, 1)
    _cover(values, generator)
    return values.clamp(0, 255)


def _cover(values: Tensor, generator: torch.Generator) -> None:
    """One crop in sixteen gets a patch anywhere; one in six a bolt, a frame's edge or lettering at its foot or top."""

    def between(low: int, high: int) -> int:
        return int(torch.randint(low, high, (1,), generator=generator))

    count, height, width = values.shape[:3]
    for index in range(count // 16):
        x, y = between(0, width - 8), between(0, height - 4)
        values[index, y : y + 6, x : x + 6] = float(between(0, 256))
    for index in range(count // 16, count // 16 + count // 6):
        x, across, down = between(0, width), between(3, 14), between(2, 6)
        y = between(0, 3) if between(0, 3) == 0 else height - down - between(0, 3)
        bright = values[index].amax() if between(0, 3) else float(between(0, 256))
        values[index, y : y + down, x : x + across] = bright


def _move(values: Tensor, generator: torch.Generator) -> Tensor:
    """Scale, shift, shear and turn (N, H, W, 3) a little, about as far as a detector's corners are off."""
    count = len(values)
    spread = torch.tensor([[0.025, 0.02, 0.025], [0.015, 0.05, 0.06]])
    far = 1 + (torch.rand(count, 1, 1, generator=generator) < 0.25).float()  # a detector is sometimes quite wrong
    matrix = torch.eye(2, 3) + torch.randn(count, 2, 3, generator=generator) * spread * far
    grid = nn.functional.affine_grid(matrix, [count, 3, *values.shape[1:3]], align_corners=False)
    moved = nn.functional.grid_sample(
        values.permute(0, 3, 1, 2), grid, padding_mode="border", align_corners=False
    ).permute(0, 2, 3, 1)
    return torch.where(torch.rand(count, 1, 1, 1, generator=generator) < 0.6, moved, values)


def _blur(values: Tensor, generator: torch.Generator) -> Tensor:
    """In each quarter of (N, H, W, 3), two times in five, lose detail by seeing it smaller."""

    def seen_smaller(part: Tensor) -> Tensor:
        if float(torch.rand(1, generator=generator)) > 0.4:
            return part
        share = float(torch.rand(1, generator=generator)) * 0.5 + 0.4
        small = nn.functional.interpolate(part.permute(0, 3, 1, 2), scale_factor=share, mode="area")
        return nn.functional.interpolate(small, size=list(part.shape[1:3]), mode="bilinear").permute(0, 2, 3, 1)

    return torch.cat([seen_smaller(part) for part in values.chunk(4)])


def _bleed(values: Tensor, generator: torch.Generator) -> Tensor:
    """In each quarter, one time in four, bright strokes bleed over dark ones (headlights), or the other way round."""

    def bled(part: Tensor) -> Tensor:
        chance, amount, bright = torch.rand(3, generator=generator).tolist()
        if chance > 0.25:
            return part
        sign = 1.0 if bright < 0.6 else -1.0
        wide = nn.functional.max_pool2d(sign * part.permute(0, 3, 1, 2), 3, 1, 1).permute(0, 2, 3, 1) * sign
        return part.lerp(wide, 0.9 * amount)

    return torch.cat([bled(part) for part in values.chunk(4)])


def _glow(values: Tensor, generator: torch.Generator) -> Tensor:
    """In each eighth, one time in three, blurred and exposed in linear light, as `simulator.plates.degrade.glow`."""

    def glowing(part: Tensor) -> Tensor:
        chance, width, gain = torch.rand(3, generator=generator).tolist()
        if chance > 0.34:
            return part
        taps = torch.arange(-3.0, 4.0)
        kernel = torch.exp(-(taps**2) / (2 * (0.3 + 0.9 * width) ** 2))
        kernel = (kernel / kernel.sum()).repeat(3, 1)
        light = (part.clamp(0, 255) / 255).pow(_GAMMA).permute(0, 3, 1, 2) * (0.8 + 1.6 * gain**2)
        light = nn.functional.pad(light, (3, 3, 3, 3), mode="replicate")
        light = nn.functional.conv2d(light, kernel[:, None, None, :], groups=3)
        light = nn.functional.conv2d(light, kernel[:, None, :, None], groups=3)
        return light.clamp(1e-6, 1).pow(1 / _GAMMA).permute(0, 2, 3, 1) * 255

    return torch.cat([glowing(part) for part in values.chunk(8)])


def _alias(values: Tensor, generator: torch.Generator) -> Tensor:
    """In each eighth, one time in three, sampled at points and enlarged, as `simulator.plates.degrade.aliased`."""

    def sampled(part: Tensor) -> Tensor:
        chance, down, across = torch.rand(3, generator=generator).tolist()
        if chance > 0.34:
            return part
        steps = (1.0 + 1.4 * down, 1.0 + max(0.0, 1.6 * across - 0.6))
        chosen = [_points(size, step, generator) for size, step in zip(part.shape[1:3], steps, strict=True)]
        points = part[:, chosen[0]][:, :, chosen[1]].permute(0, 3, 1, 2)
        return nn.functional.interpolate(points, size=list(part.shape[1:3]), mode="bilinear").permute(0, 2, 3, 1)

    return torch.cat([sampled(part) for part in values.chunk(8)])


def _points(size: int, step: float, generator: torch.Generator) -> Tensor:
    """Places 0 .. size-1 that lie `step` apart, from a random one on."""
    first = torch.rand(1, generator=generator) * step
    return (first + step * torch.arange(int((size - 1) / step) + 1)).long().clamp(max=size - 1)


def _sharpen(values: Tensor, generator: torch.Generator) -> Tensor:
    """In each eighth, four times in ten, over-sharpened and clipped; half of them along the lines only, as video is."""

    def sharpened(part: Tensor) -> Tensor:
        chance, amount, along = torch.rand(3, generator=generator).tolist()
        if chance > 0.4:
            return part
        size, pad = ((1, 5), (0, 2)) if along < 0.5 else ((3, 3), (1, 1))
        soft = nn.functional.avg_pool2d(part.permute(0, 3, 1, 2), size, 1, pad, count_include_pad=False)
        return (part + 2 * amount * (part - soft.permute(0, 2, 3, 1))).clamp(0, 255)

    return torch.cat([sharpened(part) for part in values.chunk(8)])
