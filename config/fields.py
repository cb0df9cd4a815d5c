"""Types of single values, each with its own error in both languages."""

import re
from ipaddress import ip_address
from math import isfinite
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
)
from pydantic_core import PydanticCustomError

from config.addresses import parse_address

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)
_SHA256 = re.compile(r"[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}", re.ASCII)
MOST_OPTION_CHARACTERS = 1_000
_PRINTABLE = re.compile(r"[^\s\x00-\x1f\x7f]+")


class Strict(BaseModel):
    """Frozen; unknown keys are errors; nothing is coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


def _identifier(value: str) -> str:
    if not _ID.fullmatch(value):
        raise PydanticCustomError(
            "bad_id",
            "bad id",
            {"zh": "1 到 64 个字母、数字、_ 或 -", "en": "1 to 64 letters, digits, _ or -"},
        )
    return value


def _fingerprint(value: str) -> str:
    if not _FINGERPRINT.fullmatch(value):
        raise PydanticCustomError(
            "bad_fingerprint",
            "bad fingerprint",
            {"zh": "16 个十六进制数字，由 kakou hardware 显示", "en": "16 hex digits, as kakou hardware shows them"},
        )
    return value


def _certificate_digest(value: str) -> str:
    """As `openssl x509 -fingerprint -sha256` prints it or without colons; in lower case and without them here."""
    if not _SHA256.fullmatch(value):
        expected = {
            "zh": "64 个十六进制数字:证书的 SHA-256 指纹",
            "en": "64 hex digits: the SHA-256 fingerprint of a certificate",
        }
        raise PydanticCustomError("bad_certificate_digest", "bad digest", expected)
    return value.replace(":", "").lower()


def _path(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    if not value or "\0" in value:
        raise PydanticCustomError("bad_path", "bad path", {"zh": "文件路径", "en": "a file path"})
    base = info.context.get("base_dir") if info.context else None
    return Path(value) if base is None else Path(base, value)


def _can_be_asked_for(host: str) -> bool:
    """Say whether a name server can be asked for it: each part between its dots has a length that fits."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def _host(value: str) -> str:
    if not _PRINTABLE.fullmatch(value) or "/" in value or not _can_be_asked_for(value):
        raise PydanticCustomError("bad_host", "bad host", {"zh": "主机名或 IP 地址", "en": "a host name or IP address"})
    return value


def _url(value: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not _PRINTABLE.fullmatch(value):
        begun = [f"{scheme}://" for scheme in schemes]
        expected = {"zh": f"{' 或 '.join(begun)} 地址", "en": f"an address with {' or '.join(begun)}"}
        raise PydanticCustomError("bad_url", "bad url", expected)
    if parts.username is not None or parts.password is not None:
        context = {
            "zh": "不含用户名和密码的地址",
            "en": "an address without user name and password",
            "hint_zh": "请写在 user 和 password_file",
            "hint_en": "use user and password_file",
            "secret": "yes",
        }
        raise PydanticCustomError("url_with_password", "bad url", context)
    return value


def _http_url(value: str) -> str:
    return _url(value)


def _camera_url(value: str, info: ValidationInfo) -> str:
    """The schemes of the camera's driver, which stands before it."""
    schemes: dict[str, tuple[str, ...]] = {
        "rtsp_camera": ("rtsp",),
        "onvif_camera": ("rtsp",),
        "isapi_push": ("http",),
        "package": ("http", "https", "rtsp"),
    }
    return _url(value, schemes.get(info.data.get("driver", ""), ("http", "https")))


def _ip_address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError as error:
        expected = {"zh": "IP 地址", "en": "an IP address"}
        raise PydanticCustomError("bad_ip_address", "bad address", expected) from error


def _https_url(value: str) -> str:
    parts = urlsplit(_url(value))
    if parts.scheme != "https" or parts.path or parts.query or parts.fragment:
        expected = {"zh": "https://主机:端口,不带路径", "en": "https://host:port without a path"}
        raise PydanticCustomError("bad_https_url", "bad url", expected)
    return value


def _serial_port(value: str, info: ValidationInfo) -> str:
    """`./name` is beside the configuration; every other path is the system's own and stays as it is."""
    base = info.context.get("base_dir") if info.context else None
    if value.startswith("./") and base is not None:
        return str(Path(base, value))
    if not value.startswith("socket:"):
        return value
    try:
        parts = urlsplit(value)
        usable = bool(parts.hostname) and bool(parts.port) and not parts.path
    except ValueError:
        usable = False
    if not usable:
        expected = {"zh": "socket://主机:端口", "en": "socket://host:port"}
        raise PydanticCustomError("bad_port", "bad port", expected)
    return value


def _option(value: object) -> object:
    """What this project knows nothing of is shown, signed and compared all the same: no infinity, and no page of text.

    One validator, not one of each type: what is none of them is one problem.
    """
    match value:
        case str() if len(value) <= MOST_OPTION_CHARACTERS:
            return value
        case float() if isfinite(value):
            return value
        case bool() | int():
            return value
    most = MOST_OPTION_CHARACTERS
    expected = {
        "zh": f"至多 {most} 个字符的文本、数、true 或 false",
        "en": f"text of at most {most} characters, a number, true or false",
    }
    raise PydanticCustomError("bad_option", "bad option", expected)


def _line_text(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        expected = {"zh": "可打印的 ASCII 字符", "en": "printable ASCII characters"}
        raise PydanticCustomError("bad_text", "bad text", expected)
    return value


def beyond(key: str) -> AfterValidator:
    """Return a check that a number is larger than that of `key`, which stands before it."""

    def larger(value: float, info: ValidationInfo) -> float:
        least = info.data.get(key)
        if least is not None and value <= least:
            expected = {"zh": f"大于 {key}({least:g})", "en": f"more than {key} ({least:g})"}
            raise PydanticCustomError("not_beyond", "not beyond", expected)
        return value

    return AfterValidator(larger)


Id = Annotated[str, AfterValidator(_identifier)]
Fingerprint = Annotated[str, AfterValidator(_fingerprint)]
CameraUrl = Annotated[str, Field(max_length=2_000), AfterValidator(_camera_url)]
CertificateDigest = Annotated[str, AfterValidator(_certificate_digest)]
FilePath = Annotated[Path, BeforeValidator(_path), PlainSerializer(str)]
Host = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_host)]
IpAddress = Annotated[str, Field(max_length=64), AfterValidator(_ip_address)]
PictureShare = Annotated[float, Field(ge=0.0, le=1.0)]
Port = Annotated[int, Field(ge=1, le=65_535)]
HttpUrl = Annotated[str, Field(max_length=2_000), AfterValidator(_http_url)]
HttpsUrl = Annotated[str, Field(max_length=300), AfterValidator(_https_url)]
LineText = Annotated[str, Field(max_length=32), AfterValidator(_line_text)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Option = Annotated[str | int | float | bool, PlainValidator(_option)]
SerialPort = Annotated[str, Field(min_length=1, max_length=4_000), AfterValidator(_serial_port)]
CoilAddress = Annotated[
    int, BeforeValidator(lambda value: parse_address(value, "coil")), PlainSerializer(lambda n: f"coil:{n}")
]
DiscreteAddress = Annotated[
    int, BeforeValidator(lambda value: parse_address(value, "discrete")), PlainSerializer(lambda n: f"discrete:{n}")
]
HoldingAddress = Annotated[
    int, BeforeValidator(lambda value: parse_address(value, "holding")), PlainSerializer(lambda n: f"holding:{n}")
]
