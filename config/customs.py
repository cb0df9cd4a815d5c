"""The customs platform of a site: where it listens, how it speaks, and what it calls each lane."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from config.fields import FilePath, Host, Id, Port, Strict

Dialect = Literal[
    "gb2312",
    "utf8",
    "utf8_as_gb2312",
    "direction_digits",
    "reco_inverted",
    "letters",
    "generation_82",
    "compact",
    "older_names",
    "names_2023",
    "json_redis",
]


def _number(value: str) -> str:
    if not 1 <= len(value) <= 10 or not value.isascii() or not value.isalnum():
        expected = {
            "zh": "海关分配的编号:1 到 10 个字母或数字",
            "en": "a number that customs assigned: 1 to 10 letters or digits",
        }
        raise PydanticCustomError("bad_customs_number", "bad number", expected)
    return value


def _release_code(value: str) -> str:
    if len(value) != 20 or not value.isascii() or not value.isdigit() or value[:2] != "00":
        expected = {
            "zh": "20 位数字,前两位为 00(放行、抬杆)",
            "en": "20 digits that begin with 00 (release, raise)",
        }
        raise PydanticCustomError("bad_release_code", "bad code", expected)
    return value


def _party(value: str) -> str:
    if not 1 <= len(value) <= 64 or not value.isascii() or not value.isprintable() or " " in value:
        expected = {
            "zh": "数据交换平台分配的编号:1 到 64 个可打印的 ASCII 字符,无空格",
            "en": "a number that the exchange assigned: 1 to 64 printable ASCII characters without spaces",
        }
        raise PydanticCustomError("bad_dxp_party", "bad number", expected)
    return value


DxpParty = Annotated[str, AfterValidator(_party)]
CustomsNumber = Annotated[str, AfterValidator(_number)]
ReleaseCode = Annotated[str, AfterValidator(_release_code)]


class BridgedLane(Strict):
    """A lane of this file, and its number at customs; `area_id` where it is not the site's."""

    lane: Id
    chnl_no: CustomsNumber
    area_id: CustomsNumber | None = None


class RedisAccess(Strict):
    """Who the bridge is at the Redis server of a platform on topics; with `ca_file` the server is one with TLS."""

    user: Id | None = None
    password_file: FilePath | None = None
    ca_file: FilePath | None = None


class PassRecords(Strict):
    """A DXP pass record for each vehicle that passed under a document, as files in the bridge's folder `dxp`."""

    sender_id: DxpParty
    receiver_id: DxpParty


class CustomsBridge(Strict):
    """`kakou bridge customs`: the authority `authority` asks the customs platform, over TCP or (`json_redis`) Redis.

    The platform has `answer_ms` for its answer. `release_codes` are the whole results that release here, where they
    are not twenty zeros alone. `silence_s: null` is for a platform that sends no heartbeats. With `pictures_ca`, the CA
    of the lanes' `evidence.serve`, the bridge fetches the pictures of each passage.
    """

    authority: Id
    host: Host
    port: Port = 9005
    dialect: Dialect = "gb2312"
    area_id: CustomsNumber
    answer_ms: int = Field(default=8_000, ge=100, le=29_900)
    heartbeat_s: int = Field(default=10, ge=1, le=300)
    silence_s: int | None = Field(default=30, ge=2, le=3_600)
    release_codes: tuple[ReleaseCode, ...] | None = Field(default=None, min_length=1, max_length=64)
    pictures_ca: FilePath | None = None
    redis: RedisAccess | None = None
    pass_records: PassRecords | None = None
    lanes: tuple[BridgedLane, ...] = Field(min_length=1, max_length=64)
