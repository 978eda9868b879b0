"""The papers of built-in plugins: first author, title and year by arXiv id."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PAPERS"]

PAPERS: Mapping[str, tuple[str, str, int]] = {
    "1409.0473": (
        "Bahdanau, Dzmitry",
        "Neural Machine Translation by Jointly Learning to Align and Translate",
        2014,
    ),
    "1508.04025": (
        "Luong, Minh-Thang",
        "Effective Approaches to Attention-based Neural Machine Translation",
        2015,
    ),
    "1611.01368": (
        "Linzen, Tal",
        "Assessing the Ability of LSTMs to Learn Syntax-Sensitive Dependencies",
        2016,
    ),
    "1611.01734": ("Dozat, Timothy", "Deep Biaffine Attention for Neural Dependency Parsing", 2016),
    "1706.03762": ("Vaswani, Ashish", "Attention Is All You Need", 2017),
    "1803.02155": ("Shaw, Peter", "Self-Attention with Relative Position Representations", 2018),
    "1804.06028": ("Nangia, Nikita", "ListOps: A Diagnostic Dataset for Latent Tree Learning", 2018),
    "1810.04805": (
        "Devlin, Jacob",
        "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        2018,
    ),
    "1901.02860": (
        "Dai, Zihang",
        "Transformer-XL: Attentive Language Models Beyond a Fixed-Length Context",
        2019,
    ),
    "1901.05287": ("Goldberg, Yoav", "Assessing BERT's Syntactic Abilities", 2019),
    "1910.10683": (
        "Raffel, Colin",
        "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
        2019,
    ),
    "2004.05150": ("Beltagy, Iz", "Longformer: The Long-Document Transformer", 2020),
    "2006.03654": ("He, Pengcheng", "DeBERTa: Decoding-enhanced BERT with Disentangled Attention", 2020),
    "2006.15595": ("Ke, Guolin", "Rethinking Positional Encoding in Language Pre-training", 2020),
    "2006.16236": (
        "Katharopoulos, Angelos",
        "Transformers are RNNs: Fast Autoregressive Transformers with Linear Attention",
        2020,
    ),
    "2010.07515": (
        "Hewitt, John",
        "RNNs can generate bounded hierarchical languages with optimal memory",
        2020,
    ),
    "2103.14030": (
        "Liu, Ze",
        "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
        2021,
    ),
    "2104.09864": ("Su, Jianlin", "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021),
    "2108.12409": (
        "Press, Ofir",
        "Train Short, Test Long: Attention with Linear Biases Enables Input Length Extrapolation",
        2021,
    ),
    "2205.09921": (
        "Chi, Ta-Chung",
        "KERPLE: Kernelized Relative Positional Embedding for Length Extrapolation",
        2022,
    ),
    "2207.02098": ("Deletang, Gregoire", "Neural Networks and the Chomsky Hierarchy", 2022),
    "2209.11895": ("Olsson, Catherine", "In-context Learning and Induction Heads", 2022),
    "2212.10356": (
        "Chi, Ta-Chung",
        "Dissecting Transformer Length Extrapolation via the Lens of Receptive Field Analysis",
        2022,
    ),
    "2212.10554": ("Sun, Yutao", "A Length-Extrapolatable Transformer", 2022),
    "2305.16843": (
        "Ruoss, Anian",
        "Randomized Positional Encodings Boost Length Generalization of Transformers",
        2023,
    ),
    "2305.19466": (
        "Kazemnejad, Amirhossein",
        "The Impact of Positional Encoding on Length Generalization in Transformers",
        2023,
    ),
    "2306.00946": ("Liu, Bingbin", "Exposing Attention Glitches with Flip-Flop Language Modeling", 2023),
    "2306.15595": (
        "Chen, Shouyuan",
        "Extending Context Window of Large Language Models via Positional Interpolation",
        2023,
    ),
    "2309.00071": ("Peng, Bowen", "YaRN: Efficient Context Window Extension of Large Language Models", 2023),
    "2310.04418": (
        "Li, Shanda",
        "Functional Interpolation for Relative Positions Improves Long Context Transformers",
        2023,
    ),
    "2312.00752": ("Gu, Albert", "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023),
    "2312.04927": (
        "Arora, Simran",
        "Zoology: Measuring and Improving Recall in Efficient Language Models",
        2023,
    ),
    "2404.06654": (
        "Hsieh, Cheng-Ping",
        "RULER: What's the Real Context Size of Your Long-Context Language Models?",
        2024,
    ),
    "2405.14722": (
        "Zheng, Chuanyang",
        "DAPE: Data-Adaptive Positional Encoding for Length Extrapolation",
        2024,
    ),
    "2405.18719": (
        "Golovneva, Olga",
        "Contextual Position Encoding: Learning to Count What's Important",
        2024,
    ),
    "2409.04431": (
        "Ramapuram, Jason",
        "Theory, Analysis, and Best Practices for Sigmoid Self-Attention",
        2024,
    ),
    "2410.05258": ("Ye, Tianzhu", "Differential Transformer", 2024),
    "2410.17980": (
        "Tan, Shawn",
        "Scaling Stick-Breaking Attention: An Efficient Implementation and In-depth Study",
        2024,
    ),
    "2503.02130": ("Lin, Zhixuan", "Forgetting Transformer: Softmax Attention with a Forget Gate", 2025),
    "2505.16381": (
        "Yang, Songlin",
        "PaTH Attention: Position Encoding via Accumulating Householder Transformations",
        2025,
    ),
}
