"""Hugging Face's Trainer with Grams: a tiny GPT-2 with random weights learns to continue the alphabet. Offline.

    pip install 'grams-theory[examples]'
    python examples/trainer.py

`optimizer_cls_and_kwargs` lets the Trainer build the parameter groups (no weight decay on biases and norms) and the
schedule. The other way is `Trainer(..., optimizers=(Grams(model.parameters(), lr=1e-3), None))`.
"""

import tempfile

import torch
from torch.utils.data import Dataset
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

from grams_theory.optim import Grams, diagnostics

LETTERS, LENGTH = 26, 16


class Alphabet(Dataset):
    """Runs of LENGTH letters, each after the one before, from any start."""

    def __len__(self) -> int:
        return 64 * LETTERS

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        letters = (torch.arange(LENGTH) + index) % LETTERS
        return {"input_ids": letters, "labels": letters}


def main() -> None:
    set_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=LETTERS,
            n_positions=LENGTH,
            n_embd=32,
            n_layer=1,
            n_head=2,
            bos_token_id=0,
            eos_token_id=0,
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model,
            TrainingArguments(
                folder,
                max_steps=40,
                per_device_train_batch_size=16,
                weight_decay=0.01,
                warmup_steps=5,
                lr_scheduler_type="cosine",
                logging_steps=10,
                save_strategy="no",
                dataloader_pin_memory=False,
                report_to=[],
                disable_tqdm=True,
            ),
            train_dataset=Alphabet(),
            optimizer_cls_and_kwargs=(Grams, {"lr": 5e-3}),
        )
        with diagnostics.watch(trainer.create_optimizer(), every=10) as log:
            trainer.train()
    for entry in trainer.state.log_history:
        if "loss" in entry:
            print(f"step {entry['step']}: loss {float(entry['loss']):.4f}")
    print(f"\n{log}")


if __name__ == "__main__":
    main()
