import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.settings import TrainSettings
from train.steps import Updates, advice, best_fit_decreasing, count_updates, next_fit, packing_order
from train.trainers.axolotl import Axolotl
from train.trainers.trl import Trl

LENGTHS = st.lists(st.integers(1, 4096), min_size=1, max_size=300)
TRAINERS = st.sampled_from([Axolotl(), Trl()])


def counted(lengths, settings: TrainSettings, trainer=None) -> Updates:
    return count_updates(lengths, settings, (trainer or Axolotl()).count)


@given(LENGTHS)
def test_packing_loses_no_sample_and_fills_no_bin_beyond_its_size(lengths: list[int]) -> None:
    bins = best_fit_decreasing(lengths, 4096)
    assert sorted(at for one in bins for at in one) == list(range(len(lengths)))
    assert all(sum(lengths[at] for at in one) <= 4096 for one in bins)
    assert sum(next_fit(lengths, 4096)) == sum(lengths) and max(next_fit(lengths, 4096)) <= 4096


@given(LENGTHS, st.integers(0, 9))
def test_the_order_packs_about_as_well_as_best_fit(lengths: list[int], seed: int) -> None:
    settings = TrainSettings(seed=seed)
    order = packing_order(lengths, settings)
    assert sorted(order) == list(range(len(lengths))) and order == packing_order(lengths, settings)
    assert len(next_fit([lengths[at] for at in order], 4096)) <= len(best_fit_decreasing(lengths, 4096))


@given(LENGTHS, TRAINERS, st.booleans(), st.integers(1, 4), st.integers(1, 8), st.integers(1, 4), st.integers(1, 3))
def test_no_update_holds_more_than_its_batch(lengths, trainer, packing, micro, accumulation, devices, epochs) -> None:
    settings = TrainSettings(
        packing=packing, micro_batch_size=micro, gradient_accumulation=accumulation, devices=devices, epochs=epochs
    )
    found = counted(lengths, settings, trainer)
    assert found.updates >= 1 and found.tokens == sum(lengths) and 0 <= found.lost <= found.tokens
    assert (
        0 <= found.warmup <= max(2, found.updates * settings.warmup_ratio)
        and found.warmup != 1
        and 0 < found.efficiency <= 1
    )


def test_the_null_result_of_the_field_notes() -> None:
    # 1M tokens in sequences of 4,096: 31 updates at batch 8, about 246 at batch 1 (section 5.2).
    lengths = [1024] * 1000
    eight = counted(lengths, TrainSettings(gradient_accumulation=8))
    one = counted(lengths, TrainSettings(gradient_accumulation=1))
    assert (eight.updates, one.updates) == (31, 250)
    assert eight.lost == 2 * 4096, "two sequences of 250 fill no update of eight"
    assert not eight.enough and one.enough
    assert "gradient_accumulation and micro_batch_size to 1 for about 250" in str(advice(eight, TrainSettings()))
    assert advice(one, TrainSettings()) is None


def test_auto_takes_the_largest_batch_that_leaves_enough_updates() -> None:
    for documents, accumulation in ((100, 1), (1000, 1), (2000, 2), (4000, 4), (14_000, 16)):
        found = counted([1024] * documents, TrainSettings())
        assert found.accumulation == accumulation
        assert found.updates >= 200 or found.accumulation == 1


def test_auto_does_not_throw_away_a_quarter_of_a_small_corpus() -> None:
    settings = TrainSettings(min_updates=2)
    assert counted([4096] * 11, settings.model_copy(update={"gradient_accumulation": 4})).lost == 3 * 4096
    assert (counted([4096] * 11, settings).accumulation, counted([4096] * 12, settings).accumulation) == (1, 4)


@pytest.mark.parametrize(("documents", "said"), [(300, "set packing to false"), (50, "a corpus 4 times as large")])
def test_advice_names_a_change_that_gives_enough(documents: int, said: str) -> None:
    assert said in str(advice(counted([500] * documents, TrainSettings()), TrainSettings()))


@given(LENGTHS, TRAINERS, st.booleans(), st.integers(1, 4), st.integers(1, 64))
def test_advice_is_given_exactly_when_updates_are_too_few(lengths, trainer, packing, micro, accumulation) -> None:
    settings = TrainSettings(packing=packing, micro_batch_size=micro, gradient_accumulation=accumulation)
    found = counted(lengths, settings, trainer)
    assert (advice(found, settings) is None) is found.enough


def test_warmup_is_shorter_than_the_run() -> None:
    for count in range(2, 60):
        settings = TrainSettings(packing=False, gradient_accumulation=1, min_updates=2)
        assert counted([10] * count, settings).warmup < count
