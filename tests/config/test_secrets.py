"""What is kept of a command line, and what is not."""

from __future__ import annotations

import pytest

from ray_bench.config.secrets import is_secret, masked_arguments, masked_variables


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "--hf-token", "--token", "hub_token", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY"],
)
def test_names_of_secrets(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["--max-tokens", "--tokenizer", "num_tokens", "--pad-token", "--author", "--keyboard"],
)
def test_names_that_only_look_like_it(name):
    assert not is_secret(name)


def test_a_secret_is_masked_wherever_it_stands():
    given = "--lr 0.1 --hf-token abc --api-key=zz token=q s3://me:pw@host/x --token --amp"
    kept = "--lr 0.1 --hf-token *** --api-key=*** token=*** s3://***@host/x --token --amp"
    assert " ".join(masked_arguments(given.split())) == kept
    assert masked_variables({"HF_TOKEN": "abc", "LR": "1"}) == {"HF_TOKEN": "***", "LR": "1"}
