"""A file to a `Configuration`, or to every problem it has. Never raises for any content."""

import stat
from pathlib import Path

from pydantic import ValidationError

from config.crosschecks import cross_check
from config.document import Document, Flaw, PathKey, parse
from config.explain import explain, is_echo
from config.problems import Bilingual, ConfigProblem, Finding, path_text, shown
from config.schema import Configuration

MAX_BYTES = 1024 * 1024

_FLAWS = {
    "yaml_syntax": Bilingual("正确的 YAML", "valid YAML"),
    "empty": Bilingual("配置内容", "a configuration"),
    "duplicate_key": Bilingual("每个键只写一次", "each key once"),
    "key_not_text": Bilingual("文本作为键", "a text as key"),
    "yaml_tag": Bilingual("没有 !标签 的值", "a value without a !tag"),
    "too_complex": Bilingual("更简单的结构", "a simpler structure"),
}
_SYNTAX_HINT = Bilingual("检查缩进(用空格)、冒号和引号", "check indentation (spaces), colons and quotes")
_REGULAR = Bilingual("普通文件,不是管道或设备", "a regular file, no pipe and no device")
_EXAMPLES = Bilingual("参考 config/examples/lane.yaml", "see config/examples/lane.yaml")


def load(path: Path) -> Configuration | list[ConfigProblem]:
    """Read and check a file of at most 1 MiB of UTF-8. Relative paths in it are relative to its folder.

    Codes beside those of `load_text`: `file_missing`, `file_unreadable`, `file_not_regular`,
    `file_too_large`, `bad_encoding`.
    """
    name = str(path)
    try:
        kind = path.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            # Never opened: a pipe that nobody writes would be waited for, and a device may act on it.
            return [ConfigProblem(name, 1, 1, "file_not_regular", "", shown(name), _REGULAR, _EXAMPLES)]
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        expected = Bilingual("已存在的文件", "an existing file")
        return [ConfigProblem(name, 1, 1, "file_missing", "", shown(name), expected, _EXAMPLES)]
    except (OSError, ValueError) as error:
        expected = Bilingual("可读的文件", "a readable file")
        return [ConfigProblem(name, 1, 1, "file_unreadable", "", shown(str(error)), expected)]
    if len(content) > MAX_BYTES:
        expected = Bilingual("至多 1 MiB", "at most 1 MiB")
        return [ConfigProblem(name, 1, 1, "file_too_large", "", f"> {MAX_BYTES} bytes", expected)]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [_bad_encoding(content, error.start, name)]
    return load_text(text, name, path.absolute().parent)


def load_text(text: str, file: str = "<text>", base_dir: Path | None = None) -> Configuration | list[ConfigProblem]:
    """Check a configuration's text. Problems come in the order of the file, all at once."""
    document = parse(text)
    problems = [document_problem(flaw, file) for flaw in document.flaws]
    if document.values and not isinstance(document.data, dict):
        expected = Bilingual("映射(key: value)", "a mapping (key: value)")
        line, column = document.values[()]
        value = shown(document.data)
        problems.append(ConfigProblem(file, line, column, "not_a_mapping", "", value, expected, _EXAMPLES))
    if not isinstance(document.data, dict):
        return problems
    try:
        config = Configuration.model_validate(document.data, context={"base_dir": base_dir})
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems += [explain(detail, document, file) for detail in details if not is_echo(detail)]
    else:
        problems += [_finding(finding, document, file) for finding in cross_check(config)]
        config._origins = _origins(document, file)
        if not problems:
            return config
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _bad_encoding(content: bytes, offset: int, name: str) -> ConfigProblem:
    before = content[:offset]
    line, column = before.count(b"\n") + 1, offset - before.rfind(b"\n")
    expected = Bilingual("UTF-8 编码", "UTF-8")
    hint = Bilingual("文件像是 GB18030,请另存为 UTF-8", "this looks like GB18030: save it as UTF-8")
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        hint = Bilingual("请另存为 UTF-8", "save it as UTF-8")
    return ConfigProblem(name, line, column, "bad_encoding", "", f"byte 0x{content[offset]:02X}", expected, hint)


def document_problem(flaw: Flaw, file: str) -> ConfigProblem:
    """Return what is wrong with the text itself as a problem of this file."""
    hint = _SYNTAX_HINT if flaw.code == "yaml_syntax" else None
    value = shown(flaw.value) if flaw.value else "nothing / 无"
    return ConfigProblem(file, flaw.line, flaw.column, flaw.code, path_text(flaw.path), value, _FLAWS[flaw.code], hint)


def _finding(finding: Finding, document: Document, file: str) -> ConfigProblem:
    place: PathKey = finding.path
    while place not in document.values:
        place = place[:-1]
    line, column = document.values[place]
    path = path_text(finding.path)
    return ConfigProblem(file, line, column, finding.code, path, shown(finding.value), finding.expected, finding.hint)


def _origins(document: Document, file: str) -> dict[PathKey, str]:
    return {path: f"{file}:{line}" for path, (line, _) in document.values.items()}
