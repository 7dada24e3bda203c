"""The words older export programs use for their settings, in Russian, Ukrainian and English, and what each one means.

No sample of such a file is at hand, so the tables are wide and their meanings narrow: a word that could mean two things
is in neither row. Words are compared without case, blanks, signs and a number at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

REPEATABLE = frozenset({"ignore_extensions", "ignore_names", "ignore_fragments", "extensions", "add", "delete", "edit"})
BY_SERVER = ("server_ae", "server_host", "server_port")


def folded(word: str) -> str:
    """Give a word as it is compared: small letters alone, without a number at the end."""
    return re.sub(r"[\W_]+", "", word.casefold().replace("ё", "е")).rstrip("0123456789")


def _table(text: str) -> Mapping[str, str]:
    """Read lines `meaning: word, other words` into a mapping from folded word to meaning."""
    found: dict[str, str] = {}
    for line in text.strip().splitlines():
        meaning, _, words = line.partition(":")
        found.update(dict.fromkeys(map(folded, words.split(",")), meaning.strip()))
    return found


_KEYS = _table("""
    watch_folder: WatchFolder, WatchDir, WatchPath, WatchedFolder, InputFolder, InputDir, InputPath, InFolder, InDir
    watch_folder: SourceFolder, SourceDir, SourcePath, MonitorFolder, MonitorDir, ScanFolder, ScanDir, IncomingFolder
    watch_folder: Входная папка, Папка входящих, Отслеживаемая папка, Папка отслеживания, Исходная папка
    watch_folder: Входной каталог
    watch_folder: Каталог отслеживания, Отслеживаемый каталог, Папка источника, Папка наблюдения, Наблюдаемая папка
    watch_folder: Вхідна папка, Відстежувана папка, Папка відстеження, Вихідна папка джерела, Вхідний каталог
    export_folder: ExportFolder, ExportDir, ExportPath, OutputFolder, OutputDir, OutputPath, OutFolder, OutDir
    export_folder: ResultFolder, ResultDir, DestinationFolder, DestFolder, Папка экспорта, Каталог экспорта
    export_folder: Выходная папка, Папка результата, Папка назначения, Папка експорту
    export_folder: Каталог експорту, Папка результату
    work_folder: WorkFolder, WorkDir, WorkPath, WorkingFolder, WorkingDir, TempFolder, TempDir, TempPath, TmpDir
    work_folder: Рабочая папка, Рабочий каталог, Временная папка, Робоча папка, Робочий каталог, Тимчасова папка
    server_ae: ServerAE, ServerAET, ServerAETitle, RemoteAE, RemoteAET, RemoteAETitle, CalledAE, CalledAET
    server_ae: CalledAETitle
    server_ae: PacsAE, PacsAET, PacsAETitle, PeerAET, PeerAETitle, ScpAET, ScpAETitle, AE сервера, AET сервера
    server_ae: AE Title сервера, AETitle сервера, Имя AE сервера, Заголовок сервера, AE сервера PACS, Назва AE сервера
    server_host: ServerHost, ServerIP, ServerAddress, ServerAddr, RemoteHost, RemoteIP, RemoteAddress
    server_host: PacsHost, PacsIP, PacsAddress, Host, HostName, IP, IPAddress, Address, Хост, Адрес, Адрес сервера
    server_host: IP адрес, IP сервера, Хост сервера, Адреса, Адреса сервера, IP адреса
    server_port: ServerPort, RemotePort, PacsPort, Port, Порт, Порт сервера, Порт PACS
    own_ae: OwnAE, OwnAET, OwnAETitle, MyAE, MyAET, MyAETitle, LocalAE, LocalAET, LocalAETitle, ClientAE, ClientAET
    own_ae: ClientAETitle, CallingAE, CallingAET, CallingAETitle, ScuAET, ScuAETitle, StationAET, Свой AE, Свой AET
    own_ae: Свой AE Title, AE клиента, AET клиента, AE Title клиента, Наш AE, Власний AE, Власний AET, AE клієнта
    own_ae: AET клієнта, AE Title клієнта, Собственный AE, Собственный AE Title
    ignore_extensions: IgnoreExt, IgnoreExts, IgnoreExtension, IgnoreExtensions, IgnoredExtensions, ExcludeExt
    ignore_extensions: ExcludeExtensions, SkipExt, SkipExtensions, Игнорировать расширения, Игнорируемые расширения
    ignore_extensions: Исключить расширения, Ігнорувати розширення, Ігноровані розширення, Пропускать расширения
    ignore_names: IgnoreName, IgnoreNames, IgnoreFile, IgnoreFiles, IgnoreFileName, IgnoreFileNames, IgnoredNames
    ignore_names: ExcludeNames, ExcludeFiles, SkipNames, SkipFiles, Игнорировать имена, Игнорируемые имена
    ignore_names: Игнорировать файлы, Игнорируемые файлы, Ігнорувати імена, Ігноровані імена, Ігнорувати файли
    ignore_fragments: IgnoreFragment, IgnoreFragments, IgnorePart, IgnoreParts, IgnoreSubstring, IgnoreNamePart
    ignore_fragments: IgnoreNameParts, IgnoreContains, IgnoreMask, IgnoreMasks, Игнорировать фрагменты
    ignore_fragments: Фрагменты имен, Игнорируемые фрагменты, Игнорировать часть имени, Игнорировать части имен
    ignore_fragments: Игнорировать маски, Ігнорувати фрагменти, Ігноровані фрагменти, Ігнорувати частини імен
    extensions: Ext, Exts, Extension, Extensions, FileExt, FileExtensions, Расширения, Расширения файлов, Розширення
    recursive: Recursive, Subfolders, IncludeSubfolders, SubDirs, Вложенные папки, Подпапки, С подпапками
    recursive: Вкладені папки, Підпапки
    code_string: ConvertCS, CSConversion, CSConvert, FixCS, RecodeCS, CSRecode, Конвертировать CS, Конвертация CS
    code_string: Преобразовывать CS, Преобразование CS, Перекодировать CS, Конвертувати CS, Перетворювати CS
    transliteration: Translit, Transliteration, TranslitRule, TranslitStandard, TransliterationRule, TranslitTable
    transliteration: Транслит, Транслитерация, Правило транслитерации, Правила транслитерации, Стандарт транслитерации
    transliteration: Трансліт, Транслітерація, Правило транслітерації, Правила транслітерації
    source_encoding: SourceEncoding, SourceCodepage, SourceCharset, InputEncoding, InputCharset, FromEncoding
    source_encoding: FromCharset, CodepageFrom
    source_encoding: Исходная кодировка, Кодировка источника, Входная кодировка, Кодування джерела, Вхідне кодування
    some_encoding: Encoding, Codepage, Charset, Кодировка, Кодовая страница, Кодова сторінка, Кодування
    language: Language, Lang, UILang, UILanguage, InterfaceLanguage, Locale, Язык, Язык интерфейса, Мова
    language: Мова інтерфейсу
    original: SendSource, SendOriginal, SendUnprocessed, SendRaw, SendAsIs, SendSourceFile, SendOriginalFile
    original: Отправлять исходный, Отправлять исходный файл, Отправлять исходные, Отправлять исходные файлы
    original: Отправлять без обработки, Без обработки, Надсилати вихідний файл, Надсилати без обробки, Без обробки
    minimised: StartMinimized, StartMinimised, Minimized, Minimised, StartInTray, MinimizeToTray, Tray, HideOnStart
    minimised: Запускать свернутым, Запуск свернутым, Свернуть при запуске, Запускать в трее, Сворачивать в трей
    minimised: Запускати згорнутим, Згортати при запуску, Запуск у треї
    add: Add, AddElement, AddElements, AddTag, AddTags, Insert, InsertTag, Добавить, Добавлять, Добавить элемент, Додати
    add: Додавати, Добавить элементы, Додати елементи
    delete: Delete, DeleteElement, DeleteElements, DeleteTag, DeleteTags, Remove, RemoveTag, RemoveTags, Erase, Удалить
    delete: Удалять, Удалить элемент, Удалить элементы, Видалити, Видаляти, Видалити елементи
    edit: Edit, EditElement, EditElements, EditTag, EditTags, Modify, ModifyTag, Replace, ReplaceTag, SetTag, Изменить
    edit: Изменять, Изменить элемент, Изменить элементы, Редактировать, Заменить, Змінити, Змінювати
    edit: Редагувати, Замінити
""")

# Sections whose name says whom the keys are about.
_SECTIONS = _table("""
    server: Server, PACS, Remote, RemoteServer, DicomServer, PacsServer, SCP, Сервер, ПАКС, Сервер PACS, DICOM сервер
    own: Client, Local, Own, SCU, Клиент, Клієнт, Локальный, Локальний
    folders: Folder, Folders, Paths, Path, Dirs, Directories, Папки, Каталоги, Пути, Теки, Шляхи
    watch: Watch, Watcher, Watching, Monitor, Monitoring, Отслеживание, Наблюдение, Відстеження, Спостереження
    export: Export, Экспорт, Експорт
    ignore: Ignore, Ignored, Exclude, Skip, Игнорировать, Игнорируемые, Исключения, Ігнорувати, Винятки
""")
_SHORT = {
    "server": _table("server_ae: AE, AET, AETitle, Title, Имя AE, Name AE"),
    "own": _table("own_ae: AE, AET, AETitle, Title, Имя AE, Name AE"),
    "folders": _table("""
        watch_folder: Watch, Watched, In, Input, Incoming, Source, Monitor, Вход, Входная, Входящие, Отслеживаемая
        watch_folder: Вхідна, Вхід
        export_folder: Export, Out, Output, Result, Экспорт, Выход, Выходная, Результат, Експорт
        work_folder: Work, Working, Temp, Tmp, Рабочая, Временная, Робоча, Тимчасова
    """),
    "watch": _table("watch_folder: Folder, Dir, Directory, Path, Папка, Каталог, Путь, Тека, Шлях"),
    "export": _table("export_folder: Folder, Dir, Directory, Path, Папка, Каталог, Путь, Тека, Шлях"),
    "ignore": _table("""
        ignore_extensions: Ext, Exts, Extension, Extensions, Расширение, Расширения, Розширення
        ignore_names: Name, Names, File, Files, FileName, FileNames, Имя, Имена, Файлы, Ім'я, Імена, Файли
        ignore_fragments: Fragment, Fragments, Part, Parts, Mask, Masks, Contains, Фрагмент, Фрагменты, Часть, Части
        ignore_fragments: Маска, Маски, Фрагменти, Частина, Частини
    """),
}
# Keys that in a section about ourselves are not the server's.
_NOT_OWN = frozenset(BY_SERVER)


def field_of(section: str, key: str) -> str | None:
    """Give what a key means where it stands, or None. A key of a section of elements is an element, not a setting."""
    about = _SECTIONS.get(folded(section))
    short = _SHORT[about].get(folded(key)) if about else None
    if short is not None:
        return short
    field = _KEYS.get(folded(key))
    return None if about == "own" and field in _NOT_OWN else field


def list_of(section: str) -> str | None:
    """Give what the lines of a section are when the section itself is a list: of elements, or of names to ignore."""
    field = _KEYS.get(folded(section))
    return field if field in REPEATABLE else None


_TRUE = frozenset("1 yes true on да так вкл включено y д т + увімкнено".split())
_FALSE = frozenset("0 no false off нет ні выкл выключено n н - вимкнено".split())


def truth_of(text: str) -> bool | None:
    """Give yes or no as people write it, or None."""
    word = text.strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


_LANGUAGES = _table("""
    ru: ru, rus, russian, русский, рус, російська, ru_RU
    uk: uk, ua, ukr, ukrainian, украинский, укр, українська, uk_UA
    en: en, eng, english, английский, англ, англійська, en_US
""")
_PAGES = {
    **dict.fromkeys(("auto", "авто", "автоматически", "автоматично"), "auto"),
    **dict.fromkeys(("1251", "cp1251", "win1251", "windows1251", "win", "windows"), "cp1251"),
    **dict.fromkeys(("866", "cp866", "dos", "ibm866", "oem", "oem866"), "cp866"),
    **dict.fromkeys(("koi8r", "koi8", "кои8", "кои8р"), "koi8-r"),
    **dict.fromkeys(("koi8u", "кои8у"), "koi8-u"),
    **dict.fromkeys(("iso88595", "88595", "isoir144", "ir144"), "iso-8859-5"),
    **dict.fromkeys(("utf8", "utf", "isoir192", "65001"), "utf-8"),
}


def language_of(text: str) -> str | None:
    """Give ru, uk or en for the names and numbers of languages, or None."""
    return _LANGUAGES.get(folded(text)) or {"1049": "ru", "1058": "uk", "1033": "en"}.get(text.strip())


def code_page_of(text: str) -> str | None:
    """Give the code page for the names people have for it, or None."""
    return _PAGES.get(re.sub(r"[\W_]+", "", text.casefold()))
