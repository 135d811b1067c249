"""A grid's blocks are products, blocks add up, and a block's own number of seeds counts."""

from benign.grids import points


def test_a_block_is_the_product_of_its_lists_with_every_seed() -> None:
    grid = {"common": {"d": 3, "n": 5}, "seeds": 2, "experiments": {"sweep": [{"d": [1, 2], "name": "a"}]}}
    found = list(points(grid))
    assert {(p["d"], p["n"], p["name"], p["experiment"], p["seed"]) for p in found} == {
        (d, 5, "a", "sweep", seed) for d in (1, 2) for seed in (0, 1)
    }
    assert len(found) == 4


def test_a_blocks_own_seeds_replace_the_grids() -> None:
    grid = {"common": {}, "seeds": 2, "experiments": {"a": [{"x": 1, "seeds": 1}], "b": [{"x": 1}, {"x": 2}]}}
    assert [(p["experiment"], p["x"], p["seed"]) for p in points(grid)] == [
        ("a", 1, 0),
        *(("b", x, seed) for x in (1, 2) for seed in (0, 1)),
    ]
