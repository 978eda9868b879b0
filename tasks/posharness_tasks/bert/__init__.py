"""BERT pretraining: the task, its pairs, masks, vocabulary and encoded text, and its corpora."""

from posharness_tasks.bert.task import BertPretraining

__all__ = ["BertPretraining"]
