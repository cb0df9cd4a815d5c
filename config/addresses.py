"""Modbus addresses as they are configured: 0-based, with their table: `coil:0`, `discrete:3`, `holding:2`."""

import re
from typing import Literal

from pydantic_core import PydanticCustomError

Table = Literal["coil", "discrete", "holding"]
MAX_ADDRESS = 65_535
_ADDRESS = re.compile(r"(coil|discrete|holding|input):([0-9]{1,5})", re.ASCII)
_MANUAL_NUMBER = re.compile(r"([0134])([0-9]{4,5})", re.ASCII)
_MANUAL_TABLES = {"0": "coil", "1": "discrete", "3": "input", "4": "holding"}


def parse_address(value: object, table: Table) -> int:
    """Return the 0-based number of `value` in `table`.

    Raises PydanticCustomError: `address_one_based` (40001 and the like, with its translation), `address_table`
    (another table's), `address_invalid`.
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise _invalid(table)
    if match := _ADDRESS.fullmatch(text):
        number = int(match[2])
        if match[1] != table:
            raise _wrong_table(match[1], table)
        if number > MAX_ADDRESS:
            raise _invalid(table)
        return number
    # YAML reads 00001 as the number 1, so a coil's manual number shows only where it was quoted.
    if match := _MANUAL_NUMBER.fullmatch(text):
        raise _one_based(match[1], int(match[2]), table)
    raise _invalid(table)


def _error(code: str, table: str, hint_zh: str, hint_en: str) -> PydanticCustomError:
    context = {
        "zh": f"从 0 开始的地址,写作 {table}:N(0 到 {MAX_ADDRESS})",
        "en": f"a 0-based address written {table}:N (0 to {MAX_ADDRESS})",
        "hint_zh": hint_zh,
        "hint_en": hint_en,
    }
    # The type wants a literal; the codes are those that the docstring of `parse_address` lists.
    return PydanticCustomError(code, "bad address", context)  # type: ignore[arg-type, unused-ignore]


def _invalid(table: str) -> PydanticCustomError:
    return _error("address_invalid", table, f"例如 {table}:0", f"for example {table}:0")


def _wrong_table(given: str, table: str) -> PydanticCustomError:
    return _error(
        "address_table", table, f"{given} 不是这里要的表,应为 {table}", f"table {given} cannot serve here, {table} can"
    )


def _one_based(prefix: str, number: int, table: str) -> PydanticCustomError:
    meant = f"{_MANUAL_TABLES[prefix]}:{max(number - 1, 0)}"
    zh = f"手册编号从 1 开始并以表号开头;线上地址是 {meant}"
    en = f"manuals count from 1 and put the table in front; on the wire this is {meant}"
    if _MANUAL_TABLES[prefix] != table:
        zh, en = f"{zh},而这里要 {table} 表", f"{en}, and table {table} is wanted here"
        return _error("address_one_based", table, zh, en)
    return _error("address_one_based", table, f"{zh},请写 {meant}", f"{en}: write {meant}")
