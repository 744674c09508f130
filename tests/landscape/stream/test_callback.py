"""The Trainer of transformers under watch: a tiny GPT-2 learns the alphabet, with and without."""

import pytest
import torch
from torch.utils.data import Dataset

from grams_theory.core.errors import UsageError
from grams_theory.landscape.stream.callback import own_loss, pl_callback

LETTERS, LENGTH, STEPS = 26, 8, 6

transformers = pytest.importorskip("transformers")


class Alphabet(Dataset):
    def __len__(self):
        return 4 * LETTERS

    def __getitem__(self, index):
        letters = (torch.arange(LENGTH) + index) % LETTERS
        return {"input_ids": letters, "labels": letters}


def probe():
    letters = torch.stack([Alphabet()[i]["input_ids"] for i in range(LETTERS)])
    return {"input_ids": letters, "labels": letters}


@pytest.fixture
def train(tmp_path):
    """(callbacks, options) -> (weights, logged losses) after STEPS steps with dropout and a schedule."""

    def run(callbacks=(), **options):
        transformers.set_seed(0)
        model = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=LETTERS,
                n_positions=LENGTH,
                n_embd=16,
                n_layer=1,
                n_head=2,
                bos_token_id=0,
                eos_token_id=0,
            )
        )
        arguments = transformers.TrainingArguments(
            str(tmp_path),
            max_steps=STEPS,
            per_device_train_batch_size=8,
            logging_steps=1,
            save_strategy="no",
            dataloader_pin_memory=False,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            **options,
        )
        trainer = transformers.Trainer(model, arguments, train_dataset=Alphabet(), callbacks=list(callbacks))
        trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        return model.state_dict(), losses

    return run


@pytest.mark.filterwarnings("ignore:the weights are torch.float32")
@pytest.mark.parametrize("options", [{}, {"gradient_accumulation_steps": 2, "bf16": True}], ids=str)
def test_the_trainer_trains_as_before_and_is_seen(train, options):
    callback = pl_callback(probe(), every=2)
    weights, losses = train(**options)
    watched, same_losses = train([callback], **options)
    assert losses == same_losses and len(losses) == STEPS
    assert all(torch.equal(w, watched[name]) for name, w in weights.items())
    e = callback.stream.estimate()
    assert callback.stream.steps == STEPS
    assert e.trajectory.steps == (1, 3, 5, 7)
    assert set(e.trajectory.groups) == {"group 0", "group 1"}  # with and without weight decay
    assert "moments of AdamW" in e.kappa.provenance
    assert e.noise.batches == 3
    assert e.samples == LETTERS


def test_a_second_training_is_watched_anew(train):
    callback = pl_callback(probe(), every=3)
    train([callback])
    first = callback.stream
    train([callback])
    assert callback.stream is not first
    assert first.steps == callback.stream.steps == STEPS


def test_a_model_without_a_loss_says_what_to_give():
    with pytest.raises(UsageError, match="labels"):
        own_loss(object(), None)
