import json

import torch
from safetensors import safe_open
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    """A 3×3 convolution and the steps around it, or a residual block of two of them."""

    def __init__(self, inputs, stage):
        super().__init__()
        self.stage, outputs = stage, stage["channels"] * (4 if stage["shuffle"] else 1)
        self.conv = nn.Conv2d(inputs, outputs, 3, stride=2 if stage["halve"] else 1, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1) if stage["residual"] else None
        self.norm = nn.BatchNorm2d(outputs) if stage["batch_norm"] else nn.Identity()

    def convolve(self, conv, x):
        x = F.relu(x) if self.stage["activate"] else x
        x = conv(F.interpolate(x, scale_factor=2) if self.stage["upsample"] else x)
        x = F.relu(x) if self.stage["relu"] else x
        x = F.max_pool2d(x, 2) if self.stage["max_pool"] else x
        return F.pixel_shuffle(x, 2) if self.stage["shuffle"] else x

    def forward(self, x):
        y = self.convolve(self.conv, x)
        return self.norm(x + self.convolve(self.second, y) if self.second else y)


class Autoencoder(nn.Module):
    """images [N, C, H, W] in [0, 1] → encode → codes [N, latent_dim] → decode → images."""

    def __init__(self, design):
        super().__init__()
        self.design, latent_dim = design, design["latent_dim"]
        pixels, features = (torch.Size(design[name]).numel() for name in ("image", "features"))

        def side(channels, stages, inputs, outputs, beside):
            channels = [channels] + [stage["channels"] for stage in stages]
            side = {"blocks": nn.Sequential(*map(Block, channels, stages)), "dense": nn.Linear(inputs, outputs)}
            return nn.ModuleDict(side | ({"shortcut": nn.Linear(*beside)} if design["shortcut"] else {}))

        channels = design["image"][0], design["features"][0]
        self.encoder = side(channels[0], design["encoder"], features, latent_dim, (pixels, latent_dim))
        self.decoder = side(channels[1], design["decoder"], latent_dim, features, (latent_dim, pixels))

    def encode(self, images):
        (_, height, width), (_, inner_height, inner_width) = self.design["image"], self.design["inner"]
        x = F.pad(images, (0, inner_width - width, 0, inner_height - height), mode="replicate")
        codes = self.encoder["dense"](self.encoder["blocks"](x).flatten(1))
        return codes + self.encoder["shortcut"](images.flatten(1)) if self.design["shortcut"] else codes

    def decode(self, codes):
        channels, height, width = self.design["image"]
        x = self.decoder["dense"](codes).unflatten(1, self.design["features"])
        x = self.decoder["blocks"](x)[..., :height, :width]
        if self.design["shortcut"]:
            x = x + self.decoder["shortcut"](codes).unflatten(1, (channels, height, width))
        return x.sigmoid() if self.design["output"] == "logits" else x.clamp(0, 1)

    def forward(self, images):
        return self.decode(self.encode(images))


def load(path="pytorch.safetensors"):
    """The model in the file that `trainer export` wrote, ready for use."""
    with safe_open(path, framework="pt") as file:
        model = Autoencoder(json.loads(file.metadata()["trainer"])["design"])
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
    return model.eval()
