"""BERT pretraining: corpora, vocabulary, pairs, masks and the task."""

from posharness_tasks.bert.task import BertPretraining

__all__ = ["BertPretraining"]
