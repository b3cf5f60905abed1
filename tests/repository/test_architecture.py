"""Rules about the source that no single module can keep alone."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "cogspeech"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_MODULE_LINES, MAX_FUNCTION_LINES = 400, 60
FORBIDDEN = {
    r"\bpickle\b(?!d)": "pickle",
    r"torch\.load\(": "torch.load",
    r"allow_pickle|trust_remote_code=True": "code from files",
    r"yaml\.load\(": "unsafe yaml",
    r"\bsampling_rate\b(?!\s*=|\))": "sample_rate_hz is the one spelling",
    r"(?<![\d.])768(?![\d.])": "sizes come from the encoder",
}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def registrations(tree: ast.Module) -> list[str]:
    """The names a module registers itself under."""
    return [
        decorator.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr == "register"
    ]


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}
PLUGINS = {
    module_name(path): names for path, tree in TREES.items() if (names := registrations(tree))
}


def test_there_are_plugins():
    assert len(PLUGINS) >= 12


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_no_module_imports_a_plugin_by_name(path):
    own = module_name(path)
    imported = {
        name
        for node in ast.walk(TREES[path])
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    by_name = {
        plugin
        for plugin in PLUGINS
        for name in imported
        if (name == plugin or name.startswith(f"{plugin}.")) and not own.startswith(plugin)
    }

    assert by_name == set()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_has_the_name_of_its_file(plugin):
    names = PLUGINS[plugin]

    assert len(set(names)) > 1 or names[0] == plugin.rpartition(".")[2]


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_modules_and_functions_stay_small(path):
    tree = TREES[path]
    assert len(path.read_text().splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_nothing_forbidden_is_written(path):
    text = re.sub(r'("""|\'\'\').*?\1', "", path.read_text(), flags=re.S)  # code, not prose
    text = re.sub(r"\"[^\"\n]*\"", '""', text)
    found = [why for pattern, why in FORBIDDEN.items() if re.search(pattern, text)]

    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(TREES[path])


@pytest.mark.parametrize("library", ["onnx", "onnxscript", "huggingface_hub.ModelHubMixin"])
def test_one_module_knows_what_a_bundle_is_exported_with(library):
    asked = re.compile(rf"""require\(\"{library}\"|^\s*(from|import) {library}\b""", re.M)
    parts = library.rpartition(".")
    if parts[0]:
        asked = re.compile(rf"from {parts[0]} import .*{parts[2]}")
    knows = [module_name(path) for path in MODULES if asked.search(path.read_text())]

    assert len(knows) == 1


def test_there_is_no_drawer_for_odds_and_ends():
    names = {path.stem for path in MODULES}

    assert not names & {"utils", "helpers", "common", "misc", "constants"}
