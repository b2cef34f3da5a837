import pytest
import torch
from torch import nn

from baselines.networks import LowRankDecoder, Trunk, squareplus

TRUNK = Trunk(n_frames=6, n_mels=5, width=16, depth=2)


def n_parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_shapes():
    assert TRUNK.encoder(7)(torch.zeros(3, 6, 5)).shape == (3, 7)
    assert TRUNK.decoder(7)(torch.zeros(3, 7)).shape == (3, 6, 5)


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_encoder_has_the_parameters_of_its_layers(depth):
    """In: 30 bins to width 16. A residual block: norm, two square layers. Out: 7."""
    block = 2 * 16 + 2 * (16 * 16 + 16)
    expected = (30 * 16 + 16) + depth * block + (16 * 7 + 7)
    assert n_parameters(Trunk(6, 5, width=16, depth=depth).encoder(7)) == expected


def test_width_and_depth_of_the_trunk_reach_the_decoder():
    sizes = [n_parameters(Trunk(6, 5, width, depth).decoder(7)) for width, depth in ((16, 1), (32, 1), (32, 2))]
    assert sizes == sorted(set(sizes))


def test_the_decoder_is_of_low_rank_above_its_floor():
    """A plain layer of as many frames and bands would need frames * mels outputs for each."""
    wide = Trunk(n_frames=64, n_mels=64, width=16, depth=1)
    assert n_parameters(wide.decoder(4)) < 0.5 * n_parameters(wide.mlp(4, 64 * 64))


def test_the_decoder_can_say_envelope_plus_spectrum_in_decibels():
    """Two of its products are enough: envelope times one, and one times spectrum. Far above the floor it is exact."""
    decoder = LowRankDecoder(1, TRUNK)
    envelope, spectrum = torch.linspace(-30, 9, 6), torch.tensor([-5.0, 6.0, 3.0, -20.0, 8.0])
    envelopes, spectra = torch.zeros(6, decoder.RANK), torch.zeros(decoder.RANK, 5)
    envelopes[:, 0], envelopes[:, 1] = envelope, 1
    spectra[0], spectra[1] = 1, spectrum
    with torch.no_grad():
        last = decoder._deep[-1]
        assert isinstance(last, nn.Linear)
        for parameter in (last.weight, last.bias, decoder._linear.weight):
            parameter.zero_()
        decoder._linear.bias.copy_(torch.cat([envelopes.flatten() * decoder.RANK**0.5, spectra.flatten()]))
        above = decoder(torch.zeros(1, 1))[0] - decoder._floor
    level = envelope[:, None] + spectrum
    far = level.abs() > 2
    assert (far & (level > 0)).any()
    assert (far & (level < 0)).any()
    assert torch.allclose(above[far], level.clamp_min(0)[far], atol=0.05)
    assert (above >= 0).all()
    assert torch.equal(above.flatten().argsort(), level.flatten().argsort())


def test_the_decoder_learns_combinations_of_envelope_and_spectrum_that_it_has_not_met(seeded):
    """Log-mel images of four envelopes by four spectra, one-hot codes; four of the sixteen are held back."""
    trunk = Trunk(n_frames=12, n_mels=10, width=32, depth=1)
    envelopes, spectra = 10 * torch.randn(4, 12), 10 * torch.randn(4, 10)
    first, second = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    first, second = first.flatten(), second.flatten()
    decibels = (envelopes[first][:, :, None] + spectra[second][:, None, :]).clamp_min(-15)
    images = (decibels - decibels.mean()) / decibels.std()
    codes = torch.cat([nn.functional.one_hot(first, 4), nn.functional.one_hot(second, 4)], dim=1).float()
    held_back = first == second
    decoder = trunk.decoder(8)
    optimiser = torch.optim.AdamW(decoder.parameters(), 1e-2, weight_decay=1e-4)
    for _ in range(400):
        optimiser.zero_grad()
        (decoder(codes[~held_back]) - images[~held_back]).square().mean().backward()
        optimiser.step()
    with torch.no_grad():
        errors = (decoder(codes) - images).square().mean((1, 2))
    assert errors[~held_back].mean() < 0.01
    assert errors[held_back].mean() < 0.3  # the variance of an image is 1


def test_rows_do_not_meet(seeded):
    encoder = TRUNK.encoder(4)
    x = torch.randn(8, 6, 5)
    changed = x.clone()
    changed[1:] = torch.randn(7, 6, 5)
    assert torch.equal(encoder(x)[0], encoder(changed)[0])


def test_squareplus_by_hand():
    """(x + sqrt(x^2 + bend)) / 2, and its slope (1 + x / sqrt(x^2 + bend)) / 2: roots 2, 2.5 and 2.5."""
    x = torch.tensor([0.0, 1.5, -1.5], requires_grad=True)
    squareplus(x, 4.0).sum().backward()
    assert squareplus(x, 4.0).tolist() == pytest.approx([1, 2, 0.5])
    assert x.grad.tolist() == pytest.approx([0.5, 0.8, 0.2])


def test_the_slope_of_squareplus_is_that_of_small_differences():
    x = torch.linspace(-30, 30, 61, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: squareplus(x, 0.3), x)


def test_squareplus_of_low_precision_is_of_float32_and_its_gradient_of_what_came():
    x = torch.tensor([-3.0, 0.5], dtype=torch.bfloat16, requires_grad=True)
    told = squareplus(x, 0.3)
    told.sum().backward()
    assert (told.dtype, x.grad.dtype) == (torch.float32, torch.bfloat16)
    assert torch.equal(told, squareplus(x.detach().float(), 0.3))


def test_a_decoder_among_low_precision_learns_as_in_float32(seeded):
    """Its loss and its gradients, to the seven or eight bits of what it multiplies."""
    decoder, codes, images = TRUNK.decoder(7), torch.randn(64, 7), torch.randn(64, 6, 5)
    gradients = []
    for enabled in (False, True):
        decoder.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            nn.functional.mse_loss(decoder(codes), images).backward()
        gradients.append(torch.cat([p.grad.flatten() for p in decoder.parameters()]))
    assert (gradients[1] - gradients[0]).norm() < 0.03 * gradients[0].norm()
