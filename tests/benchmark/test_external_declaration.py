"""``environment.toml`` read and refused, and environments that cannot be built."""

from __future__ import annotations

import subprocess

import pytest
from external_methods import make_method, shell

from benchmark.contract import MethodContext
from benchmark.errors import MethodError
from benchmark.external.declaration import read_declaration
from benchmark.external.environment import checkout_folder, ensure_environment, environment_identity
from benchmark.external.method import external_method

COMMAND = ["sh", "run.sh", "{requests}"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_what_is_declared(tmp_path):
    folder = make_method(
        tmp_path, {}, python="3.11", requirements=["numpy==2.4.6"], command=COMMAND, system=["libgl1"],
        timeout_seconds=5, memory_gib=1.5, repository={"url": "https://host/a/code.git", "commit": "ab" * 20},
    )  # fmt: skip
    declared = read_declaration(folder, "outsider")
    assert declared.requirements == ("numpy==2.4.6",)
    assert (declared.timeout_seconds, declared.memory_gib, declared.fit_command) == (5.0, 1.5, None)
    assert declared.system == ("libgl1",)
    assert checkout_folder(declared.repository).name == "code-abababababab"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"requirements": ["numpy"]}, "'numpy' is not pinned: write numpy==VERSION"),
        ({"requirements": ["numpy>=2", "scipy==1.*"]}, r"numpy>=2.* is not pinned.*'scipy==1\.\*' is not pinned"),
        ({"requirements": ["-r other.txt"]}, "is not a requirement"),
        ({"requirements": ["x @ git+https://host/x@main"]}, "neither a commit nor #sha256="),
        ({"python": "2.7"}, "'python' must be a version"),
        ({"command": []}, "'command' must be a list of texts, the program first"),
        ({"command": "sh run.sh"}, "'command' must be a list"),
        ({"command": ["sh", "{request}"]}, "unknown placeholders request; known: requests, predictions"),
        ({"command": ["sh", "{requests.__class__}"]}, "unknown placeholders"),
        ({"command": ["sh", "{repository}"]}, r"no table \[repository\]"),
        ({"command": ["sh", "{"]}, "'command': "),
        ({"fit_command": ["sh", "{predictions}"]}, "unknown placeholders predictions"),
        ({"timeout_seconds": 0}, "'timeout_seconds' must be a positive number"),
        ({"repository": {"url": "u", "commit": "main"}}, "40 hexadecimal digits"),
        ({"colour": "red"}, "unknown field 'colour'"),
    ],
)
def test_what_makes_no_sense_is_one_clear_error(tmp_path, changes, complaint):
    folder = make_method(tmp_path, {}, **({"command": COMMAND} | changes))
    with pytest.raises(MethodError, match=complaint) as caught:
        read_declaration(folder, "outsider")
    assert "\n" not in str(caught.value)
    assert "'outsider'" in str(caught.value)


def test_pinned_by_commit_or_hash(tmp_path):
    requirements = [f"x @ git+https://host/x@{'0' * 40}", f"y @ https://host/y.whl#sha256={'1' * 64}", "z===1.0+cpu"]
    assert (
        len(read_declaration(make_method(tmp_path, {}, command=COMMAND, requirements=requirements), "m").requirements)
        == 3
    )


def test_files_that_are_no_declaration(tmp_path):
    with pytest.raises(MethodError, match="cannot read"):
        read_declaration(tmp_path, "m")
    (tmp_path / "environment.toml").write_text("[[[")
    with pytest.raises(MethodError, match="not valid TOML"):
        read_declaration(tmp_path, "m")
    (tmp_path / "environment.toml").write_bytes(b"\xff")
    with pytest.raises(MethodError, match="not valid TOML"):
        read_declaration(tmp_path, "m")


def test_the_environment_is_known_by_what_is_in_it_not_by_its_commands(tmp_path):
    one = read_declaration(shell(tmp_path / "a", "true"), "m")
    other = read_declaration(shell(tmp_path / "b", "false", timeout_seconds=3), "m")
    more = read_declaration(shell(tmp_path / "c", "true", requirements=["numpy==2.4.6"]), "m")
    assert environment_identity(one) == environment_identity(other) != environment_identity(more)


def test_without_a_network_the_error_says_what_could_not_be_had(tmp_path, monkeypatch):
    for variable in ("PIP_FIND_LINKS", "UV_FIND_LINKS", "UV_EXTRA_INDEX_URL", "UV_INDEX"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    folder = shell(tmp_path / "m", "true", requirements=["a-package-nobody-has==1.0"], system=["libgl1"])
    with pytest.raises(MethodError, match=r"cannot be built.*a-package-nobody-has.*needs libgl1") as caught:
        external_method(folder, "outsider", MethodContext()).prepare()
    assert "\n" not in str(caught.value)


def test_an_environment_that_was_not_finished_is_built_again(tmp_path):
    declaration = read_declaration(shell(tmp_path / "m", "true"), "m")
    whole = ensure_environment(declaration, "m").folder
    (whole / "genmed-environment.json").unlink()
    (whole / "bin" / "python").unlink()
    assert (ensure_environment(declaration, "m").folder / "bin" / "python").exists()


def test_without_uv_venv_and_pip_do_it(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.external.environment._uv", lambda: None)
    environment = ensure_environment(read_declaration(shell(tmp_path / "m", "true"), "m"), "m")
    assert (environment.folder / "bin" / "python").exists()
    with pytest.raises(MethodError, match=r"needs Python 3\.99, which is not installed"):
        ensure_environment(read_declaration(shell(tmp_path / "n", "true", python="3.99"), "m"), "m")


def test_a_repository_is_the_users_to_check_out_and_is_looked_at(tmp_path):
    origin = tmp_path / "code"
    git = ["git", "-C", str(origin), "-c", "user.name=t", "-c", "user.email=t@t"]
    origin.mkdir()
    (origin / "a.py").write_text("1")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    folder = shell(tmp_path / "m", "true", repository={"url": str(origin), "commit": commit})
    method = external_method(folder, "outsider", MethodContext())
    with pytest.raises(MethodError, match=rf"needs the code of .*: git clone .*checkout {commit}"):
        method.prepare()
    place = checkout_folder(read_declaration(folder, "m").repository)
    subprocess.run(["git", "clone", "-q", str(origin), str(place)], check=True)
    assert method.provenance()["repository"]["verified"] is True
    (place / "a.py").write_text("2")
    with pytest.raises(MethodError, match="has changes"):
        method.prepare()
    subprocess.run([*git[:1], "-C", str(place), *git[3:], "commit", "-q", "-a", "-m", "two"], check=True)
    with pytest.raises(MethodError, match="needs commit"):
        method.prepare()
