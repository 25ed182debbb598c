import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.settings import TrainSettings
from train.steps import advice, count_updates, packed

LENGTHS = st.lists(st.integers(1, 4096), min_size=1, max_size=300)
PLAIN = TrainSettings(packing=False, gradient_accumulation=1, warmup_ratio=0)


@given(LENGTHS)
def test_packing_bounds(lengths: list[int]) -> None:
    bins = packed(lengths, 4096)
    assert -(-sum(lengths) // 4096) <= bins <= len(lengths)
    assert bins == packed(lengths, 4096), "the same order for the same seed"


@given(st.integers(1, 900), st.integers(1, 4))
def test_packing_of_equal_samples_is_exact(count: int, fit: int) -> None:
    assert packed([4096 // fit] * count, 4096) == -(-count // fit)


def test_a_sequence_takes_no_more_than_200_samples() -> None:
    assert packed([1] * 1000, 4096) == 5


@given(LENGTHS, st.booleans(), st.integers(1, 4), st.integers(1, 8), st.integers(1, 4), st.integers(1, 3))
def test_no_update_holds_more_than_its_batch(lengths, packing, micro, accumulation, devices, epochs) -> None:
    settings = TrainSettings(
        packing=packing, micro_batch_size=micro, gradient_accumulation=accumulation, devices=devices, epochs=epochs
    )
    found = count_updates(lengths, settings, split_long=True)
    assert found.updates >= 1 and found.tokens == sum(lengths)
    assert found.batch == micro * accumulation * devices
    assert 0 <= found.warmup <= max(2, found.updates * settings.warmup_ratio)
    if not packing:
        assert (found.updates - 1) * found.batch < len(lengths) * epochs <= found.updates * found.batch


def test_the_null_result_of_the_field_notes() -> None:
    # 1M tokens in sequences of 4,096: 31 updates at batch 8, about 246 at batch 1 (section 5.2).
    lengths = [1024] * 1000
    eight = count_updates(lengths, TrainSettings(gradient_accumulation=8), split_long=True)
    one = count_updates(lengths, TrainSettings(gradient_accumulation=1), split_long=True)
    assert (eight.updates, one.updates) == (31, 250)
    assert not eight.enough and one.enough
    assert "gradient_accumulation and micro_batch_size to 1 for about 250" in str(advice(eight, TrainSettings()))
    assert advice(one, TrainSettings()) is None


def test_auto_takes_the_largest_batch_that_leaves_enough_updates() -> None:
    for documents, accumulation in ((100, 1), (1000, 1), (2000, 2), (4000, 4), (41_000, 16)):
        found = count_updates([1024] * documents, TrainSettings(), split_long=True)
        assert found.accumulation == accumulation
        assert found.updates >= 200 or found.accumulation == 1


def test_documents_are_cut_and_chats_left_out_when_they_are_too_long() -> None:
    cut = count_updates([100, 10_000], PLAIN, split_long=True)
    out = count_updates([100, 10_000], PLAIN, split_long=False)
    assert (cut.tokens, cut.updates, cut.over_length) == (10_100, 4, 1)
    assert (out.tokens, out.updates, out.over_length) == (100, 1, 1)


@pytest.mark.parametrize(("documents", "said"), [(300, "set packing to false"), (50, "a corpus 4 times as large")])
def test_advice_names_a_change_that_gives_enough(documents: int, said: str) -> None:
    found = count_updates([500] * documents, TrainSettings(), split_long=True)
    assert said in str(advice(found, TrainSettings()))


@given(LENGTHS, st.booleans(), st.integers(1, 4), st.integers(1, 64))
def test_advice_is_given_exactly_when_updates_are_too_few(lengths, packing, micro, accumulation) -> None:
    settings = TrainSettings(packing=packing, micro_batch_size=micro, gradient_accumulation=accumulation)
    found = count_updates(lengths, settings, split_long=True)
    assert (advice(found, settings) is None) is found.enough


def test_warmup_is_shorter_than_the_run() -> None:
    for count in range(1, 60):
        settings = TrainSettings(packing=False, gradient_accumulation=1, min_updates=2)
        found = count_updates([10] * count, settings, split_long=True)
        assert found.warmup < found.updates or not found.enough
        assert found.warmup != 1, "the trainer makes a warmup of one update two"
