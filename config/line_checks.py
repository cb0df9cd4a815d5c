"""What single values of a device on a line cannot show: settings that contradict each other, or its protocol."""

from collections.abc import Iterator

from config.devices import ONLY_OF_PUSHING_ENGINES, ContainerEngine, DriverIdentity, SealReader, Weighbridge
from config.document import PathKey
from config.problems import Bilingual, Finding

# GB 11643: 17 digits and a check character, which may be an X.
RESIDENT_NUMBER_LENGTH = 18


def line_findings(device: object, path: PathKey) -> Iterator[Finding]:
    """Yield what is wrong with a weighbridge, a reader of drivers or seals, an engine; nothing for others."""
    match device:
        case Weighbridge():
            yield from _weighbridge(device, path)
        case DriverIdentity():
            yield from _driver_identity(device, path)
        case SealReader() if device.package is None or not (device.port or device.url):
            # A driver of a package is reached where the configuration says, like any other (`kakou doctor`).
            yield from _line_or_url(device, path, "url" if device.driver == "seal_http" else "port")
        case ContainerEngine():
            yield from _container_engine(device, path)


def _weighbridge(scale: Weighbridge, path: PathKey) -> Iterator[Finding]:
    """What is given for another protocol than that of the indicator would be given in vain."""
    yield from _parity(scale, path)
    yield from _empty_weights(scale, path)
    if scale.package is not None:
        return
    toledo = scale.driver.startswith("toledo_")
    if not scale.checksum and not toledo:
        expected = Bilingual("不写:仅 toledo_* 可无校验", "nothing: only toledo_* can be without a checksum")
        yield Finding((*path, "checksum"), "not_for_driver", scale.checksum, expected)
    if scale.unit != "kg" and (toledo or scale.driver == "yaohua_ascii"):
        expected = Bilingual("不写:该协议自带单位", "nothing: the frames of this protocol tell their unit")
        yield Finding((*path, "unit"), "not_for_driver", scale.unit, expected)


def _empty_weights(scale: Weighbridge, path: PathKey) -> Iterator[Finding]:
    """A truck alone, then nothing that could be told apart, then an empty chassis."""
    given = scale.empty_weights
    if given is None:
        return
    order = (("truck_most_kg", "chassis_least_kg", 1), ("chassis_least_kg", "chassis_most_kg", 0))
    for below, above, apart in order:
        value, most = getattr(given, below), getattr(given, above) - apart
        if value > most:
            expected = Bilingual(f"不大于 {most}:{above} 之下", f"at most {most}, below {above}")
            yield Finding((*path, "empty_weights", below), "least_above_most", value, expected)


def _parity(device: Weighbridge | DriverIdentity, path: PathKey) -> Iterator[Finding]:
    if device.data_bits == 7 and device.parity == "none":
        expected = Bilingual("even 或 odd(7 位数据)", "even or odd, with 7 data bits")
        yield Finding((*path, "parity"), "no_parity", device.parity, expected)


def _driver_identity(reader: DriverIdentity, path: PathKey) -> Iterator[Finding]:
    """A line that can never be of this form would leave every driver unread."""
    yield from _parity(reader, path)
    least, most = reader.least_characters, reader.most_characters
    if least > most:
        expected = Bilingual(f"不大于 most_characters({most})", f"at most most_characters ({most})")
        yield Finding((*path, "least_characters"), "least_above_most", least, expected)
    elif reader.check == "gb11643" and not (
        least <= RESIDENT_NUMBER_LENGTH <= most and reader.characters in ("any", "letters_digits")
    ):
        expected = Bilingual(
            "允许 18 个字母或数字的长度和字符", "lengths and characters that admit 18 letters and digits"
        )
        yield Finding((*path, "check"), "not_for_check", reader.check, expected)


def _container_engine(engine: ContainerEngine, path: PathKey) -> Iterator[Finding]:
    pushes = engine.pushes
    if engine.package is not None and (engine.port or engine.url):
        return
    yield from _line_or_url(engine, path, "url" if pushes else "port")
    if pushes and engine.spool is None:
        expected = Bilingual("同时给出 spool", "spool with it")
        yield Finding((*path, "driver"), "missing_for_driver", engine.driver, expected)
    if pushes and (engine.user is None) != (engine.password_file is None):
        expected = Bilingual("user 与 password_file 同时给出", "user and password_file together")
        yield Finding((*path, "driver"), "missing_for_driver", engine.driver, expected)
    if pushes and engine.auth == "basic" and engine.user is None:
        expected = Bilingual("同时给出用户名", "a user name with it")
        yield Finding((*path, "auth"), "auth_without_user", engine.auth, expected)
    expected = Bilingual("不写:仅用于 ocr_push", "nothing: only for ocr_push")
    for key in () if pushes else ONLY_OF_PUSHING_ENGINES:
        if getattr(engine, key) != ContainerEngine.model_fields[key].default:
            yield Finding((*path, key), "not_for_driver", getattr(engine, key), expected)


def _line_or_url(reader: SealReader | ContainerEngine, path: PathKey, needed: str) -> Iterator[Finding]:
    other = "port" if needed == "url" else "url"
    if not getattr(reader, needed):
        expected = Bilingual(f"同时给出 {needed}", f"{needed} with it")
        yield Finding((*path, "driver"), "missing_for_driver", reader.driver, expected)
    elif given := getattr(reader, other):
        yield Finding(
            (*path, other), "not_for_driver", given, Bilingual(f"不写:{needed} 已给出", f"nothing: {needed} says it")
        )
    if needed == "url" and reader.url is not None and not reader.url.startswith("http://"):
        # It would be asked in the open all the same.
        expected = Bilingual("http:// 地址:该驱动不支持 TLS", "an address with http://: this driver has no TLS")
        yield Finding((*path, "url"), "not_for_driver", reader.url, expected)
