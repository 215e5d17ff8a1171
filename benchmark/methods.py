"""Methods by name, through the entry-point group ``genmed_bench.methods``; ours exactly as a stranger's.

A method's metadata is a table named after it in a ``spec.toml`` beside its module, and is read without
importing anything of the method. A folder that also has ``environment.toml`` is an external method
(`benchmark.external`): it is run in an environment of its own, and its entry point only tells where the folder is.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import importlib.util
import json
import os
import tomllib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.contract import MethodContext, MethodSpec
from benchmark.errors import MethodError, UsageError
from benchmark.external.declaration import DECLARATION, hash_folder, read_declaration
from benchmark.names import unknown

if TYPE_CHECKING:
    from benchmark.contract import AnyMethod, TrainingData
    from benchmark.data.catalogue import Progress

GROUP = "genmed_bench.methods"
_CHOICES = {"fit": ("never", "on-run", "weights"), "implementation": ("ours", "official")}


@dataclass(frozen=True)
class MethodEntry:
    """A method that is installed: where it is, and what its spec says."""

    entry_point: EntryPoint
    folder: Path
    spec: MethodSpec

    @property
    def spec_hash(self) -> str:
        """SHA-256 of the spec."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self.spec), sort_keys=True).encode()).hexdigest()

    @property
    def external(self) -> bool:
        """Whether it runs in an environment of its own."""
        return (self.folder / DECLARATION).is_file()

    @property
    def code_hash(self) -> str:
        """SHA-256 of the Python sources and TOML files in the method's folder; of all its files if it is external.

        Of a method that is a single module in no package: of that module and its spec.
        """
        if self.external:
            return hash_folder(self.folder)
        alone = "." not in self.entry_point.module and (self.folder / f"{self.entry_point.module}.py").is_file()
        # The folder of a module that is in no package is everyone's.
        return hash_sources(self.folder, only=(f"{self.entry_point.module}.py", "spec.toml") if alone else None)

    def build(self, context: MethodContext) -> AnyMethod:
        """Import the method and call its factory; of an external method nothing is imported or run yet.

        Raises:
            MethodError: if its module does not import, has no such factory, or the factory fails (weights
                missing or of another hash); if an external method is declared wrongly.
        """
        if self.external:
            from benchmark.external.method import external_method

            return external_method(self.folder, self.spec.name, context)
        factory = getattr(self._module(), self.entry_point.attr, None)
        if not callable(factory):
            raise MethodError(f"method {self.spec.name!r}: {self.entry_point.value} is not a factory")
        try:
            built: AnyMethod = factory(context)
        except Exception as error:  # a stranger's code may raise anything; weights missing or wrong end here
            raise MethodError(f"method {self.spec.name!r} does not start: {error}") from error
        return built

    def fit_command(self, progress: Progress = lambda *_: None) -> Any:  # noqa: ANN401  (a stranger's function)
        """The function behind ``genmed-bench fit``: ``fit_command`` of the method's module.

        Called as ``fit_command(config, data, validation, out, device, resume)``. ``progress`` is told of an external
        method's environment and command; others show what they like themselves.

        Raises:
            MethodError: if the method has none.
        """
        if self.external:
            return functools.partial(self._fit_external, progress)
        command = getattr(self._module(), "fit_command", None)
        if not callable(command):
            raise MethodError(
                f"method {self.spec.name!r} cannot be trained here: {self.entry_point.module} has no fit_command"
            )
        return command

    def _fit_external(
        self, progress: Progress, config: str, data: TrainingData, validation: object, out: Path, device: str,
        resume: bool,
    ) -> None:  # fmt: skip
        """Run the method's own ``fit_command``; its weights end up in ``out / "work"``."""
        from benchmark.external.method import FittedExternalMethod

        if read_declaration(self.folder, self.spec.name).fit_command is None:
            raise MethodError(f"method {self.spec.name!r} cannot be trained here: its {DECLARATION} has no fit_command")
        if config != "default":
            raise UsageError(f"method {self.spec.name!r} has one configuration, 'default', not {config!r}")
        method = self.build(MethodContext(device))
        if isinstance(method, FittedExternalMethod):
            method.progress = progress
            method.fit(data, out)

    def _module(self) -> Any:  # noqa: ANN401
        try:
            return importlib.import_module(self.entry_point.module)
        except ImportError as error:
            raise MethodError(f"method {self.spec.name!r} does not import: {error}") from error


def method_names() -> list[str]:
    """Names of all installed methods."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def find_method(name: str) -> MethodEntry:
    """An installed method by name, or an external one by the path of its folder, without importing it.

    A path has a slash in it: ``./my_method`` is a folder, ``my_method`` a name.

    Raises:
        UnknownNameError: with a hint when nobody declares it.
        MethodError: if several packages declare it, or its spec is missing or invalid.
    """
    if os.sep in name or name in (".", ".."):
        return _method_in(Path(name))
    points = {point.value: point for point in entry_points(group=GROUP, name=name)}
    if not points:
        raise unknown("method", name, method_names())
    if len(points) > 1:
        raise MethodError(f"method {name!r} is declared more than once: {', '.join(sorted(points))}")
    point = next(iter(points.values()))
    folder = _module_folder(name, point.module)
    return MethodEntry(point, folder, read_spec(folder / "spec.toml", name))


def _method_in(folder: Path) -> MethodEntry:
    """The only method of a folder that need not be installed."""
    folder = folder.resolve()
    path = folder / "spec.toml"
    if not (folder / DECLARATION).is_file():
        raise MethodError(f"{folder} is not the folder of an external method: it has no {DECLARATION}")
    try:
        tables = list(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise MethodError(f"{folder} has no readable spec: {path} ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MethodError(f"{path} is not valid TOML: {error}") from error
    if len(tables) != 1:
        raise MethodError(f"{path} must have exactly one table, named after the method; it has {len(tables)}")
    return MethodEntry(EntryPoint(tables[0], str(folder), GROUP), folder, read_spec(path, tables[0]))


def read_spec(path: Path, name: str) -> MethodSpec:
    """The table ``[name]`` of a ``spec.toml``.

    Raises:
        MethodError: in one sentence: no file, no table, unknown, missing or ill-typed fields.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get(name)
    except OSError as error:
        raise MethodError(f"method {name!r} has no readable spec: {path} ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise MethodError(f"method {name!r}: {path} is not valid TOML: {error}") from error
    if not isinstance(table, dict):
        raise MethodError(f"method {name!r}: {path} has no table [{name}]")
    given: dict[str, Any] = {"name": name} | table
    fields = {field.name: field for field in dataclasses.fields(MethodSpec)}
    problems = [f"unknown field {key!r}" for key in sorted(given.keys() - fields.keys())]
    for key, field in fields.items():
        if key not in given:
            if field.default is dataclasses.MISSING:
                problems.append(f"missing field {key!r}")
            continue
        problems += _field_problems(key, given[key], str(field.type))
    if given["name"] != name:
        problems.append(f"its name is {given['name']!r}")
    if problems:
        raise MethodError(f"method {name!r}: {path}: {'; '.join(problems)}")
    given["task_families"] = tuple(given["task_families"])
    return MethodSpec(**given)


def _field_problems(key: str, value: object, declared: str) -> list[str]:
    fits = {
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "tuple[str, ...]": isinstance(value, list) and all(isinstance(item, str) for item in value),
    }[declared]
    if not fits:
        return [f"{key!r} must be of type {declared}, got {value!r}"]
    if key in _CHOICES and value not in _CHOICES[key]:
        return [f"{key!r} must be one of {', '.join(_CHOICES[key])}, got {value!r}"]
    if key == "samples" and isinstance(value, int) and value < 1:
        return ["'samples' must be at least 1"]
    return []


def _module_folder(name: str, module: str) -> Path:
    """The folder a module lies in, found on the path; only its top-level package is looked up, nothing imported."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise MethodError(f"method {name!r}: there is no module {module!r}")
    if not rest:
        return Path(spec.origin).parent if spec.origin else Path(next(iter(spec.submodule_search_locations or [])))
    for location in spec.submodule_search_locations or []:
        path = Path(location, *rest)
        if (path / "__init__.py").is_file() or (path / DECLARATION).is_file():
            return path
        if path.with_name(path.name + ".py").is_file():
            return path.parent
    raise MethodError(f"method {name!r}: there is no module {module!r}")


def hash_sources(
    folder: Path, skip: tuple[str, ...] = (), *, only: tuple[str, ...] | None = None, top_only: bool = False
) -> str:
    """SHA-256 over the relative paths and contents of all .py and .toml files below ``folder``.

    ``skip`` names entries of ``folder`` to leave out, ``only`` the files in it to look at; ``top_only`` looks at what
    lies in it directly.
    """
    if only is not None:
        found = [folder / name for name in only]
    else:
        found = list(folder.glob("*") if top_only else folder.rglob("*"))
    digest = hashlib.sha256()
    for path in sorted(found):
        relative = path.relative_to(folder)
        if path.suffix in {".py", ".toml"} and path.is_file() and relative.parts[0] not in skip:
            digest.update(f"{relative.as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
