import pytest
import torch

from adaptoscope.style_transfer.backbones.stable_diffusion.style_encoder import (
    StyleEncoder,
)


def affine_form(encoder: StyleEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """Matrix A and offset b, such that a token is `A v + b` for the pooled vector v alone."""
    last = encoder.final[1]
    matrix = last.weight @ encoder.second.output.weight @ encoder.second.value.weight
    return matrix, last.weight @ encoder.second.output.bias + last.bias


# A small encoder of the same build: 2 heads of 4.
WIDTH, HEADS, HEAD_WIDTH = 12, 2, 4


@pytest.fixture
def encoder() -> StyleEncoder:
    torch.manual_seed(0)
    return StyleEncoder(WIDTH, HEADS, HEAD_WIDTH)


def views(rows: int, places: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, places, WIDTH, generator=torch.Generator().manual_seed(seed))


def test_the_encoder_has_the_parameters_of_the_published_one() -> None:
    encoder = StyleEncoder()
    assert sum(p.numel() for p in encoder.first.parameters()) == 1_573_632
    assert sum(p.numel() for p in encoder.second.parameters()) == 1_573_632
    assert sum(p.numel() for p in encoder.final.parameters()) == 590_592
    assert sum(p.numel() for p in encoder.parameters()) == 3_737_856


def test_shown_one_vector_the_encoder_is_an_affine_map(encoder: StyleEncoder) -> None:
    matrix, offset = affine_form(encoder)
    seen = views(5, 1)
    with torch.no_grad():
        token = encoder.eval()(seen)
    torch.testing.assert_close(token, seen @ matrix.T + offset)
    assert torch.linalg.matrix_rank(matrix) <= HEADS * HEAD_WIDTH


def test_shown_one_vector_queries_keys_and_the_first_block_learn_nothing(
    encoder: StyleEncoder,
) -> None:
    encoder.train()(views(3, 1)).square().sum().backward()
    dead = [*encoder.first.parameters(), encoder.second.query.weight, encoder.second.key.weight]
    for parameter in dead:
        assert parameter.grad is None or not parameter.grad.any()
    live = [encoder.second.value, encoder.second.output, encoder.final[1]]
    for layer in live:
        assert layer.weight.grad.any()


def test_shown_patches_attention_is_real(encoder: StyleEncoder) -> None:
    encoder.eval()(views(3, 7)).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_patches_in_another_order_give_the_same_token(encoder: StyleEncoder) -> None:
    seen = views(2, 7)
    shuffled = torch.cat([seen[:, :1], seen[:, 1:].flip(1)], dim=1)
    with torch.no_grad():
        token = encoder.eval()(seen)
        torch.testing.assert_close(encoder(shuffled), token)
        assert not torch.isclose(encoder(seen[:, :1]), token).all()


def test_a_batch_gives_each_row_its_own_token(encoder: StyleEncoder) -> None:
    seen = views(3, 5)
    with torch.no_grad():
        together = encoder.eval()(seen)
        alone = torch.cat([encoder(row[None]) for row in seen])
    assert together.shape == (3, 1, WIDTH)
    torch.testing.assert_close(together, alone)


def test_dropout_acts_in_training_alone(encoder: StyleEncoder) -> None:
    seen = views(1, 1).expand(64, -1, -1)
    assert not torch.equal(encoder.train()(seen)[0], encoder(seen)[1])
    same = encoder.eval()(seen)
    torch.testing.assert_close(same, same[:1].expand_as(same))
