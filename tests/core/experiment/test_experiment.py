"""Experiments are laid over each other, and a wrong key is named."""

from pathlib import Path

import pytest

from posharness.contracts.cell import ModelSettings
from posharness.errors import UserError
from posharness.experiment import load_experiment, preset_names


def test_every_shipped_experiment_is_valid() -> None:
    assert {"smoke", "quick", "standard"} <= set(preset_names())
    for name in preset_names():
        assert load_experiment(preset=name).tasks


def test_options_lie_over_the_file_and_the_file_over_the_preset(tmp_path: Path) -> None:
    config = tmp_path / "experiment.toml"
    config.write_text('preset = "smoke"\nseeds = 3\n[budget]\nbatch = 7\n[task.copy.budget]\nsteps = 11\n')
    smoke = load_experiment(preset="smoke")
    found = load_experiment(config=config, overrides={"seeds": 5, "tasks": None})
    assert found.seed_list == [0, 1, 2, 3, 4]
    assert found.tasks == smoke.tasks
    assert found.budget.batch == 7
    assert found.budget.steps == smoke.budget.steps
    assert found.settings("copy")[2].steps == 11
    assert found.settings("copy")[2].batch == 7
    assert found.settings("stranger")[2] == found.budget


class TestSizes:
    @pytest.mark.parametrize(
        ("name", "layers", "width", "heads"),
        [
            ("tiny", 2, 128, 2),
            ("mini", 4, 256, 4),
            ("small", 4, 512, 8),
            ("medium", 8, 512, 8),
            ("base", 12, 768, 12),
        ],
    )
    def test_a_size_stands_for_numbers(self, name: str, layers: int, width: int, heads: int) -> None:
        found = load_experiment(overrides={"model": {"size": name}}).settings("copy")[1]
        assert found == ModelSettings(layers=layers, width=width, heads=heads, feedforward=4)

    def test_numbers_beside_it_override_it_and_numbers_below_it_do_not(self, tmp_path: Path) -> None:
        config = tmp_path / "experiment.toml"
        config.write_text('[model]\nwidth = 8\nsize = "mini"\n[task.copy.model]\nsize = "tiny"\nheads = 1\n')
        found = load_experiment(preset="standard", config=config)
        assert found.model == ModelSettings(layers=4, width=8, heads=4)
        assert found.settings("copy")[1] == ModelSettings(layers=2, width=128, heads=1)
        above = load_experiment(config=config, overrides={"model": {"size": "small", "layers": 3}})
        assert above.model == above.settings("copy")[1] == ModelSettings(layers=3, width=512, heads=8)

    def test_a_size_replaces_those_that_a_preset_gives_to_tasks_and_nothing_else(self) -> None:
        quick = load_experiment(preset="quick")
        assert quick.settings("bert")[1].heads == 2
        found = load_experiment(preset="quick", overrides={"model": {"size": "mini"}})
        assert found.settings("bert")[1] == ModelSettings(layers=4, width=256, heads=4)
        assert found.settings("bert")[3] == quick.settings("bert")[3]
        assert load_experiment(preset="quick", overrides={"model": {"size": None}}) == quick


def test_a_body_in_the_shape_of_bert_can_be_asked_for() -> None:
    assert load_experiment(overrides={"bodies": ["bert", "encoder"]}).bodies == ["bert", "encoder"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sedes = 2", "unknown key 'sedes'; did you mean 'seeds'"),
        ("[model]\nwidht = 2", "unknown key 'model.widht'; did you mean 'model.width'"),
        (
            "[task.copy.budget]\nstep = 2",
            "unknown key 'task.copy.budget.step'; did you mean 'task.copy.budget.steps'",
        ),
        ('[budget]\nsteps = "many"', "budget.steps should be a valid integer; given 'many'"),
        ("seeds = 0", "at least one seed"),
        ('bodies = ["brain"]', "bodies.0 should be 'encoder', 'decoder', 'encoder-decoder' or 'bert'"),
        ('[model]\nsize = "tinny"', "model.size 'tinny' is not a size; did you mean 'tiny'"),
        ("[task.copy.model]\nsize = 4", "model.size 4 is not a size; known: tiny, mini"),
        ('[model]\nsise = "tiny"', "unknown key 'model.sise'; did you mean 'model.size'"),
        ("seeds = ", "not a TOML file"),
        ("preset = 3", "preset expects the name"),
        ('preset = "quik"', "did you mean 'quick'"),
    ],
)
def test_a_slip_in_a_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    config = tmp_path / "experiment.toml"
    config.write_text(text)
    with pytest.raises(UserError, match=says.replace(".", r"\.")):
        load_experiment(config=config)


def test_a_folder_called_like_a_shipped_experiment_does_not_hide_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calibration").mkdir()
    assert load_experiment(config="calibration") == load_experiment(preset="calibration")
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match=r"--config mine cannot be read \(Is a directory\)"):
        load_experiment(config="mine")


def test_a_missing_file_lists_what_is_shipped(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read .* quick"):
        load_experiment(config=tmp_path / "none.toml")


def test_a_preset_brings_the_one_that_it_is_laid_over(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('preset = "calibration"\n')
    shipped = load_experiment(config="calibration")
    assert load_experiment(config=file) == load_experiment(preset="calibration") == shipped
    assert shipped.task["variables"].budget == load_experiment(preset="standard").task["variables"].budget


def test_a_setting_overrides_any_key_and_is_laid_over_everything_else() -> None:
    experiment = load_experiment(
        preset="quick",
        overrides={"seeds": 5},
        settings=[
            "budget.steps=7",
            "task.copy.params.length=64",
            "seeds=[3, 4]",
            "model.norm=post",  # plain text needs no quotes
            "task.bert.model.size=tiny",
            "budget.steps=8",
        ],
    )
    assert experiment.budget.steps == 8
    assert experiment.task["copy"].params["length"] == 64
    assert experiment.task["copy"].budget.steps == 1200, "the preset's other settings of the task stay"
    assert experiment.seed_list == [3, 4]
    assert experiment.model.norm == "post"
    assert experiment.task["bert"].model.width == 128


@pytest.mark.parametrize(("text", "rate"), [(".001", 0.001), ("+.5", 0.5), (".1e-2", 0.001), ("1e-3", 0.001)])
def test_a_number_may_begin_with_its_point(text: str, rate: float) -> None:
    assert load_experiment(settings=[f"optimiser.lr={text}"]).optimiser.lr == rate
    assert load_experiment(settings=["corpus=.5.txt"]).corpus == ".5.txt"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("budget.stepz=7", "--set budget.stepz=7: unknown key 'budget.stepz'; did you mean 'budget.steps'"),
        (
            "task.copy.budget.stepz=7",
            "unknown key 'task.copy.budget.stepz'; did you mean 'task.copy.budget.steps'",
        ),
        ("seeds=many", "--set seeds=many: seeds should be a valid"),
        ("seeds", "--set seeds: expected KEY=VALUE"),
        ("=3", "--set =3: expected KEY=VALUE"),
        ("a b=3", "'a b' is no key"),
        ("model.size=tinny", "'tinny' is not a size; did you mean 'tiny'"),
        ("preset=smoke", "give --preset smoke"),
    ],
)
def test_a_slip_in_a_setting_is_named(setting: str, says: str) -> None:
    with pytest.raises(UserError) as refused:
        load_experiment(settings=[setting])
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("optimiser.weight_decay=inf", "not a finite number"),
        ("optimiser.lr=nan", "not a finite number"),
        ("seeds=[99999999999999999999]", "beyond 64 bits"),
        ("seeds=100000000000", "at most 10000"),
        ('title="a\\u0000b"', "a NUL"),
        ("budget.steps=" + "9" * 5000, "steps"),
    ],
)
def test_a_value_that_nobody_means_is_refused(setting: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        load_experiment(preset="smoke", settings=[setting])
